"""Faults as they travel."""

from __future__ import annotations

import pytest

from echofs.core.errors import InvalidRequest
from echofs.core.faults import Fault, FaultKind, decode, encode

CUT = Fault("f1", "catalog", FaultKind.CUT, until=60.0)
DELAY = Fault("f2", "worker:w1", FaultKind.DELAY, until=5.5, seconds=0.2)


@pytest.mark.parametrize("fault", [CUT, DELAY, Fault("f3", "controller", FaultKind.CUT, until=1.0)])
def test_a_fault_survives_its_journey(fault: Fault) -> None:
    assert decode(encode(fault)) == fault


def test_a_fault_of_a_worker_names_it() -> None:
    assert DELAY.worker_id == "w1"
    assert CUT.worker_id is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"target": "worker:"}, "target"),
        ({"target": "worker:W 1"}, "target"),
        ({"target": "the moon"}, "target"),
        ({"kind": "burn"}, "kind"),
        ({"kind": "delay"}, "seconds"),
        ({"seconds": 1.0}, "seconds"),
        ({"until": 3601.0}, "fault"),
        ({"until": float("nan")}, "fault"),
        ({"until": True}, "fault"),
        ({"id": 5}, "fault"),
        ({"id": ""}, "id"),
        ({"id": "f" * 65}, "id"),
    ],
)
def test_an_impossible_fault_is_refused_by_what_is_wrong(change: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        decode({**encode(CUT), **change})
    assert caught.value.field == field


def test_what_is_no_object_is_no_fault() -> None:
    for parsed in (None, [], "cut", 5):
        with pytest.raises(InvalidRequest):
            decode(parsed)
