"""Taking possession of a disk store's root: one process at a time, and only the worker it belongs to.

A disk carries an identity file, so that a swapped, wiped or unmounted disk is noticed before anything is served from
it or written to it.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from echofs.adapters.stores.disk_calls import FOLDER_MODE, DiskCalls
from echofs.adapters.stores.disk_segments import FOLDER, read_at
from echofs.adapters.stores.identity import IDENTITY_BYTES, IDENTITY_NAME, Identity
from echofs.core.errors import InvalidSetting

_UNFINISHED = ".identity.json"
SETTING = "CHUNK_STORE"
_RETRY_SECONDS = 0.1


def open_root(root: Path, calls: DiskCalls, lock_wait_seconds: float) -> int:
    """A descriptor of the root folder, made if missing and locked for this process until the descriptor is closed.

    Raises :class:`InvalidSetting` if the folder cannot be opened, or if another process still holds it after
    ``lock_wait_seconds``: a restarted worker may meet its predecessor for a moment.
    """
    with refused(root):
        _make_root(root.absolute(), calls)
        fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _lock(fd, root, lock_wait_seconds)
        except BaseException:
            os.close(fd)
            raise
    return fd


def claim(fd: int, calls: DiskCalls, root: Path, owner: str) -> str:
    """The store's id, from the identity file; a fresh root gets one, durably.

    Raises :class:`InvalidSetting` if the root belongs to another worker, or holds data without an identity.
    """
    with refused(root):
        try:
            raw = _read_identity(fd, calls)
        except FileNotFoundError:
            _refuse_orphans(fd, root)
            return _new_identity(fd, calls, owner)
        return _check_identity(raw, root, owner)


def _make_root(root: Path, calls: DiskCalls) -> None:
    missing = [folder for folder in (root, *root.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(FOLDER_MODE, exist_ok=True)
        parent = os.open(folder.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            calls.flush_folder(parent)
        finally:
            os.close(parent)


def _lock(fd: int, root: Path, wait_seconds: float) -> None:
    tries = max(1, round(wait_seconds / _RETRY_SECONDS))
    for attempt in range(1, tries + 1):
        try:
            return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if attempt < tries:
                time.sleep(_RETRY_SECONDS)
    raise _refusal(root, "another process is using it. Stop that one, or give each worker a folder of its own")


def _refuse_orphans(fd: int, root: Path) -> None:
    if FOLDER in os.listdir(fd):
        raise _refusal(
            root,
            f"it holds data but no {IDENTITY_NAME}. If this is the wrong folder or mount, correct it; if the file "
            "was lost, restore it; otherwise choose an empty folder and the copies are made anew",
        )


def _read_identity(root: int, calls: DiskCalls) -> bytes:
    fd = calls.open(root, IDENTITY_NAME)
    try:
        return read_at(calls, fd, 0, IDENTITY_BYTES)
    finally:
        os.close(fd)


def _new_identity(fd: int, calls: DiskCalls, owner: str) -> str:
    identity = Identity.new(owner)
    raw = memoryview(identity.write())
    # What a crash left unfinished is written anew.
    with suppress(FileNotFoundError):
        calls.unlink(fd, _UNFINISHED)
    file = calls.create(fd, _UNFINISHED)
    try:
        at = 0
        while at < len(raw):
            at += calls.write(file, raw[at:], at)
        calls.flush(file)
    finally:
        os.close(file)
    calls.link(fd, _UNFINISHED, IDENTITY_NAME)
    calls.unlink(fd, _UNFINISHED)
    calls.flush_folder(fd)
    return identity.store_id


def _check_identity(raw: bytes, root: Path, owner: str) -> str:
    identity = Identity.read(raw)
    if identity is None:
        raise _refusal(
            root,
            f"its {IDENTITY_NAME} is damaged or of a newer EchoFS. Restore it, upgrade, or choose an empty folder",
        )
    if identity.owner != owner:
        raise _refusal(
            root,
            f"it belongs to worker {identity.owner}, not to {owner}. Correct the mount, {SETTING} or WORKER_ID, or "
            "choose an empty folder",
        )
    return identity.store_id


def _refusal(root: Path, reason: str) -> InvalidSetting:
    return InvalidSetting(f"{SETTING}: the folder {root} cannot be used: {reason}.", field=SETTING)


@contextmanager
def refused(root: Path) -> Iterator[None]:
    """Turn errors of the system and of the index into :class:`InvalidSetting`."""
    try:
        yield
    except OSError as error:
        raise _refusal(root, error.strerror or "it cannot be read") from error
    except sqlite3.Error as error:
        raise _refusal(root, f"its index fails ({error})") from error
