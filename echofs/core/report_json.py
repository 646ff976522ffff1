"""Reports as they travel: JSON objects, read with distrust."""

from __future__ import annotations

import re
from collections.abc import Mapping

from echofs.core.advice import CatalogReport, LinkReport, OpClass, Quantiles, Report
from echofs.core.errors import InvalidRequest
from echofs.core.fields import Fields
from echofs.core.membership import WORKER_ID
from echofs.core.models import Level

MOST_LINKS = 1024

Latencies = Mapping[OpClass, Mapping[Level, Quantiles]]

_PROCESS = re.compile(r"[\x21-\x7e]{1,128}")
_BREAKERS = ("closed", "open", "half-open")


def encode_report(report: Report) -> dict[str, object]:
    """The report as JSON has it."""
    catalog = report.catalog
    return {
        "process": report.process,
        "epoch": report.epoch,
        "catalog": {"reachable": catalog.reachable, "errors": catalog.errors, **encode_quantiles(catalog)},
        "links": [encode_link(link) for link in report.links],
        "journal_depth": report.journal_depth,
        "oldest_provisional": report.oldest_provisional,
        "outbox_depth": report.outbox_depth,
        "writes_per_second": report.writes_per_second,
        "reads_per_second": report.reads_per_second,
        "latencies": encode_latencies(report.latencies),
    }


def decode_report(parsed: object) -> Report:
    """Inverse of :func:`encode_report`. Raises :class:`InvalidRequest` naming what makes no sense; classes and levels
    that this release does not know are left out."""
    try:
        return _report(Fields(parsed, "report"))
    except ValueError as error:
        raise InvalidRequest(f"The report makes no sense: {error}.", field="report") from None


def _report(fields: Fields) -> Report:
    process = fields.text("process")
    links = fields.objects("links")
    if not _PROCESS.fullmatch(process) or len(links) > MOST_LINKS:
        raise ValueError(f"a report has a process of up to 128 printable characters and up to {MOST_LINKS} links")
    return Report(
        process=process,
        epoch=fields.number("epoch"),
        catalog=_catalog(fields.within("catalog")),
        links=tuple(read_link(link) for link in links),
        journal_depth=fields.number("journal_depth"),
        oldest_provisional=fields.decimal("oldest_provisional"),
        outbox_depth=fields.number("outbox_depth") if fields.has("outbox_depth") else None,
        writes_per_second=fields.decimal("writes_per_second"),
        reads_per_second=fields.decimal("reads_per_second"),
        latencies=read_latencies(fields.within("latencies")),
    )


def _catalog(fields: Fields) -> CatalogReport:
    seen = read_quantiles(fields)
    errors = fields.number("errors")
    return CatalogReport(fields.flag("reachable"), seen.samples, errors, seen.p50, seen.p95, seen.p99)


def encode_link(link: LinkReport) -> dict[str, object]:
    """The link as JSON has it."""
    return {
        "worker_id": link.worker_id,
        "errors": link.errors,
        "breaker": link.breaker,
        "phi": link.phi,
        **encode_quantiles(link),
    }


def read_link(fields: Fields) -> LinkReport:
    """Inverse of :func:`encode_link`. Raises ValueError."""
    worker_id = fields.text("worker_id")
    if not WORKER_ID.fullmatch(worker_id):
        raise ValueError("a link leads to a worker")
    breaker = fields.text("breaker")
    if breaker not in _BREAKERS:
        raise ValueError(f"a breaker is one of {', '.join(_BREAKERS)}")
    seen = read_quantiles(fields)
    return LinkReport(
        worker_id,
        seen.samples,
        fields.number("errors"),
        seen.p50,
        seen.p95,
        seen.p99,
        breaker=breaker,
        phi=fields.decimal("phi") if fields.has("phi") else None,
    )


def encode_latencies(latencies: Latencies) -> dict[str, object]:
    """Latencies by class and level as JSON has them."""
    return {
        op_class: {level: encode_quantiles(seen) for level, seen in levels.items()}
        for op_class, levels in latencies.items()
    }


def read_latencies(fields: Fields) -> Latencies:
    """Inverse of :func:`encode_latencies`; what this release does not know is left out. Raises ValueError."""
    return {
        OpClass(op_class): {
            Level(level): read_quantiles(levels.within(level)) for level in levels.names() if level in set(Level)
        }
        for op_class, levels in ((name, fields.within(name)) for name in fields.names() if name in set(OpClass))
    }


def encode_quantiles(seen: Quantiles | CatalogReport | LinkReport) -> dict[str, object]:
    """Quantiles as JSON has them."""
    return {"samples": seen.samples, "p50": seen.p50, "p95": seen.p95, "p99": seen.p99}


def read_quantiles(fields: Fields) -> Quantiles:
    """Inverse of :func:`encode_quantiles`: they grow, as those of any distribution do. Raises ValueError."""
    p50, p95, p99 = fields.decimal("p50"), fields.decimal("p95"), fields.decimal("p99")
    return Quantiles(fields.number("samples"), p50, max(p50, p95), max(p50, p95, p99))
