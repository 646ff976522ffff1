"""Files: list, details, copy, move, delete, history, receipt."""

from __future__ import annotations

from echofs.core.errors import InvalidName, NotFound, QuotaExceeded
from echofs.core.names import MAX_PART_BYTES
from echofs.ports.listing import SortKey
from echofs.web.openapi.answers import WRITE_ERRORS, file_found, file_written
from echofs.web.openapi.description import Answer, Form, Parameter, Resource, Route, json_body
from echofs.web.openapi.fields import Shape, flag, listed, one, text, whole
from echofs.web.openapi.parameters import FILE, FILE_ID, LEVEL_QUERY, READ_GIVEN, READS, WRITE_GIVEN, WRITES, page_of
from echofs.web.openapi.shapes import (
    FILE_EXAMPLE,
    READ_EXAMPLE,
    VERSION_EXAMPLE,
    WRITE_EXAMPLE,
    File,
    ReadReceipt,
    Receipt,
    Version,
)
from echofs.web.queries import MAX_FILES
from echofs.web.schemas import MoveSchema


class WorkerShare(Shape):
    """What a worker holds of a version."""

    worker_id = text("The worker's id.")
    chunks = whole("How many of the chunks it holds.")


class ReplicaCount(Shape):
    """The copies of a version as just counted."""

    version = whole("The version that was counted.", least=1)
    chunks = whole("Its chunks: content, manifest, and lists of digests for very large files.")
    replicas = whole("Copies of the chunk that has fewest.")
    replicas_wanted = whole("How many there are to be.", least=1)
    zones = whole("Failure domains of the chunk that has fewest.")
    complete = flag("Every chunk has all its copies.")
    workers = listed(WorkerShare, "The workers that answered.")
    unreachable = listed(text("A worker's id."), "Workers that did not answer; they may hold more.")


_COUNT = {
    "version": 1,
    "chunks": 2,
    "replicas": 3,
    "replicas_wanted": 3,
    "zones": 3,
    "complete": True,
    "workers": [{"worker_id": f"worker{number}", "chunks": 2} for number in (1, 2, 3)],
    "unreachable": [],
}
_PAGE: dict[str, Form] = {
    "files": listed(File, "The files of this page."),
    "folders": listed(text("A folder's path."), "The folders directly inside; on the first page of a folder only."),
    "next": text("For `after`; null on the last page.", null=True),
}
_LISTING = (
    Parameter("folder", "Only the files directly in that folder; empty for the root.", example="photos"),
    Parameter(
        "sort",
        "What to sort by.",
        {"type": "string", "enum": [str(key) for key in SortKey], "default": str(SortKey.NAME)},
    ),
    Parameter("order", "Which way.", {"type": "string", "enum": ["asc", "desc"], "default": "asc"}),
    Parameter("below", "Only the files in that folder and in all folders inside it; empty for all."),
    Parameter(
        "search",
        "Only files whose name contains this; neither case nor the way accents are encoded matters.",
        {"type": "string", "maxLength": MAX_PART_BYTES},
    ),
    *page_of("files", MAX_FILES),
    LEVEL_QUERY,
)

RESOURCE = Resource(
    "Files",
    "A user's own files; another user's answer exactly as missing ones.",
    {
        "files.listing": Route(
            "List files",
            {
                200: Answer(
                    "A page of files.",
                    _PAGE,
                    {"files": [FILE_EXAMPLE], "folders": ["photos/2026"], "next": None},
                    ReadReceipt,
                    {**READ_EXAMPLE, "version": None},
                    READ_GIVEN,
                )
            },
            query=_LISTING,
            headers=READS,
            errors=(InvalidName,),
        ),
        "files.details": Route(
            "Show a file",
            {200: file_found("The file.")},
            path=(FILE_ID,),
            query=(LEVEL_QUERY,),
            headers=READS,
            errors=(NotFound,),
        ),
        "files.by_path": Route(
            "Find a file by its path",
            {200: file_found("The file.")},
            query=(Parameter("path", "The path.", example="photos/tree.jpg", required=True), LEVEL_QUERY),
            headers=READS,
            errors=(InvalidName, NotFound),
        ),
        "files.copy": Route(
            "Copy a file",
            {201: file_written("The new file, or the one that has a new version.")},
            "A new file of the same content. No byte is sent: it refers to the same chunks. The path must be free, "
            "unless `overwrite` makes a new version of the file there. Copies are never provisional; `If-Match` is "
            "about the file that is copied.",
            path=(FILE_ID,),
            query=(LEVEL_QUERY,),
            headers=WRITES,
            bodies=json_body(MoveSchema, {"path": "photos/copy.jpg"}),
            errors=(InvalidName, QuotaExceeded, *WRITE_ERRORS),
        ),
        "files.change": Route(
            "Move or rename a file",
            {200: file_written("The file at its new path; the etag stays, the version grows.")},
            "With `overwrite` a file at that path gets the bytes as a new version, and the one that is moved goes to "
            "the trash, in one step: the answer is about the former.",
            path=(FILE_ID,),
            query=(LEVEL_QUERY,),
            headers=WRITES,
            bodies=json_body(MoveSchema, {"path": "photos/oak.jpg"}),
            errors=(InvalidName, QuotaExceeded, *WRITE_ERRORS),
        ),
        "files.delete": Route(
            "Delete a file",
            {200: Answer("It is gone.", {"id": text("Its id.")}, {"id": FILE}, Receipt, WRITE_EXAMPLE, WRITE_GIVEN)},
            path=(FILE_ID,),
            query=(LEVEL_QUERY,),
            headers=WRITES,
            errors=WRITE_ERRORS,
        ),
        "files.versions": Route(
            "Show a file's history",
            {
                200: Answer(
                    "All versions, the newest first.",
                    {"versions": listed(Version)},
                    {"versions": [VERSION_EXAMPLE]},
                )
            },
            path=(FILE_ID,),
            errors=(NotFound,),
        ),
        "files.receipt": Route(
            "Count a file's copies",
            {200: Answer("What every worker holds now.", {"receipt": one(ReplicaCount)}, {"receipt": _COUNT})},
            "Asks every worker which chunks of the present version it holds.",
            path=(FILE_ID,),
            errors=(NotFound,),
        ),
    },
)
