"""Small files that are replaced whole."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from echofs.core.errors import StoreUnavailable


def replace_durably(path: Path, data: bytes) -> None:
    """Give the file new bytes, atomically; durable when it returns. Raises :class:`StoreUnavailable`."""
    temp = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        _write_durably(temp, data)
        temp.replace(path)
        _flush_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            temp.unlink(missing_ok=True)
        raise StoreUnavailable(f"{path.name} cannot be written ({error.strerror}).") from error


def _write_durably(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
