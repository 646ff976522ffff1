"""Parameters and headers that many routes share."""

from __future__ import annotations

from typing import Any

from echofs.core.entries import OnConflict
from echofs.core.models import Level
from echofs.web.levels import (
    DECISION_HEADER,
    DEGRADED_HEADER,
    GUARANTEE_HEADER,
    LEVEL_HEADER,
    ON_CONFLICT_HEADER,
    PROVISIONAL_HEADER,
    REASON_HEADER,
    SESSION_HEADER,
    STALENESS_HEADER,
    VERSION_HEADER,
)
from echofs.web.openapi.description import Parameter, Verbatim
from echofs.web.queries import MAX_PAGE

BYTES = Verbatim({"type": "string", "format": "binary"})
"""A body that is taken as it is."""
FILE = "0193f3c2a1b47c3d8e5f60718293a4b5"
"""The id of the file in all examples."""
ETAG = "1-2cf24dba5fb0a30e26e83b2ac5b9e29e"
_FLAG = {"type": "string", "const": "true"}
_WHOLE = {"type": "integer", "minimum": 0}
_TOKEN = {"type": "string", "pattern": "^[\\x21-\\x7e]+$"}


def page_of(things: str, most: int = MAX_PAGE) -> tuple[Parameter, Parameter]:
    """How a long list is asked for in pages."""
    return (
        Parameter(
            "limit",
            f"How many {things} a page has at most.",
            {**_WHOLE, "minimum": 1, "maximum": most, "default": 100},
        ),
        Parameter("after", "`next` of the page before; without it the first page.", {"type": "string", "default": ""}),
    )


def path_id(name: str, description: str, example: str = FILE, **schema: Any) -> Parameter:
    """A part of the path."""
    return Parameter(name, description, {"type": "string", "minLength": 1, **schema}, example, required=True)


FILE_ID = path_id("file_id", "The file's id.", pattern="^[0-9a-f]{32}$")

LEVEL_QUERY = Parameter(
    "consistency",
    "The same as the header `X-EchoFS-Consistency`, which it overrides.",
    {"$ref": "#/components/schemas/Ask"},
)
LEVEL = Parameter(
    LEVEL_HEADER,
    "The level wanted: `strong`, `hybrid`, `available`, `auto`, `bounded;t=5s`, or a list in order of preference such "
    "as `strong@50ms, hybrid@50ms, available`.",
    {"$ref": "#/components/schemas/Ask"},
)
SESSION = Parameter(
    SESSION_HEADER, "The token of the answer before: nothing that it had seen is silently shown undone."
)
ON_CONFLICT = Parameter(
    ON_CONFLICT_HEADER,
    "What becomes of a provisional version that meets another one later.",
    {"type": "string", "enum": [str(choice) for choice in OnConflict], "default": str(OnConflict.KEEP_BOTH)},
)
IF_MATCH = Parameter("If-Match", "Etags in quotes, or `*`: only if the file has one of them. Otherwise 412.")
IDEMPOTENCY_KEY = Parameter(
    "Idempotency-Key",
    "The same request with the same key within 24 hours gets the same answer; another request with it 422.",
    {"type": "string", "pattern": "^[\\x21-\\x7e]{1,128}$"},
    "7f0c1a52-8d1e-4a55-9c0e-3b7f6a2d9e10",
)
CONTENT_DIGEST = Parameter(
    "Content-Digest", "SHA-256 of the body (RFC 9530): `sha-256=:BASE64:`. Another body is refused with 400."
)

READS = (LEVEL, SESSION)
"""What a read may ask for in headers."""
WRITES = (LEVEL, SESSION, ON_CONFLICT, IF_MATCH)
"""What a write may ask for in headers."""

ETAG_GIVEN = Parameter("ETag", "The etag of the version, in quotes: for `If-Match` and `If-None-Match`.", required=True)
LOCATION = Parameter(
    "Location", "The address of what was made.", {"type": "string", "format": "uri-reference"}, required=True
)
_LEVEL_USED = Parameter(
    LEVEL_HEADER, "The level that was met.", {"type": "string", "enum": [str(level) for level in Level]}, required=True
)
_VERSION = Parameter(VERSION_HEADER, "The version's number.", {**_WHOLE, "minimum": 1})
_GUARANTEE = Parameter(GUARANTEE_HEADER, "What holds of this answer.", required=True)
_SESSION_GIVEN = Parameter(SESSION_HEADER, "The token to send with the next request.", _TOKEN)

READ_GIVEN = (
    _LEVEL_USED,
    _VERSION,
    Parameter(STALENESS_HEADER, "It was the present version at most so many milliseconds before.", _WHOLE),
    _GUARANTEE,
    Parameter(PROVISIONAL_HEADER, "There when the version waits for the catalog.", _FLAG),
    Parameter(DEGRADED_HEADER, "There when this is less than was asked for first.", _FLAG),
    Parameter(REASON_HEADER, "Why it is less."),
    _SESSION_GIVEN,
)
"""What a read got, in headers."""
WRITE_GIVEN = (
    _LEVEL_USED,
    _VERSION,
    _GUARANTEE,
    Parameter(DECISION_HEADER, "The controller's decision that chose the level."),
    _SESSION_GIVEN,
)
"""What a write got, in headers."""
