"""Filling an empty catalog from an exported one: the whole file is checked before anything is touched."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import BinaryIO

from echofs.core.errors import Conflict, InvalidRequest, NameTaken, NotFound
from echofs.core.fields import Fields
from echofs.core.models import User
from echofs.ports.accounts import UserDirectory
from echofs.ports.catalog import Catalog, Entry
from echofs.ports.runtime import Clock, Ids
from echofs.services.moving import lines
from echofs.services.moving.lines import Item, Revocation
from echofs.services.restoring import Restoring

TOGETHER = 200
MAX_LINE_BYTES = 16 << 20
"""A line is some 150 KiB at most, unless a worker owes thousands of reasons; what is longer is no line of ours."""


class Import:
    """Runs once."""

    def __init__(self, catalog: Catalog, users: UserDirectory, clock: Clock, ids: Ids) -> None:
        self._catalog = catalog
        self._users = users
        self._restoring = Restoring(catalog, "an import", clock, ids)

    def run(self, source: BinaryIO) -> int:
        """Read ``source`` twice, first to check it, and fill the catalog; how many lines it had.

        Users that are there already, exactly the same, are left as they are. After an interruption it starts over by
        itself. Raises :class:`InvalidRequest` for a file that is cut, changed or of another format,
        :class:`Conflict` when the catalog is not empty or another user has the id, name or address of one, and what
        the catalog raises.
        """
        start = source.tell()
        count = sum(1 for _ in _checked(source))
        source.seek(start)
        with self._restoring.filling():
            entries: list[Entry] = []
            for item in _checked(source):
                if isinstance(item, User):
                    self._add(item)
                elif isinstance(item, Revocation):
                    self._users.revoke([item.token_id], item.expires_at)
                else:
                    entries.append(item)
                if len(entries) == TOGETHER:
                    self._put(entries)
            self._put(entries)
        return count

    def _put(self, entries: list[Entry]) -> None:
        self._catalog.restore(entries)
        entries.clear()
        self._restoring.keep()

    def _add(self, user: User) -> None:
        try:
            if self._users.by_id(user.id) == user:
                return
        except NotFound:
            try:
                self._users.add(user)
            except NameTaken as error:
                raise _other_user(user) from error
        else:
            raise _other_user(user)


def _other_user(user: User) -> Conflict:
    return Conflict(
        f"Another account has the id, name or address of {user.name}: import into a database without accounts."
    )


def _checked(source: BinaryIO) -> Iterator[Item]:
    """The items of a file, read line by line. Raises :class:`InvalidRequest`, at the latest at its end."""
    header = source.readline(MAX_LINE_BYTES)
    if header != lines.HEADER:
        raise InvalidRequest("This is no exported catalog, or one of a format this EchoFS does not know.")
    digest, order, count = hashlib.sha256(header), lines.Sequence(), 0
    while line := source.readline(MAX_LINE_BYTES):
        try:
            fields = Fields.parsed(line, "line")
            if fields.text("type") == lines.END:
                if line != lines.end(count, digest.hexdigest()) or source.read(1):
                    raise ValueError("its end does not fit")
                return
            item = lines.decode(fields)
            order.admit(item)
        except ValueError as error:
            raise InvalidRequest(f"Line {count + 2} of the file is damaged: {error}.") from error
        digest.update(line)
        count += 1
        yield item
    raise InvalidRequest("The file is cut: its last line is missing. Nothing was imported.")
