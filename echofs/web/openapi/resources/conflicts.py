"""Conflicts of provisional versions."""

from __future__ import annotations

from echofs.core.errors import Conflict, HeadMoved, NameTaken, NotFound
from echofs.core.models import ConflictState
from echofs.web.openapi.description import Answer, Parameter, Resource, Route, json_body
from echofs.web.openapi.fields import Shape, choice, listed, moment, one, text, whole
from echofs.web.openapi.parameters import FILE, page_of, path_id
from echofs.web.openapi.shapes import VERSION_EXAMPLE, Version
from echofs.web.schemas import ResolveSchema

_CONFLICT_ID = path_id("conflict_id", "The dot of the version that came later, as in its receipt.", "master1:17")


class Kept(Shape):
    """A version that holds what became of a conflict."""

    id = text("The file's id.")
    version = whole("The version's number.", least=1)


class ConflictShape(Shape):
    """Two versions that followed the same one, or wanted the same path."""

    id = text("The dot of the version that came later.")
    file_id = text("The file that was meant to be changed.")
    path = text("The path that was meant.")
    rule = text("The rule that decided.")
    state = choice(ConflictState, "Whether it waits for a decision.")
    created_at = moment("When the versions met.")
    resolved_at = moment("When it was decided; null while it is open.", null=True)
    kept = listed(Kept, "What became of it, that of the later version first.")
    mine = one(Version, "The version that waits for a decision, while it is open.", null=True)


_EXAMPLE: dict[str, object] = {
    "id": "master1:17",
    "file_id": FILE,
    "path": "photos/tree.jpg",
    "rule": "ask",
    "state": "open",
    "created_at": "2026-03-01T09:30:00.000000Z",
    "resolved_at": None,
    "kept": [],
    "mine": VERSION_EXAMPLE,
}
_ONE = {"conflict": one(ConflictShape)}
_RESOLVED = {
    **_EXAMPLE,
    "state": "resolved",
    "resolved_at": "2026-03-01T10:00:00.000000Z",
    "kept": [{"id": FILE, "version": 3}],
    "mine": None,
}

RESOURCE = Resource(
    "Conflicts",
    "What became of provisional versions that met another change.",
    {
        "conflicts.listing": Route(
            "List conflicts",
            {
                200: Answer(
                    "A page of conflicts, the newest first.",
                    {
                        "conflicts": listed(ConflictShape),
                        "next": text("For `after`; null on the last page.", null=True),
                    },
                    {"conflicts": [_EXAMPLE], "next": None},
                )
            },
            query=(
                Parameter(
                    "state", "Only those.", {"type": "string", "enum": [str(state) for state in ConflictState]}, "open"
                ),
                *page_of("conflicts"),
            ),
        ),
        "conflicts.details": Route(
            "Show a conflict",
            {200: Answer("The conflict.", _ONE, {"conflict": _EXAMPLE})},
            path=(_CONFLICT_ID,),
            errors=(NotFound,),
        ),
        "conflicts.resolve": Route(
            "Decide a conflict",
            {200: Answer("The conflict, decided.", _ONE, {"conflict": _RESOLVED})},
            "`mine` is the version that came later: it becomes the head. `both` makes a file beside the other of it. "
            "One that is resolved already stays as it is.",
            path=(_CONFLICT_ID,),
            bodies=json_body(ResolveSchema, {"keep": "mine"}),
            errors=(NotFound, Conflict, HeadMoved, NameTaken),
        ),
    },
)
