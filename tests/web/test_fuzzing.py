"""Requests that nobody would think of, made up from the document: a short run, the same each time. ``make fuzz`` tries
more."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.web.fuzzing import PHASES, fuzz
from tests.web.whole import ADMINISTRATOR, USER, Whole

# Loops of the cluster draw their jitter while requests are made up.
pytestmark = pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisDeprecationWarning")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    made = Whole(tmp_path_factory.mktemp("whole"))
    yield made
    made.close()


@pytest.mark.parametrize(("user", "phases"), [(USER, {"examples"}), (ADMINISTRATOR, {"coverage"})])
def test_whatever_is_asked_the_answer_is_one_that_is_described(whole: Whole, user: str, phases: set[str]) -> None:
    findings = fuzz(whole, user, examples=1, phases={phase: phase in phases for phase in PHASES})
    assert not findings.failures, "\n\n".join(findings.failures.values())
    assert {status for _operation, status in findings.statuses if status >= 500} <= {503}
    served = {operation for operation, status in findings.statuses if status < 300}
    assert len(served) > 10, "hardly anything was served: the run says little"
