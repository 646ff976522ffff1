"""What the jobs tell, as JSON and back."""

from __future__ import annotations

import json

import pytest

from echofs.core.jobs_report import JobsReport, SweepPass, decode, encode

REPORT = JobsReport("j1", SweepPass(500, 2, 1), SweepPass(9, 0, 0), 1_700_000_000_000_000)


@pytest.mark.parametrize("report", [REPORT, JobsReport("j1"), JobsReport("j1", SweepPass())])
def test_a_report_survives_the_journey(report: JobsReport) -> None:
    assert decode(json.loads(json.dumps(encode(report)))) == report


@pytest.mark.parametrize(
    "damage",
    [
        {"holder": 7},
        {"holder": "\ud800"},
        {"last": []},
        {"last": {"chunks": -1, "owed": 0, "few": 0}},
        {"under_way": {"chunks": 1, "owed": 0}},
        {"ended_at": "now"},
    ],
)
def test_what_makes_no_sense_is_refused(damage: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"report of the jobs|surrogates"):
        decode({**encode(REPORT), **damage})
    with pytest.raises(ValueError, match="not a report"):
        decode(None)
