"""The two secrets: where they come from, when they are good enough, and how a laptop's cluster makes its own.

A process knows only the secrets of its role, so that a worker broken into cannot sign a user's token.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from echofs.core.errors import InvalidSetting
from echofs.settings.model import ProcessRole

JWT_SECRET = "JWT_SECRET"
CLUSTER_SECRET = "CLUSTER_SECRET"
FILE_NAME = "secrets.env"
MIN_CHARACTERS = 32
"""RFC 7518, 3.2: an HMAC-SHA-256 key has at least the length of the hash, 32 bytes."""
SAMPLES = frozenset({"replace-me-with-a-secret-of-your-own-1", "replace-me-with-a-secret-of-your-own-2"})
"""The values shown in the example files: public, so never accepted."""

_RECIPE = "make one with: python3 -c 'import secrets; print(secrets.token_hex(32))'"
_BOTH = (JWT_SECRET, CLUSTER_SECRET)
NEEDED: dict[ProcessRole, tuple[str, ...]] = {
    ProcessRole.MASTER: _BOTH,
    ProcessRole.ALL: _BOTH,
    ProcessRole.WORKER: (CLUSTER_SECRET,),
    ProcessRole.CONTROLLER: (CLUSTER_SECRET,),
    ProcessRole.JOBS: (CLUSTER_SECRET,),
    ProcessRole.COMMAND: (),
}


def secrets_for(role: ProcessRole, given: Mapping[str, str], data_dir: Path) -> dict[str, str]:
    """The secrets a role needs: from ``given``, else from the file in the data folder, which ``ALL`` makes if missing.

    Raises :class:`InvalidSetting` for a missing, short, public or doubled secret, or a file that others can read.
    """
    needed = NEEDED[role]
    found = {name: given[name] for name in needed if given.get(name)}
    if len(found) < len(needed):
        path = data_dir / FILE_NAME
        if role is ProcessRole.ALL and not path.exists():
            _make(path)
        found = {**_read(path), **found}
    chosen = {name: found.get(name, "") for name in needed}
    for name, value in chosen.items():
        _check(name, value)
    if len(set(chosen.values())) < len(chosen):
        raise InvalidSetting(
            "JWT_SECRET and CLUSTER_SECRET are equal: give each a value of its own.", field=CLUSTER_SECRET
        )
    return chosen


def made_here(cluster_secret: str, data_dir: Path) -> bool:
    """Whether the secret is the one that the first start of ``ALL`` made in this data folder: then this is a cluster on
    one machine, and no operator has given it secrets."""
    return _read(data_dir / FILE_NAME).get(CLUSTER_SECRET) == cluster_secret


def _check(name: str, value: str) -> None:
    if not value:
        who = "masters" if name == JWT_SECRET else "processes"
        problem = f"{name} is not set: all {who} need the same one; {_RECIPE}"
    elif value in SAMPLES:
        problem = f"{name} is the sample value from the example file, which everybody knows; {_RECIPE}"
    elif len(value) < MIN_CHARACTERS:
        problem = f"{name} is shorter than {MIN_CHARACTERS} characters; {_RECIPE}"
    else:
        return
    raise InvalidSetting(problem, field=name)


def _read(path: Path) -> dict[str, str]:
    try:
        mode = path.stat().st_mode
        if stat.S_IMODE(mode) & 0o077:
            raise InvalidSetting(
                f"{path} holds secrets and others can read it: run chmod 600 on it, or make new secrets if others did.",
                field="ECHOFS_DATA_DIR",
            )
        return {name: value for name, value in dotenv_values(path, interpolate=False).items() if value}
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise InvalidSetting(f"{path} cannot be read: {reason}.", field="ECHOFS_DATA_DIR") from error


def _make(path: Path) -> None:
    """Write fresh secrets. Of several processes doing so at once one wins, and the others will read its file."""
    lines = "".join(f"{name}={secrets.token_hex(32)}\n" for name in _BOTH)
    fresh = path.with_name(f".{FILE_NAME}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(fresh, path)  # unlike a rename, a link never replaces the file another process has just made
        except FileExistsError:
            return
        finally:
            fresh.unlink()
        _sync_folder(path.parent)
    except OSError as error:
        raise InvalidSetting(
            f"ECHOFS_DATA_DIR={path.parent} cannot be written: {error.strerror}.", field="ECHOFS_DATA_DIR"
        ) from error


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
