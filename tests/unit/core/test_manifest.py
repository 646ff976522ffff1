"""A manifest must bring back its version, and anything else must be refused politely."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from echofs.core import manifest
from echofs.core.chunking import DIGESTS_PER_LIST, EMPTY_DIGEST, digest_of, pack_digests
from echofs.core.errors import InvalidName
from echofs.core.manifest import Manifest
from echofs.core.models import Content, Dot, Kind, Version
from echofs.core.names import check_path

OWNER = "0190c0de" * 4


def is_path(text: str) -> bool:
    try:
        return check_path(text) == text
    except InvalidName:
        return False


digests = st.binary(max_size=4).map(lambda data: hashlib.sha256(data).hexdigest())
counts = st.integers(0, 2**63 - 1)


@st.composite
def contents(draw: st.DrawFn) -> Content:
    chunks = draw(st.lists(digests, max_size=5))
    size = draw(st.integers((len(chunks) - 1) * 10 + 1, len(chunks) * 10)) if chunks else 0
    return Content(size, draw(digests), 10, pack_digests(chunks))


versions = st.builds(
    Version,
    file_id=st.text(st.characters(codec="utf-8"), max_size=40),
    number=st.integers(1, 2**63 - 1),
    parent=counts,
    kind=st.sampled_from(Kind),
    path=st.text(st.characters(codec="utf-8"), min_size=1, max_size=60).filter(is_path),
    content=contents(),
    content_type=st.sampled_from(["", "text/plain", "a/b+c.d-e"]),
    content_version=st.integers(1, 2**63 - 1),
    manifest=st.just(""),
    dot=st.builds(Dot, st.text(st.characters(codec="utf-8"), max_size=8), counts),
    created_at=counts,
)


def a_version(content: Content | None = None) -> Version:
    return Version(
        file_id="f" * 32,
        number=2,
        parent=1,
        kind=Kind.CONTENT,
        path="café/\u202ea.txt",
        content=content or Content(15, EMPTY_DIGEST, 10, pack_digests([digest_of(b"a"), digest_of(b"b")])),
        content_type="text/plain",
        content_version=2,
        manifest="",
        dot=Dot("master", 7),
        created_at=1_700_000_000_000_000,
    )


def described(version: Version) -> Manifest:
    return Manifest(version, OWNER, "änna", digest_of(b"parent"), "salt")


def fields_of(version: Version) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(manifest.encode(described(version)))
    return fields


def changed(**changes: object) -> bytes:
    return json.dumps({**fields_of(a_version()), **changes}).encode()


@given(versions)
def test_a_version_comes_back_as_it_was(version: Version) -> None:
    raw = manifest.encode(described(version))
    whole = manifest.decode(raw, digest_of(raw))
    decoded = whole.version
    assert (whole.owner_id, whole.owner_name, whole.salt) == (OWNER, "änna", "salt")
    assert whole.parent_manifest == digest_of(b"parent")
    assert decoded.manifest == digest_of(raw)
    assert manifest.encode(whole) == raw
    assert {name: getattr(decoded, name) for name in Version.__slots__ if name != "manifest"} == {
        name: getattr(version, name) for name in Version.__slots__ if name != "manifest"
    }


def test_the_lists_of_a_large_file_come_back() -> None:
    content = Content(10 * (DIGESTS_PER_LIST + 1), EMPTY_DIGEST, 10, lists=pack_digests([digest_of(b"a")] * 2))
    raw = manifest.encode(described(a_version(content)))
    assert manifest.decode(raw, "").version.content == content


def test_equal_versions_have_equal_manifests_in_canonical_json() -> None:
    raw = manifest.encode(described(a_version()))
    assert raw == manifest.encode(described(a_version()))
    assert list(json.loads(raw)) == sorted(json.loads(raw))
    assert b": " not in raw
    assert "café".encode() in raw


def test_only_a_first_version_follows_none() -> None:
    first = Manifest(replace(a_version(), number=1, parent=0), OWNER, "anna", "", "salt")
    assert manifest.decode(manifest.encode(first), "").parent_manifest == ""
    with pytest.raises(ValueError, match="parent_manifest"):
        manifest.decode(changed(parent_manifest=""), "")


@pytest.mark.parametrize("name", sorted(fields_of(a_version())))
def test_a_missing_field_is_refused(name: str) -> None:
    fields = fields_of(a_version())
    del fields[name]
    with pytest.raises(ValueError, match="manifest"):
        manifest.decode(json.dumps(fields).encode(), "")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(sorted(fields_of(a_version()))), json_values)
@example("path", "../../etc/passwd")
@example("path", "/a")
@example("size", True)
@example("size", -1)
@example("size", 10**30)
@example("chunk_size", 0)
@example("created_at", float("inf"))
@example("kind", ["content"])
@example("dot", {"a": 1, "b": 2})
@example("dot", ["\ud800", 1])
@example("owner", "\ud800")
@example("owner_name", 1)
@example("parent_manifest", "g" * 64)
def test_a_field_of_another_kind_is_refused_or_kept_as_it_is(name: str, value: object) -> None:
    raw = changed(**{name: value})
    try:
        decoded = manifest.decode(raw, "")
    except ValueError:
        return
    assert json.loads(manifest.encode(decoded)) == json.loads(raw)


@pytest.mark.parametrize(
    "changes",
    [
        {"echofs": "chunk"},
        {"format": 2},
        {"format": True},
        {"size": 25},
        {"size": 10},
        {"size": 0},
        {"chunks": []},
        {"chunks": "ab"},
        {"chunks": ["ab"]},
        {"chunks": ["zz" * 32] * 2},
        {"chunks": ["AB" * 32] * 2},
        {"chunks": [" " + "ab" * 31 + "a"] * 2},
        {"lists": ["ab" * 32]},
        {"digest": "ab"},
        {"kind": "copy"},
        {"dot": ["master"]},
        {"dot": ["master", 1, 2]},
        {"dot": ["master", "1"]},
        {"version": 0},
        {"path": ""},
        {"path": "a/../b"},
        {"path": "a\nb"},
    ],
)
def test_what_does_not_agree_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"manifest|Kind"):
        manifest.decode(changed(**changes), "")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"1",
        b'"echofs"',
        b"{}",
        b"\xff\xfe",
        b"\x80",
        b"{" * 100_000,
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"9" * 100_000,
        b'{"echofs":"manifest","format":' + b"1" * 100_000 + b"}",
        b"NaN",
        b"\0" * 1000,
    ],
    ids=lambda raw: repr(raw[:12]),
)
def test_foreign_bytes_are_refused_with_a_value_error(raw: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        manifest.decode(raw, "")


@given(st.binary(max_size=200))
def test_random_bytes_are_refused_with_a_value_error(raw: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        manifest.decode(raw, "")
