"""The checker finds the bugs it exists for, planted in EchoFS' own services, and none where there is none."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator, Sequence

import pytest

from echofs.core.errors import EchoError, HeadMoved, NotFound
from echofs.core.models import File
from echofs.ports.catalog import Commit
from echofs.ports.listing import ListQuery
from echofs.services.course import Course
from echofs.services.heads import Heads
from echofs.services.parents import Place
from echofs.verify import Operation, check
from tests.fakes.catalog import MemoryCatalog
from tests.fakes.clock import FakeClock
from tests.unit.services.data_plane import OWNER, DataPlane

PATH = "file"


class Recorder:
    """Clients of one cluster, and what they saw."""

    def __init__(self, plane: DataPlane) -> None:
        self.plane = plane
        self.history: list[Operation] = []
        self._ticks = itertools.count(1)
        self._file_id = ""

    def write(self, data: bytes) -> None:
        start = next(self._ticks)
        published = self.plane.put(PATH, data)
        self._file_id = published.file.id
        receipt = published.receipt
        self._note("write", start, receipt.version, hashlib.sha256(data).hexdigest(), dot=receipt.dot)

    def write_meanwhile(self, outer: bytes, inner: bytes) -> None:
        """A write that is decided, and before it is committed another one from begin to end."""
        look, pending = self.plane.parents.find, [inner]

        def find(place: Place, course: Course) -> File | None:
            seen = look(place, course)
            if pending:
                self.write(pending.pop())
            return seen

        self.plane.parents.find = find  # type: ignore[method-assign]
        self.write(outer)
        self.plane.parents.find = look  # type: ignore[method-assign]

    def read(self) -> None:
        start = next(self._ticks)
        try:
            version = self.plane.find(self._file_id).file.head
        except NotFound:
            self._note("read", start, None, None)
        else:
            self._note("read", start, version.number, version.content.digest)

    def read_all_back(self) -> None:
        start = next(self._ticks)
        files = self.plane.catalog.files(ListQuery(OWNER)).files
        histories = [self.plane.catalog.versions(OWNER, file.id) for file in files]
        digests = tuple(version.content.digest for history in histories for version in history)
        self._note("final", start, None, None, digests=digests)

    def _note(
        self,
        op: str,
        start: int,
        version: int | None,
        digest: str | None,
        *,
        dot: str = "",
        digests: tuple[str, ...] = (),
    ) -> None:
        line, end = len(self.history) + 1, next(self._ticks)
        self.history.append(
            Operation(line, op, PATH, start, end, True, "c", "s", version, digest, None, dot or None, True, "strong", 0)
            if not digests
            else Operation(line, op, PATH, start, end, True, digests=digests)
        )

    def broken(self) -> set[str]:
        return {verdict.promise.split()[0] for verdict in check(self.history) if not verdict.kept}


@pytest.fixture
def planes() -> Iterator[list[DataPlane]]:
    made: list[DataPlane] = []
    yield made
    for plane in made:
        plane.stop()


def _play(recorder: Recorder, between: Callable[[], object] = lambda: None) -> None:
    recorder.write(b"one")
    recorder.read()
    recorder.write_meanwhile(b"two", b"three")
    recorder.read()
    between()
    recorder.write(b"four")
    recorder.read()
    recorder.read_all_back()


def test_a_right_system_breaks_no_promise(planes: list[DataPlane]) -> None:
    planes.append(DataPlane())
    recorder = Recorder(planes[0])
    _play(recorder)
    assert recorder.broken() == set()
    assert [verdict.checked for verdict in check(recorder.history)] == [7, 3, 3, 4, 4]


class SkippedCompare(MemoryCatalog):
    """Moves a head without looking where it stands."""

    def _refusal(self, commit: Commit) -> EchoError | None:
        refused = super()._refusal(commit)
        return None if isinstance(refused, HeadMoved) else refused


def test_a_skipped_compare_and_swap_is_caught(planes: list[DataPlane]) -> None:
    planes.append(DataPlane(catalog=SkippedCompare(FakeClock())))
    recorder = Recorder(planes[0])
    _play(recorder)
    assert "linearizable" in recorder.broken()


class CachedStrong(Heads):
    """Calls what it remembers strong."""

    remembered: File | None = None

    def find(self, owner_id: str, file_id: str) -> File:
        self.remembered = self.remembered or super().find(owner_id, file_id)
        return self.remembered


def test_a_strong_read_from_a_cache_is_caught(planes: list[DataPlane]) -> None:
    plane = DataPlane()
    planes.append(plane)
    plane.reads._heads = CachedStrong(plane.catalog, plane.heads_cached, plane.meters)
    recorder = Recorder(plane)
    _play(recorder)
    assert {"linearizable", "read", "no"} <= recorder.broken()


class LazyCatalog(MemoryCatalog):
    """Answers before anything is durable: what came last is gone after a power cut."""

    def __init__(self) -> None:
        super().__init__(FakeClock())
        self._safe: tuple[dict[str, File], dict[str, list[object]]] = ({}, {})

    def commit(self, commits: Sequence[Commit]) -> list[File | EchoError]:
        self._safe = dict(self._files), {file: list(known) for file, known in self._versions.items()}
        return super().commit(commits)

    def cut_power(self) -> None:
        self._files, self._versions = self._safe  # type: ignore[assignment]


def test_an_answer_before_the_flush_is_caught(planes: list[DataPlane]) -> None:
    catalog = LazyCatalog()
    planes.append(DataPlane(catalog=catalog))
    recorder = Recorder(planes[0])
    _play(recorder, between=catalog.cut_power)
    assert {"linearizable", "no", "every"} & recorder.broken()
    assert any("nowhere" in each.message for verdict in check(recorder.history) for each in verdict.violations)


def test_a_dot_used_again_after_a_restart_is_caught(planes: list[DataPlane]) -> None:
    plane = DataPlane()
    planes.append(plane)
    recorder = Recorder(plane)

    def restart() -> None:
        """A master that comes back under the name it had, counting from one."""
        plane.publisher._drafting._origin = plane.catalog.versions(OWNER, recorder._file_id)[0].dot.origin
        plane.publisher._drafting._counter = itertools.count(1)

    _play(recorder, between=restart)
    assert "every" in recorder.broken()
