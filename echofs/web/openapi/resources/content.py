"""The bytes of files: upload, replace, download."""

from __future__ import annotations

from dataclasses import replace

from echofs.core.errors import (
    BodyMismatch,
    ChunkUnavailable,
    IdempotencyKeyReused,
    InvalidName,
    NotFound,
    PreconditionFailed,
    QuotaExceeded,
    RangeNotSatisfiable,
    TooLarge,
    UnsupportedType,
)
from echofs.web.openapi.answers import WRITE_ERRORS, file_written
from echofs.web.openapi.description import Answer, Body, Parameter, Resource, Route, Verbatim
from echofs.web.openapi.parameters import (
    BYTES,
    CONTENT_DIGEST,
    ETAG_GIVEN,
    FILE_ID,
    IDEMPOTENCY_KEY,
    IF_MATCH,
    LEVEL_QUERY,
    LOCATION,
    READ_GIVEN,
    READS,
    WRITES,
)

_TAKES = (
    Body(BYTES, "hello\n", "application/octet-stream", "The bytes as they are, with any other Content-Type too."),
    Body(
        Verbatim(
            {
                "type": "object",
                "required": ["file"],
                "properties": {
                    "file": {**BYTES.schema, "description": "The bytes, with their name."},
                    "path": {"type": "string", "description": "Where to; else the file's name, in the root."},
                    "consistency": {"$ref": "#/components/schemas/Ask"},
                },
            }
        ),
        {"file": "hello\n", "path": "photos/tree.jpg"},
        "multipart/form-data",
        "A form, as browsers send it.",
    ),
)
_ERRORS = (InvalidName, BodyMismatch, UnsupportedType, TooLarge, IdempotencyKeyReused, QuotaExceeded, *WRITE_ERRORS)
_STORED = (
    ETAG_GIVEN,
    LOCATION,
    Parameter("Idempotency-Replayed", "There when the key was used before.", {"type": "string", "const": "true"}),
)
_AGAIN = file_written("A new version of the file.", *_STORED)
_CREATE_ONLY = Parameter(
    "If-None-Match", "`*`: only if nothing is there. Otherwise 412.", {"type": "string", "const": "*"}
)

_VALIDATORS = (
    ETAG_GIVEN,
    # Not required: servers leave it out of 304.
    Parameter("Last-Modified", "When the version was made."),
    Parameter("Cache-Control", "`private, no-cache`: ask again before every use.", required=True),
    *READ_GIVEN,
)
_SENT = (
    Parameter("Content-Disposition", "With the exact name in `filename*` (RFC 6266).", required=True),
    Parameter("Accept-Ranges", "`bytes`.", required=True),
    *_VALIDATORS,
)
_CONTENT_RANGE = Parameter("Content-Range", "`bytes FIRST-LAST/SIZE`.", required=True)
_WHOLE = Answer("The whole file.", media_type="*/*", headers=_SENT)
_UNCHANGED = Answer("The client has it already.", media_type="", headers=_VALIDATORS)
_DOWNLOAD = Route(
    "Download a file",
    {
        200: _WHOLE,
        206: Answer("The range asked for.", media_type="*/*", headers=(_CONTENT_RANGE, *_SENT)),
        304: _UNCHANGED,
    },
    "Every chunk is verified before it is sent. Without a good copy of a later chunk the connection ends before "
    "`Content-Length` bytes.",
    path=(FILE_ID,),
    query=(
        Parameter("version", "An older version, by its number.", {"type": "integer", "minimum": 1}),
        Parameter("inline", "There: a browser may show what is safe to show."),
        LEVEL_QUERY,
    ),
    headers=(
        IF_MATCH,
        Parameter("If-None-Match", "Etags in quotes, or `*`: 304 if the file has one of them."),
        Parameter("If-Modified-Since", "An HTTP date: 304 unless the file has changed since."),
        Parameter("If-Unmodified-Since", "An HTTP date: 412 if the file has changed since."),
        Parameter("Range", "`bytes=FIRST-LAST`, `bytes=FIRST-` or `bytes=-LENGTH`."),
        Parameter("If-Range", "An etag in quotes: the range only of that version, else the whole file."),
        *READS,
    ),
    errors=(NotFound, PreconditionFailed, RangeNotSatisfiable, ChunkUnavailable),
)

RESOURCE = Resource(
    "Content",
    "The bytes of files. Nothing is visible of an upload that failed.",
    {
        "uploads.upload": Route(
            "Upload a file",
            {201: file_written("A new file.", *_STORED), 200: _AGAIN},
            "Send `Expect: 100-continue` to learn of a refusal before the body is sent.",
            query=(
                Parameter(
                    "path", "Where to; a raw body needs it, a form may name it in a field.", example="photos/tree.jpg"
                ),
                LEVEL_QUERY,
            ),
            headers=(IDEMPOTENCY_KEY, CONTENT_DIGEST, _CREATE_ONLY, *WRITES),
            bodies=_TAKES,
            errors=_ERRORS,
        ),
        "uploads.replace": Route(
            "Replace a file's content",
            {200: _AGAIN},
            path=(FILE_ID,),
            query=(LEVEL_QUERY,),
            headers=(IDEMPOTENCY_KEY, CONTENT_DIGEST, *WRITES),
            bodies=_TAKES,
            errors=_ERRORS,
        ),
        "downloads.download": _DOWNLOAD,
        "HEAD downloads.download": replace(
            _DOWNLOAD,
            summary="Ask what a download would give",
            description="",
            answers={
                200: replace(_WHOLE, description="As a download, without the bytes.", media_type=""),
                304: _UNCHANGED,
            },
            headers=tuple(header for header in _DOWNLOAD.headers if header.name not in ("Range", "If-Range")),
            errors=(NotFound, PreconditionFailed),
        ),
    },
)
