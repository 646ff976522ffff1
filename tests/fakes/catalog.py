"""A catalog in dictionaries: the second opinion on what the port means, and the fast one for services' tests."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from echofs.core.chunking import unpack_digests
from echofs.core.errors import (
    CatalogUnavailable,
    EchoError,
    HeadMoved,
    IdempotencyKeyReused,
    InvalidRequest,
    NameTaken,
    NotFound,
    QuotaExceeded,
    Unavailable,
)
from echofs.core.models import (
    ChunkRecord,
    ChunkState,
    ConflictRecord,
    ConflictState,
    Digest,
    Dot,
    File,
    Floor,
    FloorScope,
    IdempotencyRecord,
    Kind,
    OwedReplica,
    Timestamp,
    Version,
)
from echofs.core.names import ancestors_of, is_below, moved_path, parent_of
from echofs.core.retention import Kept
from echofs.core.usage import Usage, change, refusal
from echofs.ports.catalog import (
    Catalog,
    Changes,
    ChunkEntry,
    ChunkPage,
    Commit,
    DumpPage,
    Entry,
    FolderChange,
    FolderEntry,
    PastVersion,
)
from echofs.ports.disputes import ConflictPage
from echofs.ports.listing import ListQuery, Page, SortKey
from echofs.ports.runtime import Clock
from echofs.ports.trash import History, HistoryPage, Trashed, TrashPage


class MemoryCatalog(Catalog):
    """Safe to share between threads; forgets everything with the process.

    Set ``down`` to make every call fail as if the catalog did not answer; put digests into ``deleting`` to have
    collection caught in the act.
    """

    def __init__(self, clock: Clock) -> None:
        self.down = False
        self.deleting: set[Digest] = set()
        self._clock = clock
        self._lock = threading.Lock()
        self._files: dict[str, File] = {}
        self._versions: dict[str, list[Version]] = {}
        self._folders: set[tuple[str, str]] = set()
        self._answers: dict[tuple[str, str], IdempotencyRecord] = {}
        self._replicas: dict[Digest, set[str]] = {}
        self._known: dict[Digest, tuple[int, ChunkState, Timestamp]] = {}
        self._owed: dict[tuple[Digest, str], OwedReplica] = {}
        self._leases: dict[str, tuple[str, Timestamp]] = {}
        self._changes: list[File] = []
        self._conflicts: dict[str, ConflictRecord] = {}
        self._floors: dict[tuple[str, FloorScope, str], Floor] = {}
        self._trash: dict[str, Trashed] = {}
        self._usage: dict[str, Usage] = {}

    def commit(self, commits: Sequence[Commit]) -> list[File | EchoError]:
        with self._answering():
            return [self._commit_one(commit) for commit in commits]

    def commit_together(self, commits: Sequence[Commit], step: FolderChange | None = None) -> list[File]:
        with self._answering():
            for distinct in (
                {commit.version.file_id for commit in commits},
                {commit.version.path for commit in commits},
            ):
                if len(distinct) < len(commits):
                    raise InvalidRequest("Two versions concern the same file or path.")
            new = [commit for commit in commits if not self._by_dot(commit.version.dot)]
            for commit in new:
                if refused := self._refusal(commit):
                    raise refused
            for owner_id, quota in {(commit.owner_id, commit.quota_bytes) for commit in new}:
                growth = sum(self._change(commit).total for commit in new if commit.owner_id == owner_id)
                if over := refusal(self._usage.get(owner_id, Usage()), growth, quota):
                    raise over
            if step is not None:
                self._change_folder(step, leaving={commit.version.file_id for commit in commits})
            made = [self._commit_one(commit) for commit in commits]
            return [file for file in made if isinstance(file, File)]

    def _change_folder(self, change: FolderChange, leaving: set[str]) -> None:
        own = {path for owner, path in self._folders if owner == change.owner_id}
        tree = {path for path in own if path == change.path or is_below(path, change.path)}
        if change.path not in own:
            raise NotFound("There is no such folder.")
        if change.to:
            self._check_free(change.owner_id, change.to)
            if change.to in own:
                raise NameTaken("A folder has this path.", field="to")
        made = [moved_path(path, change.path, change.to) for path in tree] if change.to else []
        living = [file for file in self._living(change.owner_id) if is_below(file.path, change.path)]
        if not change.keep and any(file.id not in leaving for file in living):
            raise HeadMoved("The folder changed meanwhile.")
        if change.to and not change.keep:
            self._move_floors(change)
        if change.to:
            self._folders.update((change.owner_id, each) for path in made for each in (*ancestors_of(path), path))
        if not change.keep:
            self._folders.difference_update((change.owner_id, path) for path in tree)

    def _move_floors(self, change: FolderChange) -> None:
        own = [floor for floor in self._floors.values() if floor.owner_id == change.owner_id]
        own = [floor for floor in own if floor.scope is FloorScope.FOLDER]
        for floor in own:
            if floor.key == change.path or is_below(floor.key, change.path):
                del self._floors[floor.owner_id, floor.scope, floor.key]
                there = replace(floor, key=moved_path(floor.key, change.path, change.to))
                self._floors[there.owner_id, there.scope, there.key] = there

    def make_folder(self, owner_id: str, path: str) -> bool:
        with self._answering():
            self._check_free(owner_id, path)
            known = (owner_id, path) in self._folders
            self._folders.update((owner_id, each) for each in (*ancestors_of(path), path))
            return not known

    def _check_free(self, owner_id: str, path: str) -> None:
        if any(self._living_at(owner_id, each) for each in (*ancestors_of(path), path)):
            raise NameTaken("A file has this path.")

    def _commit_one(self, commit: Commit) -> File | EchoError:
        version = commit.version
        if committed := self._by_dot(version.dot):
            return committed
        refused = self._refusal(commit) or self._over_quota(commit)
        if refused is not None:
            return refused
        self._keep_account(commit)
        self._record(commit.chunks)
        if commit.idempotency is not None:
            self._answers[commit.idempotency.owner_id, commit.idempotency.key] = commit.idempotency
        if version.kind is not Kind.TOMBSTONE:
            self._folders.update((commit.owner_id, folder) for folder in ancestors_of(version.path))
        self._versions.setdefault(version.file_id, []).append(version)
        present = self._files.get(version.file_id)
        created_at = present.created_at if present else version.created_at
        self._files[version.file_id] = File(version.file_id, commit.owner_id, version, created_at)
        self._changes.append(self._files[version.file_id])
        if commit.conflict is not None:
            self._conflicts.setdefault(commit.conflict.id, commit.conflict)
        return self._files[version.file_id]

    def _change(self, commit: Commit) -> Usage:
        present = self._files.get(commit.version.file_id)
        living = present is not None and not present.deleted
        trashed = self._trash.get(commit.version.file_id)
        replaced = present.head.content.size if present and living else None
        return change(commit.version, replaced, trashed.size if trashed else 0)

    def _over_quota(self, commit: Commit) -> QuotaExceeded | None:
        used = self._usage.get(commit.owner_id, Usage())
        return refusal(used, self._change(commit).total, commit.quota_bytes)

    def _keep_account(self, commit: Commit) -> None:
        version, present = commit.version, self._files.get(commit.version.file_id)
        self._usage[commit.owner_id] = self._usage.get(commit.owner_id, Usage()) + self._change(commit)
        if version.kind is not Kind.TOMBSTONE:
            self._trash.pop(version.file_id, None)
        elif present and not present.deleted:
            self._trash[present.id] = _trashed(present, present.head, version.created_at)

    def _by_dot(self, dot: Dot) -> File | None:
        known = (version for history in self._versions.values() for version in history)
        found = next((version for version in known if version.dot == dot), None)
        return replace(self._files[found.file_id], head=found) if found else None

    def _refusal(self, commit: Commit) -> EchoError | None:
        version, present = commit.version, self._files.get(commit.version.file_id)
        if version.number != version.parent + 1:
            return InvalidRequest("A version's number must be its parent's plus one.", field="number")
        if version.parent and (present is None or present.owner_id != commit.owner_id):
            return NotFound("There is no such file.")
        if present and (present.deleted > commit.revives or present.head.number != version.parent):
            return HeadMoved("Another version was committed first.")
        holder = self._living_at(commit.owner_id, version.path)
        if version.kind is not Kind.TOMBSTONE and holder and holder.id != version.file_id:
            return NameTaken("Another file has this path.", field="path") if present else HeadMoved("It was created.")
        record = commit.idempotency
        if record and (record.owner_id, record.key) in self._answers:
            return IdempotencyKeyReused("This Idempotency-Key was used already.", field="Idempotency-Key")
        if not self._storable(commit):
            return Unavailable("A chunk of this file is no longer stored; send the file again.")
        return None

    def _storable(self, commit: Commit) -> bool:
        recorded = {chunk.digest for chunk in commit.chunks}
        content = commit.version.content
        referred: set[Digest] = set()
        if commit.version.kind is Kind.CONTENT:
            referred = {*unpack_digests(content.inline), *unpack_digests(content.lists)}
        return (referred - recorded) <= self._replicas.keys() and self.deleting.isdisjoint(referred | recorded)

    def _living_at(self, owner_id: str, path: str) -> File | None:
        return next((file for file in self._living(owner_id) if file.path == path), None)

    def _living(self, owner_id: str) -> list[File]:
        return [file for file in self._files.values() if file.owner_id == owner_id and not file.deleted]

    def by_dot(self, owner_id: str, dots: Collection[Dot]) -> Mapping[Dot, File]:
        with self._answering():
            found = {dot: file for dot in dots if (file := self._by_dot(dot))}
        return {dot: file for dot, file in found.items() if file.owner_id == owner_id}

    def file(self, owner_id: str, file_id: str) -> File:
        file = self.head(owner_id, file_id)
        if file.deleted:
            raise NotFound("There is no such file.")
        return file

    def head(self, owner_id: str, file_id: str) -> File:
        with self._answering():
            file = self._files.get(file_id)
            if file is None or file.owner_id != owner_id:
                raise NotFound("There is no such file.")
            return file

    def file_at(self, owner_id: str, path: str) -> File:
        with self._answering():
            file = self._living_at(owner_id, path)
            if file is None:
                raise NotFound("There is no such file.")
            return file

    def files(self, query: ListQuery) -> Page:
        after = _decode(query)
        with self._answering():
            found = [file for file in self._living(query.owner_id) if query.lists(file.path)]
        found.sort(key=lambda file: _place(file, query.sort), reverse=query.descending)
        if after is not None:
            found = [
                file
                for file in found
                if (_place(file, query.sort) < after if query.descending else _place(file, query.sort) > after)
            ]
        shown, more = found[: query.limit], len(found) > query.limit
        return Page(tuple(shown), json.dumps([query.sort, *_place(shown[-1], query.sort)]) if more else "")

    def folders(self, owner_id: str, parent: str) -> list[str]:
        with self._answering():
            return sorted(path for owner, path in self._folders if owner == owner_id and parent_of(path) == parent)

    def versions(self, owner_id: str, file_id: str) -> list[Version]:
        with self._answering():
            file = self._files.get(file_id)
            if file is None or file.owner_id != owner_id:
                raise NotFound("There is no such file.")
            return self._versions[file_id][::-1]

    @property
    def follows(self) -> bool:
        return True

    def changes(self, after: int, limit: int) -> Changes:
        with self._answering():
            found = tuple(self._changes[after : after + limit])
            upto = after + len(found)
            return Changes(found, upto, len(self._changes), more=upto < len(self._changes))

    def last_change(self, back: int = 0) -> int:
        with self._answering():
            return max(len(self._changes) - back, 0)

    def record_conflict(self, record: ConflictRecord) -> None:
        with self._answering():
            self._conflicts.setdefault(record.id, record)

    def conflicts(
        self, owner_id: str, state: ConflictState | None = None, after: str = "", limit: int = 100
    ) -> ConflictPage:
        place = _conflict_place(after)
        with self._answering():
            own = [record for record in self._conflicts.values() if record.owner_id == owner_id]
        found = [record for record in own if state in (None, record.state)]
        found.sort(key=lambda record: (record.created_at, record.id), reverse=True)
        found = [record for record in found if place is None or (record.created_at, record.id) < place]
        last = found[limit - 1] if len(found) > limit else None
        return ConflictPage(tuple(found[:limit]), json.dumps([last.created_at, last.id]) if last else "")

    def conflict(self, owner_id: str, conflict_id: str) -> ConflictRecord:
        with self._answering():
            record = self._conflicts.get(conflict_id)
        if record is None or record.owner_id != owner_id:
            raise NotFound("There is no such conflict.")
        return record

    def close_conflict(
        self, owner_id: str, conflict_id: str, kept: Sequence[tuple[str, int]], now: Timestamp
    ) -> ConflictRecord:
        record = self.conflict(owner_id, conflict_id)
        if record.state is ConflictState.OPEN:
            record = replace(record, state=ConflictState.RESOLVED, entry="", kept=tuple(kept), resolved_at=now)
            self._conflicts[conflict_id] = record
        return record

    def floors(self, owner_id: str) -> list[Floor]:
        with self._answering():
            own = [floor for floor in self._floors.values() if floor.owner_id == owner_id]
        return sorted(own, key=lambda floor: (floor.scope, floor.key))

    def set_floor(self, floor: Floor) -> None:
        with self._answering():
            self._floors[floor.owner_id, floor.scope, floor.key] = floor

    def drop_floor(self, owner_id: str, scope: FloorScope, key: str) -> None:
        with self._answering():
            self._floors.pop((owner_id, scope, key), None)

    def trash(self, owner_id: str, after: str = "", limit: int = 100) -> TrashPage:
        place = _conflict_place(after)
        with self._answering():
            own = [(each.deleted_at, each.file_id) for each in self._trash.values() if each.owner_id == owner_id]
            found = sorted((each for each in own if place is None or each < place), reverse=True)
            shown = tuple(self._trash[file_id] for _, file_id in found[:limit])
        return TrashPage(shown, json.dumps(found[limit - 1]) if len(found) > limit else "")

    def trashed(self, owner_id: str, file_id: str) -> Trashed:
        with self._answering():
            found = self._trash.get(file_id)
        if found is None or found.owner_id != owner_id:
            raise NotFound("There is no such file in the trash.")
        return found

    def purge(self, owner_id: str, seen: Collection[Trashed]) -> int:
        with self._answering():
            wanted = {(owner_id, each.file_id, each.number) for each in seen}
            doomed = [each for each in self._trash.values() if (each.owner_id, each.file_id, each.number) in wanted]
            for each in doomed:
                del self._trash[each.file_id]
                self._versions[each.file_id] = [v for v in self._versions[each.file_id] if v.number > each.number]
                self._usage[owner_id] += Usage(trash_bytes=-each.size)
            return len(doomed)

    def expired(self, before: Timestamp, limit: int) -> list[Trashed]:
        with self._answering():
            old = [each for each in self._trash.values() if each.deleted_at < before]
        return sorted(old, key=lambda each: each.deleted_at)[:limit]

    def usage(self, owner_id: str) -> Usage:
        with self._answering():
            return self._usage.get(owner_id, Usage())

    def usages(self, owner_ids: Collection[str]) -> Mapping[str, Usage]:
        return {owner_id: self.usage(owner_id) for owner_id in owner_ids}

    def histories(self, after: str = "", limit: int = 200) -> HistoryPage:
        with self._answering():
            found = [file for file in sorted(self._files) if file > after and len(self._versions[file]) > 1]
            shown = tuple(self._history(file_id) for file_id in found[:limit])
        return HistoryPage(shown, found[limit - 1] if len(found) > limit else "")

    def _history(self, file_id: str) -> History:
        trashed = self._trash.get(file_id)
        needed = {self._files[file_id].head.content_version, trashed.number if trashed else 0}
        kept = tuple(Kept(version.number, version.created_at) for version in reversed(self._versions[file_id]))
        return History(file_id, kept, frozenset(needed))

    def drop_versions(self, file_id: str, numbers: Collection[int]) -> int:
        with self._answering():
            before = self._versions.get(file_id, [])
            kept = [version for version in before if version.number not in numbers or version is before[-1]]
            if before:
                self._versions[file_id] = kept
            return len(before) - len(kept)

    def recount(self) -> None:
        with self._answering():
            self._trash.clear()
            self._usage.clear()
            for file in self._files.values():
                past = [each for each in self._versions[file.id] if each.number < file.head.number]
                last = next((each for each in reversed(past) if each.kind is not Kind.TOMBSTONE), None)
                size = file.head.content.size
                if not file.deleted:
                    counted = Usage(1, size)
                elif last is not None:
                    self._trash[file.id] = _trashed(file, last, file.head.created_at)
                    counted = Usage(trash_bytes=last.content.size)
                else:
                    continue
                self._usage[file.owner_id] = self._usage.get(file.owner_id, Usage()) + counted

    def idempotency(self, owner_id: str, key: str) -> IdempotencyRecord | None:
        with self._answering():
            return self._answers.get((owner_id, key))

    def forget_idempotency(self, before: Timestamp) -> int:
        with self._answering():
            old = [key for key, record in self._answers.items() if record.created_at < before]
            for key in old:
                del self._answers[key]
            return len(old)

    def record_chunks(self, chunks: Sequence[ChunkRecord]) -> None:
        with self._answering():
            if not self.deleting.isdisjoint(chunk.digest for chunk in chunks):
                raise Unavailable("A chunk of this file is being deleted; send the file again.")
            self._record(chunks)

    def _record(self, chunks: Iterable[ChunkRecord]) -> None:
        now = self._clock.now()
        for chunk in chunks:
            self._replicas.setdefault(chunk.digest, set()).update(chunk.replicas)
            self._known[chunk.digest] = (chunk.size, ChunkState.LIVE, now)
            self._owe(chunk.digest, chunk.owed, "not acknowledged when written", now)
            for worker in self._replicas[chunk.digest]:
                self._owed.pop((chunk.digest, worker), None)

    def _owe(self, digest: Digest, workers: Iterable[str], reason: str, now: Timestamp) -> None:
        for worker in workers:
            self._owed.setdefault((digest, worker), OwedReplica(digest, worker, reason, now))

    def replicas(self, digests: Collection[Digest]) -> Mapping[Digest, tuple[str, ...]]:
        with self._answering():
            return {digest: tuple(sorted(self._replicas[digest])) for digest in digests if digest in self._replicas}

    def settle(self, worker_id: str, digests: Iterable[Digest]) -> None:
        with self._answering():
            for digest in digests:
                if digest in self._replicas:
                    self._replicas[digest].add(worker_id)
                    self._owed.pop((digest, worker_id), None)

    def owe(self, worker_id: str, digests: Iterable[Digest], reason: str, now: Timestamp) -> None:
        with self._answering():
            for digest in digests:
                if digest in self._replicas:
                    self._replicas[digest].discard(worker_id)
                    self._owe(digest, [worker_id], reason, now)

    def excuse(self, worker_id: str, digests: Iterable[Digest]) -> None:
        with self._answering():
            for digest in digests:
                self._owed.pop((digest, worker_id), None)

    def chunk_page(self, after: str = "", limit: int = 200) -> ChunkPage:
        with self._answering():
            live = [self._chunk_entry(digest) for digest in sorted(self._known) if digest > after]
        live = [entry for entry in live if entry.state is ChunkState.LIVE]
        return ChunkPage(tuple(live[:limit]), live[limit - 1].digest if len(live) > limit else "")

    def due(self, now: Timestamp, limit: int) -> list[OwedReplica]:
        with self._answering():
            ready = [owed for owed in self._owed.values() if owed.due_at <= now]
        return sorted(ready, key=lambda owed: (owed.due_at, owed.digest, owed.worker_id))[:limit]

    def postpone(self, owed: Sequence[OwedReplica], due_at: Timestamp) -> None:
        with self._answering():
            for key in {(row.digest, row.worker_id) for row in owed} & self._owed.keys():
                self._owed[key] = replace(self._owed[key], due_at=due_at, attempts=self._owed[key].attempts + 1)

    def hasten(self, worker_id: str, now: Timestamp) -> None:
        with self._answering():
            for key, owed in self._owed.items():
                if owed.worker_id == worker_id:
                    self._owed[key] = replace(owed, due_at=min(owed.due_at, now))

    def outbox_depth(self) -> int:
        with self._answering():
            return len(self._owed)

    def owed_counts(self) -> Mapping[tuple[str, str], int]:
        with self._answering():
            return Counter((owed.worker_id, owed.reason) for owed in self._owed.values())

    def acquire_lease(self, name: str, holder: str, now: Timestamp, until: Timestamp) -> bool:
        with self._answering():
            present, expires_at = self._leases.get(name, (holder, until))
            if present != holder and expires_at > now:
                return False
            self._leases[name] = (holder, until)
            return True

    def release_lease(self, name: str, holder: str) -> None:
        with self._answering():
            if self._leases.get(name, ("", 0))[0] == holder:
                del self._leases[name]

    def lease_holder(self, name: str, now: Timestamp) -> str:
        with self._answering():
            holder, expires_at = self._leases.get(name, ("", 0))
            return holder if expires_at > now else ""

    def dump(self, after: str = "", limit: int = 200) -> DumpPage:
        start = int(after or 0)
        with self._answering():
            found = self._entries()
        more = start + limit < len(found)
        return DumpPage(tuple(found[start : start + limit]), str(start + limit) if more else "")

    def _entries(self) -> list[Entry]:
        past: list[Entry] = []
        for file in self._files.values():
            past += [PastVersion(file.owner_id, version) for version in self._versions[file.id] if version != file.head]
        own: list[Entry] = [*self._answers.values(), *self._conflicts.values(), *self._floors.values()]
        folders = [FolderEntry(owner, path) for owner, path in sorted(self._folders)]
        return [*own, *folders, *map(self._chunk_entry, self._known), *self._files.values(), *past]

    def _chunk_entry(self, digest: Digest) -> ChunkEntry:
        owed = sorted((row for row in self._owed.values() if row.digest == digest), key=lambda row: row.worker_id)
        return ChunkEntry(digest, *self._known[digest], tuple(sorted(self._replicas[digest])), tuple(owed))

    def restore(self, entries: Sequence[Entry]) -> None:
        with self._answering():
            for entry in entries:
                self._put(entry)

    def _put(self, entry: Entry) -> None:
        match entry:
            case File():
                if self._files.get(entry.id) != entry:
                    self._changes.append(entry)
                self._files[entry.id] = entry
                self._put_version(entry.head)
                if not entry.deleted:
                    self._folders.update((entry.owner_id, folder) for folder in ancestors_of(entry.path))
            case PastVersion(_, version):
                self._put_version(version)
            case FolderEntry(owner_id, path):
                self._folders.update((owner_id, folder) for folder in (*ancestors_of(path), path))
            case ChunkEntry():
                self._known[entry.digest] = (entry.size, entry.state, entry.touched_at)
                self._replicas[entry.digest] = set(entry.replicas)
                self._owed.update({(row.digest, row.worker_id): row for row in entry.owed})
            case IdempotencyRecord():
                self._answers[entry.owner_id, entry.key] = entry
            case ConflictRecord():
                self._conflicts[entry.id] = entry
            case Floor():
                self._floors[entry.owner_id, entry.scope, entry.key] = entry

    def _put_version(self, version: Version) -> None:
        history = {known.number: known for known in self._versions.get(version.file_id, [])}
        history[version.number] = version
        self._versions[version.file_id] = [history[number] for number in sorted(history)]

    def empty(self) -> bool:
        with self._answering():
            return not self._entries()

    def clear(self) -> None:
        with self._answering():
            for part in (self._files, self._versions, self._folders, self._answers, self._replicas, self._known):
                part.clear()
            for part in (self._owed, self._changes, self._conflicts, self._floors, self._trash, self._usage):
                part.clear()

    def ping(self) -> None:
        with self._answering():
            return

    @contextmanager
    def _answering(self) -> Iterator[None]:
        if self.down:
            raise CatalogUnavailable("The catalog does not answer; try again shortly.")
        with self._lock:
            yield


def _trashed(file: File, deleted: Version, at: Timestamp) -> Trashed:
    return Trashed(file.id, file.owner_id, deleted.path, deleted.number, deleted.content.size, at)


def _conflict_place(after: str) -> tuple[int, str] | None:
    if not after:
        return None
    try:
        created_at, conflict_id = json.loads(after)
    except (ValueError, TypeError):
        raise InvalidRequest("That cursor belongs to no list of conflicts.", field="after") from None
    return created_at, conflict_id


def _place(file: File, sort: SortKey) -> tuple[int, str]:
    value = {SortKey.NAME: 0, SortKey.SIZE: file.head.content.size, SortKey.UPDATED: file.head.created_at}[sort]
    return value, file.path


def _decode(query: ListQuery) -> tuple[int, str] | None:
    if not query.after:
        return None
    try:
        order, value, path = json.loads(query.after)
    except (ValueError, TypeError):
        order = None
    if order != query.sort:
        raise InvalidRequest("That cursor belongs to no listing in this order.", field="after")
    return value, path
