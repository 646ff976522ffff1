"""Names and types of downloads: exact for those who can read them, harmless for all."""

from __future__ import annotations

import re
from email.message import EmailMessage
from email.policy import HTTP

import pytest
from flask import Flask, request
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.http import parse_options_header

from echofs.core.errors import InvalidName
from echofs.core.names import check_path
from echofs.web.downloads import INLINE_TYPES, _disposition, _sent_type, _wants_inline
from tests.web.versions import a_version

APP = Flask("echofs-tests")
SHAPE = re.compile(r"attachment; filename=\"([ !#$&-.0-\[\]-~]+)\"; filename\*=UTF-8''([A-Za-z0-9._~%-]+)")
"""Nothing a client could take for the end of a value, the end of the header, an escape or a folder."""


def disposition(path: str, *, query: str = "", content_type: str = "") -> str:
    with APP.test_request_context("/" + query):
        version = a_version(path=path, content_type=content_type)
        return _disposition(version, inline=_wants_inline(request, version))


def is_name(text: str) -> bool:
    try:
        return "/" not in text and check_path(text) == text
    except InvalidName:
        return False


@pytest.mark.parametrize(
    ("name", "approximation"),
    [
        ("report.pdf", "report.pdf"),
        ('say "hi".txt', "say _hi_.txt"),
        ("back\\slash", "back_slash"),
        ("50%20off.txt", "50_20off.txt"),
        ("a;b=c, d", "a;b=c, d"),
        ("it's", "it's"),
        ("café.txt", "cafe.txt"),
        ("日本.txt", ".txt"),
        ("日本", "file"),
        ("\U0001f600", "file"),
        ("\u202etxt.exe", "txt.exe"),
        ("\u05e9\u05dc\u05d5\u05dd.doc", ".doc"),
        ("line\u2028break\u2029", "linebreak"),
        ("\uff0e\uff0e\uff0fetc\uff0fpasswd", ".._etc_passwd"),
        ("\uff0e\uff0e", "file"),
        ("\u2100.txt", "a_c.txt"),
        ("...", "file"),
        (" ", "file"),
        ("\u00a0", "file"),
        ("x" * 255, "x" * 255),
        ("語" * 85, "file"),
    ],
)
def test_a_name_is_given_exactly_and_in_an_approximation(name: str, approximation: str) -> None:
    header = disposition(f"folder/{name}")
    match = SHAPE.fullmatch(header)
    assert match is not None
    assert match[1] == approximation
    assert parse_options_header(header) == ("attachment", {"filename": name})


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=50).filter(is_name))
def test_every_name_comes_back_from_the_header_and_breaks_no_line(name: str) -> None:
    header = disposition(name)
    assert SHAPE.fullmatch(header)
    assert parse_options_header(header)[1]["filename"] == name


@pytest.mark.parametrize("name", ["plain.txt", "日本 語.txt", 'q"uote', "50%.txt", "\U0001f600"])
def test_the_standard_librarys_parser_agrees(name: str) -> None:
    message = EmailMessage(policy=HTTP)
    message["Content-Disposition"] = "attachment; " + disposition(name).rpartition("; ")[2]
    assert message.get_filename() == name


@pytest.mark.parametrize(
    ("content_type", "name", "query", "kind"),
    [
        ("image/png", "a.png", "?inline", "inline"),
        ("image/png", "a.png", "?inline=1", "inline"),
        ("image/png", "a.png", "", "attachment"),
        ("", "a.png", "?inline", "inline"),
        ("text/html", "a.html", "?inline", "attachment"),
        ("", "a.html", "?inline", "attachment"),
        ("image/svg+xml", "a.svg", "?inline", "attachment"),
        ("application/xhtml+xml", "a.xhtml", "?inline", "attachment"),
        ("text/xml", "a.xml", "?inline", "attachment"),
        ("application/pdf", "a.pdf", "?inline", "attachment"),
        ("IMAGE/PNG", "a", "?inline", "attachment"),
        ("", "a", "?inline", "attachment"),
    ],
)
def test_only_harmless_types_are_shown_and_only_when_asked(content_type: str, name: str, query: str, kind: str) -> None:
    assert disposition(name, query=query, content_type=content_type).partition(";")[0] == kind


@pytest.mark.parametrize("active", ["text/html", "image/svg+xml", "application/javascript", "text/xml", "x/y", ""])
def test_active_or_unknown_types_are_sent_as_bytes(active: str) -> None:
    assert _sent_type(a_version(path="a", content_type=active)) == "application/octet-stream"


def test_harmless_types_are_sent_as_they_are_and_text_as_utf_8() -> None:
    for kind in INLINE_TYPES - {"text/plain"}:
        assert _sent_type(a_version(content_type=kind)) == kind
    assert _sent_type(a_version(content_type="text/plain")) == "text/plain; charset=utf-8"
    assert _sent_type(a_version(path="notes.txt")) == "text/plain; charset=utf-8"
    assert _sent_type(a_version(path="data:text/html,<script>")) == "application/octet-stream"
