"""The folder named by ECHOFS_DATA_DIR."""

from __future__ import annotations

from pathlib import Path

from echofs.core.errors import InvalidSetting


def make_folder(path: Path) -> Path:
    """Make the data folder, closed to other users, if it is missing. Idempotent. Raises :class:`InvalidSetting`."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise not_writable(path, error) from error
    return path


def not_writable(path: Path, error: OSError) -> InvalidSetting:
    """The error for a data folder the system does not let us use."""
    return InvalidSetting(f"ECHOFS_DATA_DIR={path} cannot be written: {error.strerror}.", field="ECHOFS_DATA_DIR")
