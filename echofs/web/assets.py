"""The static files of the page: read and compressed once, under addresses that change with their content."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

STATIC = Path(__file__).parent / "static"
_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".LICENSE": "text/plain; charset=utf-8",
}
_VERSION_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is sent. ``compressed`` is its gzip form (RFC 1952)."""

    content_type: str
    plain: bytes
    compressed: bytes
    etag: str


class Assets:
    """The files below ``folder``.

    ``version`` names the state of all of them together: it is part of every address, so that modules which import each
    other by relative address always fit together, and may be kept for ever. Safe to share between threads.
    """

    def __init__(self, folder: Path = STATIC) -> None:
        self._files = {
            path.relative_to(folder).as_posix(): path
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.suffix in _TYPES
        }
        state = hashlib.sha256()
        for name, path in self._files.items():
            state.update(name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
        self.version = state.hexdigest()[:_VERSION_CHARACTERS]
        self._load = cache(self._read)

    def names(self, suffix: str = "") -> list[str]:
        """All files whose name ends so, in order."""
        return [name for name in self._files if name.endswith(suffix)]

    def url(self, name: str) -> str:
        """The address of a file. Raises KeyError if there is none of that name."""
        if name not in self._files:
            raise KeyError(name)
        return f"/static/{self.version}/{name}"

    def find(self, name: str) -> Asset | None:
        """The file of that name, if there is one; only names found at the start are ever opened."""
        return self._load(name) if name in self._files else None

    def _read(self, name: str) -> Asset:
        path = self._files[name]
        plain = path.read_bytes()
        # mtime=0: the same bytes on every host, so that any of them may answer for a cache.
        compressed = gzip.compress(plain, compresslevel=9, mtime=0)
        return Asset(_TYPES[path.suffix], plain, compressed, hashlib.sha256(plain).hexdigest()[:32])
