"""Addresses of unfinished uploads, kept between programs: whoever has one can go on with that upload."""

from __future__ import annotations

import hashlib
import time
from contextlib import suppress
from pathlib import Path

from echofs.client.private_files import make_folder, replace_file

DAYS = 14
"""How long an address is kept at most. Masters drop an upload earlier that nothing is added to."""


class Tickets:
    """The addresses of one user at one master, as ``owner`` names them. ``folder`` may not exist yet."""

    def __init__(self, folder: Path, owner: str) -> None:
        self._folder = folder
        self._owner = owner

    def of(self, path: str, identity: str) -> FileTicket:
        """That of the content ``identity`` on its way to ``path``."""
        key = hashlib.sha256("\0".join([self._owner, path, identity]).encode(errors="surrogateescape")).hexdigest()
        return FileTicket(self._folder / key)


class FileTicket:
    """One address, in a file for its owner only."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> str:
        with suppress(OSError, UnicodeDecodeError):
            return self._path.read_text(encoding="ascii")
        return ""

    def save(self, location: str) -> None:
        make_folder(self._path.parent)
        self._drop_old()
        replace_file(self._path, location)

    def forget(self) -> None:
        self._path.unlink(missing_ok=True)

    def _drop_old(self) -> None:
        oldest = time.time() - DAYS * 86400
        for other in self._path.parent.iterdir():
            with suppress(OSError):
                if other.stat().st_mtime < oldest:
                    other.unlink()
