"""Consistency levels in requests and answers."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

from flask import Request

from echofs.core.consistency import ReadReceipt, parse_level, staleness_allowed
from echofs.services.heads import FoundHead
from echofs.web.render import JsonDict

LEVEL_HEADER = "X-EchoFS-Consistency"
VERSION_HEADER = "X-EchoFS-Version"
STALENESS_HEADER = "X-EchoFS-Staleness-Ms"


def wished_level(request: Request) -> str:
    """The level asked for in the query or the header. Raises :class:`InvalidRequest`."""
    return parse_level(request.args.get("consistency") or request.headers.get(LEVEL_HEADER))


@dataclass(frozen=True, slots=True)
class ReadWish:
    """The level a read asks for, and how many seconds its head may lag."""

    level: str
    within: float

    def receipt(self, found: FoundHead) -> ReadReceipt:
        """What it got."""
        return ReadReceipt(self.level, found.level, found.file.head.number, math.ceil(found.age * 1000))


def read_wish(request: Request) -> ReadWish:
    """Raises :class:`InvalidRequest`."""
    level = wished_level(request)
    return ReadWish(level, staleness_allowed(level))


def read_receipt_json(receipt: ReadReceipt) -> JsonDict:
    """What a read got, for answers in JSON."""
    return asdict(receipt)


def read_headers(receipt: ReadReceipt) -> dict[str, str]:
    """What a read got, for every answer."""
    return {
        LEVEL_HEADER: receipt.mode_used.value,
        VERSION_HEADER: str(receipt.version),
        STALENESS_HEADER: str(receipt.staleness_ms),
    }
