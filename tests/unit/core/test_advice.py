"""Reports and advice: what they say, and how they travel."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from echofs.core.advice import (
    Advice,
    CatalogReport,
    Decision,
    LinkReport,
    OpClass,
    Quantiles,
    Report,
    write_class,
)
from echofs.core.advice_json import decode_advice, encode_advice
from echofs.core.errors import InvalidRequest
from echofs.core.faults import Fault, FaultKind
from echofs.core.models import Level
from echofs.core.report_json import decode_report, encode_report

FILE = "0" * 31 + "1"
REPORT = Report(
    process="host-1-77",
    catalog=CatalogReport(True, 12, 1, 0.002, 0.005, 0.02),
    links=(LinkReport("w1", 40, 2, 0.003, 0.01, 0.05, "half-open", 3.5), LinkReport("w2", 0, 0, 0.0, 0.0, 0.0)),
    journal_depth=3,
    oldest_provisional=1.5,
    outbox_depth=7,
    writes_per_second=4.5,
    reads_per_second=0.5,
    latencies={OpClass.WRITE_SMALL: {Level.STRONG: Quantiles(9, 0.006, 0.02, 0.04)}},
    epoch=3,
)
DECISION = Decision(
    "4-write_small-9", OpClass.WRITE_SMALL, Level.HYBRID, 9, 4, 1_700_000_000_000_000, 5.0, "why", {Level.STRONG: 0.5}
)
ADVICE = Advice(
    epoch=4,
    decisions={OpClass.WRITE_SMALL: DECISION},
    files={FILE: replace(DECISION, op_class=None, forced=True)},
    critical=frozenset({FILE}),
    faults=(Fault("f1", "catalog", FaultKind.CUT, 20.0),),
)


def travelled(fields: dict[str, object]) -> Any:
    return json.loads(json.dumps(fields))


def test_a_report_survives_its_journey() -> None:
    assert decode_report(travelled(encode_report(REPORT))) == REPORT
    bare = Report("p", CatalogReport(False))
    assert decode_report(travelled(encode_report(bare))) == bare


def test_advice_survives_its_journey() -> None:
    assert decode_advice(travelled(encode_advice(ADVICE))) == ADVICE
    assert decode_advice(travelled(encode_advice(Advice(1)))) == Advice(1)


def test_classes_and_levels_of_a_later_release_are_left_out() -> None:
    fields = travelled(encode_report(REPORT))
    fields["latencies"]["erase"] = {"strong": {}}
    fields["latencies"]["write_small"]["stronger"] = {}
    assert decode_report(fields) == REPORT


def test_quantiles_that_fall_are_set_right() -> None:
    fields = travelled(encode_report(REPORT))
    fields["catalog"].update(p50=0.3, p95=0.2, p99=0.1)
    assert decode_report(fields).catalog.p99 == 0.3


@pytest.mark.parametrize("field", sorted(encode_report(REPORT)))
@pytest.mark.parametrize("value", ["", -1, [5], {"read": 5}, float("nan"), float("inf"), True, 2**64])
def test_a_report_that_makes_no_sense_is_refused(field: str, value: object) -> None:
    with pytest.raises(InvalidRequest):
        decode_report({**encode_report(REPORT), field: value})


@pytest.mark.parametrize("field", sorted(encode_advice(ADVICE)))
@pytest.mark.parametrize("value", ["x", -1, 0, [5], {"a": 5}, None, True])
def test_advice_that_makes_no_sense_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode_advice({**travelled(encode_advice(ADVICE)), field: value})


@pytest.mark.parametrize(
    "change",
    [
        {"level": "fearless"},
        {"op_class": "erase"},
        {"epoch": 5},
        {"predictions": {"strong": 1.5}},
        {"predictions": {"stronger": 0.5}},
        {"ttl": 1e9},
        {"reason": "x" * 1001},
        {"forced": None},
    ],
)
def test_a_decision_no_controller_makes_is_refused(change: dict[str, object]) -> None:
    fields = travelled(encode_advice(ADVICE))
    fields["decisions"][0].update(change)
    with pytest.raises(ValueError, match=r"."):
        decode_advice(fields)


def test_a_report_without_end_is_refused() -> None:
    links = [LinkReport(f"w{number}", 0, 0, 0.0, 0.0, 0.0) for number in range(1025)]
    with pytest.raises(InvalidRequest, match="links"):
        decode_report(encode_report(Report("p", CatalogReport(True), tuple(links))))


def test_quantiles_of_a_list_are_those_of_the_nearest_ranks() -> None:
    assert Quantiles.of([]) == Quantiles()
    assert Quantiles.of([0.5]) == Quantiles(1, 0.5, 0.5, 0.5)
    assert Quantiles.of([number / 100 for number in range(100, 0, -1)]) == Quantiles(100, 0.51, 0.96, 1.0)


def test_a_write_of_unknown_length_counts_as_large() -> None:
    assert write_class(None) is OpClass.WRITE_LARGE
    assert write_class(1 << 20) is OpClass.WRITE_SMALL
    assert write_class((1 << 20) + 1) is OpClass.WRITE_LARGE
