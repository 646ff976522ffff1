"""The opaque place in a listing that a client hands back to get the next page."""

from __future__ import annotations

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode

from echofs.core.errors import InvalidRequest
from echofs.core.models import File
from echofs.ports.listing import Listed, SortKey

Place = tuple[int, str]
"""A sort value (0 where files are sorted by name) and a path: unique among a user's living files."""

_LARGEST = 2**63 - 1


def place_of(file: File, sort: SortKey) -> Place:
    """Where a file stands in an order."""
    if sort is SortKey.SIZE:
        return file.head.content.size, file.path
    if sort is SortKey.UPDATED:
        return file.head.created_at, file.path
    return 0, file.path


def place_of_listed(listed: Listed, sort: SortKey) -> Place:
    """The same of what is shown of a file."""
    value = {SortKey.NAME: 0, SortKey.SIZE: listed.size, SortKey.UPDATED: listed.updated_at}[sort]
    return value, listed.path


def encode(place: Place, order: str) -> str:
    """A cursor that :func:`decode` accepts for the same order only."""
    raw = json.dumps([order, *place], ensure_ascii=False, separators=(",", ":")).encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(cursor: str, order: str) -> Place:
    """The place a cursor names. Raises :class:`InvalidRequest` for anything :func:`encode` did not make for this
    order."""
    try:
        raw = cursor.encode("ascii")
        made_for, value, path = json.loads(urlsafe_b64decode(raw + b"=" * (-len(raw) % 4)))
        # Values no engine can compare, such as half a surrogate pair, must fail here rather than there.
        path.encode()
    except (ValueError, TypeError, AttributeError, RecursionError, binascii.Error):
        raise malformed() from None
    if made_for != order or type(value) is not int or not -_LARGEST <= value <= _LARGEST or "\0" in path:
        raise malformed()
    return value, path


def malformed() -> InvalidRequest:
    """The error for a cursor that belongs to another listing, or to none."""
    return InvalidRequest("That cursor belongs to no listing in this order; start again without it.", field="after")
