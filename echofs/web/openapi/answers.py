"""Answers about files that several resources give."""

from __future__ import annotations

from echofs.core.errors import (
    ClusterFull,
    Conflict,
    HeadMoved,
    NameTaken,
    NotFound,
    PreconditionFailed,
    SpoolFull,
    TooFewReplicas,
)
from echofs.web.openapi.description import Answer, Parameter
from echofs.web.openapi.parameters import ETAG_GIVEN, READ_GIVEN, WRITE_GIVEN
from echofs.web.openapi.shapes import FILE_EXAMPLE, READ_EXAMPLE, WRITE_EXAMPLE, File, ReadReceipt, Receipt

WRITE_ERRORS = (NotFound, PreconditionFailed, Conflict, HeadMoved, NameTaken, TooFewReplicas, ClusterFull, SpoolFull)
"""What a change of a file may be refused with."""


def file_written(description: str, *headers: Parameter) -> Answer:
    """The file, and the receipt of what was done to it."""
    return Answer(description, {"file": File}, {"file": FILE_EXAMPLE}, Receipt, WRITE_EXAMPLE, (*headers, *WRITE_GIVEN))


def file_found(description: str) -> Answer:
    """The file, and how it was found."""
    return Answer(
        description, {"file": File}, {"file": FILE_EXAMPLE}, ReadReceipt, READ_EXAMPLE, (ETAG_GIVEN, *READ_GIVEN)
    )
