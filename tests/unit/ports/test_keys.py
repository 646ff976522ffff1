from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echofs.core.errors import InvalidName
from echofs.ports.object_store import check_key, check_space

FIRST = "abcdefghijklmnopqrstuvwxyz0123456789"
SPACES = st.builds(str.__add__, st.sampled_from(FIRST), st.text(FIRST + "_-", max_size=62))
NAMES = st.builds(str.__add__, st.sampled_from(FIRST), st.text(FIRST + "._-", max_size=199))


@given(SPACES, NAMES)
def test_a_well_formed_key_is_split_at_its_slash(space, name):
    assert check_key(f"{space}/{name}") == (space, name)
    assert check_space(space) == space


@given(st.text(max_size=12) | st.builds("{}/{}".format, st.text(max_size=6), st.text(max_size=6)))
def test_whatever_passes_is_safe_as_a_path_of_two_parts(key):
    try:
        space, name = check_key(key)
    except InvalidName:
        return
    assert f"{space}/{name}" == key
    for part in (space, name):
        assert part.isascii()
        assert part == part.lower()
        assert part[0] in FIRST
        assert not set(part) & set("/\\\0\n ")


@given(SPACES, NAMES, st.sampled_from("/\\\0\n\t :*?AZéß"), st.data())
def test_one_forbidden_character_anywhere_spoils_a_key(space, name, character, data):
    key = f"{space}/{name}"
    at = data.draw(st.integers(0, len(key)))
    with pytest.raises(InvalidName):
        check_key(key[:at] + character + key[at:])


@pytest.mark.parametrize("key", ["a" * 64 + "/b", "a/" + "b" * 201, "a.b/c", ".a/b", "_a/b", "a/_b", "a/..", "a/b/"])
def test_keys_just_outside_the_rules_are_refused(key):
    with pytest.raises(InvalidName) as refusal:
        check_key(key)
    assert refusal.value.field == "key"


@pytest.mark.parametrize("space", ["", ".", "..", ".hidden", "a.b", "a/b", "A", "a" * 64, "a\n"])
def test_malformed_spaces_are_refused(space):
    with pytest.raises(InvalidName) as refusal:
        check_space(space)
    assert refusal.value.field == "space"
