"""Whether a local file and one at the master are the same already."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from echofs.client import Client, FileInfo


def same_content(client: Client, local: Path, remote: str) -> FileInfo | None:
    """The file at the master if it has the bytes of the local one. Raises :class:`ClientError` and OSError."""
    from echofs.client import NotFound

    try:
        file = client.stat(remote)
    except NotFound:
        return None
    return file if is_same(local, file) else None


def is_same(local: Path, file: FileInfo) -> bool:
    """Whether a local file has the bytes of one at the master. Raises OSError."""
    if not local.is_file() or local.stat().st_size != file.size:
        return False
    with local.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest() == file.digest
