"""What every store does alike. A test module per store inherits :class:`ObjectStoreContract` and says how to open one
and how to look at its medium by another road than the port."""

from __future__ import annotations

import itertools
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from echofs.core.errors import InvalidName, NotFound, PreconditionFailed, ValueTooLarge
from echofs.ports.object_store import ABSENT, ObjectStore, Stat

MAX_VALUE_BYTES = 3 << 20
BAD_KEYS = [
    "",
    "a",
    "/a",
    "a/",
    "a/b/c",
    "A/b",
    "a/B",
    "a/../b",
    "../a",
    "a/.b",
    "a/-b",
    "a/b\n",
    "a/b\0",
    "a/é",
    "a b/c",
]
NAMES = st.from_regex(r"[a-c0-2][a-c0-2._-]{0,5}", fullmatch=True)


def race(contenders: int, attempt: Callable[[int], object]) -> list[int]:
    """Run all attempts at once; which of them were not refused by their condition."""
    barrier = threading.Barrier(contenders)
    winners: list[int] = []
    surprises: list[BaseException] = []

    def run(number: int) -> None:
        barrier.wait()
        try:
            attempt(number)
            winners.append(number)
        except PreconditionFailed:
            pass
        except BaseException as error:
            surprises.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(contenders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert surprises == []
    return winners


class ObjectStoreContract(ABC):
    """Inherit, and give the two fixtures.

    ``TURNS`` is how often contenders meet in a race: fewer where each turn is many requests to a server.
    """

    TURNS = 10

    @pytest.fixture
    @abstractmethod
    def store(self) -> Iterator[ObjectStore]:
        """An empty store taking values of up to ``MAX_VALUE_BYTES``."""

    @pytest.fixture
    @abstractmethod
    def on_medium(self, store: ObjectStore) -> Callable[[str], bytes | None]:
        """The bytes that lie under a key, found without the port; None for nothing."""

    @pytest.fixture
    def rivals(self, store: ObjectStore) -> list[ObjectStore]:
        """The store, and where several processes may have it open, other openings of the same medium."""
        return [store]

    # --- put, get, stat ---

    def test_a_value_comes_back_with_its_stat(self, store, on_medium):
        stat = store.put("chunk/abc", b"hello")
        assert (stat.key, stat.size) == ("chunk/abc", 5)
        assert store.get("chunk/abc") == (b"hello", stat)
        assert store.stat("chunk/abc") == stat
        assert on_medium("chunk/abc") == b"hello"

    @pytest.mark.parametrize("size", [0, 1, 4096, 1 << 20, MAX_VALUE_BYTES])
    def test_any_size_up_to_the_limit_is_kept(self, store, on_medium, size):
        value = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
        assert store.put("chunk/abc", value).size == size
        assert store.get("chunk/abc")[0] == value
        assert on_medium("chunk/abc") == value

    def test_a_value_over_the_limit_is_refused_and_nothing_stored(self, store, on_medium):
        with pytest.raises(ValueTooLarge):
            store.put("chunk/abc", bytes(MAX_VALUE_BYTES + 1))
        assert on_medium("chunk/abc") is None

    def test_a_refused_large_value_leaves_the_present_one(self, store):
        store.put("chunk/abc", b"old")
        with pytest.raises(ValueTooLarge):
            store.put("chunk/abc", bytes(MAX_VALUE_BYTES + 1))
        assert store.get("chunk/abc")[0] == b"old"

    def test_views_are_stored_as_the_bytes_they_show(self, store, on_medium):
        body = bytearray(b"..hello..")
        store.put("chunk/abc", memoryview(body)[2:7])
        body[2:7] = b"XXXXX"
        assert store.get("chunk/abc")[0] == b"hello" == on_medium("chunk/abc")

    def test_wide_views_are_measured_in_bytes(self, store):
        wide = memoryview(bytes(8)).cast("Q")
        assert store.put("chunk/abc", wide).size == 8
        assert store.get("chunk/abc")[0] == bytes(8)

    def test_a_put_replaces_a_longer_value_whole(self, store, on_medium):
        store.put("chunk/abc", b"a longer value")
        store.put("chunk/abc", b"short")
        assert store.get("chunk/abc")[0] == b"short" == on_medium("chunk/abc")

    def test_an_absent_key_is_not_found(self, store):
        store.put("chunk/abc", b"x")
        for key in ("chunk/abd", "other/abc", "chunk/ab", "chunk/abcd"):
            with pytest.raises(NotFound):
                store.get(key)
            with pytest.raises(NotFound):
                store.stat(key)

    def test_equal_names_in_two_spaces_are_two_keys(self, store):
        store.put("one/abc", b"1")
        store.put("two/abc", b"2")
        assert store.get("one/abc")[0] == b"1"
        assert store.get("two/abc")[0] == b"2"

    @pytest.mark.parametrize("key", ["s/a", "s/ab", "s/a.", "s/a-", "tmp/tmp", "identity/json", "s/" + "x" * 200])
    def test_short_long_and_suspicious_names_are_ordinary(self, store, key):
        store.put(key, key.encode())
        assert store.get(key)[0] == key.encode()
        assert [stat.key for stat in store.list(key.partition("/")[0])] == [key]

    @pytest.mark.parametrize("key", BAD_KEYS)
    def test_malformed_keys_are_refused_everywhere(self, store, key):
        calls = [
            lambda: store.put(key, b""),
            lambda: store.get(key),
            lambda: store.stat(key),
            lambda: store.delete(key),
            lambda: store.put_many({key: b""}),
            lambda: store.get_many([key]),
            lambda: store.stat_many([key]),
        ]
        for call in calls:
            with pytest.raises(InvalidName):
                call()

    @pytest.mark.parametrize("space", ["", "A", "a/b", ".", "..", ".tmp", "a.b", "é"])
    def test_malformed_spaces_are_refused(self, store, space):
        with pytest.raises(InvalidName):
            store.list(space)

    def test_the_identity_stays(self, store):
        assert store.store_id == store.store_id != ""

    def test_free_room_is_a_number_of_bytes_or_unknown(self, store):
        assert store.free_bytes() is None or store.free_bytes() > 0

    # --- conditions ---

    def test_creating_exclusively_succeeds_once(self, store, on_medium):
        stat = store.put("chunk/abc", b"first", only_if=ABSENT)
        with pytest.raises(PreconditionFailed):
            store.put("chunk/abc", b"second", only_if=ABSENT)
        assert store.get("chunk/abc") == (b"first", stat)
        assert on_medium("chunk/abc") == b"first"

    def test_a_deleted_key_may_be_created_again(self, store):
        store.put("chunk/abc", b"first", only_if=ABSENT)
        store.delete("chunk/abc")
        store.put("chunk/abc", b"second", only_if=ABSENT)
        assert store.get("chunk/abc")[0] == b"second"

    def test_a_put_on_the_present_etag_replaces(self, store):
        first = store.put("chunk/abc", b"first")
        second = store.put("chunk/abc", b"second", only_if=first.etag)
        assert store.get("chunk/abc") == (b"second", second)

    def test_a_put_on_a_past_etag_changes_nothing(self, store):
        past = store.put("chunk/abc", b"first")
        present = store.put("chunk/abc", b"second")
        with pytest.raises(PreconditionFailed):
            store.put("chunk/abc", b"third", only_if=past.etag)
        assert store.get("chunk/abc") == (b"second", present)

    @pytest.mark.parametrize("etag", ["", "absent", "*", "0"])
    def test_a_put_on_an_etag_of_nothing_changes_nothing(self, store, on_medium, etag):
        with pytest.raises(PreconditionFailed):
            store.put("chunk/abc", b"x", only_if=etag)
        assert on_medium("chunk/abc") is None

    def test_etags_tell_quick_writes_of_one_length_apart(self, store):
        etags = [store.put("chunk/abc", b"%04d" % number).etag for number in range(50)]
        assert len(set(etags)) == 50

    def test_going_back_to_an_earlier_value_does_not_hide_the_change_between(self, store):
        first = store.put("chunk/abc", b"A")
        between = store.put("chunk/abc", b"B")
        store.put("chunk/abc", b"A")
        assert first.etag != between.etag
        with pytest.raises(PreconditionFailed):
            store.put("chunk/abc", b"C", only_if=between.etag)

    def test_reading_does_not_change_an_etag(self, store):
        stat = store.put("chunk/abc", b"A")
        store.get("chunk/abc")
        store.list("chunk")
        assert store.stat("chunk/abc").etag == stat.etag

    def test_of_many_exclusive_creators_one_wins_where_that_is_promised(self, store, rivals):
        for turn in range(self.TURNS):
            key = f"chunk/race{turn}"

            def create(number: int, key: str = key) -> None:
                rivals[number % len(rivals)].put(key, b"%d" % number * 1000, only_if=ABSENT)

            winners = race(8, create)
            assert len(winners) == 1 if store.limits.exclusive_create else winners
            assert store.get(key)[0] in [b"%d" % winner * 1000 for winner in winners]

    def test_of_the_threads_that_create_exclusively_one_wins(self, store):
        for turn in range(self.TURNS):
            key = f"chunk/race{turn}"
            winners = race(8, lambda number, key=key: store.put(key, b"%d" % number * 1000, only_if=ABSENT))
            assert len(winners) == 1
            assert store.get(key)[0] == b"%d" % winners[0] * 1000

    def test_of_many_writers_on_one_etag_one_wins_and_its_value_stays(self, store):
        for turn in range(self.TURNS):
            key = f"chunk/race{turn}"
            etag = store.put(key, b"start").etag
            winners = race(8, lambda number, key=key, etag=etag: store.put(key, b"%d" % number, only_if=etag))
            assert len(winners) == 1
            assert store.get(key)[0] == b"%d" % winners[0]

    def test_of_a_delete_and_a_put_on_one_etag_one_wins(self, store):
        for turn in range(self.TURNS):
            key = f"chunk/race{turn}"
            etag = store.put(key, b"start").etag
            acts = [
                lambda key=key, etag=etag: store.delete(key, only_if=etag),
                lambda key=key, etag=etag: store.put(key, b"new", only_if=etag),
            ]
            winners = race(2, lambda number, acts=acts: acts[number]())
            assert len(winners) == 1
            assert store.get_many([key]) == ({} if winners == [0] else {key: b"new"})

    def test_counting_by_compare_and_swap_loses_nothing(self, store):
        store.put("record/count", b"0")

        def add_ten(_number: int) -> None:
            done = 0
            while done < 10:
                value, stat = store.get("record/count")
                try:
                    store.put("record/count", b"%d" % (int(value) + 1), only_if=stat.etag)
                except PreconditionFailed:
                    continue
                done += 1

        race(3, add_ten)
        assert store.get("record/count")[0] == b"30"

    def test_a_reader_sees_a_whole_value_while_it_is_replaced(self, store):
        whole = {bytes([number]) * 50_000 for number in range(8)}
        store.put("chunk/abc", bytes(50_000))
        seen: set[bytes] = set()

        def act(number: int) -> None:
            if number == 0:
                seen.update(store.get("chunk/abc")[0] for _ in range(20 * self.TURNS))
            else:
                for _ in range(5):
                    store.put("chunk/abc", bytes([number]) * 50_000)

        race(8, act)
        assert seen
        assert seen <= whole

    # --- delete ---

    def test_a_deleted_key_is_gone(self, store, on_medium):
        store.put("chunk/abc", b"x")
        store.put("chunk/abd", b"y")
        store.delete("chunk/abc")
        with pytest.raises(NotFound):
            store.get("chunk/abc")
        assert on_medium("chunk/abc") is None
        assert [stat.key for stat in store.list("chunk")] == ["chunk/abd"]

    def test_deleting_is_idempotent(self, store):
        store.delete("never/was")
        store.put("chunk/abc", b"x")
        store.delete("chunk/abc")
        store.delete("chunk/abc")
        assert store.get_many(["chunk/abc"]) == {}

    def test_a_delete_on_a_past_etag_leaves_the_value(self, store):
        past = store.put("chunk/abc", b"first")
        store.put("chunk/abc", b"second")
        with pytest.raises(PreconditionFailed):
            store.delete("chunk/abc", only_if=past.etag)
        assert store.get("chunk/abc")[0] == b"second"

    def test_a_delete_on_the_present_etag_removes_and_works_once(self, store):
        stat = store.put("chunk/abc", b"x")
        store.delete("chunk/abc", only_if=stat.etag)
        with pytest.raises(PreconditionFailed):
            store.delete("chunk/abc", only_if=stat.etag)
        with pytest.raises(PreconditionFailed):
            store.delete("nowhere/abc", only_if=stat.etag)

    # --- list ---

    def test_a_listing_gives_stats_in_key_order(self, store):
        names = ["b", "a", "ab", "a-", "a.x", "a0", "aa", "ba", "b1", "0", "9z"]
        for name in names:
            store.put(f"s/{name}", name.encode())
        listed = store.list("s")
        assert [stat.key for stat in listed] == [f"s/{name}" for name in sorted(names)]
        assert listed == [store.stat(stat.key) for stat in listed]

    def test_a_space_never_written_is_empty(self, store):
        store.put("s/a", b"")
        assert store.list("t") == []

    def test_limits_of_none_give_nothing(self, store):
        store.put("s/a", b"")
        assert store.list("s", limit=0) == []
        assert store.list("s", limit=-1) == []

    def test_a_prefix_that_is_no_name_matches_nothing(self, store):
        store.put("s/a", b"")
        for prefix in ("..", "/", "A", "a/", "\0"):
            assert store.list("s", prefix=prefix) == []

    def test_a_page_is_the_sorted_names_that_match(self, store):
        pages = itertools.count()

        @settings(max_examples=20, deadline=None)
        @given(
            names=st.sets(NAMES, max_size=12),
            prefix=st.text("abc012._-", max_size=3),
            after=st.text("abc012._-", max_size=3),
            limit=st.integers(0, 6),
        )
        def check(names: set[str], prefix: str, after: str, limit: int) -> None:
            space = f"page{next(pages)}"
            store.put_many({f"{space}/{name}": b"" for name in names})
            expected = sorted(name for name in names if name.startswith(prefix) and name > after)[:limit]
            listed = store.list(space, prefix=prefix, after=after, limit=limit)
            assert [stat.key for stat in listed] == [f"{space}/{name}" for name in expected]

        check()

    def test_pages_joined_are_the_whole_listing(self, store):
        keys = sorted(f"s/{number * 37 % 256:02x}{number}" for number in range(40))
        store.put_many(dict.fromkeys(keys, b"x"))
        seen: list[Stat] = []
        while page := store.list("s", after=seen[-1].key[2:] if seen else "", limit=7):
            seen += page
        assert [stat.key for stat in seen] == keys

    # --- many at once ---

    def test_many_values_are_stored_and_read_together(self, store, on_medium):
        values = {f"chunk/{number:03d}": b"%d" % number * number for number in range(70)}
        store.put_many(values)
        assert store.get_many(list(values)) == values
        assert {key: on_medium(key) for key in values} == values

    def test_storing_nothing_is_nothing(self, store):
        store.put_many({})
        assert store.get_many([]) == {}

    def test_a_group_replaces_what_was_there(self, store):
        store.put("s/a", b"old")
        store.put_many({"s/a": b"new", "s/b": b"b"})
        assert store.get("s/a")[0] == b"new"

    def test_groups_take_views(self, store):
        body = memoryview(b"onetwo")
        store.put_many({"s/a": body[:3], "s/b": body[3:]})
        assert store.get_many(["s/a", "s/b"]) == {"s/a": b"one", "s/b": b"two"}

    def test_reading_many_keeps_the_order_asked_for_and_skips_what_is_missing(self, store):
        store.put_many({"s/a": b"a", "s/b": b"b", "s/c": b"c"})
        found = store.get_many(["s/c", "s/x", "s/a", "s/c", "y/z"])
        assert list(found.items()) == [("s/c", b"c"), ("s/a", b"a")]

    def test_the_stats_of_many_are_those_of_each(self, store):
        store.put_many({"s/a": b"a", "s/b": b"bb"})
        found = store.stat_many(["s/b", "s/x", "s/a", "s/b", "y/z"])
        assert list(found.items()) == [("s/b", store.stat("s/b")), ("s/a", store.stat("s/a"))]
        assert store.stat_many([]) == {}

    def test_a_large_value_in_a_group_is_refused_and_no_value_torn(self, store):
        store.put("s/b", b"old")
        with pytest.raises(ValueTooLarge):
            store.put_many({"s/b": b"new", "s/big": bytes(MAX_VALUE_BYTES + 1)})
        assert store.get("s/b")[0] in (b"old", b"new")
        assert store.get_many(["s/big"]) == {}

    def test_an_error_of_one_value_is_told_when_no_other_is_being_stored(self, store):
        values = {f"s/{number}": b"x" for number in range(8)}
        with pytest.raises(ValueTooLarge):
            store.put_many({**values, "s/big": bytes(MAX_VALUE_BYTES + 1)})
        before = store.get_many(list(values))
        store.put_many(values)
        assert set(before) <= set(store.get_many(list(values)))

    def test_threads_store_groups_side_by_side(self, store):
        groups = [{f"s/{thread:x}{item:x}": b"%d.%d" % (thread, item) for item in range(5)} for thread in range(16)]
        race(16, lambda number: store.put_many(groups[number]))
        everything = {key: value for group in groups for key, value in group.items()}
        assert store.get_many(list(everything)) == everything
        assert len(store.list("s")) == len(everything)
