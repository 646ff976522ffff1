"""How the level is chosen, as users see it and administrators steer it. The controller decides; masters hand on."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, request

from echofs.core.audit import Action
from echofs.core.models import Role
from echofs.core.orders import HINT_SECONDS, file_id, parse_hint, parse_override
from echofs.ports.steering import Steering
from echofs.services.auditing import Auditing
from echofs.web.access import current_user
from echofs.web.answers import ok
from echofs.web.schemas import CriticalSchema, HintSchema, OverrideSchema, load

Find = Callable[[str, str], object]
"""Raises :class:`NotFound` unless the user (by id) has the file (by id)."""


def consistency_blueprint(steering: Steering, find: Find, auditing: Auditing) -> Blueprint:
    """Routes under ``/api/v1/consistency``. The author of what is said to the controller is always who said it."""
    blueprint = Blueprint("consistency", __name__, url_prefix="/api/v1/consistency")
    _add_for_users(blueprint, steering, find)
    _add_questions(blueprint, steering)
    _add_orders(blueprint, steering, auditing)
    return blueprint


def _add_for_users(blueprint: Blueprint, steering: Steering, find: Find) -> None:
    def known(object_id: str) -> str:
        if object_id and current_user().role is not Role.ADMIN:
            find(current_user().user_id, file_id(object_id))
        return object_id

    @blueprint.get("/mode")
    def mode() -> Response:
        object_id = request.args.get("object_id", "")
        return ok(steering.mode(known(file_id(object_id)) if object_id else ""))

    @blueprint.post("/hint")
    def hint() -> Response:
        body = load(HintSchema, request)
        seconds = HINT_SECONDS if body["seconds"] is None else body["seconds"]
        wanted = parse_hint({**body, "seconds": seconds, "author": current_user().name})
        known(wanted.object_id)
        return ok(steering.hint(wanted), message="Noted.")


def _add_questions(blueprint: Blueprint, steering: Steering) -> None:
    @blueprint.get("/policy")
    def policy() -> Response:
        return ok(steering.status())

    @blueprint.get("/override")
    def overrides() -> Response:
        return ok(steering.overrides())

    @blueprint.get("/critical-keys")
    def critical_keys() -> Response:
        return ok(steering.critical_keys())

    @blueprint.get("/explain/<decision_id>")
    def explain(decision_id: str) -> Response:
        return ok(steering.explain(decision_id))


def _add_orders(blueprint: Blueprint, steering: Steering, auditing: Auditing) -> None:
    @blueprint.post("/override")
    def override() -> Response:
        who = current_user()
        wanted = parse_override({**load(OverrideSchema, request), "author": who.name})
        subject = wanted.object_id or (wanted.op_class.value if wanted.op_class else "all")
        detail = f"{wanted.level} for {wanted.seconds:g} s: {wanted.reason}"
        with auditing.act(who.actor, Action.OVERRIDE, subject=subject, detail=detail):
            return ok(steering.override(wanted), message="Ordered.")

    @blueprint.delete("/override/<override_id>")
    def clear_override(override_id: str) -> Response:
        who = current_user()
        with auditing.act(who.actor, Action.OVERRIDE_CLEARED, subject=override_id):
            steering.clear_override(override_id, who.name)
        return ok(message="Cleared.")

    @blueprint.route("/critical-keys", methods=["POST", "DELETE"])
    def set_critical() -> Response:
        object_id = file_id(load(CriticalSchema, request)["object_id"])
        who, critical = current_user(), request.method == "POST"
        with auditing.act(who.actor, Action.CRITICAL, subject=object_id, detail="set" if critical else "removed"):
            steering.set_critical(object_id, who.name, critical=critical)
        return ok(message="Set." if critical else "Removed.")
