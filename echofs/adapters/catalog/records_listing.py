"""Reading files on DynamoDB: one, a page of many, and the history of one. Nothing here scans.

What a file's head is, is decided in one place: it is the newest of its versions. The entry at a path only leads there.
While a transaction is being applied its items appear one after the other, within the milliseconds before
it is answered; whoever finds an entry and a version that do not fit each other therefore looks again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice

from echofs.adapters.catalog import cursor
from echofs.adapters.catalog.listing import file_not_found
from echofs.adapters.catalog.records_items import (
    INDEX,
    addressable,
    dot_key,
    entry_key,
    file_of,
    folder_mark,
    sort_key,
    version_key,
    version_of,
)
from echofs.adapters.catalog.records_tables import TableNames
from echofs.adapters.dynamodb import DynamoDB
from echofs.adapters.dynamodb_values import Item
from echofs.core.models import Dot, File, Timestamp, Version
from echofs.core.names import parent_of
from echofs.ports.listing import ListQuery, Page


class Listing:
    """Reads the files table. Safe to share between threads."""

    def __init__(self, dynamodb: DynamoDB, names: TableNames) -> None:
        self._dynamodb = dynamodb
        self._table = names.files

    def one(self, owner_id: str, file_id: str) -> File:
        """A living file by its id. Raises :class:`NotFound`."""
        file = self.head(owner_id, file_id)
        if file.deleted:
            raise file_not_found()
        return file

    def head(self, owner_id: str, file_id: str) -> File:
        """A file by its id, deleted or not. Raises :class:`NotFound`."""
        file = self._newest(file_id) if addressable(owner_id, file_id) else None
        if file is None or file.owner_id != owner_id:
            raise file_not_found()
        return file

    def by_dot(self, owner_id: str, dots: Collection[Dot]) -> dict[Dot, File]:
        """Those of the versions that are committed."""
        names = self._dynamodb.get_many(self._table, [dot_key(dot) for dot in dots])
        keys = [version_key(name["file"], name["number"]) for name in names]
        files = [file_of(item) for item in self._dynamodb.get_many(self._table, keys)]
        return {file.head.dot: file for file in files if file.owner_id == owner_id}

    def one_at(self, owner_id: str, path: str) -> File:
        """The living file at a path. Raises :class:`NotFound`."""
        patience = self._dynamodb.patience()
        while True:
            entry = self._dynamodb.get(self._table, entry_key(owner_id, path)) if addressable(owner_id, path) else None
            if entry is None:
                raise file_not_found()
            file = self._newest(entry["file"])
            if file and not file.deleted and file.path == path:
                return file
            patience.wait()

    def created_at(self, file_id: str) -> Timestamp:
        """When a file was created, whoever owns it. Raises :class:`NotFound`."""
        file = self._newest(file_id)
        if file is None:
            raise file_not_found()
        return file.created_at

    def _newest(self, file_id: str) -> File | None:
        for item in self._versions(file_id, at_once=1):
            return file_of(item)
        return None

    def history(self, owner_id: str, file_id: str) -> list[Version]:
        """All versions of a file, the newest first. Raises :class:`NotFound`."""
        items = list(self._versions(file_id)) if addressable(owner_id, file_id) else []
        if not items or items[0]["owner_id"] != owner_id:
            raise file_not_found()
        return [version_of(item) for item in items]

    def _versions(self, file_id: str, at_once: int | None = None) -> Iterator[Item]:
        values = {":pk": version_key(file_id, 0)["pk"]}
        return self._dynamodb.query(
            self._table, "#pk = :pk", values, names={"#pk": "pk"}, descending=True, at_once=at_once
        )

    def page(self, query: ListQuery) -> Page:
        """One page of living files. Raises :class:`InvalidRequest` for a malformed cursor."""
        if not addressable(query.owner_id, query.folder or "/", query.below or "/", query.search or "/"):
            return Page(())
        patience = self._dynamodb.patience()
        while True:
            entries = self._entries(query)
            files = self._heads(entries[: query.limit])
            if files is not None:
                break
            patience.wait()
        more = len(entries) > query.limit
        return Page(tuple(files), cursor.encode(cursor.place_of(files[-1], query.sort), query.sort) if more else "")

    def _entries(self, query: ListQuery) -> list[Item]:
        """One entry more than were asked for, if there are so many."""
        index = INDEX[query.sort, query.folder is not None]
        condition, values = "#pk = :pk", {":pk": entry_key(query.owner_id, "")["pk"]}
        names = {"#pk": "pk"}
        if index and query.folder is not None:
            condition, names["#sort"] = "#pk = :pk AND begins_with(#sort, :start)", index
            values[":start"] = folder_mark(query.folder)
        elif index is None and query.below:
            condition, names["#sort"] = "#pk = :pk AND begins_with(#sort, :start)", "sk"
            values[":start"] = f"{query.below}/"
        # What an index cannot tell is told by each entry's path, however many must be read for that.
        told = not query.search and (not query.below or index is None)
        found = self._dynamodb.query(
            self._table,
            condition,
            values,
            names=names,
            index=index,
            descending=query.descending,
            after=_start(query, index) if query.after else None,
            at_once=query.limit + 1 if told else None,
        )
        return list(islice((entry for entry in found if told or query.lists(entry["sk"])), query.limit + 1))

    def _heads(self, entries: list[Item]) -> list[File] | None:
        """The files of these entries; None if one of the versions does not show yet."""
        keys = [version_key(entry["file"], entry["number"]) for entry in entries]
        found = {item["file"]: file_of(item) for item in self._dynamodb.get_many(self._table, keys)}
        return [found[entry["file"]] for entry in entries] if len(found) == len(entries) else None

    def entries_below(self, owner_id: str, folder: str) -> Iterator[Item]:
        """The entries of all living files below a folder, in the order of their paths."""
        values = {":pk": entry_key(owner_id, "")["pk"], ":below": f"{folder}/"}
        names = {"#pk": "pk", "#sk": "sk"}
        return self._dynamodb.query(self._table, "#pk = :pk AND begins_with(#sk, :below)", values, names=names)

    def subfolders(self, owner_id: str, parent: str) -> list[str]:
        """Folders directly inside another, sorted."""
        if not addressable(owner_id, parent or "/"):
            return []
        values = {":pk": f"folder:{owner_id}:{parent}"}
        return [item["sk"] for item in self._dynamodb.query(self._table, "#pk = :pk", values, names={"#pk": "pk"})]


def _start(query: ListQuery, index: str | None) -> dict[str, str]:
    """The key after which the page starts. The file that stood there may be gone."""
    value, path = cursor.decode(query.after, query.sort)
    if not addressable(path) or query.folder not in (None, parent_of(path)):
        raise cursor.malformed()
    key = entry_key(query.owner_id, path)
    return {**key, index: sort_key(index, (value, path))} if index else key
