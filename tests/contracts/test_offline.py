"""What a host remembers of users is shared by its processes, ages, and goes when a session ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from echofs.adapters.local_rights import LocalFloors, LocalRights, open_memory
from echofs.core.models import Floor, FloorScope, Level, Role
from echofs.ports.offline import OfflineFloors, OfflineRights, Right
from echofs.ports.sessions import Ended
from tests.fakes.clock import FakeClock
from tests.fakes.offline import MemoryFloors, MemoryRights

RIGHT = Right("user-1", "änna", Role.ADMIN, "jti-1", "sid-1", 17, 1 << 50)
FLOORS = (Floor("user-1", FloorScope.FOLDER, "ä/b", Level.HYBRID), Floor("user-1", FloorScope.USER, "", Level.STRONG))


@dataclass
class Subject:
    """The memory as two processes of a host see it."""

    rights: OfflineRights
    rights_elsewhere: OfflineRights
    floors: OfflineFloors
    floors_elsewhere: OfflineFloors
    clock: FakeClock


@pytest.fixture(params=["memory", "local"])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Subject]:
    clock = FakeClock()
    clock.advance(1000)
    if request.param == "memory":
        rights, floors = MemoryRights(clock), MemoryFloors(clock)
        yield Subject(rights, rights, floors, floors, clock)
        return
    with closing(open_memory(tmp_path, "boot")) as one, closing(open_memory(tmp_path, "boot")) as two:
        yield Subject(
            LocalRights(one, clock, seconds=300),
            LocalRights(two, clock, seconds=300),
            LocalFloors(one, clock),
            LocalFloors(two, clock),
            clock,
        )


def test_a_right_is_known_to_all_processes_and_ages_from_the_question(subject: Subject) -> None:
    subject.rights.keep("token", RIGHT, subject.clock.monotonic() - 2)
    subject.clock.advance(3)
    assert subject.rights_elsewhere.recall("token") == (RIGHT, 5.0)
    assert subject.rights_elsewhere.recall("token2") is None


@pytest.mark.parametrize("ended", [Ended(sid="sid-1"), Ended(user_id="user-1")])
def test_an_ended_session_has_no_right_and_a_late_answer_brings_none_back(subject: Subject, ended: Ended) -> None:
    asked_at = subject.clock.monotonic()
    subject.rights.keep("token", RIGHT, asked_at)
    subject.clock.advance(1)
    subject.rights_elsewhere.forget(ended)
    assert subject.rights.recall("token") is None
    subject.rights.keep("token", RIGHT, asked_at)
    assert subject.rights.recall("token") is None
    subject.clock.advance(1)
    subject.rights.keep("token", RIGHT, subject.clock.monotonic())
    assert subject.rights.recall("token") == (RIGHT, 0.0)


@pytest.mark.parametrize("ended", [Ended(sid="sid-2"), Ended(user_id="user-2"), Ended()])
def test_the_end_of_another_session_changes_nothing(subject: Subject, ended: Ended) -> None:
    subject.rights.keep("token", RIGHT, subject.clock.monotonic())
    subject.rights.forget(ended)
    assert subject.rights.recall("token") == (RIGHT, 0.0)


def test_a_refused_token_has_no_right(subject: Subject) -> None:
    subject.rights.keep("token", RIGHT, subject.clock.monotonic())
    subject.rights_elsewhere.refuse("token")
    subject.rights_elsewhere.refuse("token")
    assert subject.rights.recall("token") is None


def test_floors_are_known_to_all_processes_and_age_from_the_question(subject: Subject) -> None:
    subject.floors.keep("user-1", FLOORS, subject.clock.monotonic() - 2)
    subject.floors.keep("user-2", (), subject.clock.monotonic())
    assert subject.floors_elsewhere.recall("user-1") == (FLOORS, 2.0)
    assert subject.floors_elsewhere.recall("user-2") == ((), 0.0)
    assert subject.floors_elsewhere.recall("user-3") is None


def test_no_token_can_be_read_from_the_disk(tmp_path: Path) -> None:
    clock = FakeClock()
    with closing(open_memory(tmp_path, "boot")) as memory:
        LocalRights(memory, clock, seconds=300).keep("header.claims.signature", RIGHT, clock.monotonic())
        stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"sid-1" in stored
    assert b"signature" not in stored
