"""What can be done with files besides writing their bytes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from echofs.core.chunking import EMPTY_DIGEST, unpack_digests
from echofs.core.errors import InvalidRequest, NameTaken, NotFound, StoreUnavailable
from echofs.core.models import Content, Digest, File, Kind, Member, Version
from echofs.core.names import check_path
from echofs.core.placement import zones_of
from echofs.ports.catalog import Catalog
from echofs.ports.chunks import WorkerClient
from echofs.services.cluster import MemberView
from echofs.services.drafting import Draft
from echofs.services.levels import Levels
from echofs.services.parents import Place
from echofs.services.publishing import Published, Publisher, Wish
from echofs.services.shipping import Shipping
from echofs.services.streaming import FileReader
from echofs.services.uploads import Target, check_match

ASKED_TOGETHER = 4096


@dataclass
class ReplicaCount:
    """The copies of one version as counted on the workers a moment ago.

    ``replicas`` and ``zones`` are those of the chunk that has fewest; ``unreachable`` workers may hold more.
    """

    version: Version
    wanted: int
    chunks: int = 0
    replicas: int | None = None
    zones: int | None = None
    held: dict[str, int] = field(default_factory=dict)
    unreachable: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every chunk has all the replicas it should have."""
        return (self.replicas or 0) >= self.wanted

    def add(self, workers: Sequence[str], zones: int) -> None:
        """Count one chunk."""
        self.chunks += 1
        self.replicas = len(workers) if self.replicas is None else min(self.replicas, len(workers))
        self.zones = zones if self.zones is None else min(self.zones, zones)
        for worker in workers:
            self.held[worker] += 1


class Files:
    """A user's files. Another user's file is not found. Thread-safe."""

    def __init__(
        self,
        catalog: Catalog,
        levels: Levels,
        publisher: Publisher,
        shipping: Shipping,
        reader: FileReader,
        workers: WorkerClient,
        members: MemberView,
        *,
        wanted: int,
    ) -> None:
        self._catalog = catalog
        self._levels = levels
        self._publisher = publisher
        self._shipping = shipping
        self._reader = reader
        self._workers = workers
        self._members = members
        self._wanted = wanted

    def versions(self, owner_id: str, file_id: str) -> list[Version]:
        """The history of a living file, the newest first. Raises :class:`NotFound`."""
        history = self._catalog.versions(owner_id, file_id)
        if history[0].kind is Kind.TOMBSTONE:
            raise NotFound("There is no such file.")
        return history

    def move(
        self, owner_id: str, file_id: str, path: str, wish: Wish, if_match: tuple[str, ...] | None = None
    ) -> Published:
        """Give a file another path; its bytes and etag stay. Moving to the present path changes nothing but the
        version.

        Raises :class:`NotFound`, :class:`InvalidName`, :class:`NameTaken`, :class:`PreconditionFailed`.
        """
        target = check_path(path)

        def draft(head: File | None) -> Draft:
            version = _version_of(head)
            return Draft(Kind.MOVE, target, version.content, version.content_type)

        return self._publish(owner_id, file_id, draft, wish, if_match, path=target)

    def copy(
        self,
        owner_id: str,
        file_id: str,
        path: str,
        wish: Wish,
        if_match: tuple[str, ...] | None = None,
        *,
        replace: bool = False,
    ) -> Published:
        """Make a new file of the same bytes at a path that is free; with ``replace`` a new version of the file that is
        there. No byte is sent: it refers to the same chunks.

        Raises :class:`NotFound`, :class:`InvalidName`, :class:`NameTaken`, :class:`InvalidRequest` (onto itself),
        :class:`PreconditionFailed` (the file that is copied has none of the etags), and :class:`CatalogUnavailable`:
        copies are never provisional.
        """
        target = Target(owner_id, path=check_path(path), create_only=not replace)
        original = self._catalog.file(owner_id, file_id)
        check_match(original, if_match)
        course = self._levels.course(wish.ask, target.place, size=0, conditional=True)

        def draft(_: File | None) -> Draft:
            return Draft(Kind.CONTENT, target.path, original.head.content, original.head.content_type)

        def check(head: File | None) -> None:
            if head is None:
                return
            if not replace:
                raise NameTaken("Another file has this path; nothing was changed.", field="path")
            if head.id == file_id:
                raise InvalidRequest("A file cannot be copied onto itself; nothing was changed.", field="path")
            there = Place(owner_id, head.id, target.path)
            self._levels.hold(course, wish.ask, there, size=0, conditional=True)

        return self._publisher.publish(target.place, draft, wish, self._shipping.open(course), check=check)

    def restore(
        self, owner_id: str, file_id: str, number: int, wish: Wish, if_match: tuple[str, ...] | None = None
    ) -> Published:
        """Make the bytes of an old version the present ones, as a version like any other; the path stays.

        Raises :class:`NotFound` for a version that is not there (any more) or was a deletion,
        :class:`PreconditionFailed`, and :class:`CatalogUnavailable`: only the catalog has old versions.
        """
        history = self.versions(owner_id, file_id)
        old = next((version for version in history if version.number == number), None)
        if old is None or old.kind is Kind.TOMBSTONE:
            raise NotFound("There is no such version of this file.")

        def draft(head: File | None) -> Draft:
            return Draft(Kind.CONTENT, _version_of(head).path, old.content, old.content_type)

        return self._publish(owner_id, file_id, draft, wish, if_match)

    def delete(self, owner_id: str, file_id: str, wish: Wish, if_match: tuple[str, ...] | None = None) -> Published:
        """End a file with a tombstone; its path is free at once. Raises :class:`NotFound`,
        :class:`PreconditionFailed`."""

        def draft(head: File | None) -> Draft:
            version = _version_of(head)
            nothing = Content(0, EMPTY_DIGEST, version.content.chunk_size)
            return Draft(Kind.TOMBSTONE, version.path, nothing, version.content_type)

        return self._publish(owner_id, file_id, draft, wish, if_match, stores=False)

    def count_replicas(self, owner_id: str, file_id: str) -> ReplicaCount:
        """Ask every worker which chunks of the head it holds now: the manifest, the lists and all the bytes.

        Raises :class:`NotFound`; a worker that does not answer is named, not an error.
        """
        version = self._catalog.file(owner_id, file_id).head
        members = self._members.members()
        count = ReplicaCount(version, self._wanted, held={member.worker_id: 0 for member in members})
        digests = itertools.chain(
            [version.manifest], unpack_digests(version.content.lists), self._reader.digests(version.content)
        )
        unreachable: set[str] = set()
        with ThreadPoolExecutor(max(len(members), 1)) as pool:
            while asked := list(itertools.islice(digests, ASKED_TOGETHER)):
                answers = dict(pool.map(lambda member, part=asked: self._ask(member, part), members))
                unreachable |= {worker for worker, held in answers.items() if held is None}
                for digest in asked:
                    holders = [worker for worker, held in answers.items() if held and digest in held]
                    count.add(holders, len(zones_of(members, holders)))
        count.unreachable = tuple(sorted(unreachable))
        return count

    def _ask(self, member: Member, digests: list[Digest]) -> tuple[str, set[Digest] | None]:
        try:
            return member.worker_id, self._workers.present(member, digests)
        except StoreUnavailable:
            return member.worker_id, None

    def _publish(
        self,
        owner_id: str,
        file_id: str,
        draft: Callable[[File | None], Draft],
        wish: Wish,
        if_match: tuple[str, ...] | None,
        *,
        stores: bool = True,
        path: str = "",
    ) -> Published:
        """``path`` is where the file goes, if it goes elsewhere."""
        target = Target(owner_id, file_id=file_id, if_match=if_match)
        course = self._levels.course(wish.ask, target.place, size=0, conditional=target.conditional, stores=stores)

        def check(head: File | None) -> None:
            target.check(head)
            if head is None:
                return
            for place in (Place(owner_id, head.id, each) for each in (head.path, path) if each):
                self._levels.hold(course, wish.ask, place, size=0, conditional=target.conditional, stores=stores)

        return self._publisher.publish(target.place, draft, wish, self._shipping.open(course), check=check)


def _version_of(head: File | None) -> Version:
    """The head a move or tombstone follows; the publisher only drafts them after ``find`` returned one."""
    if head is None:
        raise NotFound("There is no such file.")
    return head.head
