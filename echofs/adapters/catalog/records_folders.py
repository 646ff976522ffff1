"""Folders on DynamoDB, and several commits in one step: one transaction, so at most a hundred items.

The chunks of such commits are recorded ahead of it. That nothing is left in a folder that ends is looked at before the
transaction, and again behind it: what came in between gets its folders back. Whoever puts something in a folder looks
behind that whether the folder is still there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Protocol, TypeVar

from echofs.adapters.catalog import records_accounts
from echofs.adapters.catalog.folders import file_in_the_way, folder_not_found, folder_taken, left_behind
from echofs.adapters.catalog.records_commits import Commits
from echofs.adapters.catalog.records_disputes import Disputes, floor_item, floor_key
from echofs.adapters.catalog.records_items import Key, addressable, entry_key, folder_key
from echofs.adapters.catalog.records_listing import Listing
from echofs.adapters.catalog.records_look import Look, file_made, missing_folders, unwieldy
from echofs.adapters.catalog.records_tables import TableNames
from echofs.adapters.catalog.verdicts import claims, dependent, refusal
from echofs.adapters.dynamodb import ITEMS_AT_ONCE, ConditionFailed, DynamoDB
from echofs.adapters.dynamodb_values import packed
from echofs.core.errors import InvalidRequest
from echofs.core.models import File, FloorScope
from echofs.core.names import ancestors_of, is_below, moved_path, parent_of
from echofs.ports.catalog import Commit, FolderChange

T = TypeVar("T")
R = TypeVar("R")
Write = dict[str, Any]


class SideBySide(Protocol):
    """Applies a function to several values at a time."""

    def __call__(self, function: Callable[[T], R], values: Sequence[T]) -> list[R]: ...


class FolderItems:
    """Safe to share between threads."""

    def __init__(
        self,
        dynamodb: DynamoDB,
        names: TableNames,
        listing: Listing,
        commits: Commits,
        disputes: Disputes,
        together: SideBySide,
    ) -> None:
        self._dynamodb = dynamodb
        self._table = names.files
        self._listing = listing
        self._commits = commits
        self._disputes = disputes
        self._together = together

    def make(self, owner_id: str, path: str) -> bool:
        """Make a folder and those above it; whether it is new. Raises :class:`NameTaken`."""
        self._check_free(owner_id, path)
        made = False
        while not self._exists(owner_id, path) or not self._exists(owner_id, parent_of(path) or path):
            for each in ancestors_of(path):
                self._put_new(owner_id, each)
            made = self._put_new(owner_id, path) or made
        return made

    def _put_new(self, owner_id: str, path: str) -> bool:
        try:
            self._dynamodb.call("put_item", **self._put(owner_id, path, new=True)["Put"])
        except ConditionFailed:
            return False
        return True

    def commit_together(self, commits: Sequence[Commit], change: FolderChange | None) -> list[File]:
        """All of them and what becomes of the folder, or nothing. Raises as :meth:`Catalog.commit_together` says."""
        _check_independent(commits)
        patience = self._dynamodb.patience()
        while True:
            looks = self._together(self._commits.look, commits)
            made = [self._commits.repeated(commit, look) for commit, look in zip(commits, looks, strict=True)]
            new = [(c, look) for c, look, before in zip(commits, looks, made, strict=True) if before is None]
            if commits and not new:
                return [file for file in made if file is not None]
            tree = list(self._tree(change.owner_id, change.path)) if change else []
            writes = self._writes(new, change, tree)
            self._commits.record_ahead([commit for commit, _ in new])
            try:
                if writes:
                    self._dynamodb.write_all(writes)
            except ConditionFailed as rival:
                patience.wait(rival)
                continue
            self._commits.keep_folders([commit for commit, _ in new])
            if change is not None and not change.keep:
                self._give_back(change, tree)
            return [before or file_made(c, look) for c, look, before in zip(commits, looks, made, strict=True)]

    def _writes(self, new: list[tuple[Commit, Look]], change: FolderChange | None, tree: list[str]) -> list[Write]:
        for commit, look in new:
            if refused := unwieldy(commit) or refusal(commit, look.seen):
                raise refused
        # Of two writes to one folder the later counts: a transaction takes every item once.
        folders: dict[str, Write] = {}
        for commit, look in new:
            folders |= {path: self._put(commit.owner_id, path) for path in missing_folders(commit, look)}
        if change is not None:
            folders |= self._folder_writes(change, tree, leaving={commit.version.file_id for commit, _ in new})
        writes = [each for commit, look in new for each in self._commits.version_writes(commit, look)]
        writes += records_accounts.writes_together(self._table, [(c, look.seen, look.account) for c, look in new])
        writes += folders.values()
        writes += self._floor_writes(change) if change and change.to and not change.keep else ()
        if len(writes) > ITEMS_AT_ONCE:
            raise InvalidRequest(
                f"This takes {len(writes)} changes in one step, and the catalog on DynamoDB makes {ITEMS_AT_ONCE} at"
                " most (four for each file): nothing was changed. Take fewer files at a time."
            )
        return writes

    def _folder_writes(self, change: FolderChange, tree: list[str], leaving: set[str]) -> dict[str, Write]:
        if not tree:
            raise folder_not_found()
        writes: dict[str, Write] = {}
        if change.to:
            self._check_free(change.owner_id, change.to)
            if self._exists(change.owner_id, change.to):
                raise folder_taken()
            made = [moved_path(path, change.path, change.to) for path in tree]
            writes |= {path: self._put(change.owner_id, path) for path in ancestors_of(change.to)}
            writes |= {path: self._put(change.owner_id, path, new=path == change.to) for path in made}
        if not change.keep:
            if any(entry["file"] not in leaving for entry in self._listing.entries_below(change.owner_id, change.path)):
                raise left_behind()
            writes |= {path: self._delete(folder_key(change.owner_id, path)) for path in tree}
        return writes

    def _floor_writes(self, change: FolderChange) -> list[Write]:
        """Has the floors of the folder, and of those below it, go along."""
        writes: dict[str, Write] = {}
        for floor in self._disputes.floors(change.owner_id):
            if floor.scope is FloorScope.FOLDER and (floor.key == change.path or is_below(floor.key, change.path)):
                there = replace(floor, key=moved_path(floor.key, change.path, change.to))
                writes[floor.key] = self._delete(floor_key(floor.owner_id, floor.scope, floor.key))
                writes[there.key] = {"Put": {"TableName": self._table, "Item": packed(floor_item(there))}}
        return list(writes.values())

    def _tree(self, owner_id: str, path: str) -> Iterator[str]:
        """The folder, if there is one, and all below it."""
        waiting = [path] if self._exists(owner_id, path) else []
        while waiting:
            found = waiting.pop()
            yield found
            waiting += self._listing.subfolders(owner_id, found)

    def _exists(self, owner_id: str, path: str) -> bool:
        return addressable(owner_id, path) and self._dynamodb.get(self._table, folder_key(owner_id, path)) is not None

    def _check_free(self, owner_id: str, path: str) -> None:
        keys = [entry_key(owner_id, each) for each in (*ancestors_of(path), path)]
        if any(True for _ in self._dynamodb.get_many(self._table, keys, ("pk",))):
            raise file_in_the_way()

    def _give_back(self, change: FolderChange, tree: list[str]) -> None:
        """Make the folders of files and folders that came while they ended."""
        late = {entry["sk"] for entry in self._listing.entries_below(change.owner_id, change.path)}
        late.update(*self._together(partial(self._listing.subfolders, change.owner_id), tree))
        folders = sorted({folder for path in late for folder in ancestors_of(path)})
        self._together(partial(self._put_new, change.owner_id), folders)

    def _put(self, owner_id: str, path: str, *, new: bool = False) -> Write:
        put: Write = {"TableName": self._table, "Item": packed(folder_key(owner_id, path))}
        if new:
            put["ConditionExpression"] = "attribute_not_exists(pk)"
        return {"Put": put}

    def _delete(self, key: Key) -> Write:
        there = {"ConditionExpression": "attribute_exists(pk)"}
        return {"Delete": {"TableName": self._table, "Key": packed(key), **there}}


def _check_independent(commits: Sequence[Commit]) -> None:
    claimed: set[tuple[str, ...]] = set()
    for commit in commits:
        wanted = claims(commit, None)
        if not claimed.isdisjoint(wanted):
            raise dependent()
        claimed |= wanted
