"""Two masters, a catalog that comes and goes, and clients who change masters: whatever happens in whatever order,
nobody is taken back in time without a word, and nothing is older than it says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from echofs.core.consistency import STALENESS_SECONDS, Guarantee, Receipt
from echofs.core.entries import JournalEntry
from echofs.core.errors import EchoError, Unavailable
from echofs.core.goals import parse_ask
from echofs.core.models import Dot, File, Level, Version
from echofs.core.read_plan import line_of
from echofs.core.session_tokens import Line
from echofs.ports.catalog import Commit
from echofs.services.following import Following
from echofs.services.found import Found
from echofs.services.heads import Heads
from echofs.services.local_heads import LocalHeads
from echofs.services.reads import Reads
from echofs.services.sessions import Sessions
from tests.contracts.catalog_values import first, following, make
from tests.fakes.catalog import MemoryCatalog
from tests.fakes.clock import FakeClock
from tests.fakes.follower import MemoryFollower
from tests.fakes.gate import FakeGate
from tests.fakes.heads import MemoryHeads
from tests.fakes.journal import MemoryJournal
from tests.fakes.levels import FakeFloors
from tests.fakes.meters import FakeMeters
from tests.fakes.seal import OpenSeal

OWNER = "owner-1"
MASTERS = 2
CLIENTS = 3
RECEIPT = Receipt("auto", Level.STRONG, 1, "", 3, 3, 3, (), 0, True, 0.0)


class Way:
    """A master's way to the catalog."""

    def __init__(self, catalog: MemoryCatalog, gate: FakeGate) -> None:
        self._catalog = catalog
        self._gate = gate

    def __getattr__(self, name: str) -> object:
        self._catalog.down = not self._gate.open
        return getattr(self._catalog, name)


class Master:
    """One on a host of its own, without anything that is shared but the catalog."""

    def __init__(self, catalog: MemoryCatalog, cache: MemoryHeads | None, clock: FakeClock) -> None:
        self.gate = FakeGate()
        self.catalog = Way(catalog, self.gate)
        self.journal = MemoryJournal(clock)
        self.follower = MemoryFollower(clock)
        meters = FakeMeters()
        self.heads = Heads(self.catalog, cache, meters)  # type: ignore[arg-type]
        local, floors = LocalHeads(self.journal, self.follower), FakeFloors()
        self.reads = Reads(self.catalog, self.heads, local, floors, self.gate, meters)  # type: ignore[arg-type]
        self.following = Following(self.catalog, self.follower, self.gate, clock, capacity=99)  # type: ignore[arg-type]


class World:
    """One file, and what really happened to it."""

    def __init__(self, *, shared_cache: bool) -> None:
        self.clock = FakeClock()
        self.catalog = MemoryCatalog(self.clock)
        cache = MemoryHeads(self.clock) if shared_cache else None
        self.masters = [Master(self.catalog, cache, self.clock) for _ in range(MASTERS)]
        self.sessions = Sessions(OpenSeal())
        self.tokens = [""] * CLIENTS
        self.seen: list[set[Dot]] = [set() for _ in range(CLIENTS)]
        self.file_id = make(self.catalog, first("a", owner=OWNER)).id
        self.past: dict[Dot, frozenset[Dot]] = {self.head.head.dot: frozenset({self.head.head.dot})}
        self.history = [(self.clock.monotonic(), self.head.head.number)]
        self.elsewhere: set[Dot] = set()
        for master in self.masters:
            master.following.run_once()

    @property
    def head(self) -> File:
        self.catalog.down = False
        return self.catalog.file(OWNER, self.file_id)

    def write(self, client: int, master: Master) -> None:
        pending = master.journal.head(OWNER, self.file_id)
        if pending is None and master.gate.open:
            self._commit(client, master)
            return
        copy = master.follower.head(OWNER, self.file_id)
        if pending is not None:
            parent = File(self.file_id, OWNER, pending.version, 0)
        elif copy is not None:
            parent = copy.file
        else:
            return
        commit = following(parent)
        entry = JournalEntry(OWNER, "anna", commit.version, parent.head.dot, parent.head.manifest, tuple(commit.chunks))
        master.journal.append(entry)
        self._wrote(client, commit.version, parent.head.dot, master.journal.of_file(OWNER, self.file_id))

    def _commit(self, client: int, master: Master) -> None:
        parent = self.head
        file = make(self.catalog, following(parent))
        self._moved()
        master.heads.superseded(file)
        self._wrote(client, file.head, parent.head.dot)

    def _wrote(self, client: int, version: Version, parent: Dot, entries: Sequence[JournalEntry] | None = None) -> None:
        provisional = entries is not None
        self.past[version.dot] = self.past[parent] | {version.dot}
        session = self.sessions.open(self.tokens[client], OWNER)
        receipt = replace(RECEIPT, committed=not provisional, guarantee=Guarantee.CAUSAL)
        line = Line.of(version) if entries is None else line_of(entries[-1], entries)
        receipt = self.sessions.after_write(session, version, receipt, line)
        self.tokens[client] = receipt.session
        if provisional and self.seen[client] - self.past[version.dot] - self.elsewhere:
            assert (receipt.guarantee, receipt.degraded) == (Guarantee.NONE, True)
        self.seen[client].add(version.dot)

    def read(self, client: int, master: Master, level: str) -> None:
        session = self.sessions.open(self.tokens[client], OWNER)
        try:
            found = master.reads.find(OWNER, self.file_id, parse_ask(level), session)
        except Unavailable:
            assert not master.gate.open
            return
        self.check(client, found, level)
        self.tokens[client] = self.sessions.token(found.session)
        self.seen[client].add(found.file.head.dot)

    def check(self, client: int, found: Found, level: str) -> None:
        head = found.file.head
        lacking = self.seen[client] - self.past[head.dot] - self.elsewhere
        if level == "hybrid" and found.level is Level.HYBRID:
            assert not lacking
            assert not found.degraded
        if lacking:
            assert found.degraded
            assert found.reason
            assert found.guarantee in (Guarantee.NONE, Guarantee.LINEARIZABLE)
        assert found.provisional == (self.catalog_number(head.dot) is None)
        if found.provisional:
            assert found.level is Level.AVAILABLE
        elif found.level is Level.STRONG:
            assert head == self.head.head
        else:
            assert found.age is not None
            assert found.level is Level.AVAILABLE or found.age <= STALENESS_SECONDS
            asked = self.clock.monotonic() - found.age
            assert head.number >= max(number for at, number in self.history if at < asked or number == 1)

    def catalog_number(self, dot: Dot) -> int | None:
        self.catalog.down = False
        file = self.catalog.by_dot(OWNER, [dot]).get(dot)
        return file.head.number if file is not None and file.id == self.file_id else None

    def replay(self, master: Master) -> None:
        """As reintegration does it: what follows the head is committed, and everything else kept as another file."""
        if not master.gate.open:
            return
        for _, entry in master.journal.pending():
            self.catalog.down = False
            outcome: File | EchoError | None = None
            if entry.parent_dot == self.head.head.dot:
                (outcome,) = self.catalog.commit([Commit(OWNER, entry.version, entry.chunks)])
                assert isinstance(outcome, File)
                self._moved()
                master.heads.superseded(outcome)
            else:
                self._keep_elsewhere(entry)
            master.journal.settle([entry.version.dot])

    def _keep_elsewhere(self, entry: JournalEntry) -> None:
        copy = first(f"copy of {entry.version.dot.counter}", owner=OWNER)
        version = replace(copy.version, dot=entry.version.dot, manifest=entry.version.manifest)
        (kept,) = self.catalog.commit([Commit(OWNER, version, copy.chunks)])
        assert isinstance(kept, File)
        self.elsewhere.add(entry.version.dot)

    def _moved(self) -> None:
        self.history.append((self.clock.monotonic(), self.head.head.number))


def _flip(world: World, master: Master) -> None:
    master.gate.open = not master.gate.open


def _follow(world: World, master: Master) -> None:
    master.following.run_once()


CLIENT, MASTER = st.integers(0, CLIENTS - 1), st.integers(0, MASTERS - 1)
Step = Callable[[World], None]


def _by_client(client: int, master: int, level: str) -> Step:
    if level == "write":
        return lambda world: world.write(client, world.masters[master])
    return lambda world: world.read(client, world.masters[master], level)


def _by_master(master: int, what: Callable[[World, Master], None]) -> Step:
    return lambda world: what(world, world.masters[master])


STEPS = st.one_of(
    st.builds(_by_client, CLIENT, MASTER, st.sampled_from(["write", "hybrid", "available", "auto", "strong"])),
    st.builds(_by_client, CLIENT, MASTER, st.sampled_from(["write", "hybrid", "available"])),
    st.builds(_by_master, MASTER, st.sampled_from([_flip, _follow, World.replay])),
    st.sampled_from([0.25, 1.0, 3.0]).map(lambda seconds: lambda world: world.clock.advance(seconds)),
)


@settings(max_examples=200, deadline=None)
@given(st.booleans(), st.lists(STEPS, min_size=5, max_size=60))
def test_no_order_of_events_takes_a_client_back_in_time_unmarked(shared_cache: bool, steps: list[Step]) -> None:
    world = World(shared_cache=shared_cache)
    for step in steps:
        step(world)
