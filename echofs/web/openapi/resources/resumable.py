"""Uploads that can be resumed: the tus protocol, and three routes of our own."""

from __future__ import annotations

from dataclasses import replace

from marshmallow import fields

from echofs.core.errors import (
    BodyMismatch,
    CatalogUnavailable,
    ChecksumMismatch,
    ClusterFull,
    EchoError,
    Expired,
    Forbidden,
    HeadMoved,
    InvalidName,
    NotFound,
    PreconditionFailed,
    QuotaExceeded,
    SpoolFull,
    TooFewReplicas,
    TooLarge,
    Unavailable,
    UnsupportedType,
    UploadMoved,
)
from echofs.web import tus
from echofs.web.openapi.description import Answer, Body, Parameter, Resource, Route
from echofs.web.openapi.fields import Shape, listed, moment, one, text, whole
from echofs.web.openapi.parameters import (
    BYTES,
    CONTENT_DIGEST,
    LEVEL,
    LOCATION,
    ON_CONFLICT,
    SESSION,
    WRITE_GIVEN,
    page_of,
    path_id,
)
from echofs.web.openapi.shapes import FILE_EXAMPLE, WRITE_EXAMPLE, File, Receipt

_BYTES = {"type": "string", "pattern": "^[0-9]{1,18}$"}
_TICKET = path_id("ticket", "The last part of `Location`: the upload's id and its secret.", "0193f3c2.c2VjcmV0")


def _optional(headers: tuple[Parameter, ...]) -> tuple[Parameter, ...]:
    return tuple(replace(header, required=False) for header in headers)


class UploadShape(Shape):
    """How far an upload has come."""

    path = text("Where the file goes.")
    offset = whole("Bytes that are durable.")
    length = whole("Bytes of the whole file.")
    expires_at = moment("When it is dropped unless it goes on.")


class Progress(Shape):
    """An upload, and the file once it is one."""

    upload = one(UploadShape)
    file = fields.Nested(File, metadata={"description": "Once all bytes are there."})


class UnfinishedUpload(UploadShape):
    """An upload that waits for its other bytes."""

    id = text("Tells it from others; its secret cannot be asked for again.")


_UPLOAD: dict[str, object] = {
    "path": "films/film.mkv",
    "offset": 0,
    "length": 6,
    "expires_at": "2026-03-08T09:30:00.000000Z",
}
_SPEAKS = Parameter(
    tus.RESUMABLE,
    "The protocol's version.",
    {"type": "string", "const": tus.VERSION},
    tus.VERSION,
    required=True,
)
_SPOKEN = (
    Parameter(tus.RESUMABLE, "The protocol's version.", {"type": "string", "const": tus.VERSION}, required=True),
    Parameter("Tus-Version", "With 412, and to OPTIONS: the versions that are spoken.", {"type": "string"}),
)
_OFFSET = Parameter(tus.OFFSET, "Where the bytes begin: as many as are there.", _BYTES, "0", required=True)
_REFUSED = tuple(Parameter(header, "Not offered: refused.") for header in tus.NOT_OFFERED)
_CHECKSUM = Parameter(tus.CHECKSUM, "`sha256 BASE64` or `sha1 BASE64` of the body.")
_PROGRESS = (
    Parameter(tus.OFFSET, "Bytes that are durable.", _BYTES, required=True),
    Parameter(tus.EXPIRES, "When it is dropped unless it goes on.", required=True),
    Parameter("X-EchoFS-File", "The id of the file that it became."),
    Parameter("ETag", "The etag of the file that it became."),
    *(Parameter(header.name, f"Once it is a file. {header.description}", header.schema) for header in WRITE_GIVEN),
)
_KNOWN = (
    *_PROGRESS,
    Parameter(tus.LENGTH, "Bytes of the whole file.", _BYTES, required=True),
    Parameter(tus.METADATA, "As it was sent."),
)
_FINISHING = (
    NotFound,
    HeadMoved,
    TooFewReplicas,
    ClusterFull,
    SpoolFull,
    QuotaExceeded,
    ChecksumMismatch,
    CatalogUnavailable,
)
_TICKETED: tuple[type[EchoError], ...] = (NotFound, Expired, Forbidden, CatalogUnavailable, Unavailable)
_RECEIVING = (BodyMismatch, TooLarge, UnsupportedType, UploadMoved)
_BODY = (Body(BYTES, "hello\n", tus.BODY_TYPE, "The bytes from the offset on."),)
_LOCKED = {423: (CatalogUnavailable.code, Unavailable.code, TooFewReplicas.code)}
_STATUS = Answer(
    "How far it has come; once all bytes are there, the file and its receipt.",
    Progress,
    {"upload": {**_UPLOAD, "offset": 6}, "file": {**FILE_EXAMPLE, "path": "films/film.mkv"}},
    Receipt,
    WRITE_EXAMPLE,
    always_receipt=False,
    headers=_PROGRESS,
)
_BEGUN = Answer(
    "It is begun: go on at `Location`.",
    Progress,
    {"upload": _UPLOAD},
    Receipt,
    WRITE_EXAMPLE,
    always_receipt=False,
    headers=(LOCATION, *_PROGRESS),
)
_TAKEN = Answer("The bytes are durable.", media_type="", headers=_PROGRESS)
_DROPPED = Answer("It is dropped; a file that it became stays.", media_type="")
_INSTEAD = replace(_TAKEN, description="As the method that it stands for.", headers=_optional(_PROGRESS))
_ASKED = Answer("How far it has come.", media_type="", headers=_KNOWN)
_OFFERS = Answer(
    "Version, extensions, largest size.",
    media_type="",
    headers=(
        Parameter("Tus-Extension", "The extensions that are spoken.", required=True),
        Parameter("Tus-Checksum-Algorithm", "For `Upload-Checksum`.", required=True),
        Parameter("Tus-Max-Size", "Bytes of the largest file that is taken."),
    ),
)

RESOURCE = Resource(
    "Resumable uploads",
    "[tus 1.0](https://tus.io/protocols/resumable-upload), with creation, creation-with-upload, termination, "
    "expiration and checksum. Whoever has an upload's address may go on with it without a token.",
    {
        "OPTIONS resumable.options": Route("Ask what is spoken", {204: _OFFERS}, path=(_TICKET,), always=_SPOKEN),
        "resumable.create": Route(
            "Begin an upload",
            {201: _BEGUN},
            "A body brings the first bytes along.",
            headers=(
                _SPEAKS,
                Parameter(tus.LENGTH, "Bytes of the whole file.", _BYTES, "6", required=True),
                Parameter(
                    tus.METADATA,
                    "Keys with values in base64: `path`, or `filename` and `folder`; `content_type`, `consistency`, "
                    "`digest`.",
                    example="path ZmlsbXMvZmlsbS5ta3Y=",
                    required=True,
                ),
                *_REFUSED,
                _CHECKSUM,
                CONTENT_DIGEST,
                LEVEL,
                ON_CONFLICT,
                SESSION,
            ),
            bodies=_BODY,
            body_required=False,
            errors=(InvalidName, PreconditionFailed, *_RECEIVING, *_FINISHING),
            always=_SPOKEN,
        ),
        "resumable.listing": Route(
            "List unfinished uploads",
            {
                200: Answer(
                    "A page of them, the newest first.",
                    {"uploads": listed(UnfinishedUpload), "next": text("For `after`; empty on the last page.")},
                    {"uploads": [{"id": "0193f3c2", **_UPLOAD}], "next": ""},
                )
            },
            query=page_of("uploads"),
            always=_SPOKEN,
        ),
        "resumable.end": Route(
            "End an upload of yours",
            {200: Answer("It is dropped; a file that it became stays.", {"id": text("Its id.")}, {"id": "0193f3c2"})},
            "For whoever has its secret no more; it frees what the upload holds of the quota.",
            path=(path_id("upload_id", "The `id` in the list of unfinished uploads.", "0193f3c2"),),
            errors=(NotFound, CatalogUnavailable),
            always=_SPOKEN,
        ),
        "resumable.show": Route(
            "Show an upload",
            {200: _STATUS},
            path=(_TICKET,),
            headers=(SESSION,),
            errors=(*_TICKETED, *_FINISHING),
            always=_SPOKEN,
        ),
        "HEAD resumable.show": Route(
            "Ask from where to go on",
            {200: _ASKED},
            "A complete upload whose end failed is tried again. 423 stands for 503, after which clients begin anew.",
            path=(_TICKET,),
            headers=(_SPEAKS, SESSION),
            errors=(
                NotFound,
                Expired,
                Forbidden,
                HeadMoved,
                PreconditionFailed,
                ClusterFull,
                SpoolFull,
                QuotaExceeded,
                ChecksumMismatch,
            ),
            codes=_LOCKED,
            always=_SPOKEN,
        ),
        "resumable.patch": Route(
            "Send bytes",
            {204: _TAKEN},
            "The last byte makes the file.",
            path=(_TICKET,),
            headers=(_SPEAKS, _OFFSET, _CHECKSUM, CONTENT_DIGEST, SESSION),
            bodies=_BODY,
            errors=(PreconditionFailed, *_TICKETED, *_RECEIVING, *_FINISHING),
            always=_SPOKEN,
        ),
        "resumable.drop": Route(
            "Drop an upload",
            {204: _DROPPED},
            path=(_TICKET,),
            headers=(_SPEAKS,),
            errors=(PreconditionFailed, *_TICKETED),
            always=_SPOKEN,
        ),
        "resumable.override": Route(
            "The same for clients that know no other methods",
            {
                200: _ASKED,
                204: replace(_TAKEN, description="As the method that it stands for.", headers=_optional(_PROGRESS)),
            },
            path=(_TICKET,),
            headers=(
                Parameter(
                    "X-HTTP-Method-Override",
                    "The method that it stands for.",
                    {"type": "string", "enum": ["PATCH", "DELETE", "HEAD"]},
                    "PATCH",
                    required=True,
                ),
                _SPEAKS,
                replace(_OFFSET, required=False),
                _CHECKSUM,
                CONTENT_DIGEST,
                SESSION,
            ),
            bodies=_BODY,
            body_required=False,
            errors=(PreconditionFailed, *_TICKETED, *_RECEIVING, *_FINISHING),
            codes={**_LOCKED, 405: ("method_not_allowed",)},
            always=_SPOKEN,
        ),
    },
)
