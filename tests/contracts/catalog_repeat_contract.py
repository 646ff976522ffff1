"""What repeating means in every catalog: dots, idempotency keys, and chunks recorded before they are referred to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from echofs.core.errors import IdempotencyKeyReused, NotFound, Unavailable
from echofs.core.models import Dot, File
from echofs.ports.catalog import Catalog
from echofs.ports.listing import ListQuery
from tests.contracts.catalog_values import (
    ALICE,
    BOB,
    CREATED,
    at_once,
    chunk,
    content,
    deleted,
    digest,
    first,
    following,
    fresh,
    keyed,
    make,
    moved,
    winners,
)


class Repeats:
    def test_a_version_that_is_committed_already_is_answered_again(self, catalog: Catalog) -> None:
        commit = keyed(first("a"), "k")
        file = make(catalog, commit)
        assert make(catalog, commit) == file
        assert catalog.versions(ALICE, file.id) == [file.head]

    def test_the_answer_stays_the_same_when_the_head_has_moved_on(self, catalog: Catalog) -> None:
        commit = first("a")
        file = make(catalog, commit)
        update = following(file)
        newer = make(catalog, update)
        make(catalog, moved(newer, "b"))
        assert make(catalog, commit) == file
        assert make(catalog, update) == newer

    def test_the_answer_stays_the_same_when_the_file_is_gone(self, catalog: Catalog) -> None:
        commit = first("a")
        file = make(catalog, commit)
        end = deleted(file)
        gone = make(catalog, end)
        make(catalog, first("a"))
        assert make(catalog, commit) == file
        assert make(catalog, end) == gone

    def test_a_retry_under_a_new_number_is_recognised_by_its_dot(self, catalog: Catalog) -> None:
        file = make(catalog, first("a"))
        update = following(file)
        newer = make(catalog, update)
        again = following(newer, dot=update.version.dot)
        assert catalog.commit([again]) == [newer]
        assert [version.number for version in catalog.versions(ALICE, file.id)] == [2, 1]

    def test_one_commit_twice_in_one_batch_is_made_once(self, catalog: Catalog) -> None:
        commit = keyed(first("a"), "k")
        one, two = catalog.commit([commit, commit])
        assert one == two == catalog.file_at(ALICE, "a")

    def test_one_commit_from_eight_threads_is_made_once(self, catalog: Catalog) -> None:
        commit = keyed(first("a"), "k")
        answers = at_once(catalog, [commit] * 8)
        assert answers == [catalog.file_at(ALICE, "a")] * 8

    def test_dots_of_different_processes_do_not_meet(self, catalog: Catalog) -> None:
        one, two = first("a"), first("b")
        two = replace(two, version=replace(two.version, dot=Dot("master-2", one.version.dot.counter)))
        assert len(winners(catalog.commit([one, two]))) == 2


class IdempotencyKeys:
    def test_the_record_appears_with_its_commit(self, catalog: Catalog) -> None:
        commit = keyed(first("a"), "k")
        assert catalog.idempotency(ALICE, "k") is None
        make(catalog, commit)
        assert catalog.idempotency(ALICE, "k") == commit.idempotency
        assert catalog.idempotency(BOB, "k") is None

    def test_a_key_that_is_recorded_refuses_another_commit_and_spares_its_batch(self, catalog: Catalog) -> None:
        make(catalog, keyed(first("a"), "k"))
        answers = catalog.commit([first("b"), keyed(first("c"), "k"), keyed(first("d", owner=BOB), "k")])
        assert [type(answer) for answer in answers] == [File, IdempotencyKeyReused, File]
        with pytest.raises(NotFound):
            catalog.file_at(ALICE, "c")

    def test_one_key_twice_in_one_batch_serves_the_first(self, catalog: Catalog) -> None:
        answers = catalog.commit([keyed(first("a"), "k"), keyed(first("b"), "k")])
        assert [type(answer) for answer in answers] == [File, IdempotencyKeyReused]

    def test_of_eight_with_one_key_at_once_exactly_one_wins(self, catalog: Catalog) -> None:
        answers = at_once(catalog, [keyed(first(f"p{index}"), "k") for index in range(8)])
        assert sum(isinstance(answer, IdempotencyKeyReused) for answer in answers) == 7
        assert catalog.files(ListQuery(ALICE)).files == tuple(winners(answers))

    def test_old_records_are_forgotten_and_their_keys_are_free(self, catalog: Catalog) -> None:
        for index in range(3):
            make(catalog, keyed(first(f"f{index}"), f"k{index}", at=CREATED + index))
        assert catalog.forget_idempotency(CREATED + 2) == 2
        assert catalog.idempotency(ALICE, "k1") is None
        assert catalog.idempotency(ALICE, "k2") is not None
        make(catalog, keyed(first("again"), "k0"))


class ReferredChunks:
    def test_a_version_may_refer_to_chunks_recorded_before(self, catalog: Catalog) -> None:
        early = [chunk(("early", fresh(), index)) for index in range(3)]
        catalog.record_chunks(early)
        commit = first("large")
        commit = replace(commit, version=replace(commit.version, content=content(*early)), chunks=commit.chunks[-1:])
        assert make(catalog, commit).head.content.inline == commit.version.content.inline

    def test_a_version_that_refers_to_an_unknown_chunk_is_refused_alone(self, catalog: Catalog) -> None:
        commit = first("a")
        dangling = replace(commit, version=replace(commit.version, content=content(chunk("never stored"))))
        refused, made = catalog.commit([dangling, first("b")])
        assert type(refused) is Unavailable
        assert isinstance(made, File)
        with pytest.raises(NotFound):
            catalog.file_at(ALICE, "a")

    def test_chunks_of_digest_lists_must_have_been_recorded_too(self, catalog: Catalog) -> None:
        commit = first("a")
        lists = bytes.fromhex(digest("a list"))
        wide = replace(commit, version=replace(commit.version, content=replace(commit.version.content, lists=lists)))
        with pytest.raises(Unavailable):
            make(catalog, wide)
        catalog.record_chunks([chunk("a list")])
        assert make(catalog, wide).head.content.lists == lists


class RepeatContract(Repeats, IdempotencyKeys, ReferredChunks):
    """Inherit it and provide a ``catalog`` fixture with nothing in it."""
