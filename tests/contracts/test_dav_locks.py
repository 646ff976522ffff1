"""What locks of WebDAV clients do alike wherever they are kept."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from echofs.adapters.catalog.dav_locks import SqlDavLocks
from echofs.core.errors import Conflict
from echofs.ports.dav_locks import DavLock, DavLocks
from tests.databases import emptied_postgresql, opened, sqlite_url
from tests.fakes.dav_locks import FakeDavLocks

ONE = DavLock("one", "/ada/docs/a", True, "{}", 100)
SHARED = DavLock("two", "/ada/docs", False, "{}", 200)


class DavLocksContract:
    """Provide an empty ``locks`` fixture."""

    def test_a_lock_is_there_until_it_expires(self, locks: DavLocks) -> None:
        locks.add(ONE, 0)
        assert [locks.get("one", now) for now in (0, 99, 100)] == [ONE, ONE, None]
        assert [locks.at(ONE.root, now) for now in (99, 100)] == [[ONE], []]

    @pytest.mark.parametrize("unknown", ["", "two", "nul\0", "\ud800"])
    def test_unknown_tokens_are_nobodys(self, locks: DavLocks, unknown: str) -> None:
        locks.add(ONE, 0)
        assert locks.get(unknown, 0) is None
        assert not locks.drop(unknown)

    def test_a_root_has_one_exclusive_lock_and_any_number_of_others(self, locks: DavLocks) -> None:
        locks.add(ONE, 0)
        with pytest.raises(Conflict):
            locks.add(replace(ONE, token="late"), 50)
        for token in ("s1", "s2"):
            locks.add(replace(SHARED, token=token), 0)
        assert [lock.token for lock in locks.at(SHARED.root, 0)] == ["s1", "s2"]

    def test_an_expired_lock_makes_room(self, locks: DavLocks) -> None:
        locks.add(ONE, 0)
        late = replace(ONE, token="late", expires_at=300)
        locks.add(late, 100)
        assert locks.at(ONE.root, 100) == [late]

    def test_of_many_at_once_one_gets_the_exclusive_lock(self, locks: DavLocks) -> None:
        def attempt(number: int) -> bool:
            try:
                locks.add(replace(ONE, token=f"t{number}"), 0)
            except Conflict:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(attempt, range(8))) == 1

    def test_below_means_inside_and_not_beside(self, locks: DavLocks) -> None:
        inside = [replace(ONE, token=root, root=root) for root in ("/ada/docs/a", "/ada/docs/b/c", "/ada/docs/é")]
        beside = [
            replace(ONE, token=root, root=root) for root in ("/ada/docs", "/ada/docs0", "/ada/docs-2/a", "/bob/docs/a")
        ]
        for lock in (*inside, *beside):
            locks.add(lock, 0)
        assert locks.below("/ada/docs", 0) == inside
        assert locks.below("/ada/docs", 100) == []

    def test_a_lock_is_renewed_unless_it_is_gone(self, locks: DavLocks) -> None:
        locks.add(ONE, 0)
        renewed = replace(ONE, record="more", expires_at=900)
        locks.renew(renewed)
        locks.renew(replace(SHARED, record="more"))
        assert locks.get("one", 800) == renewed
        assert locks.get("two", 0) is None

    def test_a_dropped_lock_is_gone_once(self, locks: DavLocks) -> None:
        locks.add(ONE, 0)
        assert [locks.drop("one"), locks.drop("one")] == [True, False]
        locks.add(replace(ONE, token="next"), 0)

    def test_what_expired_is_forgotten_with_the_next_lock(self, locks: DavLocks) -> None:
        locks.add(ONE, 0)
        locks.add(SHARED, 0)
        locks.add(replace(ONE, token="next", root="/ada/other", expires_at=900), 150)
        assert locks.get(ONE.token, 0) is None
        assert locks.get(SHARED.token, 0) == SHARED


class TestFakeDavLocks(DavLocksContract):
    @pytest.fixture
    def locks(self) -> DavLocks:
        return FakeDavLocks()


class TestSqliteDavLocks(DavLocksContract):
    @pytest.fixture
    def locks(self, tmp_path: Path) -> Iterator[DavLocks]:
        with opened(sqlite_url(tmp_path)) as engine:
            yield SqlDavLocks(engine)


class TestPostgresqlDavLocks(DavLocksContract):
    @pytest.fixture
    def locks(self, postgresql_url: str) -> Iterator[DavLocks]:
        with emptied_postgresql(postgresql_url) as engine:
            yield SqlDavLocks(engine)
