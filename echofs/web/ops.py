"""How the system is, for load balancers, supervisors and people."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response

from echofs.services.cluster import ClusterSurvey, WorkerAnswer
from echofs.services.health import HealthReport, Status
from echofs.web.answers import ok

_UNAVAILABLE = 503
_RETRY_SECONDS = "1"


def ops_blueprint(health: Callable[[], HealthReport], *, api: bool = False) -> Blueprint:
    """``GET /health`` of any role; with ``api`` also under the public API's own prefix, as masters have it."""
    blueprint = Blueprint("ops", __name__)

    @blueprint.get("/health", endpoint="health")
    def answer() -> Response:
        report = health()
        away = report.status is Status.UNAVAILABLE
        return ok(
            {
                "status": report.status.value,
                "role": report.role,
                "version": report.version,
                "reasons": list(report.reasons),
                "details": dict(report.details),
            },
            message=" ".join(report.reasons),
            status=_UNAVAILABLE if away else 200,
            headers={"Cache-Control": "no-store", **({"Retry-After": _RETRY_SECONDS} if away else {})},
        )

    if api:
        blueprint.add_url_rule("/api/v1/health", endpoint="api_health", view_func=answer)
    return blueprint


def cluster_blueprint(survey: ClusterSurvey) -> Blueprint:
    """What users may know of the workers and their replicas."""
    blueprint = Blueprint("cluster", __name__, url_prefix="/api/v1")

    @blueprint.get("/workers/health")
    def workers_health() -> Response:
        workers = [_rendered(answer) for answer in survey.workers()]
        return ok({"workers": workers, "reachable": sum(bool(worker["reachable"]) for worker in workers)})

    @blueprint.get("/replication/stats")
    def replication_stats() -> Response:
        return ok(survey.replication())

    return blueprint


def _rendered(answer: WorkerAnswer) -> dict[str, object]:
    return {
        "worker_id": answer.worker_id,
        "zone": answer.zone,
        "state": answer.state.value,
        "reachable": answer.reachable,
        "status": answer.status,
        "version": answer.version,
        "free_bytes": answer.free_bytes,
        "store_id": answer.store_id,
    }
