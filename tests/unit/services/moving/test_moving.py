"""A catalog written out and read in again is the same one, and a file that is not whole is not read at all."""

from __future__ import annotations

import hashlib
import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest

from echofs.core.errors import CatalogUnavailable, Conflict, InvalidRequest
from echofs.core.models import ChunkState, File, Role
from echofs.ports.catalog import ChunkEntry, DumpPage, Entry
from echofs.services.moving import Import, export
from tests.contracts.catalog_transfer_contract import everything, fill
from tests.contracts.catalog_values import digest, first, following, make
from tests.contracts.users_contract import ANNA, BEN
from tests.fakes.catalog import MemoryCatalog
from tests.fakes.clock import START, FakeClock
from tests.fakes.ids import SequentialIds
from tests.fakes.users import MemoryUsers


class Side:
    """A catalog with its users."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.catalog = MemoryCatalog(self.clock)
        self.users = MemoryUsers()

    def fill(self) -> Side:
        fill(self.catalog)
        self.catalog.restore([ChunkEntry(digest("d"), 5, ChunkState.CONDEMNED, START - 9, ("w1",), ())])
        self.users.add(ANNA)
        self.users.add(replace(BEN, role=Role.ADMIN, disabled=True, token_epoch=7))
        self.users.revoke(["t1", "t2"], START + 5)
        return self

    def out(self) -> bytes:
        target = io.BytesIO()
        export(self.catalog, self.users, self.clock, target)
        return target.getvalue()

    def take(self, exported: bytes) -> int:
        return Import(self.catalog, self.users, self.clock, SequentialIds()).run(io.BytesIO(exported))


@pytest.fixture
def full() -> Side:
    return Side().fill()


@pytest.fixture
def empty() -> Side:
    return Side()


def test_everything_arrives_and_is_written_out_again_as_the_same_bytes(full: Side, empty: Side) -> None:
    exported = full.out()
    assert empty.take(exported) == exported.count(b"\n") - 2
    assert Counter(everything(empty.catalog)) == Counter(everything(full.catalog))
    assert empty.users.page("", 10) == full.users.page("", 10)
    assert empty.users.revocations("", 10) == full.users.revocations("", 10)
    assert empty.out() == exported


def test_an_empty_catalog_moves_too(empty: Side) -> None:
    exported = empty.out()
    other = Side()
    assert other.take(exported) == 0
    assert other.out() == exported


def test_the_file_says_what_it_is_and_ends_with_its_length_and_digest(full: Side) -> None:
    lines = full.out().splitlines(keepends=True)
    assert json.loads(lines[0]) == {"echofs": "catalog", "format": 1}
    before_end = b"".join(lines[:-1])
    end = {"type": "end", "lines": len(lines) - 2, "sha256": hashlib.sha256(before_end).hexdigest()}
    assert json.loads(lines[-1]) == end
    kinds = [json.loads(line)["type"] for line in lines[1:-1]]
    assert set(kinds) == {"user", "revoked", "file", "version", "chunk", "answer", "conflict", "floor", "folder"}


def test_a_cut_file_is_refused_wherever_it_ends_and_nothing_is_touched(full: Side, empty: Side) -> None:
    exported = full.out()
    ends = [0, 1, len(exported) - 1]
    ends += [at + 1 for at, byte in enumerate(exported[:-1]) if byte == ord("\n")]
    for at in ends:
        with pytest.raises(InvalidRequest):
            empty.take(exported[:at])
    assert empty.catalog.empty()
    assert empty.users.page("", 1) == []


def test_a_changed_file_is_refused_and_nothing_is_touched(full: Side, empty: Side) -> None:
    exported = full.out()
    lines = exported.splitlines(keepends=True)
    for changed in (
        exported.replace(b"Anna", b"Enna", 1),
        exported.replace(b'"format":1', b'"format":2', 1),
        exported + b"x",
        b"".join([*lines[:2], *lines[3:]]),
        b"".join([lines[0], lines[2], lines[1], *lines[3:]]),
        b"".join([*lines[:2], lines[1], *lines[2:]]),
        b"".join([lines[0], b"[]\n", *lines[1:]]),
        b"".join([lines[0], b'{"type":"wish"}\n', *lines[1:]]),
        b"".join([lines[0], b"\xff\n", *lines[1:]]),
    ):
        with pytest.raises(InvalidRequest):
            empty.take(changed)
    assert empty.catalog.empty()


def test_only_an_empty_catalog_is_filled(full: Side) -> None:
    before = full.out()
    with pytest.raises(Conflict, match="not empty"):
        full.take(before)
    assert full.out() == before


def test_accounts_that_are_the_same_already_stay_and_others_are_refused(full: Side, empty: Side) -> None:
    exported = full.out()
    empty.users.add(ANNA)
    empty.take(exported)
    assert empty.out() == exported
    for stranger in (replace(ANNA, email="other@example.org"), replace(ANNA, id="9" * 32)):
        other = Side()
        other.users.add(stranger)
        with pytest.raises(Conflict, match="Anna"):
            other.take(exported)


@pytest.mark.parametrize("calls", [0, 1])
def test_an_interrupted_import_starts_over_and_is_not_exported_meanwhile(
    full: Side, empty: Side, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("echofs.services.moving.importing.TOGETHER", 3)
    exported, restore, done = full.out(), empty.catalog.restore, []

    def break_off(entries: Sequence[Entry]) -> None:
        if len(done) == calls:
            raise CatalogUnavailable("gone")
        done.append(restore(entries))

    empty.catalog.restore = break_off  # type: ignore[method-assign]
    with pytest.raises(CatalogUnavailable):
        empty.take(exported)
    with pytest.raises(Conflict, match="not filled"):
        empty.out()
    empty.catalog.restore = restore  # type: ignore[method-assign]
    empty.take(exported)
    assert empty.out() == exported


def test_a_catalog_that_changes_under_an_export_is_noticed(empty: Side) -> None:
    file = make(empty.catalog, following(make(empty.catalog, first("a"))))
    before = everything(empty.catalog)
    make(empty.catalog, following(file))
    after = everything(empty.catalog)
    heads = [entry for entry in before if isinstance(entry, File)]
    torn = [*heads, *(entry for entry in after if not isinstance(entry, File))]
    empty.catalog.dump = lambda after="", limit=200: DumpPage(tuple(torn))  # type: ignore[method-assign]
    with pytest.raises(Conflict, match="stop masters"):
        empty.out()
