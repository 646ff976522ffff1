"""Reports and advice as they travel: JSON objects, read with distrust."""

from __future__ import annotations

import re
from collections.abc import Mapping

from echofs.core import faults, membership
from echofs.core.advice import Advice, CatalogReport, Decision, LinkReport, OpClass, Quantiles, Report
from echofs.core.errors import InvalidRequest
from echofs.core.fields import Fields
from echofs.core.models import Level

MOST_LINKS = 1024
MOST_FILES = 1000
"""Files that have a hint or an order of their own, and files that are critical, each."""

_PROCESS = re.compile(r"[\x21-\x7e]{1,128}")
FILE_ID = re.compile(r"[0-9a-f]{32}")
_TEXT_CHARACTERS = 1000


def encode_report(report: Report) -> dict[str, object]:
    """The report as JSON has it."""
    catalog = report.catalog
    return {
        "process": report.process,
        "epoch": report.epoch,
        "catalog": {"reachable": catalog.reachable, "errors": catalog.errors, **_quantiles(catalog)},
        "links": [
            {
                "worker_id": link.worker_id,
                "errors": link.errors,
                "breaker": link.breaker,
                "phi": link.phi,
                **_quantiles(link),
            }
            for link in report.links
        ],
        "journal_depth": report.journal_depth,
        "oldest_provisional": report.oldest_provisional,
        "outbox_depth": report.outbox_depth,
        "writes_per_second": report.writes_per_second,
        "reads_per_second": report.reads_per_second,
        "latencies": {
            op_class: {level: _quantiles(seen) for level, seen in levels.items()}
            for op_class, levels in report.latencies.items()
        },
    }


def decode_report(parsed: object) -> Report:
    """Inverse of :func:`encode_report`. Raises :class:`InvalidRequest` naming what makes no sense; classes and levels
    that this release does not know are left out."""
    try:
        return _report(Fields(parsed, "report"))
    except ValueError as error:
        raise InvalidRequest(f"The report makes no sense: {error}.", field="report") from None


def encode_decision(decision: Decision) -> dict[str, object]:
    """The decision as JSON has it."""
    return {
        "id": decision.id,
        "op_class": decision.op_class.value,
        "level": decision.level.value,
        "number": decision.number,
        "epoch": decision.epoch,
        "made_at": decision.made_at,
        "ttl": decision.ttl,
        "reason": decision.reason,
        "predictions": {level.value: share for level, share in decision.predictions.items()},
        "forced": decision.forced,
    }


def decode_decision(parsed: object) -> Decision:
    """Inverse of :func:`encode_decision`. Raises ValueError."""
    fields = Fields(parsed, "decision")
    predictions = fields.within("predictions")
    return Decision(
        id=_line(fields, "id"),
        op_class=OpClass(fields.text("op_class")),
        level=Level(fields.text("level")),
        number=fields.number("number"),
        epoch=fields.number("epoch", least=1),
        made_at=fields.number("made_at"),
        ttl=fields.decimal("ttl", most=3600),
        reason=_line(fields, "reason"),
        predictions={Level(name): predictions.decimal(name, most=1) for name in predictions.names()},
        forced=fields.flag("forced"),
    )


def encode_advice(advice: Advice) -> dict[str, object]:
    """The advice as JSON has it."""
    return {
        "epoch": advice.epoch,
        "members": [membership.encode(member) for member in advice.members],
        "decisions": [encode_decision(decision) for decision in advice.decisions.values()],
        "files": {file_id: encode_decision(decision) for file_id, decision in advice.files.items()},
        "critical": sorted(advice.critical),
        "faults": [faults.encode(fault) for fault in advice.faults],
    }


def decode_advice(parsed: object) -> Advice:
    """Inverse of :func:`encode_advice`. Raises ValueError for what no controller says, such as a decision of another
    epoch than the advice's own."""
    fields = Fields(parsed, "piece of advice")
    epoch = fields.number("epoch", least=1)
    decisions = [decode_decision(entry) for entry in fields.items("decisions")]
    by_file = fields.within("files")
    files = {name: decode_decision(by_file.value(name)) for name in by_file.names()}
    if any(decision.epoch != epoch for decision in (*decisions, *files.values())):
        raise ValueError("a decision has another epoch than the advice it came with")
    try:
        return Advice(
            epoch=epoch,
            members=tuple(membership.decode(entry) for entry in fields.items("members")),
            decisions={decision.op_class: decision for decision in decisions},
            files=files,
            critical=frozenset(fields.texts("critical")),
            faults=tuple(faults.decode(entry) for entry in fields.items("faults")),
        )
    except InvalidRequest as error:
        raise ValueError(error.message) from error


def _report(fields: Fields) -> Report:
    process = fields.text("process")
    links = fields.objects("links")
    if not _PROCESS.fullmatch(process) or len(links) > MOST_LINKS:
        raise ValueError(f"a report has a process of up to 128 printable characters and up to {MOST_LINKS} links")
    return Report(
        process=process,
        epoch=fields.number("epoch"),
        catalog=_catalog(fields.within("catalog")),
        links=tuple(_link(link) for link in links),
        journal_depth=fields.number("journal_depth"),
        oldest_provisional=fields.decimal("oldest_provisional"),
        outbox_depth=fields.number("outbox_depth") if fields.has("outbox_depth") else None,
        writes_per_second=fields.decimal("writes_per_second"),
        reads_per_second=fields.decimal("reads_per_second"),
        latencies=_latencies(fields.within("latencies")),
    )


def _catalog(fields: Fields) -> CatalogReport:
    seen = _read(fields)
    errors = fields.number("errors")
    return CatalogReport(fields.flag("reachable"), seen.samples, errors, seen.p50, seen.p95, seen.p99)


def _link(fields: Fields) -> LinkReport:
    worker_id = fields.text("worker_id")
    if not membership.WORKER_ID.fullmatch(worker_id):
        raise ValueError("a link leads to a worker")
    seen = _read(fields)
    return LinkReport(
        worker_id,
        seen.samples,
        fields.number("errors"),
        seen.p50,
        seen.p95,
        seen.p99,
        breaker=_line(fields, "breaker"),
        phi=fields.decimal("phi") if fields.has("phi") else None,
    )


def _latencies(fields: Fields) -> Mapping[OpClass, Mapping[Level, Quantiles]]:
    return {
        OpClass(op_class): {
            Level(level): _read(levels.within(level)) for level in levels.names() if level in set(Level)
        }
        for op_class, levels in ((name, fields.within(name)) for name in fields.names() if name in set(OpClass))
    }


def _quantiles(seen: Quantiles | CatalogReport | LinkReport) -> dict[str, object]:
    return {"samples": seen.samples, "p50": seen.p50, "p95": seen.p95, "p99": seen.p99}


def _read(fields: Fields) -> Quantiles:
    """Quantiles that grow, as those of any distribution do."""
    p50, p95, p99 = fields.decimal("p50"), fields.decimal("p95"), fields.decimal("p99")
    return Quantiles(fields.number("samples"), p50, max(p50, p95), max(p50, p95, p99))


def _line(fields: Fields, name: str) -> str:
    text = fields.text(name)
    if len(text) > _TEXT_CHARACTERS:
        raise ValueError(f"its {name} is too long")
    return text
