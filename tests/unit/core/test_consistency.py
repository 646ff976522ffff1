"""What strong demands."""

from __future__ import annotations

import pytest

from echofs.core.consistency import AUTO, parse_level, quorum_met, staleness_allowed
from echofs.core.errors import InvalidRequest
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


@pytest.mark.parametrize(
    ("text", "level"),
    [
        (None, AUTO),
        ("", AUTO),
        ("auto", AUTO),
        (" Strong ", Level.STRONG),
        ("HYBRID", "hybrid"),
        ("available", "available"),
    ],
)
def test_a_level_may_be_written_in_any_case_and_defaults_to_auto(text: str | None, level: str) -> None:
    assert parse_level(text) == level


@pytest.mark.parametrize("text", ["strongest", "strong,hybrid", "1", "\0", "ſtrong"])
def test_an_unknown_level_is_refused_with_the_choices(text: str) -> None:
    with pytest.raises(InvalidRequest, match="strong, hybrid, available, bounded;t=5s") as caught:
        parse_level(text)
    assert caught.value.field == "consistency"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("strong", 0),
        ("auto", 0),
        ("hybrid", 5),
        ("available", 5),
        ("bounded;t=2s", 2),
        ("Bounded; t = 1.5S", 1.5),
        ("bounded;t=250ms", 0.25),
        ("bounded;t=0s", 0),
        ("bounded;t=600s", 5),
    ],
)
def test_a_wish_says_how_far_a_read_may_lag(text: str, seconds: float) -> None:
    assert staleness_allowed(parse_level(text)) == seconds


@pytest.mark.parametrize(
    "text", ["bounded", "bounded;t=", "bounded;t=5", "bounded;t=-1s", "bounded;t=5m", "bounded;t=٣s"]
)
def test_a_bound_without_a_sensible_time_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_level(text)
