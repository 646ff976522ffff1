"""What a host remembers of the user directory and of floors, in one SQLite file for all its master processes."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from echofs.adapters.host_file import HostFile
from echofs.core.models import Floor, FloorScope, Level, Role
from echofs.ports.offline import OfflineFloors, OfflineRights, Right
from echofs.ports.runtime import Clock
from echofs.ports.sessions import Ended

# Of a token only its digest is kept: the file must open nothing to whoever reads it.
_TABLES = """
CREATE TABLE known (
    token BLOB PRIMARY KEY,
    user TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    jti TEXT NOT NULL,
    sid TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    quota_bytes INTEGER,
    asked_at REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX known_since ON known (asked_at);
CREATE INDEX known_user ON known (user);
CREATE INDEX known_session ON known (sid);
CREATE TABLE ended (what TEXT PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE floors (owner TEXT PRIMARY KEY, listed TEXT NOT NULL, asked_at REAL NOT NULL) WITHOUT ROWID;
"""


def open_memory(folder: Path, boot: str) -> HostFile:
    """The file in which rights and floors are kept. ``boot`` names the present start of the host."""
    return HostFile(folder, boot, _TABLES)


class LocalRights(OfflineRights):
    """Drops what is older than ``seconds`` as it goes."""

    def __init__(self, file: HostFile, clock: Clock, *, seconds: float) -> None:
        self._file = file
        self._clock = clock
        self._seconds = seconds

    def keep(self, token: str, right: Right, asked_at: float) -> None:
        row = (right.user_id, right.name, right.role.value, right.jti, right.sid, right.expires_at, right.quota_bytes)
        values = (_digest(token), *row, asked_at)

        def work(connection: sqlite3.Connection) -> None:
            ended = "SELECT 1 FROM ended WHERE what IN (?, ?) AND at >= ?"
            if connection.execute(ended, (_user(right.user_id), _session(right.sid), asked_at)).fetchone():
                return
            connection.execute("REPLACE INTO known VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
            self._drop_old(connection)

        self._file.change(work)

    def recall(self, token: str) -> tuple[Right, float] | None:
        query = "SELECT user, name, role, jti, sid, expires_at, quota_bytes, asked_at FROM known WHERE token = ?"
        with suppress(ValueError):
            for user, name, role, *rest, asked_at in self._file.rows(query, _digest(token)):
                age = self._clock.monotonic() - asked_at
                return Right(user, name, Role(role), *rest), age
        return None

    def refuse(self, token: str) -> None:
        self._file.change(lambda connection: connection.execute("DELETE FROM known WHERE token = ?", (_digest(token),)))

    def forget(self, ended: Ended) -> None:
        now = self._clock.monotonic()

        def work(connection: sqlite3.Connection) -> None:
            for column, name, what in (
                ("user", ended.user_id, _user(ended.user_id)),
                ("sid", ended.sid, _session(ended.sid)),
            ):
                if name:
                    connection.execute(f"DELETE FROM known WHERE {column} = ?", (name,))
                    connection.execute("REPLACE INTO ended VALUES (?, ?)", (what, now))

        self._file.change(work)

    def _drop_old(self, connection: sqlite3.Connection) -> None:
        before = self._clock.monotonic() - self._seconds
        connection.execute("DELETE FROM known WHERE asked_at < ?", (before,))
        connection.execute("DELETE FROM ended WHERE at < ?", (before,))


class LocalFloors(OfflineFloors):
    """One answer for each user."""

    def __init__(self, file: HostFile, clock: Clock) -> None:
        self._file = file
        self._clock = clock

    def keep(self, owner_id: str, floors: Sequence[Floor], asked_at: float) -> None:
        listed = json.dumps([[each.scope, each.key, each.level, each.critical] for each in floors])
        put = (
            "INSERT INTO floors VALUES (?, ?, ?) ON CONFLICT (owner) DO UPDATE "
            "SET listed = excluded.listed, asked_at = excluded.asked_at WHERE excluded.asked_at >= floors.asked_at"
        )
        self._file.change(lambda connection: connection.execute(put, (owner_id, listed, asked_at)))

    def recall(self, owner_id: str) -> tuple[tuple[Floor, ...], float] | None:
        with suppress(ValueError):
            for listed, asked_at in self._file.rows("SELECT listed, asked_at FROM floors WHERE owner = ?", owner_id):
                floors = (
                    Floor(owner_id, FloorScope(scope), key, Level(level), critical)
                    for scope, key, level, critical in json.loads(listed)
                )
                return tuple(floors), self._clock.monotonic() - asked_at
        return None


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _user(user_id: str) -> str:
    return f"user {user_id}"


def _session(sid: str) -> str:
    return f"session {sid}"
