"""What listings mean in every catalog: order, pages and folders."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from itertools import product

import pytest

from echofs.core.errors import InvalidRequest
from echofs.core.models import File
from echofs.core.names import parent_of
from echofs.ports.catalog import Catalog
from echofs.ports.listing import ListedPage, ListQuery, SortKey
from tests.contracts.catalog_values import ALICE, BOB, CREATED, deleted, first, following, make, moved

VALUE: dict[SortKey, Callable[[File], object]] = {
    SortKey.NAME: lambda file: file.path,
    SortKey.SIZE: lambda file: (file.head.content.size, file.path),
    SortKey.UPDATED: lambda file: (file.head.created_at, file.path),
}
NAMES = [
    "b",
    "a",
    "Z",
    "é",
    "e\u0301",
    "z",
    "日本",
    "\uffee",
    "\U0001f600",
    "a b",
    "10",
    "9",
    "d/x",
    "d/y",
    "d/a",
    "d/e/f",
]


def paged(catalog: Catalog, query: ListQuery, limit: int) -> list[File]:
    """All pages of a listing, each of at most ``limit`` files."""
    found: list[File] = []
    after = ""
    while True:
        page = catalog.files(replace(query, after=after, limit=limit))
        assert catalog.listed(replace(query, after=after, limit=limit)) == ListedPage.of(page)
        assert len(page.files) <= limit
        found.extend(page.files)
        if not page.next:
            return found
        after = page.next


def filled(catalog: Catalog) -> list[File]:
    """Files whose sizes and times repeat, so that every order has ties."""
    return [
        make(catalog, first(name, size=index % 3 * 1000, at=CREATED + index % 4)) for index, name in enumerate(NAMES)
    ]


class Orders:
    @pytest.mark.parametrize("sort", SortKey)
    def test_pages_cover_every_living_file_once_in_order(self, catalog: Catalog, sort: SortKey) -> None:
        living = filled(catalog)
        make(catalog, first("d/theirs", owner=BOB))
        make(catalog, deleted(make(catalog, first("d/gone"))))
        for descending, folder, limit in product((False, True), (None, "d"), (1, 3, 100)):
            files = [file for file in living if folder is None or parent_of(file.path) == folder]
            expected = sorted(files, key=VALUE[sort], reverse=descending)  # type: ignore[arg-type]
            assert paged(catalog, ListQuery(ALICE, folder, sort, descending), limit) == expected

    def test_paths_are_ordered_by_their_bytes(self, catalog: Catalog) -> None:
        filled(catalog)
        paths = [file.path for file in catalog.files(ListQuery(ALICE)).files]
        assert paths == sorted(NAMES, key=str.encode)

    def test_a_replaced_file_is_listed_by_its_newest_version(self, catalog: Catalog) -> None:
        old, other = make(catalog, first("a")), make(catalog, first("b", at=CREATED + 10))
        newer = make(catalog, following(old, created_at=CREATED + 20))
        by_time = catalog.files(ListQuery(ALICE, sort=SortKey.UPDATED, descending=True)).files
        assert by_time == (newer, other)

    def test_the_root_folder_is_not_everything(self, catalog: Catalog) -> None:
        filled(catalog)
        assert {parent_of(file.path) for file in catalog.files(ListQuery(ALICE, folder="")).files} == {""}
        assert catalog.files(ListQuery(ALICE, folder="d/e")).files == (catalog.file_at(ALICE, "d/e/f"),)
        assert catalog.files(ListQuery(ALICE, folder="nowhere")).files == ()


class Below:
    def test_everything_below_a_folder_is_listed_and_nothing_beside_it(self, catalog: Catalog) -> None:
        filled(catalog)
        for name in ("d.txt", "d0", "d!/x", "dd/x", "D/x"):
            make(catalog, first(name))
        make(catalog, first("d/theirs", owner=BOB))
        inside = ["d/a", "d/e/f", "d/x", "d/y"]
        assert [file.path for file in catalog.files(ListQuery(ALICE, below="d")).files] == inside
        assert [file.path for file in catalog.files(ListQuery(ALICE, below="d/e")).files] == ["d/e/f"]
        assert catalog.files(ListQuery(ALICE, below="nowhere")).files == ()
        assert len(catalog.files(ListQuery(ALICE, below="")).files) == len(NAMES) + 5

    @pytest.mark.parametrize("sort", SortKey)
    def test_pages_below_a_folder_cover_it_once_in_order(self, catalog: Catalog, sort: SortKey) -> None:
        living = [file for file in filled(catalog) if file.path.startswith("d/")]
        for descending in (False, True):
            expected = sorted(living, key=VALUE[sort], reverse=descending)  # type: ignore[arg-type]
            query = ListQuery(ALICE, sort=sort, descending=descending, below="d")
            assert paged(catalog, query, 1) == expected
            assert paged(catalog, query, 3) == expected


class Search:
    def found(self, catalog: Catalog, text: str, **where: str) -> list[str]:
        return [file.path for file in catalog.files(ListQuery(ALICE, search=text, **where)).files]  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("text", "names"),
        [
            ("report", ["Report.pdf", "my REPORTS", "report"]),
            ("größe", ["GRÖSSE.txt", "Größe", "gro\u0308ße"]),
            ("ÉTÉ", ["e\u0301te\u0301", "été.jpg"]),
            ("ΟΔΟΣ", ["οδος", "οδός"][:1]),
            ("日本", ["日本語"]),
            ("i", ["FILE", "file"]),
            ("ﬁ", ["FIle"]),
            (" ", ["a b"]),
        ],
    )
    def test_a_search_heeds_neither_case_nor_the_spelling_of_accents(
        self, catalog: Catalog, text: str, names: list[str]
    ) -> None:
        for name in (*names, "other", "χ"):
            make(catalog, first(f"x/{name}"))
        assert self.found(catalog, text) == sorted((f"x/{name}" for name in names), key=str.encode)

    @pytest.mark.parametrize("text", ["%", "_", "!", "\\", "'", '"', "50%", "a_b", "!%", "*", "[a]", "' OR 1=1 --"])
    def test_signs_with_a_meaning_elsewhere_mean_themselves(self, catalog: Catalog, text: str) -> None:
        for name in (f"with {text} inside", "plain", "50", "axb"):
            make(catalog, first(name))
        assert self.found(catalog, text) == [f"with {text} inside"]

    def test_only_the_name_is_searched_and_not_the_folders(self, catalog: Catalog) -> None:
        for name in ("needle/a", "b/needle", "b/c/needle", "needle"):
            make(catalog, first(name))
        assert self.found(catalog, "needle") == ["b/c/needle", "b/needle", "needle"]
        assert self.found(catalog, "needle", folder="") == ["needle"]
        assert self.found(catalog, "needle", folder="b") == ["b/needle"]
        assert self.found(catalog, "needle", below="b") == ["b/c/needle", "b/needle"]
        assert self.found(catalog, "b/needle") == []

    def test_a_name_is_found_as_it_is_now(self, catalog: Catalog) -> None:
        file = make(catalog, moved(make(catalog, first("before")), "After"))
        assert (self.found(catalog, "before"), self.found(catalog, "after")) == ([], ["After"])
        make(catalog, deleted(file))
        assert self.found(catalog, "after") == []

    @pytest.mark.parametrize("sort", SortKey)
    def test_pages_of_a_search_cover_what_is_found_once_in_order(self, catalog: Catalog, sort: SortKey) -> None:
        living = [make(catalog, first(f"{n % 3}/{'Aa'[n % 2]}{n}", size=n % 4, at=CREATED + n % 5)) for n in range(9)]
        for _ in range(4):
            make(catalog, first(f"other {len(living)} {_}"))
        for descending, folder in product((False, True), (None, "1")):
            files = [file for file in living if folder in (None, parent_of(file.path))]
            expected = sorted(files, key=VALUE[sort], reverse=descending)  # type: ignore[arg-type]
            assert paged(catalog, ListQuery(ALICE, folder, sort, descending, search="A"), 2) == expected

    @pytest.mark.parametrize("text", ["nul\0", "\ud800"])
    def test_what_no_name_can_contain_finds_nothing(self, catalog: Catalog, text: str) -> None:
        make(catalog, first("nul"))
        assert self.found(catalog, text) == []
        assert catalog.files(ListQuery(ALICE, below=text)).files == ()
        assert catalog.files(ListQuery(ALICE, folder=text)).files == ()


class Pages:
    def test_the_last_page_says_so_even_when_it_is_full(self, catalog: Catalog) -> None:
        for name in "abcd":
            make(catalog, first(name))
        page = catalog.files(ListQuery(ALICE, limit=2))
        assert page.next
        assert catalog.files(ListQuery(ALICE, limit=2, after=page.next)).next == ""

    @pytest.mark.parametrize("sort", list(SortKey))
    @pytest.mark.parametrize("descending", [False, True])
    def test_a_cursor_outlives_the_file_it_was_made_from(
        self, catalog: Catalog, sort: SortKey, descending: bool
    ) -> None:
        files = [make(catalog, first(f"f{index}", size=index, at=CREATED + index)) for index in range(6)]
        if descending:
            files.reverse()
        page = catalog.files(ListQuery(ALICE, None, sort, descending, limit=3))
        assert list(page.files) == files[:3]
        make(catalog, deleted(files[2]))
        make(catalog, deleted(files[3]))
        rest = catalog.files(ListQuery(ALICE, None, sort, descending, after=page.next, limit=3))
        assert list(rest.files) == files[4:]

    def test_files_that_come_ahead_of_the_cursor_are_seen_and_those_behind_are_not(self, catalog: Catalog) -> None:
        for name in ("b", "d", "f"):
            make(catalog, first(name))
        page = catalog.files(ListQuery(ALICE, limit=2))
        make(catalog, first("c"))
        make(catalog, first("e"))
        rest = catalog.files(ListQuery(ALICE, after=page.next))
        assert [file.path for file in rest.files] == ["e", "f"]

    @pytest.mark.parametrize(
        "cursor",
        ["garbage", "!", "é", "null", "e30", "W10", base64.b64encode(json.dumps(["name", "x", 3]).encode()).decode()],
    )
    def test_a_cursor_nobody_made_is_refused_by_its_field(self, catalog: Catalog, cursor: str) -> None:
        with pytest.raises(InvalidRequest) as refused:
            catalog.files(ListQuery(ALICE, after=cursor))
        assert refused.value.field == "after"

    def test_a_cursor_of_another_order_is_refused(self, catalog: Catalog) -> None:
        filled(catalog)
        page = catalog.files(ListQuery(ALICE, sort=SortKey.SIZE, limit=1))
        with pytest.raises(InvalidRequest):
            catalog.files(ListQuery(ALICE, sort=SortKey.UPDATED, after=page.next))


class Folders:
    def test_a_folder_exists_from_the_first_file_below_it(self, catalog: Catalog) -> None:
        assert catalog.folders(ALICE, "") == []
        make(catalog, first("a/b/c/file"))
        assert catalog.folders(ALICE, "") == ["a"]
        assert catalog.folders(ALICE, "a") == ["a/b"]
        assert catalog.folders(ALICE, "a/b") == ["a/b/c"]
        assert catalog.folders(ALICE, "a/b/c") == []
        assert catalog.folders(BOB, "") == []

    def test_folders_are_sorted_by_their_bytes_and_named_once(self, catalog: Catalog) -> None:
        names = ["é", "e\u0301", "B", "a", "a b", "日本"]
        for name in (*names, "a", "é"):
            make(catalog, first(f"{name}/{len(catalog.files(ListQuery(ALICE)).files)}"))
        make(catalog, first("file in the root"))
        assert catalog.folders(ALICE, "") == sorted(names, key=str.encode)

    def test_a_move_makes_the_folders_it_needs(self, catalog: Catalog) -> None:
        make(catalog, moved(make(catalog, first("a")), "x/y/a"))
        assert catalog.folders(ALICE, "x") == ["x/y"]

    def test_a_refused_commit_makes_no_folder(self, catalog: Catalog) -> None:
        file = make(catalog, first("a"))
        make(catalog, following(file))
        catalog.commit([moved(file, "x/a")])
        assert catalog.folders(ALICE, "") == []


class ListingContract(Orders, Below, Search, Pages, Folders):
    """Inherit it and provide a ``catalog`` fixture with nothing in it."""
