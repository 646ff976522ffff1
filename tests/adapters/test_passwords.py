"""Hashes that hold for long, foreign and odd passwords."""

from __future__ import annotations

import pytest

from echofs.adapters.passwords import PasslibHasher

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def hasher() -> PasslibHasher:
    return PasslibHasher(rounds=4)


def test_a_password_belongs_to_its_hash_and_another_does_not(hasher: PasslibHasher) -> None:
    hashed = hasher.hash(PASSWORD)
    assert hasher.verify(PASSWORD, hashed)
    assert not hasher.verify(PASSWORD + " ", hashed)


def test_equal_passwords_have_different_hashes(hasher: PasslibHasher) -> None:
    assert hasher.hash(PASSWORD) != hasher.hash(PASSWORD)


def test_the_work_factor_is_the_one_asked_for(hasher: PasslibHasher) -> None:
    assert hasher.hash(PASSWORD).startswith("$bcrypt-sha256$v=2,t=2b,r=4$")
    assert PasslibHasher(rounds=5).hash(PASSWORD).startswith("$bcrypt-sha256$v=2,t=2b,r=5$")
    assert PasslibHasher(rounds=5).verify(PASSWORD, hasher.hash(PASSWORD))


@pytest.mark.parametrize("length", [72, 73, 1024])
def test_every_character_of_a_long_password_counts(hasher: PasslibHasher, length: int) -> None:
    password = "ж" * length
    hashed = hasher.hash(password)
    assert hasher.verify(password, hashed)
    assert not hasher.verify(password[:-1], hashed)


def test_what_follows_a_nul_counts(hasher: PasslibHasher) -> None:
    assert not hasher.verify("before\0after", hasher.hash("before\0other"))


def test_one_password_typed_on_two_keyboards_is_one_password(hasher: PasslibHasher) -> None:
    hashed = hasher.hash("caf\u00e9 noir")
    assert hasher.verify("cafe\u0301\u00a0noir", hashed)
    assert not hasher.verify("CAF\u00c9 NOIR", hashed)
    assert not hasher.verify("cafe noir", hashed)


def test_text_that_is_no_unicode_is_merely_wrong(hasher: PasslibHasher) -> None:
    assert not hasher.verify("\ud800", hasher.hash(PASSWORD))


@pytest.mark.parametrize("hashed", ["", "!", "$1$abc$def", "plain text"])
def test_nothing_belongs_to_what_is_no_hash(hasher: PasslibHasher, hashed: str) -> None:
    assert not hasher.verify("", hashed)
    assert not hasher.verify(hashed, hashed)


def test_verifying_for_nobody_runs_the_same_work_as_for_somebody(
    hasher: PasslibHasher, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    verify = hasher._context.verify

    def observed(secret: bytes, hashed: str) -> bool:
        seen.append(hashed)
        return bool(verify(secret, hashed))

    monkeypatch.setattr(hasher._context, "verify", observed)
    hasher.verify_nobody(PASSWORD)
    hasher.verify(PASSWORD, hasher.hash(PASSWORD))
    nobodys, somebodys = (hashed.rpartition("r=")[2].partition("$") for hashed in seen)
    assert nobodys[0] == somebodys[0] == "4"
    assert len(nobodys[2]) == len(somebodys[2])


@pytest.mark.parametrize("password", ["password1", "PASSWORD1", "qwertyuiop", "Christopher"])
def test_listed_passwords_are_common_in_any_case(hasher: PasslibHasher, password: str) -> None:
    assert hasher.is_common(password)


def test_a_sentence_is_not_common(hasher: PasslibHasher) -> None:
    assert not hasher.is_common("a sentence nobody listed")
