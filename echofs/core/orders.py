"""What people tell the controller: orders of operators, and hints of users."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from echofs.core.advice import OpClass
from echofs.core.errors import InvalidRequest, NotFound
from echofs.core.models import Level, Timestamp

LONGEST_OVERRIDE_SECONDS = 7 * 86400
LONGEST_HINT_SECONDS = 3600
HINT_SECONDS = 600.0
_FILE_ID = re.compile(r"[0-9a-f]{32}")
_DECISION_ID = re.compile(r"[0-9a-z_-]{1,64}")
_REASON_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class Override:
    """An operator's order: ``level``, whatever the policy would do, until ``expires_at``.

    It holds for one file (``object_id``), else for one class of requests, else for all. ``author`` is the name of the
    administrator who gave it.
    """

    id: str
    level: Level
    author: str
    reason: str
    made_at: Timestamp
    expires_at: Timestamp
    op_class: OpClass | None = None
    object_id: str = ""

    def covers(self, op_class: OpClass) -> bool:
        """Whether it holds for a class as a whole."""
        return not self.object_id and self.op_class in (None, op_class)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request for an override or a hint says, checked. ``seconds`` is how long it shall hold."""

    level: Level
    seconds: float
    author: str
    reason: str = ""
    op_class: OpClass | None = None
    object_id: str = ""


def parse_override(fields: Mapping[str, object]) -> Wanted:
    """A request for an override: ``level``, ``seconds``, ``author``, ``reason``, and ``op_class`` or ``object_id`` or
    neither. Raises :class:`InvalidRequest` naming the field."""
    op_class = fields.get("op_class")
    object_id = fields.get("object_id")
    if op_class and object_id:
        raise InvalidRequest("An override is for one file or for one class, not for both.", field="op_class")
    if op_class and op_class not in list(OpClass):
        raise InvalidRequest(f"A class is one of {', '.join(OpClass)}.", field="op_class")
    return Wanted(
        level=_level(fields),
        seconds=_seconds(fields.get("seconds"), LONGEST_OVERRIDE_SECONDS),
        author=_words(fields, "author"),
        reason=_words(fields, "reason"),
        op_class=OpClass(str(op_class)) if op_class else None,
        object_id=file_id(object_id) if object_id else "",
    )


def parse_hint(fields: Mapping[str, object]) -> Wanted:
    """A hint: ``level`` and ``author``, and ``object_id`` and ``seconds`` (ten minutes unless given) or neither. Raises
    :class:`InvalidRequest` naming the field."""
    object_id = fields.get("object_id")
    return Wanted(
        level=_level(fields),
        seconds=_seconds(fields.get("seconds", HINT_SECONDS), LONGEST_HINT_SECONDS),
        author=_words(fields, "author"),
        object_id=file_id(object_id) if object_id else "",
    )


def encode_wanted(wanted: Wanted) -> dict[str, object]:
    """The request as JSON has it."""
    return {
        "level": wanted.level.value,
        "seconds": wanted.seconds,
        "author": wanted.author,
        "reason": wanted.reason,
        "op_class": wanted.op_class.value if wanted.op_class else None,
        "object_id": wanted.object_id or None,
    }


def author_of(fields: Mapping[str, object]) -> str:
    """Who says so. Raises :class:`InvalidRequest`."""
    return _words(fields, "author")


def decision_id(value: str) -> str:
    """A decision's id. Raises :class:`NotFound` for what can be none."""
    if not _DECISION_ID.fullmatch(value):
        raise NotFound("There is no such decision.", field="decision_id")
    return value


def file_id(value: object) -> str:
    """A file's id. Raises :class:`InvalidRequest` for what can be none."""
    if not isinstance(value, str) or not _FILE_ID.fullmatch(value):
        raise InvalidRequest("A file's id is 32 of 0-9 and a-f.", field="object_id")
    return value


def ordered(override: Override) -> str:
    """The reason of a decision that is an order."""
    return f"{override.author} ordered it: {override.reason}"


def encode(override: Override) -> dict[str, object]:
    """The override as JSON has it."""
    return {
        "id": override.id,
        "level": override.level.value,
        "author": override.author,
        "reason": override.reason,
        "made_at": override.made_at,
        "expires_at": override.expires_at,
        "op_class": override.op_class.value if override.op_class else None,
        "object_id": override.object_id or None,
    }


def _level(fields: Mapping[str, object]) -> Level:
    value = fields.get("level")
    if value not in list(Level):
        raise InvalidRequest(f"Unknown consistency level; choose {', '.join(Level)}.", field="level")
    return Level(str(value))


def _seconds(value: object, most: int) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= most or math.isnan(value):
        raise InvalidRequest(f"seconds must be a number from 1 to {most}: after them it expires.", field="seconds")
    return float(value)


def _words(fields: Mapping[str, object], name: str) -> str:
    value = fields.get(name)
    text = " ".join(value.split()) if isinstance(value, str) else ""
    if not text or len(text) > _REASON_CHARACTERS or not text.isprintable():
        raise InvalidRequest(f"{name} must be 1 to {_REASON_CHARACTERS} printable characters.", field=name)
    return text
