"""Writing a catalog and its users out, in bounded memory and in one order whatever engine they come from."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import BinaryIO

from echofs.core.errors import Conflict
from echofs.core.fields import Fields
from echofs.ports.accounts import UserDirectory
from echofs.ports.catalog import Catalog
from echofs.ports.runtime import Clock
from echofs.services.moving import lines
from echofs.services.moving.lines import Item, Revocation
from echofs.services.restoring import MARK

PAGE = 500


def export(catalog: Catalog, users: UserDirectory, clock: Clock, target: BinaryIO) -> int:
    """Write everything to ``target``; how many lines came between the first and the last.

    Nobody may write to the catalog meanwhile. Raises :class:`Conflict` when somebody was seen to, or when the catalog
    was never filled to its end, and what the catalog raises.
    """
    if catalog.lease_holder(MARK, clock.now()):
        raise Conflict("This catalog was not filled to its end: repeat the rebuild or import first.")
    count, digest, order = 0, hashlib.sha256(lines.HEADER), lines.Sequence()
    # An engine hands entries out in an order of its own; an empty name is a temporary file that SQLite deletes itself.
    with closing(sqlite3.connect("")) as sorter:
        sorter.execute("CREATE TABLE lines (part INTEGER, key TEXT, line BLOB, PRIMARY KEY (part, key)) WITHOUT ROWID")
        rows = ((*place, line) for place, line in map(lines.encode, _everything(catalog, users)))
        sorter.executemany("INSERT OR REPLACE INTO lines VALUES (?, ?, ?)", rows)
        target.write(lines.HEADER)
        for (line,) in sorter.execute("SELECT line FROM lines ORDER BY part, key"):
            _admit(order, line)
            target.write(line)
            digest.update(line)
            count += 1
    target.write(lines.end(count, digest.hexdigest()))
    return count


def _admit(order: lines.Sequence, line: bytes) -> None:
    try:
        order.admit(lines.decode(Fields.parsed(line, "line")))
    except ValueError as error:
        raise Conflict(
            f"The catalog does not fit together ({error}), as when it changes while it is exported: stop masters and "
            "jobs, and repeat it."
        ) from error


def _everything(catalog: Catalog, users: UserDirectory) -> Iterator[Item]:
    after = ""
    while people := users.page(after, PAGE):
        yield from people
        after = people[-1].id
    after = ""
    while revoked := users.revocations(after, PAGE):
        yield from (Revocation(token_id, expires_at) for token_id, expires_at in revoked)
        after = revoked[-1][0]
    page = catalog.dump()
    yield from page.entries
    while page.next:
        page = catalog.dump(page.next)
        yield from page.entries
