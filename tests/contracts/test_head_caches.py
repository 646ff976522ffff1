"""Every cache of heads forgets in time, and never brings an earlier head back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest

from echofs.adapters.redis_heads import RedisHeads
from echofs.adapters.redis_link import RedisLink
from echofs.core.consistency import STALENESS_SECONDS
from echofs.core.models import File
from echofs.ports.cache import HeadCache
from tests.contracts.catalog_values import ALICE, CREATED, deleted, first, following
from tests.fakes.clock import FakeClock
from tests.fakes.heads import MemoryHeads
from tests.fakes.meters import FakeMeters

LIFE = 0.6
CAPACITY = 3


@dataclass
class Subject:
    """A cache as two masters see it. ``wait`` lets a share of a head's life pass."""

    one: HeadCache
    two: HeadCache
    wait: Callable[[float], None]


def in_memory() -> Subject:
    clock = FakeClock()
    cache = MemoryHeads(clock, capacity=CAPACITY)
    return Subject(cache, cache, lambda share: clock.advance(share * STALENESS_SECONDS))


def in_redis(addr: str) -> tuple[Subject, list[RedisLink]]:
    clock = FakeClock()
    links = [RedisLink(f"redis://{addr}", clock, FakeMeters()) for _ in range(2)]
    for link in links:
        link.check()
        link.client.flushdb()
    clock.advance(LIFE)
    one, two = (RedisHeads(link, life=LIFE, capacity=CAPACITY) for link in links)
    return Subject(one, two, lambda share: time.sleep(share * LIFE)), links


@pytest.fixture(params=["memory", "redis"])
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    if request.param == "memory":
        yield in_memory()
        return
    made, links = in_redis(request.getfixturevalue("valkey_addr"))
    yield made
    for link in links:
        link.close()


def a_file() -> File:
    version = first("a/ü.txt").version
    return File(version.file_id, ALICE, replace(version, content=replace(version.content, lists=b"\0" * 32)), CREATED)


def next_of(file: File) -> File:
    return replace(file, head=following(file).version)


def keep(cache: HeadCache, file: File) -> None:
    cache.keep(file, cache.find(file.id))


def test_nothing_is_found_at_first(subject: Subject) -> None:
    lookup = subject.one.find("f" * 32)
    assert lookup.file is None
    assert lookup.ticket is not None


def test_what_one_master_keeps_another_finds(subject: Subject) -> None:
    file = a_file()
    keep(subject.one, file)
    found = subject.two.find(file.id)
    assert found.file == file
    assert 0 <= found.age < STALENESS_SECONDS


def test_a_head_is_forgotten_at_the_end_of_its_life(subject: Subject) -> None:
    file = a_file()
    keep(subject.one, file)
    subject.wait(1.01)
    assert subject.two.find(file.id).file is None


def test_the_life_begins_with_the_lookup_and_not_when_the_head_is_kept(subject: Subject) -> None:
    file = a_file()
    lookup = subject.one.find(file.id)
    subject.wait(0.6)
    subject.one.keep(file, lookup)
    subject.wait(0.41)
    assert subject.one.find(file.id).file is None


def test_a_head_that_comes_after_its_life_is_not_kept(subject: Subject) -> None:
    file = a_file()
    lookup = subject.one.find(file.id)
    subject.wait(1.01)
    subject.one.keep(file, lookup)
    assert subject.one.find(file.id).file is None


def test_after_a_commit_no_master_finds_the_head_before(subject: Subject) -> None:
    old = a_file()
    keep(subject.one, old)
    assert subject.two.supersede(next_of(old))
    assert subject.one.find(old.id).file is None


def test_a_slow_reader_does_not_bring_back_what_a_commit_ended(subject: Subject) -> None:
    old = a_file()
    lookup = subject.one.find(old.id)
    assert subject.two.supersede(next_of(old))
    subject.one.keep(old, lookup)
    assert subject.two.find(old.id).file is None


def test_a_slow_reader_does_not_replace_what_another_found_later(subject: Subject) -> None:
    old = a_file()
    new = next_of(old)
    lookup = subject.one.find(old.id)
    keep(subject.two, new)
    subject.one.keep(old, lookup)
    assert subject.one.find(old.id).file == new


def test_a_slow_reader_finds_no_gap_when_the_newer_head_expires_first(subject: Subject) -> None:
    old = a_file()
    early = subject.one.find(old.id)
    subject.wait(0.3)
    late = subject.two.find(old.id)
    # Its catalog read came back after the commit, that of the later lookup before it.
    subject.one.keep(next_of(old), early)
    subject.wait(0.71)
    subject.two.keep(old, late)
    assert subject.one.find(old.id).file is None


def test_a_slow_reader_does_not_bring_back_a_deleted_file(subject: Subject) -> None:
    old = a_file()
    lookup = subject.one.find(old.id)
    assert subject.two.supersede(replace(old, head=deleted(old).version))
    subject.one.keep(old, lookup)
    assert subject.one.find(old.id).file is None


def test_the_new_head_can_be_kept_after_its_commit(subject: Subject) -> None:
    old = a_file()
    new = next_of(old)
    keep(subject.one, old)
    subject.one.supersede(new)
    keep(subject.one, new)
    assert subject.two.find(old.id).file == new


def test_news_of_a_commit_that_come_late_leave_the_newer_head(subject: Subject) -> None:
    old = a_file()
    new = next_of(old)
    keep(subject.one, new)
    assert subject.two.supersede(new)
    assert subject.two.supersede(old)
    assert subject.one.find(old.id).file == new


def test_a_head_that_was_asked_for_again_is_as_young_as_the_last_answer(subject: Subject) -> None:
    file = a_file()
    keep(subject.one, file)
    subject.wait(0.6)
    keep(subject.two, file)
    subject.wait(0.6)
    assert subject.one.find(file.id).file == file


def test_heads_beyond_the_capacity_are_not_kept_but_bar_the_ones_before(subject: Subject) -> None:
    for _ in range(CAPACITY):
        keep(subject.one, a_file())
    old = a_file()
    lookup = subject.one.find(old.id)
    keep(subject.one, next_of(old))
    assert subject.one.find(old.id).file is None
    subject.wait(1.01)
    assert subject.one.find(old.id).file is None
    keep(subject.one, old)
    assert subject.one.find(old.id).file == old
    assert lookup.ticket is not None


def test_there_is_room_again_when_heads_have_expired(subject: Subject) -> None:
    for _ in range(CAPACITY):
        keep(subject.one, a_file())
    subject.wait(2.01)
    file = a_file()
    keep(subject.one, file)
    assert subject.one.find(file.id).file == file
