"""What owners see of conflicts, and what comes of their decisions."""

from __future__ import annotations

import pytest

from echofs.core.conflicts import Keep
from echofs.core.entries import OnConflict
from echofs.core.errors import CatalogUnavailable, NotFound
from echofs.core.models import ConflictRecord, ConflictState, File
from echofs.services.conflicts import Conflicts
from tests.unit.services.data_plane import OWNER, DataPlane
from tests.unit.services.two_hosts import BESIDE, living, put_with


@pytest.fixture
def conflicts(here: DataPlane) -> Conflicts:
    return Conflicts(here.catalog, here.resolver, here.clock)


def _open(here: DataPlane, there: DataPlane, *, deletes: bool = False) -> tuple[File, ConflictRecord]:
    """A file that both sides changed, whose owner wants to be asked."""
    file = here.put("a", b"base").file
    here.follow(file)
    here.cut_catalog()
    put_with(here, "a", b"mine", OnConflict.ASK)
    here.heal_catalog()
    if deletes:
        there.files.delete(OWNER, file.id, there.wish())
        there.put("a", b"another")
    else:
        there.put("a", b"theirs")
    here.reintegration.run_once()
    return file, here.catalog.conflicts(OWNER).conflicts[0]


@pytest.mark.parametrize(
    ("keep", "files"),
    [
        (Keep.MINE, {"a": b"mine"}),
        (Keep.THEIRS, {"a": b"theirs"}),
        (Keep.BOTH, {"a": b"theirs", f"a{BESIDE}": b"mine"}),
    ],
)
def test_the_owners_decision_is_done(
    here: DataPlane, there: DataPlane, conflicts: Conflicts, keep: Keep, files: dict[str, bytes]
) -> None:
    file, record = _open(here, there)
    assert record.state is ConflictState.OPEN
    closed = conflicts.resolve(OWNER, record.id, keep)
    assert living(here) == files
    assert (closed.state, closed.resolved_at, closed.entry) == (ConflictState.RESOLVED, here.clock.now(), "")
    assert conflicts.find(OWNER, record.id) == closed
    assert conflicts.page(OWNER, ConflictState.OPEN, "", 10).conflicts == ()
    kept = dict(closed.kept)
    assert kept[file.id] == (3 if keep is Keep.MINE else 2)
    history = here.catalog.versions(OWNER, file.id)
    assert [here.read(version.content) for version in history][-2:] == [b"theirs", b"base"]


def test_what_cannot_come_back_to_its_path_comes_back_beside_it(
    here: DataPlane, there: DataPlane, conflicts: Conflicts
) -> None:
    file, record = _open(here, there, deletes=True)
    closed = conflicts.resolve(OWNER, record.id, Keep.MINE)
    assert living(here) == {"a": b"another", f"a{BESIDE}": b"mine"}
    assert closed.kept == ((file.id, 3),)


def test_a_decision_stays(here: DataPlane, there: DataPlane, conflicts: Conflicts) -> None:
    _, record = _open(here, there)
    closed = conflicts.resolve(OWNER, record.id, Keep.THEIRS)
    assert conflicts.resolve(OWNER, record.id, Keep.MINE) == closed
    assert living(here) == {"a": b"theirs"}


def test_a_decision_that_broke_off_half_way_is_done_once(
    here: DataPlane, there: DataPlane, conflicts: Conflicts, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, record = _open(here, there)

    def fail(*_: object) -> ConflictRecord:
        raise CatalogUnavailable("The catalog does not answer.")

    with monkeypatch.context() as patched:
        patched.setattr(here.catalog, "close_conflict", fail)
        with pytest.raises(CatalogUnavailable):
            conflicts.resolve(OWNER, record.id, Keep.BOTH)
    assert conflicts.find(OWNER, record.id).state is ConflictState.OPEN
    conflicts.resolve(OWNER, record.id, Keep.BOTH)
    assert sorted(living(here).values()) == [b"mine", b"theirs"]
    assert conflicts.find(OWNER, record.id).state is ConflictState.RESOLVED


def test_what_follows_an_open_conflict_can_be_decided_on_before_it_and_after(
    here: DataPlane, there: DataPlane, conflicts: Conflicts
) -> None:
    file = here.put("a", b"base").file
    here.follow(file)
    here.cut_catalog()
    put_with(here, "a", b"first", OnConflict.ASK)
    put_with(here, "a", b"second", OnConflict.ASK)
    here.heal_catalog()
    there.put("a", b"theirs")
    here.reintegration.run_once()
    by_version = {int(record.id.partition(":")[2]): record.id for record in here.catalog.conflicts(OWNER).conflicts}
    earlier, later = (by_version[counter] for counter in sorted(by_version))
    conflicts.resolve(OWNER, later, Keep.MINE)
    assert living(here) == {"a": b"second"}
    conflicts.resolve(OWNER, earlier, Keep.BOTH)
    assert living(here) == {"a": b"second", f"a{BESIDE}": b"first"}


def test_another_users_conflict_is_not_found(here: DataPlane, there: DataPlane, conflicts: Conflicts) -> None:
    _, record = _open(here, there)
    with pytest.raises(NotFound):
        conflicts.resolve("bob", record.id, Keep.MINE)
    assert conflicts.page("bob", None, "", 10).conflicts == ()
