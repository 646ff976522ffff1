"""How the level is chosen: modes, hints, orders, critical files, floors."""

from __future__ import annotations

from marshmallow import INCLUDE, fields

from echofs.core.advice import OpClass
from echofs.core.errors import Conflict, InvalidName, NotFound
from echofs.core.models import FloorScope, Level
from echofs.web.openapi.description import Answer, Parameter, Resource, Route, json_body
from echofs.web.openapi.fields import Shape, by_name, choice, decimal, flag, listed, one, text, whole
from echofs.web.openapi.parameters import FILE, path_id
from echofs.web.schemas import CriticalSchema, FloorSchema, HintSchema, OverrideSchema

_DECISION = "0193f3c2a1b47c3d8e5f60718293a4c0"
_MADE_AT = 1_772_357_400_000_000
_MICROSECONDS = "in microseconds since 1970, UTC."
_SHARES = "For each level the share of requests that would be served within the goal."


class ClassMode(Shape):
    """The level for one class of requests."""

    level = choice(Level, "What `auto` begins with.")
    decision = text("The decision's id; empty before the first one.")
    reason = text("Why.")
    forced = flag("It is an order, and not the policy's choice.")
    held = text("What keeps the policy from switching; else empty.")
    predictions = by_name(fields.Float(), _SHARES)


class Mode(Shape):
    """The level for every class of requests."""

    object_id = text("The file it is about; null for all that have none of their own.", null=True)
    mode = choice(Level, "The level of small writes.")
    critical = flag("The file is never served below `strong`.")
    policy = text("The policy's name.")
    epoch = whole("Counts the controller's starts.")
    classes = by_name(fields.Nested(ClassMode), "By class: `write_small`, `write_large`, `read`.")


class Hint(Shape):
    """A wish, noted."""

    id = text("The decision's id.")
    kind = text("What it is.", const="hint")
    object_id = text("The file it is about; null for all.", null=True)
    op_class = text("Hints are for all classes.", null=True)
    level = choice(Level, "The level wished for.")
    number = whole("Counts decisions; 0 for a hint.")
    epoch = whole("Counts the controller's starts.")
    made_at = whole(f"When it was noted, {_MICROSECONDS}")
    ttl = decimal("Seconds for which it may be followed without being heard again.")
    reason = text("Who wished for it.")
    predictions = by_name(fields.Float(), _SHARES)
    forced = flag("Never, for a hint.")


class Policy(Shape):
    """How levels are chosen now."""

    policy = text("The policy's name.")
    latency_goal_ms = fields.Float(required=True, metadata={"description": "What it aims at."})
    epoch = whole("Counts the controller's starts.")
    masters = whole("Masters that reported lately.")
    levels = by_name(fields.String(), "The level of each class.")


class Order(Shape):
    """An administrator's order."""

    id = text("For ending it.")
    level = choice(Level, "The level ordered.")
    author = text("Who ordered it.")
    reason = text("Why.")
    made_at = whole(f"When it was given, {_MICROSECONDS}")
    expires_at = whole(f"When it ends, {_MICROSECONDS}")
    op_class = choice(OpClass, "The class it is for; null for all.", null=True)
    object_id = text("The file it is for; null for all.", null=True)


class Explanation(Shape):
    """What is known of a decision. Further fields depend on its kind."""

    class Meta:
        unknown = INCLUDE

    id = text("The decision's id.")
    kind = text("`decision`, `hint`, `override`, or what else was noted.")


class FloorShape(Shape):
    """The least consistency that is allowed."""

    scope = choice(FloorScope, "What it holds for.")
    key = text("The file's id, or the folder's path; empty for all.")
    level = choice(Level, "Never less than that.")
    critical = flag("Always `strong`.")


_CLASS = {"level": "strong", "decision": "", "reason": "", "forced": False, "held": "", "predictions": {}}
_MODE = {
    "object_id": None,
    "mode": "strong",
    "critical": False,
    "policy": "slo",
    "epoch": 4,
    "classes": {str(op_class): _CLASS for op_class in OpClass},
}
_HINT: dict[str, object] = {
    "id": _DECISION,
    "kind": "hint",
    "object_id": FILE,
    "op_class": None,
    "level": "available",
    "number": 0,
    "epoch": 4,
    "made_at": _MADE_AT,
    "ttl": 15.0,
    "reason": "alice hinted at it",
    "predictions": {},
    "forced": False,
}
_ORDER = {
    "id": _DECISION,
    "level": "strong",
    "author": "root-admin",
    "reason": "month end",
    "made_at": _MADE_AT,
    "expires_at": _MADE_AT + 3_600_000_000,
    "op_class": None,
    "object_id": None,
}
_POLICY = {
    "policy": "slo",
    "latency_goal_ms": 50.0,
    "epoch": 4,
    "masters": 2,
    "levels": {str(op_class): "strong" for op_class in OpClass},
}
_FLOOR = {"scope": "folder", "key": "taxes", "level": "strong", "critical": False}
_OBJECT = Parameter("object_id", "A file's id; without it in general.", {"type": "string"})
_CRITICAL = json_body(CriticalSchema, {"object_id": FILE})

_FOR_USERS = {
    "consistency.mode": Route(
        "Show the levels that hold now",
        {200: Answer("The level for every class of requests.", Mode, _MODE)},
        query=(_OBJECT,),
        errors=(NotFound,),
    ),
    "consistency.hint": Route(
        "Say which level you would like",
        {200: Answer("Noted: a wish, not an order.", Hint, _HINT)},
        bodies=json_body(HintSchema, {"level": "available", "object_id": FILE, "seconds": 300}),
        errors=(NotFound,),
    ),
    "floors.listing": Route(
        "List your floors",
        {
            200: Answer(
                "Yours, and the system's.",
                {"system": choice(Level, "Holds for everybody."), "floors": listed(FloorShape)},
                {"system": "available", "floors": [_FLOOR]},
            )
        },
    ),
    "floors.put": Route(
        "Set a floor",
        {
            200: Answer(
                "It holds at once here, and within a second on all masters.",
                {"floor": one(FloorShape)},
                {"floor": _FLOOR},
            )
        },
        bodies=json_body(FloorSchema, _FLOOR),
        errors=(InvalidName, NotFound, Conflict),
    ),
    "floors.drop": Route(
        "Remove a floor",
        {200: Answer("It is gone.")},
        query=(
            Parameter(
                "scope",
                "What it holds for.",
                {"type": "string", "enum": [str(scope) for scope in FloorScope]},
                "folder",
                required=True,
            ),
            Parameter("key", "The file's id, or the folder's path.", example="taxes"),
        ),
        errors=(InvalidName, NotFound),
    ),
}
_FOR_ADMINISTRATORS = {
    "consistency.policy": Route(
        "Show how levels are chosen", {200: Answer("Policy, goal and levels.", Policy, _POLICY)}
    ),
    "consistency.overrides": Route(
        "List orders", {200: Answer("Those that hold.", {"overrides": listed(Order)}, {"overrides": [_ORDER]})}
    ),
    "consistency.override": Route(
        "Order a level",
        {200: Answer("The order.", Order, _ORDER)},
        "For one class of requests, one file, or all; for at most 7 days.",
        bodies=json_body(OverrideSchema, {"level": "strong", "seconds": 3600, "reason": "month end"}),
        errors=(Conflict,),
    ),
    "consistency.clear_override": Route(
        "End an order",
        {200: Answer("It has ended.")},
        path=(path_id("override_id", "The order's id.", _DECISION),),
        errors=(NotFound,),
    ),
    "consistency.critical_keys": Route(
        "List critical files",
        {
            200: Answer(
                "Files that are never served below `strong`.",
                {"critical_keys": listed(text("A file's id."))},
                {"critical_keys": [FILE]},
            )
        },
    ),
    "POST consistency.set_critical": Route(
        "Mark a file as critical", {200: Answer("It is marked.")}, bodies=_CRITICAL, errors=(Conflict,)
    ),
    "DELETE consistency.set_critical": Route(
        "Take a critical file's mark away", {200: Answer("It has none.")}, bodies=_CRITICAL
    ),
    "consistency.explain": Route(
        "Explain a decision",
        {
            200: Answer(
                "Its inputs and predictions.",
                Explanation,
                {**_HINT, "op_class": "read", "kind": "decision", "before": "strong", "emergency": False},
            )
        },
        path=(path_id("decision_id", "The id in a receipt.", _DECISION),),
        errors=(NotFound,),
    ),
}

RESOURCE = Resource(
    "Consistency",
    "How the level of `auto` is chosen, and what it may never go below. Masters hand this on to the controller and are "
    "503 without it.",
    {**_FOR_USERS, **_FOR_ADMINISTRATORS},
)
