"""What a session has seen decides what it may be shown; what it forgets makes it ask for too much."""

from __future__ import annotations

import dataclasses
import hashlib
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echofs.core.chunking import EMPTY_DIGEST
from echofs.core.fields import canonical
from echofs.core.models import Content, Dot, Kind, Version
from echofs.core.session_tokens import (
    REMEMBERED_FILES,
    WAITING_PER_FILE,
    Line,
    Session,
    Sighting,
    Unmet,
    Waiting,
    decode,
    encode,
)

EMPTY = Session("user-1")


def a_version(file_id: str, number: int, origin: str = "m") -> Version:
    content = Content(0, EMPTY_DIGEST, 1024)
    dot = Dot(origin, number)
    return Version(file_id, number, number - 1, Kind.CONTENT, "p", content, "", number, "", dot, 0)


def committed(session: Session, version: Version) -> Session:
    return session.saw(version, Line.of(version))


def provisional(session: Session, version: Version, *ancestors: Dot, base: int = 0) -> Session:
    return session.saw(version, Line(base, frozenset({version.dot, *ancestors})), provisional=True)


def test_a_session_that_saw_nothing_may_be_shown_anything() -> None:
    assert EMPTY.unmet("f", Line(1)) is None
    assert EMPTY.unmet("f", Line(0), position=0) is None


def test_an_older_version_than_seen_is_unmet_and_the_same_or_a_later_one_is_not() -> None:
    session = committed(EMPTY, a_version("f", 3))
    assert session.unmet("f", Line.of(a_version("f", 2))) is Unmet.OLDER
    assert session.unmet("f", Line.of(a_version("f", 3))) is None
    assert session.unmet("f", Line.of(a_version("f", 4))) is None
    assert session.unmet("g", Line.of(a_version("g", 1))) is None


def test_reading_an_older_version_forgets_nothing() -> None:
    session = committed(committed(EMPTY, a_version("f", 3)), a_version("f", 2))
    assert session.unmet("f", Line.of(a_version("f", 2))) is Unmet.OLDER


def test_a_provisional_version_is_waited_for_by_its_dot_whatever_the_numbers_say() -> None:
    mine, theirs = a_version("f", 4, "mine"), a_version("f", 9, "theirs")
    session = provisional(EMPTY, mine, base=3)
    assert session.unmet("f", Line.of(theirs)) is Unmet.WAITING
    assert session.unmet("f", Line(3, frozenset({mine.dot}))) is None


def test_a_line_must_hold_what_was_seen_committed_as_well() -> None:
    mine = a_version("f", 4, "mine")
    session = committed(provisional(EMPTY, mine, base=3), a_version("f", 6, "theirs"))
    assert session.unmet("f", Line(3, frozenset({mine.dot}))) is Unmet.OLDER
    assert session.unmet("f", Line(6, frozenset({mine.dot}))) is None


def test_a_version_made_from_one_that_was_waited_for_takes_its_place() -> None:
    first, second = a_version("f", 4, "mine"), a_version("f", 5, "mine")
    session = provisional(provisional(EMPTY, first), second, first.dot)
    assert [each.dot for each in session.of("f").waiting] == [second.dot]


def test_what_is_waited_for_is_bounded() -> None:
    session = EMPTY
    for number in range(1, 20):
        session = provisional(session, a_version("f", number, f"master-{number}"))
    assert [each.number for each in session.of("f").waiting] == list(range(20 - WAITING_PER_FILE, 20))


def test_a_version_that_was_committed_is_waited_for_no_longer() -> None:
    mine = a_version("f", 4, "mine")
    settled = provisional(EMPTY, mine).settled(a_version("f", 5), {mine.dot})
    assert settled.of("f").waiting == ()
    unsettled = provisional(EMPTY, mine).settled(a_version("f", 5), set())
    assert unsettled.unmet("f", Line.of(a_version("f", 5))) is Unmet.WAITING


def test_a_version_that_went_elsewhere_is_waited_for_until_the_file_has_grown_past_it() -> None:
    mine = a_version("f", 5, "mine")
    session = provisional(EMPTY, mine)
    assert session.settled(a_version("f", 4), {mine.dot}).of("f").waiting
    assert not session.settled(a_version("f", 5), {mine.dot}).of("f").waiting


def test_a_copy_behind_what_was_seen_is_unmet() -> None:
    session = EMPTY.saw(a_version("f", 1), Line.of(a_version("f", 1)), position=7)
    assert session.unmet("g", Line(1), position=6) is Unmet.BEHIND
    assert session.unmet("g", Line(1), position=7) is None
    assert session.unmet("g", Line(1)) is None


def test_files_beyond_the_last_few_are_remembered_too_strictly_rather_than_not_at_all() -> None:
    session = EMPTY
    for index in range(3 * REMEMBERED_FILES):
        session = committed(session, a_version(f"file-{index}", index % 7 + 1))
    assert len(session.sightings) == REMEMBERED_FILES
    for index in range(3 * REMEMBERED_FILES):
        assert session.unmet(f"file-{index}", Line(index % 7)) is Unmet.OLDER
        assert session.unmet(f"file-{index}", Line(7)) is None


_DOTS = st.builds(Dot, st.sampled_from(["a", "b", "00" * 16]), st.integers(0, 2**63 - 1))
_NUMBERS = st.integers(0, 2**63 - 1)
_SIGHTINGS = st.builds(
    Sighting,
    st.text("abcdef0123456789é", max_size=34),
    _NUMBERS,
    st.lists(st.builds(Waiting, _DOTS, _NUMBERS)).map(tuple),
)


@given(st.lists(_SIGHTINGS, max_size=REMEMBERED_FILES).map(tuple), st.just(()) | st.just((3,) * 32), _NUMBERS)
def test_what_is_encoded_is_decoded_to_the_same(
    sightings: tuple[Sighting, ...], faded: tuple[int, ...], position: int
) -> None:
    session = Session("user-1", sightings, faded, position)
    assert decode(encode(session)) == session


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2}, {"u": 7}, {"p": -1}, {"p": True}, {"o": [1]}, {"f": [1, 2]}, {"f": ["x"] * 32}, {"s": [[]]},
        {"s": [["f"]]}, {"s": [[1, 1]]}, {"s": [["f", 1, 0, 1, 1]]}, {"s": [["f", 1, 0, 1]]}, {"s": ["f"]}, {"s": 1},
    ],
)  # fmt: skip
def test_anything_else_is_refused(change: dict[str, object]) -> None:
    good = {"v": 1, "u": "user-1", "p": 0, "o": [], "s": [], "f": []}
    assert decode(zlib.compress(canonical(good))) == EMPTY
    with pytest.raises(ValueError, match="session token"):
        decode(zlib.compress(canonical({**good, **change})))


def test_what_was_not_compressed_is_refused() -> None:
    with pytest.raises(ValueError, match="session token"):
        decode(b"{}")


def test_a_full_token_fits_into_a_header() -> None:
    session = EMPTY
    for index in range(2 * REMEMBERED_FILES):
        unlike = hashlib.sha256(str(index).encode()).hexdigest()
        version = dataclasses.replace(a_version(unlike[:32], 12, unlike[32:]), number=1000)
        session = provisional(session, version)
    assert len(encode(session)) < 3000
