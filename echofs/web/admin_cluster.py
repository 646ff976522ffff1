"""Routes by which administrators see and steer workers, replication and decisions."""

from __future__ import annotations

from collections import Counter

from flask import Blueprint, Response, request

from echofs.core.alarms import Alarm
from echofs.core.jobs_report import JobsReport, encode_pass
from echofs.core.membership import parse_intent
from echofs.ports.steering import Steering
from echofs.services.overseeing import Latency, Overseeing, Owed, ReplicationOverview, WorkerOverview
from echofs.web.access import current_user
from echofs.web.answers import ok
from echofs.web.queries import page_limit
from echofs.web.render import JsonDict, moment
from echofs.web.schemas import IntentSchema, load

_WORKER, _REASON = 0, 1


def admin_cluster_blueprint(overseeing: Overseeing, steering: Steering) -> Blueprint:
    """Routes under ``/api/v1/admin``."""
    blueprint = Blueprint("admin_cluster", __name__, url_prefix="/api/v1/admin")

    @blueprint.get("/workers")
    def workers() -> Response:
        return ok({"workers": [_worker_json(worker) for worker in overseeing.workers()]})

    @blueprint.post("/workers/<worker_id>")
    def set_intent(worker_id: str) -> Response:
        intent = parse_intent(load(IntentSchema, request))
        overseeing.order(current_user().actor, worker_id, intent)
        return ok({"worker_id": worker_id, "intent": intent.value}, message="Ordered.")

    @blueprint.get("/replication")
    def replication() -> Response:
        return ok(_replication_json(overseeing.replication()))

    @blueprint.get("/consistency/history")
    def history() -> Response:
        return ok(steering.history(request.args.get("after", ""), page_limit(request, "decisions")))

    return blueprint


def _worker_json(worker: WorkerOverview) -> JsonDict:
    member = worker.member
    return {
        "worker_id": member.worker_id,
        "state": member.state.value,
        "intent": member.intent.value,
        "zone": member.zone,
        "weight": member.weight,
        "url": member.url,
        "free_bytes": member.free_bytes,
        "store_id": member.store_id,
        "store_ms": _latency_json(worker.store),
        "fetch_ms": _latency_json(worker.fetch),
        "breaker": worker.breaker.value,
        "owed": worker.owed,
    }


def _latency_json(latency: Latency) -> JsonDict:
    return {"p50": _milliseconds(latency.p50), "p95": _milliseconds(latency.p95)}


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 2)


def _replication_json(found: ReplicationOverview) -> JsonDict:
    owed = found.owed
    return {
        "replication_factor": found.wanted,
        "replicas_owed": None if owed is None else sum(owed.values()),
        "owed_by_worker": None if owed is None else _grouped(owed, _WORKER),
        "owed_by_reason": None if owed is None else _grouped(owed, _REASON),
        "sweep": None if found.jobs is None else _sweep_json(found.jobs[0]),
        "jobs": {
            "holder": found.holder,
            "reported_seconds_ago": None if found.jobs is None else round(found.jobs[1], 1),
        },
        "alarms": [_alarm_json(alarm) for alarm in found.alarms],
    }


def _grouped(owed: Owed, by: int) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for key, count in owed.items():
        counts[key[by]] += count
    return dict(sorted(counts.items()))


def _sweep_json(report: JobsReport) -> JsonDict:
    return {
        "under_way": None if report.under_way is None else encode_pass(report.under_way),
        "last": None if report.last is None else encode_pass(report.last),
        "ended_at": None if report.ended_at is None else moment(report.ended_at),
    }


def _alarm_json(alarm: Alarm) -> JsonDict:
    return {"severity": alarm.severity.value, "text": alarm.text}
