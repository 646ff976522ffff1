"""Counters for Prometheus, and ``/metrics`` on every role.

With PROMETHEUS_MULTIPROC_DIR set, the numbers of all processes of one role lie in that folder and are added up when
asked for; without it they live in this process alone. prometheus_client reads the variable when it is first imported.
"""

from __future__ import annotations

import functools
import math
import os
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from flask import Flask, Response, g
from flask.globals import request_ctx
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_flask_exporter import PrometheusMetrics
from prometheus_flask_exporter.multiprocess import GunicornInternalPrometheusMetrics

from echofs.core.errors import Unavailable
from echofs.ports.runtime import Meters

MULTIPROCESS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
PATH = "/metrics"
ENDPOINT = "prometheus_metrics"
"""The exporter's own name for its route, as the table of access knows it."""

COUNTERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "adopted_entries": ("Entries of lost hosts' journals that this master brought to the catalog", ()),
    "bytes_received": ("Plain bytes of files received from clients", ()),
    "bytes_sent": ("Plain bytes of files sent to clients", ()),
    "chunks_stored": ("Chunks a worker made durable", ("worker",)),
    "chunk_acknowledgements": ("Chunks workers acknowledged as durable to this master", ("worker",)),
    "replica_failures": ("Replicas that a worker did not make durable", ("worker", "reason")),
    "read_fallbacks": ("Chunks read from another worker because this one did not bring them", ("worker",)),
    "hedged_reads": (
        "Slow reads for which another worker was asked too, or could not be",
        ("result",),
    ),
    "corrupt_replicas": ("Replicas that failed their check when read", ("worker",)),
    "head_lookups": ("Hybrid reads that looked for a head in the shared cache", ("result",)),
    "reads": ("Files found for readers, by the level that was given", ("level",)),
    "staleness_seconds": ("Sum of the ages up to which heads that readers got may have lagged", ("level",)),
    "degraded_reads": ("Files found for readers that asked for more or had seen more", ("level",)),
    "redis_failures": ("Questions to Redis that failed, each followed by a time without it", ()),
    "writes": ("Writes acknowledged, by the level that was met", ("level",)),
    "degraded_writes": ("Writes acknowledged at less than the level wanted first", ("level",)),
    "provisional_versions": ("Versions accepted into the journal, without the catalog", ()),
    "commits": ("Versions offered to the catalog", ("result",)),
    "conflicts": ("Provisional versions that met another change, by the rule that decided", ("rule",)),
    "reintegrated": ("Provisional versions brought to the catalog", ("result",)),
    "repairs": ("Owed replicas worked on", ("result",)),
    "consistency_switches": ("Decisions of the controller for another level", ("op_class", "level")),
    "spool_deliveries": ("Chunks of this host's spool that reached a quorum of workers", ()),
}
"""What services may count: short name to explanation and labels. Prometheus sees ``echofs_<name>_total``."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class PrometheusMeters(Meters):
    """The counters of one process, in a registry of their own, so that several can live in one test process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._counters = {
            name: Counter(f"echofs_{name}", explanation, labels, registry=self.registry)
            for name, (explanation, labels) in COUNTERS.items()
        }
        # The library checks the names of labels and takes a lock to find a counter again; there are only a few of them.
        self._found: dict[tuple[object, ...], Counter] = {}

    def add(self, name: str, amount: float = 1, **labels: str) -> None:
        key = (name, *labels.items())
        counter = self._found.get(key)
        if counter is None:
            counter = self._counters[name]
            counter = self._found[key] = counter.labels(**labels) if labels else counter
        counter.inc(amount)


GAUGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "outbox_depth": ("Replicas still owed, by the catalog", ()),
    "journal_depth": ("Versions in this host's journal that wait for the catalog", ()),
    "journal_age_seconds": ("How long the oldest of them has been waiting", ()),
    "spool_bytes": ("Bytes of chunks in this host's spool", ()),
    "consistency_level": ("Level decided for a class of requests: 0 strong, 1 hybrid, 2 available", ("op_class",)),
    "advice_age_seconds": ("Age of the controller's last advice", ()),
    "follower_age_seconds": ("How long ago this host's copy of heads was up to date; NaN without one", ()),
}
"""What can be asked at each scrape: short name to explanation and label."""

Ask = Callable[[], float | Mapping[str, float]]
"""What a gauge shows: a number, or one for each value of its label."""


class RequestMeters:
    """How many requests each endpoint got, and how long they took to the first byte of the answer. Thread-safe."""

    def __init__(self, meters: PrometheusMeters) -> None:
        self._durations = Histogram(
            "flask_http_request_duration_seconds",
            "Requests and how long they took to the first byte of the answer",
            ("method", "endpoint", "status"),
            registry=meters.registry,
        )
        self._totals = Counter("flask_http_request_total", "Requests", ("method", "status"), registry=meters.registry)
        # As in PrometheusMeters: finding the two again costs more than counting.
        self._found: dict[tuple[str, str | None, int], tuple[Histogram, Counter]] = {}

    def observe(self, method: str, endpoint: str | None, status: int, seconds: float) -> None:
        """A request was answered. Methods of a client's own invention are left out: each would be a new series for
        ever."""
        if method not in _METHODS:
            return
        key = (method, endpoint, status)
        found = self._found.get(key)
        if found is None:
            found = self._durations.labels(method, endpoint, status), self._totals.labels(method, status)
            self._found[key] = found
        found[0].observe(seconds)
        found[1].inc()


def install_metrics(
    app: Flask, meters: PrometheusMeters, *, gauges: Mapping[str, Ask] = MappingProxyType({})
) -> RequestMeters:
    """Serve ``/metrics`` and measure every request by endpoint: ``flask_http_request_duration_seconds`` (to the first
    byte of the answer) and ``flask_http_request_total``.

    ``gauges`` are asked at each scrape and shown under their names in :data:`GAUGES`: NaN when one raises
    :class:`Unavailable`. What does not pass through ``app`` is to be told to the meters that are returned.
    """
    options: dict[str, Any] = {"export_defaults": False, "registry": meters.registry}
    if gauges:
        options["metrics_decorator"] = _gauging({_gauge(name, meters.registry): ask for name, ask in gauges.items()})
    multiprocess = bool(os.environ.get(MULTIPROCESS_VARIABLE))
    (GunicornInternalPrometheusMetrics if multiprocess else PrometheusMetrics)(app, **options)
    requests = RequestMeters(meters)

    # The exporter's own hooks count the same at three times the cost.
    @app.before_request
    def begin() -> None:
        g.metered_since = time.perf_counter()

    @app.after_request
    def measure(response: Response) -> Response:
        request = request_ctx.request
        if request.endpoint != ENDPOINT:
            now = time.perf_counter()
            # What a hook before ours refused took no time worth telling.
            seconds = now - g.get("metered_since", now)
            requests.observe(request.method, request.endpoint, response.status_code, seconds)
        return response

    return requests


def _gauge(name: str, registry: CollectorRegistry) -> Gauge:
    explanation, labels = GAUGES[name]
    return Gauge(
        f"echofs_{name}",
        explanation,
        labels,
        registry=registry,
        # Every master of a host reads the same number; the one who read it last is right.
        multiprocess_mode="livemostrecent",
    )


def _gauging(gauges: Mapping[Gauge, Ask]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(view)
        def gauged() -> Any:
            for gauge, ask in gauges.items():
                try:
                    shown = ask()
                except Unavailable:
                    shown = math.nan
                if isinstance(shown, Mapping):
                    for value, number in shown.items():
                        gauge.labels(value).set(number)
                else:
                    gauge.set(shown)
            return view()

        return gauged

    return decorate
