"""A body is whole or an error."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echofs.core.errors import BodyMismatch, InvalidRequest
from echofs.web import bodies
from tests.web.bare_requests import Trickle, bare_request

DATA = bytes(range(100))
DIGEST = hashlib.sha256(DATA)
SPELLED = base64.b64encode(DIGEST.digest()).decode()


@given(st.binary(max_size=60), st.integers(1, 70), st.integers(1, 70), st.booleans())
def test_a_whole_body_comes_through_unchanged_in_pieces_no_longer_than_asked(
    data: bytes, step: int, trickle: int, chunked: bool
) -> None:
    request = bare_request(Trickle(data, trickle), length=None if chunked else str(len(data)), chunked=chunked)
    pieces = list(bodies.pieces(request, step))
    assert b"".join(pieces) == data
    assert all(0 < len(piece) <= step for piece in pieces)


@pytest.mark.parametrize("came", [0, 1, 99])
def test_a_body_shorter_than_declared_is_an_error_that_says_how_much_came(came: int) -> None:
    request = bare_request(DATA[:came], length="100")
    with pytest.raises(BodyMismatch, match=f"after {came} of 100 bytes"):
        list(bodies.pieces(request))


def test_what_follows_the_declared_length_is_not_read() -> None:
    stream = Trickle(DATA)
    assert b"".join(bodies.pieces(bare_request(stream, length="40"))) == DATA[:40]
    assert stream.read() == DATA[40:]


@pytest.mark.parametrize("until", [0, 40])
@pytest.mark.parametrize("chunked", [True, False])
def test_a_body_that_breaks_off_is_an_error(until: int, chunked: bool) -> None:
    request = bare_request(Trickle(DATA, 10, until), length=None if chunked else "100", chunked=chunked)
    with pytest.raises(BodyMismatch, match=f"broke off after {until} bytes"):
        list(bodies.pieces(request))


def test_an_empty_body_is_a_body() -> None:
    assert list(bodies.pieces(bare_request(length="0"))) == []
    assert list(bodies.pieces(bare_request(chunked=True))) == []


def test_a_body_that_says_nowhere_where_it_ends_is_refused_rather_than_taken_for_an_empty_one() -> None:
    with pytest.raises(InvalidRequest, match="Content-Length") as caught:
        bodies.declared_length(bare_request(DATA))
    assert caught.value.field == "Content-Length"


@pytest.mark.parametrize("length", ["abc", "-1", "+5", "5.0", "1_0", "0x10", " 5", "5 5", "²", "1" * 19, "1" * 5000])
def test_a_length_that_is_no_number_is_refused_rather_than_taken_for_nothing(length: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        bodies.declared_length(bare_request(DATA, length=length))
    assert caught.value.field == "Content-Length"


@pytest.mark.parametrize(("length", "number"), [("0", 0), ("100", 100), ("007", 7), ("9" * 18, 10**18 - 1)])
def test_a_length_in_digits_is_that_many_bytes(length: str, number: int) -> None:
    assert bodies.declared_length(bare_request(length=length)) == number


def test_a_chunked_body_has_no_declared_length() -> None:
    assert bodies.declared_length(bare_request(DATA, chunked=True)) is None


@pytest.mark.parametrize(
    ("header", "digest"),
    [
        (f"sha-256=:{SPELLED}:", DIGEST.hexdigest()),
        (f"sha-512=:AAAA:, sha-256=:{SPELLED}:", DIGEST.hexdigest()),
        (f"sha-256=:{SPELLED}: , md5=:AAAA:", DIGEST.hexdigest()),
        (f"sha-256=:{SPELLED}:;from=client", DIGEST.hexdigest()),
        (f"sha-256=:{base64.b64encode(bytes(32)).decode()}:, sha-256=:{SPELLED}:", DIGEST.hexdigest()),
        ("sha-512=:AAAA:", None),
        (f"SHA-256=:{SPELLED}:", None),
        ("nonsense", None),
        ("", None),
        (",,,", None),
        (None, None),
    ],
)
def test_the_sha256_is_found_among_the_declared_digests(header: str | None, digest: str | None) -> None:
    request = bare_request(headers={} if header is None else {"Content-Digest": header})
    assert bodies.declared_digest(request) == digest


@pytest.mark.parametrize(
    "value",
    ["", ":", "::", "=", ":AAAA:", SPELLED, f":{SPELLED}", f"{SPELLED}:", f":{SPELLED[:-1]}:", f":{SPELLED}=:",
     f":{SPELLED[:-2]}é=:", f": {SPELLED}:", DIGEST.hexdigest(), f':{SPELLED.replace(SPELLED[0], "-", 1)}:'],
)  # fmt: skip
def test_a_malformed_sha256_is_refused(value: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        bodies.declared_digest(bare_request(headers={"Content-Digest": f"sha-256={value}"}))
    assert caught.value.field == "Content-Digest"


def test_a_verified_body_has_its_digest_or_is_an_error() -> None:
    headers = {"Content-Digest": f"sha-256=:{SPELLED}:"}
    assert b"".join(bodies.verified_pieces(bare_request(DATA, length="100", headers=headers))) == DATA
    assert b"".join(bodies.verified_pieces(bare_request(DATA, length="100"))) == DATA
    with pytest.raises(BodyMismatch, match="SHA-256"):
        list(bodies.verified_pieces(bare_request(DATA[::-1], length="100", headers=headers)))
