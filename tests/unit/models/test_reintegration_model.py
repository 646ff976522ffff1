"""Two masters bring the same entries and different ones to the catalog, with crashes and lost answers, in every order.

What may be committed is asked of the program's own rule (:mod:`echofs.adapters.catalog.verdicts`), and what is to be
done with what may not of :mod:`echofs.core.conflicts`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest

from echofs.adapters.catalog.verdicts import Head, Seen, refusal
from echofs.core.conflict_names import conflict_id
from echofs.core.conflicts import Base, Merging, Open, Publish, Scene, Settled, resolve
from echofs.core.entries import JournalEntry, OnConflict
from echofs.core.models import Dot, File, Kind, Version
from echofs.ports.catalog import Commit
from tests.unit.core.conflict_values import OWNER, a_file, deleted, entry_of, moved, written
from tests.unit.models.explorer import Broken, explore


@dataclass(frozen=True)
class Catalog:
    """Versions in the order of commits, and what was recorded of conflicts: the dot's text, and what is kept or None
    while it is open."""

    versions: tuple[Version, ...]
    records: tuple[tuple[str, tuple[str, int] | None], ...] = ()

    def by_dot(self, dot: Dot | None) -> Version | None:
        return next((version for version in self.versions if version.dot == dot), None)

    def recorded(self, dot: Dot) -> bool:
        return conflict_id(dot) in dict(self.records)

    def heads(self) -> dict[str, Version]:
        return {version.file_id: version for version in self.versions}

    def at(self, path: str) -> Version | None:
        living = [head for head in self.heads().values() if head.kind is not Kind.TOMBSTONE]
        return next((head for head in living if head.path == path), None)

    def commit(self, version: Version, revives: bool = False) -> Catalog | None:
        """With this version, which may be there already; None when it is refused."""
        if self.by_dot(version.dot):
            return self
        heads = {
            name: Head(name, OWNER, head.path, head.number, head.kind is Kind.TOMBSTONE, created_at=0, size=0)
            for name, head in self.heads().items()
        }
        holders = {(OWNER, head.path): name for name, head in heads.items() if not head.deleted}
        if refusal(Commit(OWNER, version, revives=revives), Seen(heads, holders)):
            return None
        return replace(self, versions=(*self.versions, version))

    def record(self, dot: Dot, kept: tuple[str, int] | None) -> Catalog:
        if self.recorded(dot):
            return self
        return replace(self, records=(*self.records, (conflict_id(dot), kept)))


@dataclass(frozen=True)
class Master:
    """``left`` are the places of its entries; ``scene`` is what it saw of the catalog when it looked at the first;
    ``done`` says that the first has an outcome it knows of."""

    left: tuple[int, ...]
    scene: Catalog | None = None
    taken: frozenset[str] = frozenset()
    done: bool = False


@dataclass(frozen=True)
class World:
    catalog: Catalog
    masters: tuple[Master, ...]


@dataclass(frozen=True)
class Rules:
    """What keeps the promise; a test takes one away."""

    offers_only_in_place: bool = True
    settles_last: bool = True
    finds_what_was_done: bool = True


Step = tuple[str, Catalog, Master]


def steps(entries: list[JournalEntry], rules: Rules) -> Callable[[World], Iterator[tuple[str, World]]]:
    def of(world: World) -> Iterator[tuple[str, World]]:
        for number, master in enumerate(world.masters):
            if not master.left:
                continue
            for label, catalog, after in _moves(world.catalog, master, entries, rules):
                masters = (*world.masters[:number], after, *world.masters[number + 1 :])
                yield f"{number} {label}", World(catalog, masters)

    return of


def _moves(catalog: Catalog, master: Master, entries: list[JournalEntry], rules: Rules) -> Iterator[Step]:
    entry = entries[master.left[0]]
    fresh = Master(master.left)
    if master != fresh:
        yield "crashes", catalog, fresh
    if master.done:
        yield "settles", catalog, Master(master.left[1:])
        return
    if not rules.settles_last:
        yield "settles early", catalog, Master(master.left[1:])
    if master.scene is None:
        offered = catalog.commit(entry.version) if _in_place(catalog, entry) or not rules.offers_only_in_place else None
        if offered:
            yield "offers", offered, replace(master, done=True)
            yield "offers unheard", offered, fresh
        else:
            yield "looks", catalog, replace(master, scene=catalog)
        return
    for label, after, known in _resolved(catalog, master, entries, rules):
        yield label, after, known
        if known.done:
            yield f"{label} unheard", after, fresh


def _in_place(catalog: Catalog, entry: JournalEntry) -> bool:
    parent = catalog.by_dot(entry.parent_dot)
    return entry.parent_dot is None or (parent is not None and parent.manifest == entry.parent_manifest)


def _resolved(catalog: Catalog, master: Master, entries: list[JournalEntry], rules: Rules) -> Iterator[Step]:
    entry, seen = entries[master.left[0]], master.scene
    assert seen is not None
    dot = entry.version.dot
    if rules.finds_what_was_done and (seen.by_dot(dot) or seen.recorded(dot)):
        yield "finds it done", catalog, replace(master, done=True)
        return
    scene = _scene(seen, entry, entries)
    match resolve(entry, scene, taken=master.taken, merging=Merging(None)) if scene else Open:
        case Settled(kept=kept):
            yield "records", catalog.record(dot, kept[0] if kept else None), replace(master, done=True)
        case Publish() as publish:
            version = replace(publish.version, manifest=publish.version.manifest or f"made for {dot}")
            after = catalog.commit(version, publish.revives)
            if after:
                yield "publishes", after, replace(master, done=True)
            else:
                held = catalog.at(version.path)
                taken = {version.path} if held and held.file_id != version.file_id else set()
                yield "is refused", catalog, Master(master.left, taken=master.taken | taken)
        case _:
            yield "opens", catalog.record(dot, None), replace(master, done=True)


def _scene(seen: Catalog, entry: JournalEntry, entries: list[JournalEntry]) -> Scene | None:
    if entry.parent_dot is None:
        return Scene(_file(seen.at(entry.version.path) or seen.heads().get(entry.version.file_id)))
    parent = seen.by_dot(entry.parent_dot)
    if parent is None:
        recorded = dict(seen.records)
        if recorded.get(conflict_id(entry.parent_dot), ("", 0)) is None:
            return None
        kept = recorded.get(conflict_id(entry.parent_dot))
        parent = next((one for one in seen.versions if kept == (one.file_id, one.number)), None)
    if parent is None:
        return Scene(_file(seen.heads().get(entry.version.file_id)))
    written_as = next((one.version for one in entries if one.version.dot == entry.parent_dot), parent)
    return Scene(_file(seen.heads()[parent.file_id]), Base(written_as.content, parent.path))


def _file(head: Version | None) -> File | None:
    return File(head.file_id, OWNER, head, 0) if head else None


def broken(entries: list[JournalEntry]) -> Callable[[World], str | None]:
    def of(world: World) -> str | None:
        catalog = world.catalog
        dots = [version.dot for version in catalog.versions]
        if len(set(dots)) < len(dots):
            return "one write is there twice"
        waiting = {place for master in world.masters for place in master.left}
        for place, entry in enumerate(entries):
            twice = entry.version.dot in dots and catalog.recorded(entry.version.dot)
            if twice:
                return "one write has two outcomes"
            if place not in waiting and not (entry.version.dot in dots or catalog.recorded(entry.version.dot)):
                return "an acknowledged write has no outcome"
            if place not in waiting and not _preserved(entry, catalog):
                return "acknowledged bytes are gone"
        return _overwritten(entries, catalog)

    return of


def _preserved(entry: JournalEntry, catalog: Catalog) -> bool:
    """Whether the bytes are in a history, or the conflict waits for its owner."""
    if entry.version.kind is not Kind.CONTENT or dict(catalog.records).get(conflict_id(entry.version.dot), "") is None:
        return True
    return entry.version.content.digest in {version.content.digest for version in catalog.versions}


def _overwritten(entries: list[JournalEntry], catalog: Catalog) -> str | None:
    """Bytes may follow only bytes that their writer saw, or a version of the file that has the same."""
    by_dot = {entry.version.dot: entry for entry in entries}
    numbers: dict[str, Version] = {}
    for version in catalog.versions:
        before = numbers.get(version.file_id)
        numbers[version.file_id] = version
        entry = by_dot.get(version.dot)
        if before is None or entry is None or version.kind is not Kind.CONTENT or before.kind is Kind.TOMBSTONE:
            continue
        parent = by_dot.get(entry.parent_dot) if entry.parent_dot else None
        saw = parent.version.content if parent else BASE.head.content
        if before.content.digest not in (saw.digest, version.content.digest):
            return "bytes were replaced that their writer never saw"
    return None


BASE = a_file()


def _write(text: str, on_conflict: OnConflict = OnConflict.KEEP_BOTH, base: File = BASE) -> JournalEntry:
    return entry_of(written(base, text), base, on_conflict)


def _history(*changes: Callable[[File], File], begins: File | None = None) -> list[JournalEntry]:
    """A chain of entries on the base, or of a new file."""
    before = begins or BASE
    made = [entry_of(before, None)] if begins else []
    for change in changes:
        after = change(before)
        made.append(entry_of(after, before))
        before = after
    return made


def _text(text: str) -> Callable[[File], File]:
    return lambda file: written(file, text)


def _path(path: str) -> Callable[[File], File]:
    return lambda file: moved(file, path)


CHAIN = [*_history(_text("one"), _text("two"))]
NEW = [*_history(_text("more"), begins=a_file("new", "n.txt", "n1"))]
SCENES: dict[str, tuple[list[JournalEntry], tuple[tuple[int, ...], tuple[int, ...]]]] = {
    "both have the same history": (CHAIN, ((0, 1), (0, 1))),
    "one changes what the other changes twice": ([*CHAIN, _write("other")], ((0, 1), (2,))),
    "both write the same": ([*CHAIN, *_history(_text("one"), _text("three"))], ((0, 1), (2, 3))),
    "both make a file at one path": ([*NEW, *_history(begins=a_file("other", "n.txt", "n2"))], ((0, 1), (2,))),
    "both make the same file": ([*NEW, *_history(_text("x"), begins=a_file("new", "n.txt", "n2"))], ((0, 1), (2, 3))),
    "one moves and deletes": ([*CHAIN, *_history(_path("b.txt"), deleted)], ((0, 1), (2, 3))),
    "both move to one path": (
        [*_history(_path("n.txt"), _text("one")), *_history(begins=a_file("new", "n.txt", "n1"))], ((0, 1), (2,)),
    ),
    "one asks": ([_write("mine", OnConflict.ASK), _write("other")], ((0,), (1,))),
    "one adopted what the other has, beside its own": ([*CHAIN, _write("other")], ((0, 1), (2, 0, 1))),
}  # fmt: skip


def _start(name: str) -> tuple[World, list[JournalEntry]]:
    entries, journals = SCENES[name]
    return World(Catalog((BASE.head,)), tuple(Master(left) for left in journals)), entries


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize("changed", [False, True])
def test_each_write_is_preserved_exactly_once(name: str, changed: bool) -> None:
    world, entries = _start(name)
    if changed:
        world = replace(world, catalog=Catalog((BASE.head, written(BASE, "theirs").head)))
    assert explore(world, steps(entries, Rules()), broken(entries), most=20_000) > 10


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        ("offers_only_in_place", "one changes what the other changes twice"),
        ("settles_last", "both have the same history"),
        ("finds_what_was_done", "one moves and deletes"),
    ],
)
def test_each_rule_is_needed(rule: str, name: str) -> None:
    world, entries = _start(name)
    with pytest.raises(Broken):
        explore(world, steps(entries, replace(Rules(), **{rule: False})), broken(entries), most=20_000)
