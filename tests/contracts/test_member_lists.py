"""Every list of members keeps what it was given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from echofs.adapters.member_file import MemberFile
from echofs.core.models import Member, MemberState
from echofs.ports.cluster import MemberList
from tests.fakes.cluster import MemoryMemberList

ONE = Member("w1", "http://w1.test:8091", "zone", 1.5, MemberState.SUSPECT, "disk-1", 1 << 50)
TWO = Member("w2", "http://[::1]:8091", "Zone.2")


@pytest.fixture(params=["memory", "file"])
def members(request: pytest.FixtureRequest, tmp_path: Path) -> MemberList:
    makers: dict[str, Callable[[], MemberList]] = {
        "memory": MemoryMemberList,
        "file": lambda: MemberFile(tmp_path / "members.json"),
    }
    return makers[request.param]()


def test_a_new_list_is_empty(members: MemberList) -> None:
    assert members.load() == []


def test_what_was_saved_is_loaded(members: MemberList) -> None:
    members.save([ONE, TWO])
    assert members.load() == [ONE, TWO]


def test_saving_replaces_the_whole_list(members: MemberList) -> None:
    members.save([ONE, TWO])
    members.save([TWO])
    assert members.load() == [TWO]
    members.save([])
    assert members.load() == []
