"""The route by which administrators read the audit log."""

from __future__ import annotations

from flask import Blueprint, Response, request

from echofs.core.audit import AuditEvent
from echofs.ports.audit import AuditLog, AuditQuery
from echofs.web.answers import ok
from echofs.web.queries import page_limit
from echofs.web.render import JsonDict, moment


def audit_blueprint(log: AuditLog) -> Blueprint:
    """``GET /api/v1/admin/audit``."""
    blueprint = Blueprint("audit", __name__, url_prefix="/api/v1/admin/audit")

    @blueprint.get("")
    def listing() -> Response:
        given = request.args
        query = AuditQuery(
            given.get("actor", ""), given.get("action", ""), given.get("after", ""), page_limit(request, "events")
        )
        page = log.page(query)
        return ok({"events": [_event_json(event) for event in page.events], "next": page.next})

    return blueprint


def _event_json(event: AuditEvent) -> JsonDict:
    return {
        "id": event.id,
        "at": moment(event.at),
        "actor": {"id": event.actor.id or None, "name": event.actor.name},
        "address": event.address,
        "action": event.action.value,
        "subject": event.subject,
        "outcome": event.outcome.value,
        "detail": event.detail,
    }
