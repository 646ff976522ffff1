"""Of what lies on the workers, what was committed is told from what was not, and nothing in doubt is lost."""

from __future__ import annotations

import itertools
import random

import pytest

from echofs.core.chunking import digest_of
from echofs.core.histories import Candidate, decide, recovered_path
from echofs.core.models import Digest, Kind
from echofs.core.names import check_path

_counter = itertools.count()


def candidate(
    number: int, after: Candidate | None, *, bytes_: str = "", kind: Kind = Kind.CONTENT, at: int | None = None
) -> Candidate:
    turn = next(_counter)
    return Candidate(
        manifest=digest_of(b"%d" % turn),
        number=number,
        parent_manifest=after.manifest if after else "",
        kind=kind,
        content=(1, bytes_ or str(turn)),
        created_at=turn if at is None else at,
    )


def test_a_history_without_rivals_is_itself() -> None:
    one = candidate(1, None)
    two = candidate(2, one)
    three = candidate(3, two, kind=Kind.TOMBSTONE)
    history = decide([three, one, two])
    assert (history.versions, history.rivals, history.passed_over) == ((one, two, three), (), 0)


def test_the_version_that_a_later_one_follows_was_the_committed_one() -> None:
    one = candidate(1, None)
    won = candidate(2, one)
    lost = candidate(2, one)
    three = candidate(3, won)
    for order in itertools.permutations([one, won, lost, three]):
        history = decide(order)
        assert (history.versions, history.rivals, history.passed_over) == ((one, won, three), (), 1)


def test_a_version_that_lost_its_race_for_the_next_number_still_vouches_for_its_parent() -> None:
    one = candidate(1, None)
    rival = candidate(1, None)
    history = decide([one, rival, candidate(2, rival), candidate(2, rival)])
    assert history.versions[0] == rival


def test_of_two_possible_heads_the_later_counts_and_the_other_is_kept() -> None:
    one = candidate(1, None)
    early, late = candidate(2, one, at=10), candidate(2, one, at=20)
    for order in ([one, early, late], [late, early, one]):
        history = decide(order)
        assert (history.versions, history.rivals, history.passed_over) == ((one, late), (early,), 0)


def test_deleted_stays_deleted_and_bytes_written_at_the_same_time_are_kept() -> None:
    one = candidate(1, None)
    gone, written = candidate(2, one, kind=Kind.TOMBSTONE, at=10), candidate(2, one, at=20)
    history = decide([one, written, gone])
    assert (history.versions, history.rivals) == ((one, gone), (written,))


@pytest.mark.parametrize("kind", [Kind.MOVE, Kind.CONTENT])
def test_a_rival_whose_bytes_the_history_has_is_passed_over(kind: Kind) -> None:
    one = candidate(1, None, bytes_="same")
    rival, head = candidate(2, one, bytes_="same", kind=kind), candidate(2, one)
    history = decide([one, rival, head])
    assert (history.versions, history.rivals, history.passed_over) == ((one, head), (), 1)


def test_a_rival_tombstone_brings_nothing_to_keep() -> None:
    one = candidate(1, None)
    first, second = (candidate(2, one, kind=Kind.TOMBSTONE) for _ in range(2))
    history = decide([one, first, second])
    assert (history.versions, history.rivals, history.passed_over) == ((one, second), (), 1)


def test_a_lost_manifest_leaves_a_gap_that_no_loser_of_a_race_fills() -> None:
    one = candidate(1, None)
    lost_with_its_workers = candidate(2, one)
    loser = candidate(2, one)
    three = candidate(3, lost_with_its_workers)
    history = decide([one, loser, three])
    assert (history.versions, history.rivals, history.passed_over) == ((one, three), (), 1)


def test_before_a_gap_order_is_in_doubt_again() -> None:
    one, other = candidate(1, None, at=5), candidate(1, None, at=9)
    four = candidate(4, candidate(3, None))
    history = decide([one, other, four])
    assert (history.versions, history.rivals) == ((other, four), (one,))


def test_whatever_races_there_were_every_committed_version_is_found_in_its_place() -> None:
    chance = random.Random(3)
    for _ in range(50):
        committed: list[Candidate] = []
        written: list[Candidate] = []
        for number in range(1, 9):
            racing = [candidate(number, committed[-1] if committed else None) for _ in range(chance.randint(1, 4))]
            written += racing
            committed.append(chance.choice(racing))
        chance.shuffle(written)
        history = decide(written)
        assert history.versions[:-1] == tuple(committed[:-1])
        assert committed[-1] in (history.versions[-1], *history.rivals)
        assert len(written) == len(history.versions) + len(history.rivals) + history.passed_over


DIGEST: Digest = "1a2b3c4d" + "0" * 56


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a", "a (recovered 1a2b3c4d)"),
        ("x/y/größe.txt", "x/y/größe (recovered 1a2b3c4d).txt"),
        ("x/.hidden", "x/.hidden (recovered 1a2b3c4d)"),
        ("archive.tar.gz", "archive.tar (recovered 1a2b3c4d).gz"),
        ("a." + "e" * 200, "a." + "e" * 200 + " (recovered 1a2b3c4d)"),
    ],
)
def test_a_recovered_file_is_named_after_the_one_it_was(path: str, expected: str) -> None:
    assert recovered_path(path, DIGEST) == expected


@pytest.mark.parametrize("path", ["ü" * 127 + ".x", "/".join(["f" * 200] * 5) + "/name.txt", "e." + "é" * 126])
def test_a_recovered_path_obeys_the_rules_of_names_however_long_it_was(path: str) -> None:
    recovered = recovered_path(path, DIGEST)
    assert check_path(recovered) == recovered != path
    assert "(recovered 1a2b3c4d)" in recovered
