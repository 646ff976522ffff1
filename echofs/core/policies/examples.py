"""Traces that are made up: what faults look like to a controller, without a cluster. All by formula, none by chance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from echofs.core.advice import LinkReport, Quantiles
from echofs.core.models import Level
from echofs.core.policies.values import Snapshot

SECONDS = 300
FAULT_BEGINS, FAULT_ENDS = 60, 120
_FLAP_SECONDS = 3
_CATALOG = Quantiles(200, 0.002, 0.006, 0.012)


def _link(number: int, *, times: float = 1.0, errors: int = 0, breaker: str = "closed") -> LinkReport:
    return LinkReport(f"w{number}", 200, errors, 0.003 * times, 0.009 * times, 0.02 * times, breaker)


def _calm(at: int) -> Snapshot:
    links = tuple(_link(number) for number in (1, 2, 3))
    return Snapshot(float(at), masters=2, catalog=_CATALOG, links=links, workers=3, reached=3, writes_per_second=20.0)


def _faulty(at: int) -> bool:
    return FAULT_BEGINS <= at < FAULT_ENDS


def _catalog_cut(at: int) -> Snapshot:
    calm = _calm(at)
    if not _faulty(at):
        return calm
    waited = at - FAULT_BEGINS
    return Snapshot(
        calm.at,
        masters=2,
        catalog_reachable=0.0,
        catalog=Quantiles(),
        catalog_errors=10,
        links=calm.links,
        workers=3,
        reached=3,
        lag=float(waited),
        journal_depth=20 * waited,
        writes_per_second=20.0,
    )


def _catalog_flaps(at: int) -> Snapshot:
    return _catalog_cut(at) if at // _FLAP_SECONDS % 2 else _calm(at)


def _worker_cut(at: int) -> Snapshot:
    if not _faulty(at):
        return _calm(at)
    links = (_link(1), _link(2), _link(3, errors=20, breaker="open"))
    return Snapshot(
        float(at), masters=2, catalog=_CATALOG, links=links, workers=3, reached=2, outbox_depth=at - FAULT_BEGINS
    )


def _workers_cut(at: int) -> Snapshot:
    if not _faulty(at):
        return _calm(at)
    links = (_link(1), *(_link(number, errors=20, breaker="open") for number in (2, 3)))
    up = frozenset({Level.HYBRID, Level.AVAILABLE})
    return Snapshot(float(at), masters=2, catalog=_CATALOG, links=links, workers=3, reached=1, up=up)


def _slow(at: int) -> Snapshot:
    if not _faulty(at):
        return _calm(at)
    links = tuple(_link(number, times=40, errors=20) for number in (1, 2, 3))
    return Snapshot(float(at), masters=2, catalog=_CATALOG, links=links, workers=3, reached=3, writes_per_second=20.0)


def _gray(at: int) -> Snapshot:
    if not _faulty(at):
        return _calm(at)
    links = (_link(1), _link(2), _link(3, times=60))
    return Snapshot(float(at), masters=2, catalog=_CATALOG, links=links, workers=3, reached=3, writes_per_second=20.0)


EXAMPLES: Mapping[str, Callable[[int], Snapshot]] = MappingProxyType(
    {
        "calm": _calm,
        "catalog-cut": _catalog_cut,
        "catalog-flaps": _catalog_flaps,
        "one-worker-cut": _worker_cut,
        "two-workers-cut": _workers_cut,
        "slow-links": _slow,
        "gray-worker": _gray,
    }
)
"""By name, what the controller knows at each second of five minutes; the fault, if any, lasts from 60 to 120 s."""


def example(name: str) -> list[Snapshot]:
    """One of them. Raises KeyError."""
    return [EXAMPLES[name](at) for at in range(SECONDS)]
