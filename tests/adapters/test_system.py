"""The machine's own clocks and ids."""

from __future__ import annotations

import time
import uuid

from echofs.adapters.system import SystemClock, Uuid7Ids, boot_id


def test_wall_clock_time_is_in_whole_microseconds_since_1970() -> None:
    before = time.time()
    now = SystemClock().now()
    assert isinstance(now, int)
    assert before - 1 <= now / 1_000_000 <= time.time() + 1


def test_the_other_clock_only_grows() -> None:
    clock = SystemClock()
    readings = [clock.monotonic() for _ in range(1000)]
    assert readings == sorted(readings)


def test_ids_are_uuids_of_version_7_unique_and_in_the_order_of_their_making() -> None:
    ids = [Uuid7Ids().new() for _ in range(5000)]
    assert all(len(one) == 32 and uuid.UUID(hex=one).version == 7 for one in ids)
    assert len(set(ids)) == len(ids)
    assert ids == sorted(ids)


def test_the_present_start_of_the_host_has_one_name() -> None:
    assert boot_id() == boot_id()
    assert boot_id() == "" or uuid.UUID(boot_id())
