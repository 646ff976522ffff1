"""A host that was cut off from the catalog, and another that was not."""

from __future__ import annotations

from dataclasses import replace

from echofs.core.entries import OnConflict
from echofs.core.models import File, Role, User
from echofs.ports.listing import ListQuery
from echofs.services.resolving import Fate
from echofs.services.uploads import Declared, Target, Upload
from tests.unit.services.data_plane import OWNER, OWNER_NAME, DataPlane

BESIDE = " (conflict, anna, 2020-01-01)"
ANNA = User(OWNER, OWNER_NAME, "anna@example.org", Role.USER, "", 0, disabled=False, created_at=0)


def alone(plane: DataPlane, *files: File) -> None:
    """Cut the host off; it knows these files."""
    plane.follow(*files)
    plane.cut_catalog()


def back(plane: DataPlane) -> dict[Fate, int]:
    """The catalog answers again, and the host brings what it has."""
    plane.heal_catalog()
    return plane.reintegration.run_once()


def living(plane: DataPlane) -> dict[str, bytes]:
    """The bytes of all files by path."""
    files = plane.catalog.files(ListQuery(OWNER)).files
    return {file.path: plane.read(file.head.content) for file in files}


def put_with(plane: DataPlane, path: str, data: bytes, on_conflict: OnConflict) -> File:
    """An upload with a wish of what to do on a conflict."""
    wish = replace(plane.wish(), on_conflict=on_conflict)
    upload = plane.uploads.begin(Target(OWNER, path=path), Declared(len(data)), wish)
    assert isinstance(upload, Upload)
    upload.write(data)
    return upload.finish().file
