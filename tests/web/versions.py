"""A version to ask conditions and names of."""

from __future__ import annotations

from echofs.core.chunking import EMPTY_DIGEST
from echofs.core.models import Content, Dot, Kind, Version

CREATED = 1_700_000_000_900_000
"""Tue, 14 Nov 2023 22:13:20.9 GMT."""


def a_version(
    *, path: str = "folder/a.txt", size: int = 100, content_type: str = "", content_version: int = 1
) -> Version:
    return Version(
        file_id="f" * 32,
        number=content_version + 1,
        parent=content_version,
        kind=Kind.CONTENT,
        path=path,
        content=Content(size, EMPTY_DIGEST, 1 << 20, bytes(32)),
        content_type=content_type,
        content_version=content_version,
        manifest="",
        dot=Dot("m", 1),
        created_at=CREATED,
    )
