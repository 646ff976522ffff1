"""The files a measured catalog holds: made from their number alone, so that every answer is known beforehand."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from echofs.adapters.catalog import cursor
from echofs.core.chunking import digest_of, pack_digests
from echofs.core.models import ChunkRecord, ChunkState, Content, Digest, Dot, File, Kind, Version
from echofs.ports.catalog import ChunkEntry, Commit, Entry, PastVersion
from echofs.ports.listing import Page, SortKey

OWNER = "reader"
WORKERS = ("worker1", "worker2", "worker3")
VERSIONS = 5
"""How many versions a file has whose history is asked for."""
_EVERY = 50
"""One file in so many has a history."""
_TOP_FOLDERS = 10
_CHUNK_SIZE = 1 << 20
_EPOCH = 1_700_000_000_000_000
_SECOND = 1_000_000
# Primes: they scatter sizes and times over the files, so that no two orders are alike. Sizes repeat, times do not.
_SIZE_STEP, _SIZES = 7_919, 10_007
_TIME_STEP, _TIMES = 104_729, 1_000_003


@dataclass(frozen=True)
class Contents:
    """`files` files of one owner, `per_folder` in each folder; the folders lie in ten others.

    An answer has the same length however many files there are, so that only the way to it can take longer.
    """

    files: int
    per_folder: int

    def file(self, index: int) -> File:
        """A living file with its head."""
        newest = self._version(index, VERSIONS if self._has_history(index) else 1)
        return File(newest.file_id, OWNER, newest, self._version(index, 1).created_at)

    def history(self, index: int) -> list[Version]:
        """All versions of a file, the newest first."""
        return [self._version(index, number) for number in range(self.file(index).head.number, 0, -1)]

    @cached_property
    def with_history(self) -> Sequence[int]:
        """The files that have several versions."""
        return range(0, self.files, _EVERY)

    def subfolders(self, parent: str) -> list[str]:
        """The folders directly inside another, or inside the root, sorted."""
        if not parent:
            return [f"top{number}" for number in range(_TOP_FOLDERS)]
        return [f"{parent}/{number:06d}" for number in range(int(parent[3:]), self._folders, _TOP_FOLDERS)]

    def folder_of(self, index: int) -> str:
        """Where a file lies."""
        number = index // self.per_folder
        return f"top{number % _TOP_FOLDERS}/{number:06d}"

    def page(self, sort: SortKey, place: int, limit: int) -> Page:
        """The files after the one at a place of the listing of all files."""
        return self._page(self._sorted[sort][place + 1 :][: limit + 1], sort, limit)

    def folder_page(self, index: int, sort: SortKey) -> Page:
        """The whole folder in which a file lies."""
        start = index - index % self.per_folder
        inside = range(start, start + self.per_folder)
        return self._page(sorted(inside, key=lambda each: self._place(sort, each)), sort, self.per_folder)

    def cursor_at(self, sort: SortKey, place: int) -> str:
        """What leads a listing of all files to the page after a place."""
        return cursor.encode(cursor.place_of(self.file(self._sorted[sort][place]), sort), sort)

    def entries(self, start: int, stop: int) -> list[Entry]:
        """Everything a catalog holds of the files from one number up to another."""
        entries: list[Entry] = []
        for index in range(start, stop):
            newest, *past = self.history(index)
            entries += [self.file(index), *(PastVersion(OWNER, version) for version in past)]
            entries += [_entry_of(record, newest.created_at) for v in (newest, *past) for record in records_of(v)]
        return entries

    @property
    def _folders(self) -> int:
        return self.files // self.per_folder

    def _has_history(self, index: int) -> bool:
        return index % _EVERY == 0

    def _version(self, index: int, number: int) -> Version:
        at = _EPOCH + index * _TIME_STEP % _TIMES * _SECOND + number
        path = f"{self.folder_of(index)}/{index:08d}.txt"
        return version_of(f"{index:032x}", number, path, 1 + index * _SIZE_STEP % _SIZES, at)

    @cached_property
    def _sorted(self) -> dict[SortKey, list[int]]:
        return {sort: sorted(range(self.files), key=lambda each: self._place(sort, each)) for sort in SortKey}

    def _place(self, sort: SortKey, index: int) -> cursor.Place:
        return cursor.place_of(self.file(index), sort)

    def _page(self, indexes: Sequence[int], sort: SortKey, limit: int) -> Page:
        files = tuple(self.file(index) for index in indexes[:limit])
        more = len(indexes) > limit
        return Page(files, cursor.encode(cursor.place_of(files[-1], sort), sort) if more else "")


def version_of(file_id: str, number: int, path: str, size: int, at: int) -> Version:
    """A version with bytes of its own, one chunk of them."""
    data = _digest(file_id, number, "data")
    return Version(
        file_id=file_id,
        number=number,
        parent=number - 1,
        kind=Kind.CONTENT,
        path=path,
        content=Content(size, data, _CHUNK_SIZE, pack_digests([data])),
        content_type="text/plain; charset=utf-8",
        content_version=number,
        manifest=_digest(file_id, number, "manifest"),
        dot=Dot(f"bench-{file_id}", number),
        created_at=at,
    )


def records_of(version: Version) -> tuple[ChunkRecord, ...]:
    """The chunk of a version and its manifest, held by all workers."""
    return tuple(
        ChunkRecord(digest, version.content.size, WORKERS, ()) for digest in (version.content.digest, version.manifest)
    )


class Writer:
    """Makes commits that were never made before: new files of another owner, so that no listing changes under the
    reader's hands. Remembers them."""

    OWNER = "writer"

    def __init__(self) -> None:
        self.files: list[File] = []

    def commits(self, number: int) -> tuple[list[Commit], list[File]]:
        """So many commits of new files, and what the catalog must answer."""
        start = len(self.files)
        made = [self._file(index) for index in range(start, start + number)]
        self.files += made
        return [Commit(self.OWNER, file.head, records_of(file.head)) for file in made], made

    def _file(self, index: int) -> File:
        at = _EPOCH + index
        head = version_of(f"ffff{index:028x}", 1, f"inbox{index // 100:04d}/{index:08d}.txt", 4096, at)
        return File(head.file_id, self.OWNER, head, at)


def _entry_of(record: ChunkRecord, at: int) -> ChunkEntry:
    return ChunkEntry(record.digest, record.size, ChunkState.LIVE, at, record.replicas, ())


def _digest(file_id: str, number: int, part: str) -> Digest:
    return digest_of(f"{file_id} {number} {part}".encode())
