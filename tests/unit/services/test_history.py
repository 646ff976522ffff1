"""Pages of what a controller decided."""

from __future__ import annotations

from typing import Any

import pytest

from echofs.core.errors import InvalidRequest
from echofs.services.history import page
from tests.unit.services.controllers import Host

NEWEST: list[dict[str, object]] = [
    {"id": "e", "at": 50},
    {"id": "d", "made_at": 40, "inputs": {"much": 1}, "predictions": {}},
    {"id": "c", "made_at": 40},
    {"id": "no time"},
    {"id": "b", "at": 20},
    {"id": "a", "at": 10},
]


def test_pages_follow_each_other_and_keep_a_moment_together() -> None:
    first = page(NEWEST, "", 2)
    assert first == {
        "decisions": [
            {"id": "e", "at": 50},
            {"id": "d", "at": 40, "made_at": 40},
            {"id": "c", "at": 40, "made_at": 40},
        ],
        "next": "40",
    }
    second: Any = page(NEWEST, "40", 2)
    assert ([entry["id"] for entry in second["decisions"]], second["next"]) == (["b", "a"], "")
    assert page([], "", 2) == {"decisions": [], "next": ""}


@pytest.mark.parametrize("cursor", ["x", "-1", "1.5", "٣", "9" * 19])
def test_a_malformed_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        page(NEWEST, cursor, 2)
    assert refused.value.field == "after"


def test_a_controller_tells_its_decisions_and_orders() -> None:
    host = Host()
    host.live(2)
    order = host.order("available")
    told: Any = host.controller.history("", 100)["decisions"]
    assert told[0]["override"] == order["id"]
    assert {entry["kind"] for entry in told} == {"decision", "override"}
    assert [entry["at"] for entry in told] == sorted((entry["at"] for entry in told), reverse=True)
    assert not any("inputs" in entry for entry in told)
