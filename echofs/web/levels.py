"""Consistency levels in requests and answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from flask import Request, Response

from echofs.core.consistency import ReadReceipt, Receipt
from echofs.core.entries import OnConflict
from echofs.core.errors import InvalidRequest
from echofs.core.goals import Ask, parse_ask
from echofs.web.answers import ok
from echofs.web.render import JsonDict, receipt_json

LEVEL_HEADER = "X-EchoFS-Consistency"
VERSION_HEADER = "X-EchoFS-Version"
STALENESS_HEADER = "X-EchoFS-Staleness-Ms"
SESSION_HEADER = "X-EchoFS-Session"
GUARANTEE_HEADER = "X-EchoFS-Guarantee"
PROVISIONAL_HEADER = "X-EchoFS-Provisional"
DEGRADED_HEADER = "X-EchoFS-Degraded"
REASON_HEADER = "X-EchoFS-Reason"
DECISION_HEADER = "X-EchoFS-Decision"
ON_CONFLICT_HEADER = "X-EchoFS-On-Conflict"


def asked(request: Request) -> Ask:
    """The levels asked for in the query or the header. Raises :class:`InvalidRequest`."""
    return parse_ask(request.args.get("consistency") or request.headers.get(LEVEL_HEADER))


def on_conflict(request: Request) -> OnConflict:
    """What is to be done when a provisional write meets another one. Raises :class:`InvalidRequest`."""
    wanted = request.headers.get(ON_CONFLICT_HEADER, OnConflict.KEEP_BOTH).strip().lower()
    if wanted not in set(OnConflict):
        raise InvalidRequest(f"On a conflict, choose {', '.join(OnConflict)}.", field=ON_CONFLICT_HEADER)
    return OnConflict(wanted)


def read_receipt_json(receipt: ReadReceipt) -> JsonDict:
    """What a read got, for answers in JSON."""
    return asdict(receipt)


def read_headers(receipt: ReadReceipt) -> dict[str, str]:
    """What a read got, for every answer: a download has no other place for it."""
    return {
        LEVEL_HEADER: receipt.mode_used.value,
        **({} if receipt.version is None else {VERSION_HEADER: str(receipt.version)}),
        **({} if receipt.staleness_ms is None else {STALENESS_HEADER: str(receipt.staleness_ms)}),
        GUARANTEE_HEADER: receipt.guarantee.value,
        **({PROVISIONAL_HEADER: "true"} if receipt.provisional else {}),
        **({DEGRADED_HEADER: "true"} if receipt.degraded else {}),
        **({REASON_HEADER: receipt.reason} if receipt.reason else {}),
        **({SESSION_HEADER: receipt.session} if receipt.session else {}),
    }


def outcome(done: str, receipt: Receipt) -> str:
    """A sentence for people about a write."""
    return f"{done}, provisionally until the catalog answers." if receipt.provisional else f"{done}."


def written(
    data: JsonDict, done: str, receipt: Receipt, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """The answer to a write: ``done`` is what happened, in a word, and ``headers`` come before those of the receipt."""
    return ok(
        data,
        message=outcome(done, receipt),
        status=status,
        consistency=receipt_json(receipt),
        headers={**(headers or {}), **write_headers(receipt)},
    )


def write_headers(receipt: Receipt) -> dict[str, str]:
    """What a write got, for every answer."""
    return {
        LEVEL_HEADER: receipt.mode_used.value,
        VERSION_HEADER: str(receipt.version),
        GUARANTEE_HEADER: receipt.guarantee.value,
        **({DECISION_HEADER: receipt.decision} if receipt.decision else {}),
        **({SESSION_HEADER: receipt.session} if receipt.session else {}),
    }
