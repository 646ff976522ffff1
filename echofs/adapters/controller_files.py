"""What a controller keeps on its disk: its memory, an account of its decisions, and a trace to replay policies on."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from echofs.adapters.small_files import replace_durably
from echofs.core.errors import StoreUnavailable
from echofs.core.fields import canonical
from echofs.ports.steering import ControllerMemory, DecisionLog

MEMORY_FILE = "state.json"
AUDIT_FILE = "audit.jsonl"
TRACE_FILE = "trace.jsonl"
AUDIT_BYTES = 8 << 20
TRACE_BYTES = 16 << 20
_OLDER = ".1"

_log = logging.getLogger(__name__)


class MemoryFile(ControllerMemory):
    """A small JSON file; belongs to one process."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / MEMORY_FILE

    def load(self) -> dict[str, object] | None:
        try:
            fields = json.loads(self._path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError) as error:
            _log.error("the controller's memory cannot be read", extra={"why": str(error)})
            return None
        return fields if isinstance(fields, dict) else None

    def save(self, fields: Mapping[str, object]) -> None:
        replace_durably(self._path, canonical(fields))


class DecisionFiles(DecisionLog):
    """Two files of lines, each with one older part: when one has reached its limit it becomes the older part, and the
    one before that goes. Entries of the account are durable when :meth:`append` returns. Thread-safe."""

    def __init__(self, folder: Path, *, audit_bytes: int = AUDIT_BYTES, trace_bytes: int = TRACE_BYTES) -> None:
        self._audit = folder / AUDIT_FILE
        self._trace = folder / TRACE_FILE
        self._audit_bytes = audit_bytes
        self._trace_bytes = trace_bytes
        self._lock = threading.Lock()

    def append(self, entry: Mapping[str, object]) -> None:
        self._write(self._audit, canonical(entry) + b"\n", self._audit_bytes, durable=True)

    def find(self, entry_id: str) -> dict[str, object] | None:
        found = None
        with self._lock:
            for path in (_older(self._audit), self._audit):
                for entry in _entries(path):
                    if entry.get("id") == entry_id:
                        found = entry
        return found

    def newest(self) -> Iterator[dict[str, object]]:
        with self._lock:
            parts = [_content(self._audit), _content(_older(self._audit))]
        for part in parts:
            for line in reversed(part.splitlines()):
                yield from _parsed(line)

    def trace(self, line: bytes) -> None:
        self._write(self._trace, line, self._trace_bytes, durable=False)

    def _write(self, path: Path, line: bytes, limit: int, *, durable: bool) -> None:
        with self._lock:
            try:
                with path.open("ab") as file:
                    if file.tell() and not _ends_whole(path):
                        line = b"\n" + line  # A crash cut the last line short: it must not spoil this one.
                    file.write(line)
                    file.flush()
                    if durable:
                        os.fsync(file.fileno())
                    size = file.tell()
                if size >= limit:
                    path.replace(_older(path))
            except OSError as error:
                raise StoreUnavailable(f"{path.name} cannot be written ({error.strerror}).") from error


def _older(path: Path) -> Path:
    return path.with_name(path.name + _OLDER)


def _ends_whole(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _entries(path: Path) -> Iterator[dict[str, object]]:
    """Those of one file, without lines that make no sense."""
    try:
        with path.open("rb") as file:
            for line in file:
                yield from _parsed(line)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreUnavailable(f"{path.name} cannot be read ({error.strerror}).") from error


def _parsed(line: bytes) -> Iterator[dict[str, object]]:
    with suppress(ValueError, RecursionError):
        entry = json.loads(line)
        if isinstance(entry, dict):
            yield entry


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise StoreUnavailable(f"{path.name} cannot be read ({error.strerror}).") from error
