"""A copy of heads in a dictionary."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from echofs.core.errors import InvalidRequest
from echofs.core.models import File
from echofs.core.names import ancestors_of, parent_of
from echofs.ports.catalog import Changes
from echofs.ports.follower import Copy, CopyPage, Follower
from echofs.ports.listing import ListQuery, Page, SortKey
from echofs.ports.runtime import Clock


class MemoryFollower(Follower):
    """Set ``led`` to have another process lead; ``capacity`` bounds the files."""

    def __init__(self, clock: Clock, *, capacity: int = 1000) -> None:
        self.led = False
        self._clock = clock
        self._capacity = capacity
        self._files: dict[str, File] = {}
        self._position: int | None = None
        self._whole = True
        self._fresh_at: float | None = None
        self._marks: list[tuple[int, float]] = []

    def head(self, owner_id: str, file_id: str) -> Copy | None:
        return self._copy(file for file in self._files.values() if file.id == file_id and file.owner_id == owner_id)

    def at(self, owner_id: str, path: str) -> Copy | None:
        return self._copy(file for file in self._living(owner_id) if file.path == path)

    def page(self, query: ListQuery, newer: Sequence[File] = ()) -> CopyPage | None:
        age = self.age()
        if age is None:
            return None
        hidden = {file.id for file in newer}
        files = [file for file in self._living(query.owner_id) if file.id not in hidden]
        files += [file for file in newer if not file.deleted and file.owner_id == query.owner_id]
        files = [file for file in files if query.lists(file.path)]
        files.sort(key=lambda file: _place(file, query.sort), reverse=query.descending)
        if query.after:
            after = _decode(query)
            files = [
                file
                for file in files
                if (_place(file, query.sort) < after if query.descending else _place(file, query.sort) > after)
            ]
        shown, more = tuple(files[: query.limit]), len(files) > query.limit
        cursor = json.dumps([query.sort, *_place(shown[-1], query.sort)]) if more else ""
        return CopyPage(Page(shown, cursor), age, self._whole, self._position or 0)

    def folders(self, owner_id: str, parent: str) -> list[str]:
        found = {folder for file in self._living(owner_id) for folder in ancestors_of(file.path)}
        return sorted(folder for folder in found if parent_of(folder) == parent)

    def age(self) -> float | None:
        return None if self._fresh_at is None else self._clock.monotonic() - self._fresh_at

    def position(self) -> int | None:
        return self._position

    def begin(self, position: int, *, whole: bool) -> None:
        self._files.clear()
        self._position, self._whole, self._fresh_at, self._marks = position, whole, None, []

    def take(self, changes: Changes, after: int, asked_at: float) -> None:
        if after != self._position:
            return
        for file in changes.files:
            known = self._files.get(file.id)
            if known is None or known.head.number <= file.head.number:
                self._files.pop(file.id, None)
                self._files[file.id] = file
        while len(self._files) > self._capacity:
            self._files.pop(next(iter(self._files)))
            self._whole = False
        self._position = changes.upto
        self._marks.append((changes.newest, asked_at))
        reached = [asked for newest, asked in self._marks if newest <= changes.upto]
        self._fresh_at = max([*reached, *([] if self._fresh_at is None else [self._fresh_at])], default=None)
        self._marks = [mark for mark in self._marks if mark[0] > changes.upto]

    @contextmanager
    def lead(self) -> Iterator[bool]:
        free = not self.led
        self.led = True
        try:
            yield free
        finally:
            self.led = not free

    def _living(self, owner_id: str) -> list[File]:
        return [file for file in self._files.values() if file.owner_id == owner_id and not file.deleted]

    def _copy(self, found: Iterator[File]) -> Copy | None:
        age = self.age()
        file = next(found, None)
        return None if age is None or file is None else Copy(file, age, self._position or 0)


def _place(file: File, sort: SortKey) -> tuple[int, str]:
    value = {SortKey.NAME: 0, SortKey.SIZE: file.head.content.size, SortKey.UPDATED: file.head.created_at}[sort]
    return value, file.path


def _decode(query: ListQuery) -> tuple[int, str]:
    try:
        order, value, path = json.loads(query.after)
    except (ValueError, TypeError):
        order, value, path = None, 0, ""
    if order != query.sort:
        raise InvalidRequest("That cursor belongs to no listing in this order.", field="after")
    return value, path
