"""The controller's routes for decisions: masters report and are advised, operators steer through them."""

from __future__ import annotations

from flask import Blueprint, Response, request

from echofs.core import faults
from echofs.core.advice_json import encode_advice
from echofs.core.errors import InvalidRequest
from echofs.core.orders import author_of, file_id, parse_hint, parse_override
from echofs.core.report_json import decode_report
from echofs.services.controlling import Controlling
from echofs.web.answers import ok
from echofs.web.internal import internal_fields
from echofs.web.queries import page_limit

_MAX_REPORT_BYTES = 1 << 20
"""A report about more workers than a cluster can have."""


def steering_blueprint(controlling: Controlling) -> Blueprint:
    """All of them are internal: what users may know, masters tell them."""
    blueprint = Blueprint("steering", __name__)
    _add_questions(blueprint, controlling)
    _add_orders(blueprint, controlling)

    @blueprint.post("/internal/v1/report")
    def report() -> Response:
        return ok(encode_advice(controlling.report(decode_report(internal_fields(_MAX_REPORT_BYTES)))))

    @blueprint.post("/internal/v1/faults")
    def inject() -> Response:
        controlling.inject(faults.decode(internal_fields()))
        return ok()

    @blueprint.delete("/internal/v1/faults")
    def withdraw() -> Response:
        controlling.withdraw(_text(internal_fields(), "id"))
        return ok()

    return blueprint


def _add_questions(blueprint: Blueprint, controlling: Controlling) -> None:
    @blueprint.get("/v1/policy")
    def policy() -> Response:
        return ok(controlling.status())

    @blueprint.get("/v1/mode")
    def mode() -> Response:
        object_id = request.args.get("object_id", "")
        return ok(controlling.mode(file_id(object_id) if object_id else ""))

    @blueprint.get("/v1/override")
    def overrides() -> Response:
        return ok(controlling.overrides())

    @blueprint.get("/v1/critical-keys")
    def critical_keys() -> Response:
        return ok(controlling.critical_keys())

    @blueprint.get("/v1/history")
    def history() -> Response:
        return ok(controlling.history(request.args.get("after", ""), page_limit(request, "decisions")))

    @blueprint.get("/v1/explain/<decision_id>")
    def explain(decision_id: str) -> Response:
        return ok(controlling.explain(decision_id))


def _add_orders(blueprint: Blueprint, controlling: Controlling) -> None:
    @blueprint.post("/v1/hint")
    def hint() -> Response:
        return ok(controlling.hint(parse_hint(internal_fields())))

    @blueprint.post("/v1/override")
    def override() -> Response:
        return ok(controlling.override(parse_override(internal_fields())))

    @blueprint.delete("/v1/override")
    def clear_override() -> Response:
        fields = internal_fields()
        controlling.clear_override(_text(fields, "override_id"), author_of(fields))
        return ok()

    @blueprint.route("/v1/critical-keys", methods=["POST", "DELETE"])
    def set_critical() -> Response:
        fields = internal_fields()
        critical = request.method == "POST"
        controlling.set_critical(file_id(fields.get("object_id")), author_of(fields), critical=critical)
        return ok()


def _text(fields: dict[str, object], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise InvalidRequest(f"{name} must be a text.", field=name)
    return value
