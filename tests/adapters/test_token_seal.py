"""What was sealed by one process opens in every other of the cluster, and nothing else does."""

from __future__ import annotations

import re

import pytest

from echofs.adapters.token_seal import SharedSecretSeal

SECRET = "a cluster secret of at least thirty-two bytes"


def test_another_process_with_the_same_secret_opens_what_was_sealed() -> None:
    sealed = SharedSecretSeal(SECRET).seal("{ü}".encode())
    assert SharedSecretSeal(SECRET).open(sealed) == "{ü}".encode()
    assert re.fullmatch(r"[\w.-]+", sealed, re.ASCII)


def test_another_secret_opens_nothing() -> None:
    with pytest.raises(ValueError, match="not sealed"):
        SharedSecretSeal(SECRET + "x").open(SharedSecretSeal(SECRET).seal(b"content"))


def test_no_changed_character_goes_unnoticed() -> None:
    seal = SharedSecretSeal(SECRET)
    sealed = seal.seal(b"some content!")
    for at, character in enumerate(sealed):
        changed = sealed[:at] + ("A" if character != "A" else "B") + sealed[at + 1 :]
        with pytest.raises(ValueError, match="seal"):
            seal.open(changed)


@pytest.mark.parametrize("text", ["", ".", "abc", "é.é", "YQ.YQ", "YQ==.YQ", "\0", "a.b.c", "%%%.x"])
def test_other_texts_open_nothing(text: str) -> None:
    with pytest.raises(ValueError, match="seal"):
        SharedSecretSeal(SECRET).open(text)
