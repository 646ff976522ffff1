"""Routes for the least consistency that a user demands."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from flask import Blueprint, Response, request

from echofs.core.errors import InvalidRequest
from echofs.core.models import Floor, FloorScope, Level
from echofs.services.floors import Floors
from echofs.web.access import current_user
from echofs.web.answers import ok
from echofs.web.render import JsonDict
from echofs.web.schemas import FloorSchema, load

E = TypeVar("E", bound=StrEnum)


def floors_blueprint(floors: Floors) -> Blueprint:
    """Routes for a user's own floors."""
    blueprint = Blueprint("floors", __name__, url_prefix="/api/v1/consistency/floors")

    @blueprint.get("")
    def listing() -> Response:
        own = floors.listed(current_user().user_id)
        return ok({"system": floors.system.value, "floors": [_floor_json(floor) for floor in own]})

    @blueprint.put("")
    def put() -> Response:
        body = load(FloorSchema, request)
        scope, level = _one_of(FloorScope, body["scope"], "scope"), _one_of(Level, body["level"], "level")
        floor = Floor(current_user().user_id, scope, _key(scope, body["key"]), level, body["critical"])
        return ok({"floor": _floor_json(floors.put(floor))}, message="Set.")

    @blueprint.delete("")
    def drop() -> Response:
        scope = _one_of(FloorScope, request.args.get("scope", ""), "scope")
        floors.drop(current_user().user_id, scope, _key(scope, request.args.get("key", "")))
        return ok(message="Removed.")

    return blueprint


def _one_of(choices: type[E], value: str, field: str) -> E:
    if value not in set(choices):
        raise InvalidRequest(f"The {field} is one of {', '.join(choices)}.", field=field)
    return choices(value)


def _key(scope: FloorScope, key: str) -> str:
    """The key, if the scope has one."""
    if scope is FloorScope.USER and key:
        raise InvalidRequest("A floor for all your files has no key.", field="key")
    if scope is not FloorScope.USER and not key:
        raise InvalidRequest("Name the file by its id, or the folder by its path.", field="key")
    return key


def _floor_json(floor: Floor) -> JsonDict:
    return {
        "scope": floor.scope.value,
        "key": floor.key,
        "level": floor.level.value,
        "critical": floor.critical,
    }
