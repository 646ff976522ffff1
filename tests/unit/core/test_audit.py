"""Texts on their way into the audit log."""

from __future__ import annotations

import pytest

from echofs.core.audit import kept


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("anna", "anna"),
        ("<b>änna</b>", "<b>änna</b>"),
        ("nul\0", "nul\\x00"),
        ("\ud800", "\\ud800"),
        ("x" * 20, "x" * 20),
        ("x" * 21, "x" * 19 + "…"),
        ("\0" * 20, ("\\x00" * 5)[:19] + "…"),
    ],
)
def test_a_text_is_kept_as_it_is_if_any_database_holds_it(given: str, text: str) -> None:
    assert kept(given, 20) == text
    assert len(kept(given, 20)) <= 20
