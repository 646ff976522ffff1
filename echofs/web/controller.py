"""The controller's routes: workers report, masters ask, operators decide, and anybody may see who is up."""

from __future__ import annotations

from flask import Blueprint, Response, request

from echofs.core.errors import InvalidRequest, TooLarge
from echofs.core.membership import decode, encode, parse_intent
from echofs.services.cluster import MemberRegistry
from echofs.web.answers import ok

_MAX_BODY_BYTES = 8192
"""Many times a heartbeat."""


def controller_blueprint(registry: MemberRegistry) -> Blueprint:
    """Routes over one registry. All but ``/status`` are internal."""
    blueprint = Blueprint("controller", __name__)

    @blueprint.post("/internal/v1/heartbeat")
    def heartbeat() -> Response:
        registry.heartbeat(decode(_fields()))
        return ok()

    @blueprint.post("/internal/v1/leave")
    def leave() -> Response:
        worker_id = _fields().get("worker_id")
        if not isinstance(worker_id, str):
            raise InvalidRequest("worker_id must be a text.", field="worker_id")
        registry.leave(worker_id)
        return ok()

    @blueprint.get("/internal/v1/members")
    def members() -> Response:
        return ok({"members": [encode(member) for member in registry.members()]})

    @blueprint.post("/internal/v1/workers/<worker_id>")
    def set_intent(worker_id: str) -> Response:
        registry.set_intent(worker_id, parse_intent(_fields()))
        return ok()

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
                ]
            }
        )

    return blueprint


def _fields() -> dict[str, object]:
    """The body's JSON object. Raises :class:`InvalidRequest` or :class:`TooLarge`."""
    length = request.content_length
    if length is None:
        raise InvalidRequest("An internal call must declare its Content-Length.", field="Content-Length")
    if length > _MAX_BODY_BYTES:
        raise TooLarge(f"The body is longer than {_MAX_BODY_BYTES} bytes.")
    try:
        fields = request.get_json(force=True, silent=True)
    except RecursionError:  # Brackets within brackets without end: no JSON that anybody means.
        fields = None
    if not isinstance(fields, dict):
        raise InvalidRequest("The body must be a JSON object.")
    return fields


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 3)
