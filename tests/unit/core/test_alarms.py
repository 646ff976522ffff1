"""What an administrator is told to look at, and what not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from echofs.core.alarms import (
    FOLLOWER_SECONDS,
    LATE_SECONDS,
    LOW_BYTES,
    SCARCE_BYTES,
    SILENT_SECONDS,
    Facts,
    Severity,
    alarms,
)
from echofs.core.models import Member, MemberState

WORKERS = (Member("w1", "http://w1", "a", free_bytes=LOW_BYTES), Member("w2", "http://w2", "b"))
WELL = Facts(members=WORKERS, jobs_holder="j", jobs_silent=5.0, few=0, follower_age=0.5, redis=True)


def test_a_cluster_in_order_raises_none() -> None:
    assert alarms(WELL) == []


def test_what_is_not_known_raises_none() -> None:
    unknown = Facts(members=WORKERS, late_seconds=None, jobs_holder=None)
    assert alarms(unknown) == []


@pytest.mark.parametrize(
    ("change", "severity", "word"),
    [
        ({"catalog": False}, "critical", "catalog does not answer"),
        ({"controller": False}, "warning", "controller does not answer"),
        ({"redis": False}, "warning", "Redis"),
        ({"follower_age": FOLLOWER_SECONDS + 1}, "warning", "copy of the heads is 31 s old"),
        ({"members": ()}, "critical", "No worker"),
        ({"can_write": False}, "critical", "Too few workers"),
        ({"members": (WORKERS[0], replace(WORKERS[1], zone="a"))}, "warning", "one zone, a"),
        ({"members": (WORKERS[0], replace(WORKERS[1], state=MemberState.DOWN))}, "warning", "w2 is down"),
        ({"members": (WORKERS[0], replace(WORKERS[1], state=MemberState.SUSPECT))}, "warning", "w2 has been silent"),
        ({"avoided": ("w2",)}, "warning", "w2 fails or is slow"),
        ({"members": (WORKERS[1], replace(WORKERS[0], free_bytes=LOW_BYTES - 1))}, "warning", "1023 MiB"),
        ({"members": (WORKERS[1], replace(WORKERS[0], free_bytes=SCARCE_BYTES - 1))}, "critical", "63 MiB"),
        ({"jobs_holder": ""}, "critical", "echofs jobs"),
        ({"jobs_silent": SILENT_SECONDS + 1}, "warning", "61 s"),
        ({"few": 7}, "critical", "fewer than two replicas: 7"),
        ({"late_seconds": LATE_SECONDS + 60}, "warning", "due for 91 minutes"),
        ({"journal": False}, "critical", "journal cannot be used"),
        ({"spool_share": 0.5}, "warning", "50%"),
        ({"spool_share": 0.9}, "critical", "90%"),
        ({"waiting": 3}, "warning", "wait for the catalog on this host: 3"),
    ],
)
def test_each_trouble_is_one_sentence(change: dict[str, object], severity: str, word: str) -> None:
    (alarm,) = alarms(replace(WELL, **change))  # type: ignore[arg-type]
    assert (alarm.severity, word in alarm.text, alarm.text[-1]) == (severity, True, ".")


def test_one_cause_is_not_told_twice() -> None:
    away = replace(WELL, catalog=False, can_write=False, follower_age=900.0, waiting=9)
    assert [alarm.text for alarm in alarms(away)] == ["The catalog does not answer: look at the database."]
    down = replace(WORKERS[0], state=MemberState.DOWN, free_bytes=0)
    assert len(alarms(replace(WELL, members=(down, WORKERS[1]), avoided=("w1",)))) == 1


def test_the_most_severe_come_first() -> None:
    found = alarms(replace(WELL, controller=False, journal=False, redis=False, few=1))
    assert [alarm.severity for alarm in found] == [Severity.CRITICAL] * 2 + [Severity.WARNING] * 2
