"""Pages of a controller's account of decisions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from echofs.core.errors import InvalidRequest
from echofs.core.models import Timestamp

_HIDDEN = ("inputs", "predictions")
"""What ``explain`` tells of one decision is too much for a list of many."""
_MOST_DIGITS = 18


def page(newest: Iterable[Mapping[str, object]], after: str, limit: int) -> dict[str, object]:
    """The entries of one page, out of all with the newest first; ``next`` is the cursor of the following page, ``""``
    at the end. Raises :class:`InvalidRequest` for a malformed cursor.

    A cursor is a moment. Entries of one moment are never torn apart, so a page may have some more than ``limit``.
    """
    before = _moment(after) if after else None
    shown: list[dict[str, object]] = []
    last: Timestamp | None = None
    for entry in newest:
        at = _at(entry)
        if at is None or (before is not None and at >= before):
            continue
        if len(shown) >= limit and at != last:
            return {"decisions": shown, "next": str(last)}
        shown.append({"at": at, **{name: value for name, value in entry.items() if name not in _HIDDEN}})
        last = at
    return {"decisions": shown, "next": ""}


def _at(entry: Mapping[str, object]) -> Timestamp | None:
    at = entry.get("at", entry.get("made_at"))
    return at if isinstance(at, int) else None


def _moment(cursor: str) -> Timestamp:
    if not cursor.isascii() or not cursor.isdecimal() or len(cursor) > _MOST_DIGITS:
        raise InvalidRequest("That cursor belongs to no listing; start again without it.", field="after")
    return int(cursor)
