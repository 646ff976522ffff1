"""The whole rebuild: survey the workers, arrange what was found, fill the catalog, give owners accounts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from echofs.core import placement
from echofs.core.chunking import DIGEST_BYTES, DIGESTS_PER_LIST, chunk_count, chunk_length, unpack_digests
from echofs.core.errors import Unavailable
from echofs.core.models import ChunkState, Content, Digest, File, Member, OwedReplica
from echofs.ports.catalog import Catalog, ChunkEntry, Entry, PastVersion
from echofs.ports.chunks import ChunkCodec, WorkerClient
from echofs.ports.runtime import Clock, Ids
from echofs.services.rebuild.arranging import Arranging, Outcome, Store
from echofs.services.rebuild.findings import HEAD, PAST, Findings
from echofs.services.rebuild.survey import Say, Survey
from echofs.services.restoring import Restoring

T = TypeVar("T")
TOGETHER = 200
NOT_FOUND = "not found when the catalog was rebuilt"


@dataclass(slots=True)
class Summary:
    """What a rebuild made. ``damaged`` manifests have no good replica; ``missing_chunks`` were found on no worker,
    which leaves ``incomplete`` files or versions of them unreadable; ``new_accounts`` wait for a password."""

    files: int = 0
    deleted_files: int = 0
    versions: int = 0
    owners: int = 0
    new_accounts: int = 0
    chunks: int = 0
    owed: int = 0
    recovered: int = 0
    passed_over: int = 0
    damaged: int = 0
    missing_chunks: int = 0
    incomplete: int = 0
    left_out: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether nothing was lost as far as can be told."""
        return not (self.damaged or self.missing_chunks or self.left_out)

    def lines(self) -> Iterator[str]:
        """The summary in sentences."""
        yield (
            f"Rebuilt {self.files} files, {self.versions} versions and {self.deleted_files} deleted files of "
            f"{self.owners} owners, with {self.chunks} chunks; {self.owed} replicas are owed."
        )
        if self.new_accounts:
            yield f"{self.new_accounts} accounts were made again and are locked: use `echofs admin reset-password`."
        if self.recovered:
            yield f'{self.recovered} files stand beside another as "name (recovered …)": look through them.'
        if self.passed_over:
            yield f"{self.passed_over} versions were left out: they had lost to another one when they were written."
        if self.damaged:
            yield f"{self.damaged} manifests have no good copy: versions are missing, or whole files."
        if self.missing_chunks:
            yield f"{self.missing_chunks} chunks are on no worker: {self.incomplete} versions cannot be read."
        if self.left_out:
            yield f"Left out because they did not answer: {', '.join(self.left_out)}."


class Rebuild:
    """Runs once. ``placeholder`` makes an account for an owner unless it exists, given id and name; whether it did."""

    def __init__(
        self,
        catalog: Catalog,
        workers: WorkerClient,
        codec: ChunkCodec,
        store: Store,
        placeholder: Callable[[str, str], bool],
        clock: Clock,
        ids: Ids,
        *,
        wanted: int,
        say: Say,
        allow_missing: bool = False,
    ) -> None:
        self._catalog = catalog
        self._placeholder = placeholder
        self._clock = clock
        self._wanted = wanted
        self._findings = Findings()
        self._restoring = Restoring(catalog, "a rebuild", clock, ids)
        self._survey = Survey(workers, codec, self._findings, self._tell, allow_missing=allow_missing)
        self._arranging = Arranging(self._findings, codec, store, clock, ids)
        self._say = say
        self._summary = Summary()

    def run(self, members: list[Member]) -> Summary:
        """Fill the empty catalog with what ``members`` hold.

        After an interruption it starts over by itself. Raises :class:`Conflict` when the catalog is not empty,
        :class:`Unavailable` when a worker does not answer, and what the catalog raises.
        """
        if not members:
            raise Unavailable("No worker is known: start the workers, or name them with --worker.")
        try:
            with self._restoring.filling():
                self._survey.list_all(members)
                self._survey.read_manifests()
                self._count(self._arranging.run())
                missing = self._fill_chunks(members)
                self._fill_files(missing)
                self._make_accounts()
        finally:
            self._findings.close()
        return self._summary

    def _tell(self, sentence: str) -> None:
        self._restoring.keep()
        self._say(sentence)

    def _count(self, outcome: Outcome) -> None:
        self._summary.recovered = outcome.recovered
        self._summary.passed_over = outcome.passed_over
        self._summary.damaged = self._survey.damaged + outcome.misfit
        self._summary.left_out = tuple(self._survey.left_out)

    def _fill_chunks(self, members: list[Member]) -> set[Digest]:
        """Record every chunk a chosen version refers to; those that no worker has."""
        for role in (HEAD, PAST):
            for digest in self._findings.chosen(role):
                self._findings.add_chunks(self._referred(digest))
        missing: set[Digest] = set()

        def entries() -> Iterator[Entry]:
            for digest, size, holders in self._findings.chunks():
                if not holders:
                    missing.add(digest)
                entry = self._entry(digest, size, holders, members)
                self._summary.chunks += 1
                self._summary.owed += len(entry.owed)
                yield entry

        self._put(entries(), "chunks")
        self._summary.missing_chunks = len(missing)
        return missing

    def _referred(self, manifest: Digest) -> Iterator[tuple[Digest, int]]:
        """The chunks of one version with their sizes, its manifest included."""
        yield manifest, self._findings.manifest_size(manifest)
        content = self._findings.manifest(manifest).version.content
        count = chunk_count(content)
        for place, listed in enumerate(unpack_digests(content.lists)):
            yield listed, min(DIGESTS_PER_LIST, count - place * DIGESTS_PER_LIST) * DIGEST_BYTES
        yield from ((digest, chunk_length(content, index)) for index, digest in enumerate(self._digests(content)))

    def _digests(self, content: Content) -> Iterator[Digest]:
        """The chunks of content in order; those after a list of which no copy is good cannot be known."""
        yield from unpack_digests(content.inline)
        for listed in unpack_digests(content.lists):
            plain = self._survey.read_list(listed)
            if plain is None or len(plain) % DIGEST_BYTES:
                return
            yield from unpack_digests(plain)

    def _entry(self, digest: Digest, size: int, holders: tuple[str, ...], members: list[Member]) -> ChunkEntry:
        now = self._clock.now()
        lacking = [member.worker_id for member in placement.order(members, digest) if member.worker_id not in holders]
        owing = sorted(lacking[: max(self._wanted - len(holders), 0)])
        owed = tuple(OwedReplica(digest, worker, NOT_FOUND, now) for worker in owing)
        return ChunkEntry(digest, size, ChunkState.LIVE, now, holders, owed)

    def _fill_files(self, missing: set[Digest]) -> None:
        self._put(self._heads(missing), "files")
        self._put(self._past(missing), "earlier versions")

    def _heads(self, missing: set[Digest]) -> Iterator[Entry]:
        for digest in self._findings.chosen(HEAD):
            described = self._findings.manifest(digest)
            version = described.version
            file = File(version.file_id, described.owner_id, version, self._findings.begun(version.file_id))
            self._summary.deleted_files += file.deleted
            self._summary.files += not file.deleted
            self._count_version(version.content, missing)
            yield file

    def _past(self, missing: set[Digest]) -> Iterator[Entry]:
        for digest in self._findings.chosen(PAST):
            described = self._findings.manifest(digest)
            self._count_version(described.version.content, missing)
            yield PastVersion(described.owner_id, described.version)

    def _count_version(self, content: Content, missing: set[Digest]) -> None:
        self._summary.versions += 1
        if missing and not missing.isdisjoint([*unpack_digests(content.lists), *self._digests(content)]):
            self._summary.incomplete += 1

    def _put(self, entries: Iterator[Entry], what: str) -> None:
        done = 0
        for part in _parts(entries):
            self._catalog.restore(part)
            done += len(part)
            self._tell(f"Restored {done} {what}.")

    def _make_accounts(self) -> None:
        for owner_id, name in self._findings.owners():
            self._summary.owners += 1
            self._summary.new_accounts += self._placeholder(owner_id, name)


def _parts(values: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(values)
    while part := list(islice(rest, TOGETHER)):
        yield part
