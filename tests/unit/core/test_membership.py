"""What a worker may claim, how long silence is forgiven, and members as JSON."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echofs.core.errors import InvalidRequest
from echofs.core.membership import check_member, decode, encode, lasting, state_after
from echofs.core.models import Intent, Member, MemberState
from echofs.core.phi import HeartbeatWindow

WORKER = Member("worker-1", "http://10.0.0.1:8091", "rack.A_1", 1.5, MemberState.UP, "disk-1", 1 << 40)


@pytest.mark.parametrize(
    ("silence", "state"),
    [(0, "up"), (4.1, "up"), (4.3, "suspect"), (5.1, "suspect"), (5.3, "down"), (1e9, "down")],
)
def test_a_regular_worker_is_suspect_after_four_seconds_and_down_after_five(silence: float, state: str) -> None:
    assert state_after(silence, HeartbeatWindow(1.0)) == state


@given(st.lists(st.floats(0, 20), max_size=200), st.floats(0, 40))
def test_nobody_is_suspected_within_two_intervals_nor_up_for_longer_than_fifteen_seconds(
    intervals: list[float], silence: float
) -> None:
    rhythm = HeartbeatWindow(1.0)
    for interval in intervals:
        rhythm.add(interval)
    state = state_after(silence, rhythm)
    if silence >= 15:
        assert state is MemberState.DOWN
    elif silence < 2 * rhythm.mean:
        assert state is MemberState.UP


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8091",
        "http://localhost:8091",
        "http://worker-1.storage.example.org",
        "http://worker_1:8091/",
        "http://[fd00::1]:8091",
        "http://[::1]:8091",
        "http://10.1.2.3:65535",
        "http://192.168.1.1.example.org:80",
    ],
)
def test_addresses_that_other_hosts_reach_are_accepted(url: str) -> None:
    check_member(replace(WORKER, url=url))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "worker:8091",
        "//worker:8091",
        "http://",
        "http://:8091",
        "https://worker:8091",
        "ftp://worker:8091",
        "file:///etc/passwd",
        "gopher://worker:70",
        "http://user@worker:8091",
        "http://user:secret@worker:8091",
        "http://@worker:8091",
        "http://worker:8091/path",
        "http://worker:8091?query",
        "http://worker:8091/?",
        "http://worker:8091#part",
        "http://worker:0",
        "http://worker:65536",
        "http://worker:port",
        "http://wor ker:8091",
        "http://worker\r\nHost: other:8091",
        "http://wörker:8091",
        "http://" + "w" * 260 + ":8091",
        "http://[::1:8091",
    ],
)
def test_an_address_that_is_no_plain_http_one_is_refused(url: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        check_member(replace(WORKER, url=url))
    assert caught.value.field == "url"
    assert "WORKER_URL" in caught.value.message


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "169.254.0.1",
        "169.254.169.254.",
        "[fe80::1]",
        "[fe80::1%25eth0]",
        "[::ffff:169.254.169.254]",
        "[fd00:ec2::254]",
        "metadata.google.internal",
        "METADATA.google.internal.",
        "2852039166",
        "0xa9fea9fe",
        "0xA9.254.169.254",
        "169.254.43518",
        "0251.0376.0251.0376",
        "0.0.0.0",
        "[::]",
        "224.0.0.1",
        "[ff02::1]",
    ],
)
def test_addresses_of_credentials_or_of_nothing_are_refused_in_any_spelling(host: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        check_member(replace(WORKER, url=f"http://{host}:8091"))
    assert caught.value.field == "url"


@pytest.mark.parametrize("worker_id", ["", "A", "w" * 33, "w_1", "w.1", "w 1", "w\n", "../w", "controller", "ẃ"])
def test_a_worker_id_is_short_plain_and_not_the_controllers(worker_id: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        check_member(replace(WORKER, worker_id=worker_id))
    assert caught.value.field == "worker_id"


@pytest.mark.parametrize("zone", ["", " ", ".a", "-a", "a" * 65, "a/b", "a\n", "zoné"])
def test_a_zone_is_a_plain_name(zone: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        check_member(replace(WORKER, zone=zone))
    assert caught.value.field == "zone"


@pytest.mark.parametrize("weight", [-0.001, math.inf, -math.inf, math.nan])
def test_a_weight_is_finite_and_not_negative(weight: float) -> None:
    with pytest.raises(InvalidRequest) as caught:
        check_member(replace(WORKER, weight=weight))
    assert caught.value.field == "weight"


@pytest.mark.parametrize(("field", "value"), [("store_id", "a\nb"), ("store_id", "x" * 129), ("free_bytes", -1)])
def test_a_malformed_store_is_refused(field: str, value: Any) -> None:
    with pytest.raises(InvalidRequest) as caught:
        check_member(replace(WORKER, **{field: value}))
    assert caught.value.field == field


def test_a_worker_that_takes_no_new_chunks_and_does_not_know_its_room_may_join() -> None:
    check_member(replace(WORKER, weight=0.0, free_bytes=None, store_id=""))


@given(
    st.builds(
        Member,
        worker_id=st.text(),
        url=st.text(),
        zone=st.text(),
        weight=st.floats(allow_nan=False, allow_infinity=False),
        state=st.sampled_from(MemberState),
        store_id=st.text(),
        free_bytes=st.none() | st.integers(0, 1 << 62),
        intent=st.sampled_from(Intent),
    )
)
def test_a_member_survives_json(member: Member) -> None:
    assert decode(json.loads(json.dumps(encode(member)))) == member


def test_fields_of_a_later_release_are_ignored_and_new_ones_have_defaults() -> None:
    fields = {"worker_id": "w1", "url": "http://w1:1", "zone": "z", "colour": "green"}
    assert decode(fields) == Member("w1", "http://w1:1", "z")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("worker_id", None),
        ("worker_id", 5),
        ("url", ["http://w:1"]),
        ("zone", {}),
        ("weight", "1"),
        ("weight", True),
        ("weight", None),
        ("state", "asleep"),
        ("state", 1),
        ("store_id", 3),
        ("free_bytes", "much"),
        ("free_bytes", 1.5),
        ("free_bytes", False),
        ("intent", "away"),
        ("intent", None),
    ],
)
def test_a_field_of_another_type_is_named(field: str, value: object) -> None:
    with pytest.raises(InvalidRequest) as caught:
        decode({**encode(WORKER), field: value})
    assert caught.value.field == field


@pytest.mark.parametrize("fields", [None, [], "worker", 1, [["worker_id", "w1"]]])
def test_what_is_no_json_object_is_no_member(fields: object) -> None:
    with pytest.raises(InvalidRequest):
        decode(fields)


def test_a_weight_too_large_for_any_float_is_refused_as_infinite() -> None:
    with pytest.raises(InvalidRequest) as caught:
        check_member(decode({**encode(WORKER), "weight": 10**400}))
    assert caught.value.field == "weight"


def test_what_every_heartbeat_changes_does_not_last() -> None:
    assert lasting(replace(WORKER, free_bytes=5, state=MemberState.DOWN)) == lasting(WORKER)
    changes: list[dict[str, Any]] = [{"url": "http://o:1"}, {"zone": "b"}, {"weight": 2.0}, {"store_id": "disk-2"}]
    changes.append({"intent": Intent.DRAINING})
    for change in changes:
        assert lasting(replace(WORKER, **change)) != lasting(WORKER)
