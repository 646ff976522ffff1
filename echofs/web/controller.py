"""The controller's routes: workers report, masters ask, operators decide, and anybody may see who is up."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask import Blueprint, Response

from echofs.core import jobs_report
from echofs.core.errors import InvalidRequest
from echofs.core.membership import decode, encode, parse_intent
from echofs.services.cluster import JobsBoard, MemberRegistry
from echofs.web.answers import ok
from echofs.web.internal import internal_fields


def controller_blueprint(
    registry: MemberRegistry, board: JobsBoard, consistency: Callable[[], Mapping[str, object]]
) -> Blueprint:
    """Routes over one registry. All but ``/status`` are internal; it also tells what ``consistency`` says."""
    blueprint = Blueprint("controller", __name__)

    @blueprint.post("/internal/v1/heartbeat")
    def heartbeat() -> Response:
        registry.heartbeat(decode(internal_fields()))
        return ok()

    @blueprint.post("/internal/v1/leave")
    def leave() -> Response:
        worker_id = internal_fields().get("worker_id")
        if not isinstance(worker_id, str):
            raise InvalidRequest("worker_id must be a text.", field="worker_id")
        registry.leave(worker_id)
        return ok()

    @blueprint.get("/internal/v1/members")
    def members() -> Response:
        return ok({"members": [encode(member) for member in registry.members()]})

    @blueprint.post("/internal/v1/workers/<worker_id>")
    def set_intent(worker_id: str) -> Response:
        registry.set_intent(worker_id, parse_intent(internal_fields()))
        return ok()

    @blueprint.post("/internal/v1/jobs")
    def tell_jobs() -> Response:
        try:
            board.put(jobs_report.decode(internal_fields()))
        except ValueError as error:
            raise InvalidRequest(f"The report makes no sense: {error}.") from error
        return ok()

    @blueprint.get("/internal/v1/jobs")
    def jobs() -> Response:
        heard = board.last()
        return ok({} if heard is None else {"report": jobs_report.encode(heard[0]), "age_seconds": heard[1]})

    @blueprint.get("/status")
    def status() -> Response:
        return ok(
            {
                "workers": [
                    {
                        "worker_id": worker.worker_id,
                        "zone": worker.zone,
                        "state": worker.state.value,
                        "last_heartbeat_seconds": _rounded(worker.silent_seconds),
                        "phi": _rounded(worker.phi),
                        "store_changed": worker.store_changed,
                    }
                    for worker in registry.status()
                ],
                "consistency": consistency(),
            }
        )

    return blueprint


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 3)
