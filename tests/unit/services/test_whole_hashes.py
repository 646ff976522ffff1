"""Hashes of files that arrive in parts."""

from __future__ import annotations

import hashlib

from echofs.services.whole_hashes import Hashed, WholeHashes


def hashed(data: bytes) -> Hashed:
    return Hashed(len(data), hashlib.sha256(data))


def test_nothing_is_known_of_a_new_upload() -> None:
    known = WholeHashes().known("new")
    assert (known.size, known.state.hexdigest()) == (0, hashlib.sha256().hexdigest())


def test_the_longest_state_is_kept_until_its_upload_ends() -> None:
    hashes = WholeHashes()
    for data in (b"abc", b"abcdef", b"ab"):
        hashes.keep("one", hashed(data))
    assert (hashes.known("one").size, hashes.known("one").state.hexdigest()) == (
        6,
        hashlib.sha256(b"abcdef").hexdigest(),
    )
    for _ in range(2):
        hashes.forget("one")
    assert hashes.known("one").size == 0


def test_of_too_many_uploads_those_used_longest_ago_are_forgotten() -> None:
    hashes = WholeHashes(2)
    hashes.keep("one", hashed(b"1"))
    hashes.keep("two", hashed(b"2"))
    hashes.known("one")
    hashes.keep("three", hashed(b"3"))
    assert [hashes.known(name).size for name in ("one", "two", "three")] == [1, 0, 1]
