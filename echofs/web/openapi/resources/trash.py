"""The trash, old versions that come back, and how much a user has stored."""

from __future__ import annotations

from echofs.core.errors import InvalidName, NotFound, QuotaExceeded
from echofs.web.openapi.answers import WRITE_ERRORS, file_written
from echofs.web.openapi.description import Answer, Form, Resource, Route, json_body
from echofs.web.openapi.fields import Shape, listed, moment, one, text, whole
from echofs.web.openapi.parameters import (
    ETAG_GIVEN,
    FILE,
    FILE_ID,
    LEVEL,
    LEVEL_QUERY,
    ON_CONFLICT,
    SESSION,
    WRITES,
    page_of,
    path_id,
)
from echofs.web.schemas import RestoreSchema


class TrashedFile(Shape):
    """A deleted file that may come back."""

    id = text("The id it had, and will have.")
    path = text("Where it was.")
    name = text("The last part of the path.")
    folder = text("The path of the folder it was in; empty for the root.")
    size = whole("Bytes.")
    version = whole("The version that was deleted.", least=1)
    deleted_at = moment("When it was deleted.")
    expires_at = moment("From when on it may be gone for good; null for never.", null=True)


class OwnUsage(Shape):
    """How much a user has stored. Old versions of living files do not count."""

    files = whole("Living files.")
    bytes = whole("Their bytes.")
    trash_bytes = whole("The bytes of what is in the trash.")
    quota_bytes = whole("How much `bytes` and `trash_bytes` may come to; null for any.", null=True)


_TRASHED = {
    "id": FILE,
    "path": "photos/tree.jpg",
    "name": "tree.jpg",
    "folder": "photos",
    "size": 48123,
    "version": 2,
    "deleted_at": "2026-11-24T05:44:32.354454Z",
    "expires_at": "2026-12-24T05:44:32.354454Z",
}
_PAGE: dict[str, Form] = {
    "files": listed(TrashedFile, "The files of this page, the newest first."),
    "next": text("For `after`; null on the last page.", null=True),
}
_USAGE = {"files": 1, "bytes": 48123, "trash_bytes": 0, "quota_bytes": None}

RESOURCE = Resource(
    "Trash and versions",
    "What was deleted or replaced, and may come back. Only the catalog knows of it.",
    {
        "versions.restore": Route(
            "Bring an old version back",
            {200: file_written("The file: the old bytes are a new version, at the present path.", ETAG_GIVEN)},
            path=(FILE_ID, path_id("number", "The version's number.", "1")),
            query=(LEVEL_QUERY,),
            headers=WRITES,
            errors=(QuotaExceeded, *WRITE_ERRORS),
        ),
        "trash.listing": Route(
            "List deleted files",
            {200: Answer("A page of files.", _PAGE, {"files": [_TRASHED], "next": None})},
            query=page_of("files"),
        ),
        "trash.restore": Route(
            "Bring a deleted file back",
            {200: file_written("The file, with its id and its history.", ETAG_GIVEN)},
            path=(FILE_ID,),
            query=(LEVEL_QUERY,),
            headers=(LEVEL, SESSION, ON_CONFLICT),
            bodies=json_body(RestoreSchema, {"path": "photos/tree again.jpg", "rename": True}),
            body_required=False,
            errors=(InvalidName, *WRITE_ERRORS),
        ),
        "trash.purge": Route(
            "Delete a file for good",
            {200: Answer("It cannot come back.", {"id": text("Its id.")}, {"id": FILE})},
            path=(FILE_ID,),
            errors=(NotFound,),
        ),
        "trash.empty": Route(
            "Empty the trash",
            {200: Answer("Nothing of it can come back.", {"purged": whole("How many files.")}, {"purged": 1})},
        ),
        "trash.usage": Route(
            "Show how much is stored", {200: Answer("What counts.", {"usage": one(OwnUsage)}, {"usage": _USAGE})}
        ),
    },
)
