"""Answers that are given again."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from echofs.core.consistency import Guarantee, Receipt
from echofs.core.models import Content, Dot, File, Kind, Level, Version
from echofs.core.upload_answers import decode, encode

HEAD = Version(
    file_id="f" * 32,
    number=3,
    parent=2,
    kind=Kind.CONTENT,
    path="filme/größe 😀.mkv",
    content=Content(5, "ab" * 32, 1 << 20, b"d" * 32),
    content_type="video/mp4",
    content_version=3,
    manifest="cd" * 32,
    dot=Dot("origin", 1),
    created_at=20,
)
FILE = File("f" * 32, "anna", HEAD, 10)
RECEIPT = Receipt(
    mode_requested="auto",
    mode_used=Level.AVAILABLE,
    version=3,
    dot="origin:1",
    replicas=2,
    replicas_wanted=3,
    zones=2,
    workers=("a", "b"),
    owed=1,
    committed=False,
    latency_ms=1.5,
    reason="Weil.",
    guarantee=Guarantee.CAUSAL,
)


def test_an_answer_comes_back_without_the_digests_of_chunks() -> None:
    bare = replace(FILE, head=replace(HEAD, content=replace(HEAD.content, inline=b"")))
    assert decode(encode(FILE, RECEIPT), "anna") == (bare, RECEIPT)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("version", 0, "version"),
        ("digest", "x", "digest"),
        ("path", 1, "path"),
        ("kind", "other", "other"),
    ],
)
def test_a_damaged_answer_is_told(field: str, value: object, said: str) -> None:
    damaged = json.dumps({**json.loads(encode(FILE, RECEIPT)), field: value})
    with pytest.raises(ValueError, match=said):
        decode(damaged, "anna")
