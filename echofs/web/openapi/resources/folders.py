"""Folders: list, make, move, copy, delete."""

from __future__ import annotations

from echofs.core.errors import (
    ClusterFull,
    HeadMoved,
    InvalidName,
    NameTaken,
    NotFound,
    QuotaExceeded,
    TooFewReplicas,
)
from echofs.core.models import Level
from echofs.web.levels import SESSION_HEADER
from echofs.web.openapi.description import Answer, Parameter, Resource, Route, json_body
from echofs.web.openapi.fields import Shape, choice, flag, listed, one, text, whole
from echofs.web.openapi.parameters import SESSION
from echofs.web.openapi.shapes import WRITE_EXAMPLE
from echofs.web.schemas import FolderMoveSchema, FolderSchema


class Folder(Shape):
    """A folder."""

    path = text("Where it is: the folder it is in, a slash and its name.")
    name = text("The last part of the path.")
    parent = text("The path of the folder it is in; empty for the root.")


class StepReceipt(Shape):
    """What a step got that concerned many files."""

    mode_used = choice([Level.STRONG], "Such steps are strong.")
    committed = flag("The catalog has all of it.")
    reason = text("Where reads may lag behind it; else empty.")
    session = text("The token by which reads see all of it, through any master.")


_FOLDER = {"path": "photos/2026", "name": "2026", "parent": "photos"}
_RECEIPT = {"mode_used": "strong", "committed": True, "reason": "", "session": WRITE_EXAMPLE["session"]}
_GIVEN = (Parameter(SESSION_HEADER, "The token to send with the next request."),)
_RELOCATION = {"path": "photos/2026", "to": "archive/2026"}
_ERRORS = (InvalidName, NotFound, NameTaken, HeadMoved, TooFewReplicas, ClusterFull)
_ONE = {"folder": one(Folder)}


def _many(description: str, count: str) -> Answer:
    return Answer(description, {count: whole("How many files.")}, {count: 12}, StepReceipt, _RECEIPT, _GIVEN)


RESOURCE = Resource(
    "Folders",
    "Folders exist from the first file put in them, or from when they are made, until they are moved or deleted. What "
    "concerns the files below a folder happens to all of them in one step, or to none, and is strong "
    "whatever is asked for.",
    {
        "folders.listing": Route(
            "List folders",
            {
                200: Answer(
                    "The folders directly inside, empty ones too.", {"folders": listed(Folder)}, {"folders": [_FOLDER]}
                )
            },
            query=(Parameter("parent", "The folder they are in; empty for the root.", example="photos"),),
            errors=(InvalidName,),
        ),
        "folders.make": Route(
            "Make a folder",
            {
                200: Answer("It was there already.", _ONE, {"folder": _FOLDER}),
                201: Answer("It is made, with all above it.", _ONE, {"folder": _FOLDER}),
            },
            bodies=json_body(FolderSchema, {"path": "photos/2026"}),
            errors=(InvalidName, NameTaken),
        ),
        "folders.move": Route(
            "Move or rename a folder",
            {200: _many("Everything below it has another path now.", "moved")},
            headers=(SESSION,),
            bodies=json_body(FolderMoveSchema, _RELOCATION),
            errors=_ERRORS,
        ),
        "folders.copy": Route(
            "Copy a folder",
            {201: _many("It is there twice now; no byte was sent.", "copied")},
            headers=(SESSION,),
            bodies=json_body(FolderMoveSchema, _RELOCATION),
            errors=(*_ERRORS, QuotaExceeded),
        ),
        "folders.delete": Route(
            "Delete a folder",
            {200: _many("It is gone; the files below it are in the trash.", "deleted")},
            query=(Parameter("path", "The folder.", example="photos/2026", required=True),),
            headers=(SESSION,),
            errors=_ERRORS,
        ),
    },
)
