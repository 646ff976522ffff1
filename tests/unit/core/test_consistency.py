"""What strong demands."""

from __future__ import annotations

import pytest

from echofs.core.consistency import AUTO, parse_level, quorum_met
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
    with pytest.raises(InvalidRequest, match="strong, hybrid, available or auto") as caught:
        parse_level(text)
    assert caught.value.field == "consistency"
