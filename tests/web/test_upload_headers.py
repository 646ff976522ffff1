"""What an upload's headers and query ask for."""

from __future__ import annotations

import pytest
from flask import Request
from werkzeug.test import EnvironBuilder

from echofs.core.errors import InvalidRequest
from echofs.core.models import Role
from echofs.services.accounts import Principal
from echofs.web.levels import LEVEL_HEADER
from echofs.web.uploads import _wish, kept_type

ANNA = Principal("user-1", "anna", Role.USER, "jti", "sid", quota_bytes=5)


def request(query: str = "", **headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(EnvironBuilder("/api/v1/files/upload" + query, method="POST", headers=named).get_environ())


def fingerprint(
    query: str = "?path=a", *, method: str = "POST", length: int = 5, kind: str = "a/b", digest: str = ""
) -> str:
    headers = {"Idempotency-Key": "k", "Content-Type": kind, "Content-Digest": digest}
    builder = EnvironBuilder("/u" + query, method=method, headers=headers, data=bytes(length))
    return _wish(Request(builder.get_environ()), 0, ANNA).fingerprint


def test_without_headers_the_system_chooses_and_nothing_is_remembered() -> None:
    wish = _wish(request(), 7.5, ANNA)
    assert (wish.ask.text, wish.started, wish.idempotency_key, wish.fingerprint) == ("auto", 7.5, "", "")
    assert (wish.user_name, wish.quota_bytes) == ("anna", 5)


def test_the_query_goes_before_the_header() -> None:
    assert _wish(request(**{LEVEL_HEADER.replace("-", "_"): "hybrid"}), 0, ANNA).ask.text == "hybrid"
    assert (
        _wish(request("?consistency=strong", **{LEVEL_HEADER.replace("-", "_"): "hybrid"}), 0, ANNA).ask.text
        == "strong"
    )


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(InvalidRequest) as caught:
        _wish(request("?consistency=loud"), 0, ANNA)
    assert caught.value.field == "consistency"


@pytest.mark.parametrize(
    ("sent", "wanted"), [("keep-both", "keep-both"), (" Merge ", "merge"), ("ASK", "ask"), (None, "keep-both")]
)
def test_what_to_do_about_conflicts_is_kept_with_the_wish(sent: str | None, wanted: str) -> None:
    headers = {"X_EchoFS_On_Conflict": sent} if sent else {}
    assert _wish(request(**headers), 0, ANNA).on_conflict.value == wanted


def test_an_unknown_way_with_conflicts_is_refused_with_the_choices() -> None:
    with pytest.raises(InvalidRequest, match="keep-both, merge, ask") as caught:
        _wish(request(X_EchoFS_On_Conflict="overwrite"), 0, ANNA)
    assert caught.value.field == "X-EchoFS-On-Conflict"


@pytest.mark.parametrize("key", ["a", "x" * 128, "!~#{}", '"quoted"'])
def test_a_printable_key_is_kept_as_it_is(key: str) -> None:
    assert _wish(request(Idempotency_Key=key), 0, ANNA).idempotency_key == key


@pytest.mark.parametrize("key", ["", "x" * 129, "a b", "é", "a\tb", "\x7f"])
def test_any_other_key_is_refused(key: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        _wish(request(Idempotency_Key=key), 0, ANNA)
    assert caught.value.field == "Idempotency-Key"


def test_a_fingerprint_tells_requests_apart() -> None:
    same = fingerprint()
    assert fingerprint() == same
    others = {
        fingerprint("?path=b"),
        fingerprint(method="PUT"),
        fingerprint(length=6),
        fingerprint(kind="a/c"),
        fingerprint(digest="sha-256=:AAAA:"),
    }
    assert len(others - {same}) == 5


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("text/plain", "text/plain"),
        ("application/vnd.ms-excel", "application/vnd.ms-excel"),
        ("image/svg+xml", "image/svg+xml"),
        ("application/octet-stream", ""),
        ("", ""),
        ("text", ""),
        ("text/plain\r\nX: y", ""),
        ("text/plain\n", ""),
        ("téxt/plain", ""),
        ("<script>/x", ""),
        ("a/" + "b" * 65, ""),
    ],
)
def test_only_a_plain_media_type_that_says_something_is_remembered(sent: str, kept: str) -> None:
    assert kept_type(sent) == kept
