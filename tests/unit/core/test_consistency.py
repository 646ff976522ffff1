"""What strong demands."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from echofs.core.consistency import Guarantee, Receipt, quorum_met
from echofs.core.models import Level

ZONES = {"a1": "a", "a2": "a", "b1": "b", "c1": "c"}


@pytest.mark.parametrize(
    ("acknowledged", "zones", "met"),
    [
        ([], ZONES, False),
        (["a1"], ZONES, False),
        (["a1", "a2"], ZONES, False),
        (["a1", "b1"], ZONES, True),
        (["a1", "a2", "c1"], ZONES, True),
        (["a1", "a1"], ZONES, False),
        (["a1", "a2"], {"a1": "a", "a2": "a"}, True),
        (["a1"], {"a1": "a"}, False),
        (["a1", "gone"], ZONES, False),
        (["gone", "lost"], ZONES, False),
        (["a1", "b1", "gone"], ZONES, True),
        (["gone", "lost"], {}, False),
        ([], {}, False),
    ],
)
def test_strong_needs_two_known_workers_in_two_zones_if_there_are_two(
    acknowledged: list[str], zones: dict[str, str], met: bool
) -> None:
    assert quorum_met(acknowledged, zones) is met


def _receipt(**more: object) -> Receipt:
    return Receipt(
        "auto", Level.AVAILABLE, 3, "m:1", 1, 3, 1, ("a1",), 2, **{"committed": False, "latency_ms": 1.5, **more}
    )  # type: ignore[arg-type]


def test_a_receipt_comes_back_from_json_as_it_was() -> None:
    receipt = _receipt(spooled=True, guarantee=Guarantee.CAUSAL, decision="d-1", degraded=True, session="s", reason="r")
    assert Receipt.parsed(json.loads(json.dumps(asdict(receipt)))) == receipt


def test_a_receipt_of_an_earlier_release_is_read_too() -> None:
    fields = asdict(_receipt(committed=True))
    for name in ("spooled", "guarantee", "decision", "degraded", "session"):
        del fields[name]
    assert Receipt.parsed(fields) == _receipt(committed=True)


@pytest.mark.parametrize("committed", [True, False])
def test_what_is_not_committed_is_provisional(committed: bool) -> None:
    assert _receipt(committed=committed).provisional is not committed
