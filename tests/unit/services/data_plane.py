"""All data-path services wired together over fakes."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from echofs.adapters.frames import Lz4Codec
from echofs.core import chunking
from echofs.core.advice import Advice, Decision, OpClass
from echofs.core.choosing import Plan
from echofs.core.goals import parse_ask
from echofs.core.models import Content, Digest, File, Level
from echofs.core.session_tokens import Session
from echofs.ports.catalog import Catalog, Changes, Commit
from echofs.ports.runtime import Ids
from echofs.services.advice import Adviser
from echofs.services.course import Course
from echofs.services.drafting import Drafting
from echofs.services.files import Files
from echofs.services.finishing import Finishing
from echofs.services.folders import Folders
from echofs.services.found import Found
from echofs.services.heads import Heads
from echofs.services.intake import Intake
from echofs.services.latencies import Latencies
from echofs.services.levels import Levels
from echofs.services.listings import Listings
from echofs.services.local_heads import LocalHeads
from echofs.services.memory import MemoryBudget
from echofs.services.merging import Merger
from echofs.services.parents import Parents
from echofs.services.publishing import Published, Publisher, Wish
from echofs.services.quotas import Quotas
from echofs.services.reading import ChunkReader
from echofs.services.reads import Reads
from echofs.services.reception import Receptions
from echofs.services.recovery import Recovery
from echofs.services.reintegration import Reintegration
from echofs.services.repair import Repair
from echofs.services.replacing import Replacing
from echofs.services.replays import Replays
from echofs.services.replication import Replicator
from echofs.services.resolving import Resolver
from echofs.services.resumable import Resumable
from echofs.services.setbacks import Setbacks
from echofs.services.shipping import Shipment, Shipping
from echofs.services.spooling import Spooling
from echofs.services.steps import Steps
from echofs.services.streaming import FileReader
from echofs.services.uploads import Declared, Target, Upload, Uploads
from echofs.services.whole_hashes import WholeHashes
from tests.fakes.catalog import MemoryCatalog
from tests.fakes.clock import FakeClock
from tests.fakes.follower import MemoryFollower
from tests.fakes.gate import FakeGate
from tests.fakes.heads import MemoryHeads
from tests.fakes.ids import SequentialIds
from tests.fakes.journal import MemoryJournal
from tests.fakes.levels import FakeFloors
from tests.fakes.members import FakeMembers, a_member
from tests.fakes.meters import FakeMeters
from tests.fakes.uploads import MemoryUploads
from tests.fakes.users import MemoryUsers
from tests.fakes.workers import FakeWorkers

OWNER = "owner-1"
OWNER_NAME = "anna"
CHUNK = 64
LIMIT = 1 << 20


class DataPlane:
    """Three workers in three zones and a catalog; chunks of 64 bytes. With ``clock_runs``, waiting in vain takes no
    time. ``catalog`` is one in memory unless given. With ``beside`` it is another host of the same cluster, with a
    journal of its own."""

    def __init__(
        self,
        worker_ids: Iterable[str] = "abc",
        *,
        clock_runs: bool = True,
        max_size: int = 0,
        catalog: Catalog | None = None,
        beside: DataPlane | None = None,
    ) -> None:
        self.clock = beside.clock if beside else FakeClock()
        self.members = FakeMembers([a_member(worker_id) for worker_id in worker_ids])
        self.workers = beside.workers if beside else FakeWorkers(worker_ids, self.clock if clock_runs else None)
        self.catalog = catalog or (beside.catalog if beside else MemoryCatalog(self.clock))
        self.ids = beside.ids if beside else SequentialIds()
        self.users = beside.users if beside else MemoryUsers()
        self.ledger = beside.ledger if beside else MemoryUploads()
        self.codec = Lz4Codec(1 << 20)
        self.meters = FakeMeters()
        self.budget = MemoryBudget(LIMIT)
        self.read_budget = MemoryBudget(LIMIT)
        self.replicator = Replicator(self.workers, self.members, self.budget, self.clock, self.meters, wanted=3)
        self.journal = MemoryJournal(self.clock)
        self.chunks = ChunkReader(
            self.workers,
            self.members,
            self.catalog,
            self.codec,
            self.clock,
            self.meters,
            wanted=3,
            spool=self.journal,
        )
        self.reader = FileReader(self.chunks, self.read_budget, threads=4)
        self.heads_cached = MemoryHeads(self.clock)
        self.heads = Heads(self.catalog, self.heads_cached, self.meters)
        self.gate = FakeGate()
        self.floors = FakeFloors()
        self.latencies = Latencies(self.clock)
        self.adviser = Adviser(self.clock)
        self.setbacks = Setbacks(self.clock)
        self.levels = Levels(self.gate, self.members, self.floors, self.latencies, self.setbacks, self.adviser)
        self.follower = MemoryFollower(self.clock)
        self.parents = Parents(self.catalog, self.journal, self.follower)
        self.shipping = Shipping(self.replicator, self.journal, self.catalog, self.clock, self.members.zones)
        self.quotas = Quotas(self.catalog, self.clock)
        self.publisher = self.new_publisher(self.ids)
        self.uploads = Uploads(
            Replays(self.catalog, self.journal),
            self.levels,
            self.parents,
            self.publisher,
            self.shipping,
            self.quotas,
            self.codec,
            self.meters,
            chunk_size=CHUNK,
            max_size=max_size,
        )
        self.files = Files(
            self.catalog,
            self.levels,
            self.publisher,
            self.shipping,
            self.reader,
            self.workers,
            self.members,
            wanted=3,
        )
        self.recovery = Recovery(self.catalog, self.levels, self.publisher, self.shipping, trash_days=30)
        steps = Steps(self.catalog, self.replicator, self.heads, Drafting(self.codec, self.clock, self.ids))
        self.folders = Folders(self.catalog, self.journal, self.levels, steps)
        self.replacing = Replacing(
            self.files, self.parents, self.levels, steps, self.clock, self.members.zones, wanted=3
        )
        self.local = LocalHeads(self.journal, self.follower)
        self.reads = Reads(self.catalog, self.heads, self.local, self.floors, self.gate, self.meters)
        self.listings = Listings(self.catalog, self.local, self.floors)
        self.repair = Repair(self.catalog, self.workers, self.members, self.chunks, self.clock, self.meters)
        self.spooling = Spooling(
            self.journal, self.replicator, self.workers, self.members, self.catalog, self.codec, self.meters
        )
        self.resolver = Resolver(
            self.catalog,
            self.heads,
            self.members,
            self.shipping,
            Merger(self.reader, self.codec, chunk_size=CHUNK),
            self.chunks,
            self.codec,
            self.clock,
            self.ids,
            self.meters,
            wanted=3,
        )
        self.reintegration = Reintegration(
            self.journal, self.catalog, self.gate, self.users, self.heads, self.resolver, self.meters
        )

    def resumable(self, *, max_size: int = 0, hours: float = 168) -> Resumable:
        """One more process that takes resumable uploads."""
        hashes = WholeHashes()
        receptions = Receptions(
            self.ledger,
            self.catalog,
            self.replicator,
            self.chunks,
            self.codec,
            hashes,
            self.clock,
            self.meters,
            expires_seconds=hours * 3600,
        )
        finishing = Finishing(
            self.ledger,
            self.catalog,
            self.uploads,
            self.replicator,
            self.chunks,
            self.reader,
            self.codec,
            hashes,
            self.clock,
        )
        return Resumable(
            self.ledger,
            self.users,
            receptions,
            finishing,
            self.quotas,
            self.clock,
            self.ids,
            chunk_size=CHUNK,
            max_size=max_size,
        )

    def stop(self) -> None:
        self.replicator.stop()
        self.reader.stop()
        self.chunks.stop()

    def wish(self, key: str = "", fingerprint: str = "print", *, level: str = "auto") -> Wish:
        return Wish(parse_ask(level), self.clock.monotonic(), OWNER_NAME, key, fingerprint if key else "")

    def new_publisher(self, ids: Ids) -> Publisher:
        """One more process that publishes."""
        return Publisher(
            self.catalog,
            self.journal,
            self.parents,
            self.heads,
            self.quotas,
            self.codec,
            self.latencies,
            self.clock,
            ids,
            self.meters,
            wanted=3,
        )

    def follow(self, *files: File) -> None:
        """The host's copy of heads learns of these files."""
        if self.follower.position() is None:
            self.follower.begin(0, whole=True)
        at = self.follower.position() or 0
        last = at + len(files)
        self.follower.take(Changes(files, last, last), at, self.clock.monotonic())

    def advise(self, level: Level, decision_id: str = "d-1") -> None:
        """The controller decides on a level for all small writes and large ones."""
        decisions = {op_class: Decision(decision_id, op_class, level, 1, 1, self.clock.now()) for op_class in OpClass}
        self.adviser.adopt(Advice(1, decisions=decisions), asked_at=self.clock.monotonic())

    def cut_catalog(self) -> None:
        """The catalog is away, and the gate has noticed."""
        self.gate.open = False
        self.catalog.down = True

    def heal_catalog(self) -> None:
        self.gate.open = True
        self.catalog.down = False

    def replay(self) -> list[File]:
        """Commit what waits in the journal, in order, and forget it."""
        entries = [entry for _, entry in self.journal.pending()]
        done = [
            self.catalog.commit([Commit(entry.owner_id, entry.version, entry.chunks, entry.idempotency)])[0]
            for entry in entries
        ]
        self.journal.settle([entry.version.dot for entry in entries])
        return [file for file in done if isinstance(file, File)]

    def find(
        self, file_id: str, level: str = "auto", session: Session | None = None, *, owner_id: str = OWNER
    ) -> Found:
        """A read of a file's head."""
        return self.reads.find(owner_id, file_id, parse_ask(level), session or Session(owner_id))

    def shipment(self, *levels: Level) -> Shipment:
        """A shipment that tries these levels, strong alone by default."""
        chosen = levels or (Level.STRONG,)
        return self.shipping.open(Course(Plan(chosen, chosen[0])))

    def intake(self, shipment: Shipment | None = None, *, max_size: int = 0) -> Intake:
        return Intake(shipment or self.shipment(), self.codec, chunk_size=CHUNK, max_size=max_size)

    def begin(
        self,
        target: Target | str,
        *,
        key: str = "",
        size: int | None = None,
        digest: Digest | None = None,
        level: str = "auto",
    ) -> Upload:
        """An upload that is not a replay."""
        if isinstance(target, str):
            target = Target(OWNER, path=target)
        upload = self.uploads.begin(target, Declared(size, digest), self.wish(key, level=level))
        assert isinstance(upload, Upload)
        return upload

    def put(self, target: Target | str, data: bytes, *, key: str = "", level: str = "auto") -> Published:
        """A whole upload."""
        upload = self.begin(target, key=key, level=level)
        for at in range(0, len(data), 50):
            upload.write(data[at : at + 50])
        return upload.finish()

    def read(self, content: Content) -> bytes:
        """The bytes of a version through the services."""
        return b"".join(self.reader.stream(content, 0, content.size - 1))

    def read_by_hand(self, content: Content, worker_id: str = "a") -> bytes:
        """The bytes of a version from one worker's disk, decoded here."""
        digests = chunking.unpack_digests(content.inline)
        for listed in chunking.unpack_digests(content.lists):
            digests += chunking.unpack_digests(self.plain(worker_id, listed))
        return b"".join(self.plain(worker_id, digest) for digest in digests)

    def plain(self, worker_id: str, digest: Digest) -> bytes:
        return self.codec.decode(self.workers[worker_id].frames[digest], digest, check_digest=True)

    def all_released(self) -> bool:
        """Whether uploads hold no memory, waiting for the replication thread if need be."""
        self.budget.acquire(LIMIT, timeout=10)
        self.budget.release(LIMIT)
        return self.budget.held == 0


def bytes_of(size: int) -> bytes:
    """Bytes whose chunks all differ."""
    return b"".join(number.to_bytes(4, "big") for number in itertools.islice(itertools.count(), size // 4 + 1))[:size]
