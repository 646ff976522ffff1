"""What commits mean in every catalog: who wins, who is refused, and what becomes true together."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from echofs.core.errors import HeadMoved, InvalidRequest, NameTaken, NotFound
from echofs.core.models import File
from echofs.ports.catalog import Catalog
from echofs.ports.listing import ListQuery
from tests.contracts.catalog_values import (
    ALICE,
    BOB,
    CREATED,
    at_once,
    chunk,
    deleted,
    first,
    following,
    keyed,
    make,
    moved,
    winners,
)


class FirstVersions:
    def test_a_committed_file_is_read_back_exactly(self, catalog: Catalog) -> None:
        commit = first("docs/a.txt", chunks=3)
        file = make(catalog, commit)
        assert file == File(commit.version.file_id, ALICE, commit.version, CREATED)
        assert catalog.file(ALICE, file.id) == file
        assert catalog.file_at(ALICE, "docs/a.txt") == file
        assert catalog.versions(ALICE, file.id) == [commit.version]

    def test_an_empty_file_has_no_chunks_but_its_manifest(self, catalog: Catalog) -> None:
        commit = first("empty", size=0, chunks=0)
        assert make(catalog, commit).head.content.inline == b""
        assert catalog.file_at(ALICE, "empty").head == commit.version

    def test_a_path_held_by_a_living_file_means_that_another_writer_was_first(self, catalog: Catalog) -> None:
        file = make(catalog, first("a"))
        with pytest.raises(HeadMoved):
            make(catalog, first("a"))
        assert catalog.file_at(ALICE, "a") == file

    def test_two_owners_may_use_one_path(self, catalog: Catalog) -> None:
        mine, theirs = make(catalog, first("a")), make(catalog, first("a", owner=BOB))
        assert catalog.file_at(ALICE, "a") == mine
        assert catalog.file_at(BOB, "a") == theirs

    def test_of_eight_who_create_one_path_at_once_exactly_one_wins(self, catalog: Catalog) -> None:
        for turn in range(5):
            answers = at_once(catalog, [first(f"p{turn}") for _ in range(8)])
            (winner,) = winners(answers)
            assert sum(isinstance(answer, HeadMoved) for answer in answers) == 7
            assert catalog.file_at(ALICE, f"p{turn}") == winner

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("caf\u00e9", "cafe\u0301"),
            ("A.txt", "a.txt"),
            ("ﬁ", "fi"),
            ("日本/語", "日本／語"),
            ("a", "a "),
            ("I", "ı"),
            ("\U0001f600", "\U0001f601"),
            ("50%_off", "50%%off"),
        ],
    )
    def test_names_that_look_alike_stay_two_files(self, catalog: Catalog, one: str, other: str) -> None:
        files = [make(catalog, first(one)), make(catalog, first(other))]
        assert [catalog.file_at(ALICE, one), catalog.file_at(ALICE, other)] == files

    def test_a_path_of_the_greatest_length_is_stored_and_listed(self, catalog: Catalog) -> None:
        path = "/".join(["é" * 127] * 4)[:511] + "x"
        file = make(catalog, first(path))
        assert catalog.files(ListQuery(ALICE)).files == (file,)


class NextVersions:
    def test_a_new_version_becomes_the_head_and_history_keeps_the_old(self, catalog: Catalog) -> None:
        file = make(catalog, first("a"))
        update = following(file)
        newer = make(catalog, update)
        assert newer.head == update.version
        assert newer.created_at == file.created_at
        assert catalog.file(ALICE, file.id) == newer
        assert catalog.versions(ALICE, file.id) == [update.version, file.head]

    def test_a_version_made_from_an_old_one_is_refused_and_leaves_nothing(self, catalog: Catalog) -> None:
        file = make(catalog, first("a"))
        newer = make(catalog, following(file))
        late = keyed(following(file), "late")
        with pytest.raises(HeadMoved):
            make(catalog, late)
        assert catalog.file(ALICE, file.id) == newer
        assert catalog.idempotency(ALICE, "late") is None
        assert catalog.replicas([record.digest for record in late.chunks]) == {}

    def test_of_eight_who_replace_one_head_exactly_one_wins_every_round(self, catalog: Catalog) -> None:
        file = make(catalog, first("a"))
        for _ in range(10):
            answers = at_once(catalog, [following(file) for _ in range(8)])
            (file,) = winners(answers)
            assert sum(isinstance(answer, HeadMoved) for answer in answers) == 7
            assert catalog.file(ALICE, file.id) == file
        assert [version.number for version in catalog.versions(ALICE, file.id)] == list(range(11, 0, -1))

    def test_a_number_that_would_leave_a_gap_is_refused(self, catalog: Catalog) -> None:
        file = make(catalog, first("a"))
        with pytest.raises(InvalidRequest):
            make(catalog, following(file, number=5))

    def test_a_file_that_does_not_exist_has_no_next_version(self, catalog: Catalog) -> None:
        file = make(catalog, first("a"))
        with pytest.raises(NotFound):
            make(catalog, following(replace(file, head=replace(file.head, file_id="f" * 32))))

    def test_another_owners_file_answers_like_a_missing_one(self, catalog: Catalog) -> None:
        file = make(catalog, first("a"))
        with pytest.raises(NotFound):
            make(catalog, following(replace(file, owner_id=BOB)))
        with pytest.raises(NotFound):
            catalog.file(BOB, file.id)
        with pytest.raises(NotFound):
            catalog.file_at(BOB, "a")
        with pytest.raises(NotFound):
            catalog.versions(BOB, file.id)
        assert catalog.file(ALICE, file.id) == file

    @pytest.mark.parametrize("name", ["missing", "", "nul\0", "\ud800"])
    def test_ids_and_paths_that_name_nothing_are_not_found(self, catalog: Catalog, name: str) -> None:
        for look in (catalog.file, catalog.file_at, catalog.versions):
            with pytest.raises(NotFound):
                look(ALICE, name)
        assert catalog.idempotency(ALICE, name) is None


class MovesAndTombstones:
    def test_a_move_frees_the_old_path_and_keeps_the_etag(self, catalog: Catalog) -> None:
        file = make(catalog, first("old/a"))
        there = make(catalog, moved(file, "new/b"))
        assert catalog.file_at(ALICE, "new/b") == there
        assert there.head.etag == file.head.etag
        with pytest.raises(NotFound):
            catalog.file_at(ALICE, "old/a")
        assert make(catalog, first("old/a")).id != file.id

    def test_a_move_onto_a_living_file_is_refused_by_name(self, catalog: Catalog) -> None:
        file, other = make(catalog, first("a")), make(catalog, first("b"))
        with pytest.raises(NameTaken) as refused:
            make(catalog, moved(file, "b"))
        assert refused.value.field == "path"
        assert catalog.file_at(ALICE, "a") == file
        assert catalog.file_at(ALICE, "b") == other

    def test_a_move_to_where_the_file_is_already_is_a_version_like_any(self, catalog: Catalog) -> None:
        file = make(catalog, first("a"))
        assert make(catalog, moved(file, "a")).head.number == 2

    def test_of_eight_files_moved_to_one_path_at_once_exactly_one_arrives(self, catalog: Catalog) -> None:
        for turn in range(3):
            files = [make(catalog, first(f"{turn}/{index}")) for index in range(8)]
            answers = at_once(catalog, [moved(file, f"{turn}/goal") for file in files])
            (winner,) = winners(answers)
            assert sum(isinstance(answer, NameTaken) for answer in answers) == 7
            assert catalog.file_at(ALICE, f"{turn}/goal") == winner

    def test_a_deleted_file_is_gone_but_its_history_is_not(self, catalog: Catalog) -> None:
        file = make(catalog, first("a"))
        end = make(catalog, deleted(file))
        assert end.deleted
        with pytest.raises(NotFound):
            catalog.file(ALICE, file.id)
        with pytest.raises(NotFound):
            catalog.file_at(ALICE, "a")
        assert catalog.files(ListQuery(ALICE)).files == ()
        assert catalog.versions(ALICE, file.id) == [end.head, file.head]

    def test_a_deleted_file_takes_no_more_versions(self, catalog: Catalog) -> None:
        file = make(catalog, first("a"))
        end = make(catalog, deleted(file))
        for late in (following(end), deleted(end), following(file)):
            with pytest.raises(HeadMoved):
                make(catalog, late)

    def test_the_path_of_a_deleted_file_can_be_used_again_and_again(self, catalog: Catalog) -> None:
        ids = set()
        for _ in range(3):
            file = make(catalog, first("a"))
            ids.add(file.id)
            assert catalog.file_at(ALICE, "a") == file
            make(catalog, deleted(file))
        assert len(ids) == 3


class Batches:
    def test_each_commit_of_a_batch_is_answered_for_itself_in_order(self, catalog: Catalog) -> None:
        taken, other = make(catalog, first("taken")), make(catalog, first("other"))
        answers = catalog.commit(
            [
                first("new"),
                first("taken"),
                following(replace(taken, owner_id=BOB)),
                moved(other, "taken"),
                following(taken),
                first("new too", owner=BOB),
            ]
        )
        assert [type(answer) for answer in answers] == [File, HeadMoved, NotFound, NameTaken, File, File]
        assert catalog.file_at(ALICE, "new") == answers[0]
        assert catalog.file_at(ALICE, "taken") == answers[4]
        assert catalog.file_at(ALICE, "other") == other
        assert catalog.file_at(BOB, "new too") == answers[5]

    def test_an_empty_batch_is_answered_emptily(self, catalog: Catalog) -> None:
        assert catalog.commit([]) == []

    def test_commits_of_one_batch_that_depend_on_each_other_are_made_in_order(self, catalog: Catalog) -> None:
        start = first("a")
        file = File(start.version.file_id, ALICE, start.version, CREATED)
        second = following(file)
        newer = replace(file, head=second.version)
        there = moved(newer, "b")
        end = deleted(replace(file, head=there.version))
        again, last = first("a"), first("b")
        answers = catalog.commit([start, second, there, again, end, last])
        assert [answer.head for answer in winners(answers)] == [
            commit.version for commit in (start, second, there, again, end, last)
        ]
        assert [version.number for version in catalog.versions(ALICE, file.id)] == [4, 3, 2, 1]
        assert [found.id for found in catalog.files(ListQuery(ALICE)).files] == [
            again.version.file_id,
            last.version.file_id,
        ]

    def test_of_one_batch_of_rivals_the_first_wins(self, catalog: Catalog) -> None:
        file = make(catalog, first("a"))
        answers = catalog.commit([following(file) for _ in range(5)] + [first("b") for _ in range(3)])
        assert [type(answer) for answer in answers] == [File, *[HeadMoved] * 4, File, *[HeadMoved] * 2]

    def test_batches_from_many_threads_leave_no_gap_and_no_double(self, catalog: Catalog) -> None:
        files = [make(catalog, first(f"f{index}")) for index in range(4)]

        def work(_: int) -> int:
            mine = list(files)
            won = 0
            for _ in range(5):
                answers = catalog.commit([following(file) for file in mine])
                won += len(winners(answers))
                mine = [catalog.file(ALICE, file.id) for file in files]
            return won

        with ThreadPoolExecutor(6) as pool:
            won = sum(pool.map(work, range(6)))
        histories = [[version.number for version in catalog.versions(ALICE, file.id)] for file in files]
        assert all(history == list(range(len(history), 0, -1)) for history in histories)
        assert sum(len(history) - 1 for history in histories) == won

    def test_chunks_shared_within_a_batch_are_recorded_once(self, catalog: Catalog) -> None:
        shared = chunk("shared")
        commits = [first("a"), first("b")]
        commits = [replace(commit, chunks=(*commit.chunks, shared)) for commit in commits]
        assert len(winners(catalog.commit(commits))) == 2
        assert catalog.replicas([shared.digest]) == {shared.digest: ("w1", "w2", "w3")}


class CommitContract(FirstVersions, NextVersions, MovesAndTombstones, Batches):
    """Inherit it and provide a ``catalog`` fixture with nothing in it."""
