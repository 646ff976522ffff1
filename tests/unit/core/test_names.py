"""Names are kept exactly or refused: never changed, never merged."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echofs.core import names
from echofs.core.errors import InvalidName


@given(st.text(max_size=60))
def test_a_path_is_returned_as_it_came_or_refused(path: str) -> None:
    try:
        accepted = names.check_path(path)
    except InvalidName:
        return
    assert accepted == path.removeprefix("/")
    assert names.check_path(accepted) == accepted
    assert accepted.encode().decode() == accepted
    assert not any(part in ("", ".", "..") for part in accepted.split("/"))


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="/."), min_size=1, max_size=60))
def test_any_text_without_controls_is_a_name(name: str) -> None:
    assert names.check_path(f"folder/{name}") == f"folder/{name}"


def test_composed_and_decomposed_letters_stay_two_names() -> None:
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    assert unicodedata.normalize("NFC", decomposed) == composed
    assert names.check_path(composed) != names.check_path(decomposed)


@pytest.mark.parametrize(
    "path",
    [
        "a",
        "a/b/c.txt",
        "...",
        "..a",
        ".hidden",
        " leading and trailing ",
        "A/a",
        "日本語/ファイル",
        "emoji \N{FAMILY}\u200d\N{GRINNING FACE}",
        "right-to-left \u202etxt.exe",
        "\u200f\u05e9\u05dc\u05d5\u05dd",
        "line\u2028separator",
        "\ufeffmark",
        "\uffff",
        "back\\slash",
        'quote"quote',
        "50% off?#&=;",
        "\u00a0",
    ],
)
def test_unusual_but_valid_names_are_kept(path: str) -> None:
    assert names.check_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "//a",
        "a//b",
        "a/",
        ".",
        "..",
        "../etc/passwd",
        "a/../b",
        "a/.",
        "a\0b",
        "a\nb",
        "a\r",
        "\t",
        "a\x1b[31m",
        "a\x7f",
        "a\x80",
        "a\x85b",
        "a\x9f",
        "\ud800",
        "a/\udfff",
    ],
)
def test_names_that_could_leave_the_root_or_break_a_line_are_refused(path: str) -> None:
    with pytest.raises(InvalidName) as caught:
        names.check_path(path, field="target")
    assert caught.value.field == "target"


def test_one_leading_slash_is_dropped() -> None:
    assert names.check_path("/a/b") == "a/b"


@pytest.mark.parametrize(("letter", "most"), [("x", 255), ("é", 127), ("語", 85), ("\N{GRINNING FACE}", 63)])
def test_a_part_has_at_most_255_bytes(letter: str, most: int) -> None:
    assert names.check_path(letter * most) == letter * most
    with pytest.raises(InvalidName, match="255"):
        names.check_path(letter * (most + 1))


def test_a_path_has_at_most_1024_bytes() -> None:
    longest = "/".join(["x" * 255, "y" * 255, "z" * 255, "w" * 253, "ab"])
    assert len(longest) == 1024
    assert names.check_path(longest) == longest
    with pytest.raises(InvalidName, match="1024"):
        names.check_path(longest + "c")


@pytest.mark.parametrize("path", ["x" * 10_000, "x/" * 5_000 + "x", "/" * 10_000, "é" * 10_000])
def test_ten_thousand_characters_are_refused(path: str) -> None:
    with pytest.raises(InvalidName):
        names.check_path(path)


@pytest.mark.parametrize(
    ("given_folder", "folder"), [("", ""), ("/", ""), ("a", "a"), ("/a", "a"), ("a/", "a"), ("/a/b/", "a/b")]
)
def test_a_folder_may_be_written_with_outer_slashes(given_folder: str, folder: str) -> None:
    assert names.check_folder(given_folder) == folder


@pytest.mark.parametrize("folder", ["//", "//a", "a//", "///", "..", "a/../b", "a\0", "\ud800"])
def test_a_folder_obeys_the_rules_of_paths(folder: str) -> None:
    with pytest.raises(InvalidName) as caught:
        names.check_folder(folder)
    assert caught.value.field == "folder"


def test_parents_and_ancestors() -> None:
    assert names.parent_of("a/b/c") == "a/b"
    assert names.parent_of("c") == ""
    assert names.ancestors_of("a/b/c") == ["a", "a/b"]
    assert names.ancestors_of("c") == []


@pytest.mark.parametrize("name", ["ab", "a1", "Zoë", "user.name+tag@example.org", "日本", "x" * 64, "a_b-c"])
def test_user_names_that_are_accepted(name: str) -> None:
    assert names.check_user_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a",
        "x" * 65,
        "_ab",
        "ab_",
        ".a.",
        "a b",
        "a\nb",
        "ab\n",
        "a/b",
        "a\0b",
        "\ud800\ud800",
        "-ab",
        "\u202eab",
        "a<b",
    ],
)
def test_user_names_that_are_refused(name: str) -> None:
    with pytest.raises(InvalidName) as caught:
        names.check_user_name(name)
    assert caught.value.field == "username"


@pytest.mark.parametrize("email", ["a@b.c", "first.last+tag@mail.example.org", "josé@exämple.de", "a" * 248 + "@ex.de"])
def test_addresses_that_are_accepted(email: str) -> None:
    assert names.check_email(email) == email


@pytest.mark.parametrize(
    "email",
    [
        "",
        "a",
        "@b.c",
        "a@",
        "a@b",
        "a@.c",
        "a@b.",
        "a@b..c",
        "a@@b.c",
        "a b@c.d",
        "a@b.c\n",
        "a\0@b.c",
        "\ud800@b.c",
        "a" * 249 + "@ex.de",
    ],
)
def test_addresses_that_are_refused(email: str) -> None:
    with pytest.raises(InvalidName) as caught:
        names.check_email(email)
    assert caught.value.field == "email"


@pytest.mark.parametrize(
    ("one", "other"), [("Alice", "aLICE"), ("STRASSE", "straße"), ("ﬁn", "FIN"), ("\u212b", "å"), ("e\u0301", "É")]
)
def test_names_that_look_alike_to_people_compare_equal(one: str, other: str) -> None:
    assert names.fold(one) == names.fold(other)


@given(st.text(max_size=30))
def test_folding_twice_changes_nothing_more(name: str) -> None:
    assert names.fold(names.fold(name)) == names.fold(name)


@given(st.text(max_size=20), st.text(st.characters(max_codepoint=255), max_size=10), st.text(max_size=10))
def test_a_search_finds_every_part_of_a_name_in_any_case(before: str, part: str, behind: str) -> None:
    part = part.replace("/", "")
    path = f"folder/{before.replace('/', '')}|{part}|{behind.replace('/', '')}"
    assert names.found_by(path, f"|{part}|".swapcase())


@pytest.mark.parametrize(
    ("path", "folder", "below"),
    [
        ("a/b", "a", True),
        ("a/b/c", "a", True),
        ("a", "a", False),
        ("ab", "a", False),
        ("a", "", True),
        ("b/a", "a", False),
    ],
)
def test_what_lies_below_a_folder(path: str, folder: str, below: bool) -> None:
    assert names.is_below(path, folder) is below


def test_a_path_goes_along_with_its_folder_unless_it_grows_too_long() -> None:
    assert names.moved_path("a/b/c", "a/b", "x") == "x/c"
    assert names.moved_path("a", "a", "x/y") == "x/y"
    with pytest.raises(InvalidName) as caught:
        names.moved_path("a/" + "/".join(["d" * 200] * 4), "a", "e" * 250)
    assert caught.value.field == "to"
