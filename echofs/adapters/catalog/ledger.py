"""How much users have stored, kept by the transactions that change it.

One row for each owner, written last in a transaction and in the order of owner ids: it is the row that all writers of
one owner want, and nobody holds it for longer than it takes to end the transaction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from functools import cache
from typing import Any

from sqlalchemy import Connection, bindparam, select

from echofs.adapters.catalog.races import LostRace
from echofs.adapters.catalog.rows import execute_row, insert_into, slices, storable
from echofs.adapters.catalog.tables import usage
from echofs.core.errors import QuotaExceeded
from echofs.core.usage import Usage, refusal

_UNLIMITED = 2**62
_USAGE = select(usage.c.files, usage.c.bytes, usage.c.trash_bytes).where(usage.c.owner_id == bindparam("owner"))
_USAGES = select(usage.c.owner_id, usage.c.files, usage.c.bytes, usage.c.trash_bytes).where(
    usage.c.owner_id.in_(bindparam("owners", expanding=True))
)


def usage_of(connection: Connection, owner_id: str) -> Usage:
    """What an owner has stored."""
    row = connection.execute(_USAGE, {"owner": owner_id}).first() if storable(owner_id) else None
    return Usage(*row) if row else Usage()


def usages_of(connection: Connection, owner_ids: Collection[str]) -> dict[str, Usage]:
    """What each of these owners has stored."""
    found = dict.fromkeys(owner_ids, Usage())
    for part in slices(filter(storable, found.copy())):
        for owner_id, *counts in connection.execute(_USAGES, {"owners": part}):
            found[owner_id] = Usage(*counts)
    return found


class Ledger:
    """What one transaction changes. Whoever is not ``careful`` assumes that every quota holds and learns the contrary
    from :meth:`write`; whoever is looks first, and is told only when somebody else took the room meanwhile."""

    def __init__(self, connection: Connection, *, careful: bool) -> None:
        self._connection = connection
        self._careful = careful
        self._present: dict[str, Usage] = {}
        self._changes: dict[str, Usage] = defaultdict(Usage)
        self._limits: dict[str, int] = {}
        """How much an owner may have stored at most before this transaction."""

    def enter(self, owner_id: str, change: Usage, quota: int | None = None) -> QuotaExceeded | None:
        """Count a change in after those before it, or say why the quota forbids it."""
        before = self._changes[owner_id]
        if quota is not None and change.total > 0:
            if self._careful and (refused := refusal(self._found(owner_id) + before, change.total, quota)):
                return refused
            room = quota - before.total - change.total
            self._limits[owner_id] = min(room, self._limits.get(owner_id, _UNLIMITED))
        self._changes[owner_id] = before + change
        return None

    def _found(self, owner_id: str) -> Usage:
        if owner_id not in self._present:
            self._present[owner_id] = usage_of(self._connection, owner_id)
        return self._present[owner_id]

    def write(self) -> None:
        """Write all changes. Raises :class:`LostRace` where a quota does not hold, or not any longer."""
        for owner_id, change in sorted(self._changes.items()):
            limit = self._limits.get(owner_id, _UNLIMITED)
            if change == Usage() and limit == _UNLIMITED:
                continue  # A move, say.
            values = {
                "owner": owner_id,
                "more_files": change.files,
                "more_bytes": change.bytes,
                "more_trash": change.trash_bytes,
                "limit": limit,
            }
            # An owner without a row has nothing yet, which the condition of the statement is not asked about.
            if limit < 0 or execute_row(self._connection, _add(self._connection.dialect.name), values) != 1:
                raise LostRace("The room for this file was taken a moment ago; try again.")


@cache
def _add(dialect: str) -> Any:
    insert = insert_into(usage, dialect).values(
        owner_id=bindparam("owner"),
        files=bindparam("more_files"),
        bytes=bindparam("more_bytes"),
        trash_bytes=bindparam("more_trash"),
    )
    names = ("files", "bytes", "trash_bytes")
    return insert.on_conflict_do_update(
        index_elements=[usage.c.owner_id],
        set_={name: usage.c[name] + insert.excluded[name] for name in names},
        where=usage.c.bytes + usage.c.trash_bytes <= bindparam("limit"),
    )
