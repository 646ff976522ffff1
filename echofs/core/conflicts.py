"""What becomes of a version that was accepted without the catalog when the catalog cannot take it as it is.

Pure: what the catalog says comes in as a :class:`Scene`, what is to be done goes out as data. A version changes one
thing: the bytes, the path, or whether the file is there; so a three-way comparison of these fields decides. The rules
in their order: identical, fast-forward, disjoint fields, edit beats delete, merged, and then keep both or ask. Folders
need no rule: they follow from paths, so what two sides put into one folder lies there together.

Whatever the rule, bytes that were acknowledged stay: in the file's history, in a file beside it, or in a conflict that
waits for its owner. Only a merge, which the owner asks for, keeps changes rather than the bytes themselves.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum

from echofs.core.conflict_names import conflict_names, copy_id
from echofs.core.entries import JournalEntry, OnConflict
from echofs.core.models import Content, Digest, File, Kind, Version


class Rule(StrEnum):
    """What decided."""

    IDENTICAL = "identical"
    """Both sides did the same."""
    FAST_FORWARD = "fast-forward"
    """Nothing else happened since."""
    DISJOINT = "disjoint-fields"
    """One side changed the bytes and the other the path."""
    EDIT_BEATS_DELETE = "edit-beats-delete"
    """One side deleted what the other changed: it stays."""
    MERGED = "merged"
    """Both changed different parts of the same bytes, and the owner wanted them merged."""
    KEEP_BOTH = "keep-both"
    """The later one is a file of its own."""
    ASK = "ask"
    """The owner wanted to be asked."""
    RIGHTS = "rights"
    """Its writer may write no longer."""


class Keep(StrEnum):
    """What an owner decides about an open conflict."""

    MINE = "mine"
    """The version that came later."""
    THEIRS = "theirs"
    """What the catalog has."""
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Base:
    """The version that an entry follows: the bytes as its writer saw them, and the path where it lies in the
    catalog."""

    content: Content
    path: str


@dataclass(frozen=True, slots=True)
class Scene:
    """What the catalog has now. ``head`` is the file that holds the entry's parent, with its head, or for a new file
    the one at its path; None if there is none. ``base`` is None for a new file and where the parent is lost."""

    head: File | None
    base: Base | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """Nothing is to be committed: ``kept`` stands for the entry's version."""

    rule: Rule
    kept: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Publish:
    """``version`` is to be committed. Its ``manifest`` is ``""`` where it is not the one that was written down, and a
    new one must be made that names ``parent_manifest``. ``beside`` is what it does not follow but was in its way."""

    rule: Rule
    version: Version
    parent_manifest: Digest = ""
    revives: bool = False
    beside: tuple[tuple[str, int], ...] = ()

    @property
    def kept(self) -> tuple[tuple[str, int], ...]:
        """Where both sides are, the entry's version first."""
        return ((self.version.file_id, self.version.number), *self.beside)


@dataclass(frozen=True, slots=True)
class MergeContents:
    """The contents are to be merged, if that is possible; then ask again, saying what came of it."""

    base: Content
    mine: Content
    theirs: Content
    as_json: bool


@dataclass(frozen=True, slots=True)
class Merging:
    """What came of merging: None if the contents cannot be merged."""

    content: Content | None


@dataclass(frozen=True, slots=True)
class Open:
    """The entry waits for its owner as an open conflict."""

    rule: Rule


Resolution = Settled | Publish | MergeContents | Open


def resolve(
    entry: JournalEntry, scene: Scene, *, taken: Collection[str] = (), merging: Merging | None = None
) -> Resolution:
    """What is to be done with an entry. ``taken`` are paths that another file was found to have; ``merging`` is given
    once a :class:`MergeContents` was tried with this same head."""
    head = scene.head
    if head is None:
        return _begin(entry, taken)
    if entry.deletes:
        return _delete(entry, head, scene.base)
    if head.deleted:
        return _revive(entry, head, taken)
    if entry.version.kind is Kind.MOVE:
        return _move(entry, head, scene.base, taken)
    return _write(entry, head, scene.base, taken, merging)


def decide(entry: JournalEntry, scene: Scene, keep: Keep, *, taken: Collection[str] = ()) -> Resolution:
    """What is to be done with the entry of an open conflict once its owner has decided: never to ask again."""
    head = scene.head
    if keep is Keep.THEIRS or (entry.deletes and (keep is Keep.BOTH or head is None or head.deleted)):
        return Settled(Rule.ASK, _place(head))
    settled = replace(entry, on_conflict=OnConflict.KEEP_BOTH)
    if head is None:
        return _begin(settled, taken)
    if keep is Keep.BOTH:
        return _copy(entry, head, taken)
    if entry.deletes:
        return _following(entry, head, Rule.ASK, kind=Kind.TOMBSTONE, path=head.path, content=entry.version.content)
    if head.deleted:
        return _revive(settled, head, taken)
    if entry.version.kind is Kind.CONTENT:
        return _with_content(entry, head, Rule.ASK, entry.version.content)
    return _at_path(settled, head, Rule.ASK, entry.version.path, taken)


def _begin(entry: JournalEntry, taken: Collection[str]) -> Resolution:
    """The catalog has no such file: a new one, or one whose first versions never arrived."""
    if entry.deletes:
        return Settled(Rule.IDENTICAL, ())
    if entry.version.parent == 0:
        return Publish(Rule.FAST_FORWARD, entry.version)
    first = _first(entry.version, entry.version.file_id, entry.version.path)
    if first.path not in taken:
        return Publish(Rule.FAST_FORWARD, first)
    if entry.on_conflict is OnConflict.ASK:
        return Open(Rule.ASK)
    return Publish(Rule.KEEP_BOTH, replace(first, path=_free(entry, first.path, taken)))


def _delete(entry: JournalEntry, head: File, base: Base | None) -> Resolution:
    if head.deleted:
        return Settled(Rule.IDENTICAL, _place(head))
    if base is None or _edited(base, head) or _moved(base, head):
        return Settled(Rule.EDIT_BEATS_DELETE, _place(head))
    content = entry.version.content
    return _following(entry, head, Rule.FAST_FORWARD, kind=Kind.TOMBSTONE, path=head.path, content=content)


def _revive(entry: JournalEntry, head: File, taken: Collection[str]) -> Resolution:
    version = entry.version
    path = version.path if version.kind is Kind.MOVE else head.path
    rule = Rule.EDIT_BEATS_DELETE
    if path in taken:
        if entry.on_conflict is OnConflict.ASK:
            return Open(Rule.ASK)
        rule, path = Rule.KEEP_BOTH, _free(entry, path, taken)
    # The tombstone has no bytes, so that even a move brings them back.
    made = _following(entry, head, rule, kind=Kind.CONTENT, path=path, content=version.content)
    return replace(made, revives=True)


def _move(entry: JournalEntry, head: File, base: Base | None, taken: Collection[str]) -> Resolution:
    version = entry.version
    unseen = base is None and not _same(version.content, head.head.content)
    if unseen or (base is not None and _moved(base, head) and version.path != head.path):
        return _both_or_ask(entry, head, taken)
    if version.path == head.path:
        return Settled(Rule.IDENTICAL, _place(head))
    rule = Rule.DISJOINT if base is not None and _edited(base, head) else Rule.FAST_FORWARD
    return _at_path(entry, head, rule, version.path, taken)


def _write(
    entry: JournalEntry, head: File, base: Base | None, taken: Collection[str], merging: Merging | None
) -> Resolution:
    mine, theirs = entry.version.content, head.head.content
    if _same(mine, theirs):
        return Settled(Rule.IDENTICAL, _place(head))
    if base is None:
        return _both_or_ask(entry, head, taken)
    if not _edited(base, head):
        return _with_content(entry, head, Rule.DISJOINT if _moved(base, head) else Rule.FAST_FORWARD, mine)
    if entry.on_conflict is not OnConflict.MERGE:
        return _both_or_ask(entry, head, taken)
    if merging is None:
        return MergeContents(base.content, mine, theirs, _is_json(entry.version))
    if merging.content is None:
        return _copy(entry, head, taken)
    if _same(merging.content, theirs):
        return Settled(Rule.MERGED, _place(head))
    return _with_content(entry, head, Rule.MERGED, merging.content)


def _at_path(entry: JournalEntry, head: File, rule: Rule, path: str, taken: Collection[str]) -> Resolution:
    content = head.head.content
    if path not in taken:
        return _following(entry, head, rule, kind=Kind.MOVE, path=path, content=content)
    if entry.on_conflict is OnConflict.ASK:
        return Open(Rule.ASK)
    free = _free(entry, path, taken)
    return _following(entry, head, Rule.KEEP_BOTH, kind=Kind.MOVE, path=free, content=content)


def _with_content(entry: JournalEntry, head: File, rule: Rule, content: Content) -> Publish:
    return _following(entry, head, rule, kind=Kind.CONTENT, path=head.path, content=content)


def _both_or_ask(entry: JournalEntry, head: File, taken: Collection[str]) -> Resolution:
    return Open(Rule.ASK) if entry.on_conflict is OnConflict.ASK else _copy(entry, head, taken)


def _copy(entry: JournalEntry, head: File, taken: Collection[str]) -> Publish:
    """The version as the first of a file of its own. Whoever replays the entry makes the same file of it."""
    path = _free(entry, entry.version.path, {*taken, head.path})
    return Publish(Rule.KEEP_BOTH, _first(entry.version, copy_id(entry.version.dot), path), beside=_place(head))


def _first(version: Version, file_id: str, path: str) -> Version:
    return replace(
        version, file_id=file_id, number=1, parent=0, kind=Kind.CONTENT, path=path, content_version=1, manifest=""
    )


def _following(entry: JournalEntry, head: File, rule: Rule, *, kind: Kind, path: str, content: Content) -> Publish:
    """The entry's version as the next one of ``head``; with its own manifest if that tells the truth."""
    number = head.head.number + 1
    version = replace(
        entry.version,
        file_id=head.id,
        number=number,
        parent=head.head.number,
        kind=kind,
        path=path,
        content=content,
        content_type=entry.version.content_type if kind is not Kind.MOVE else head.head.content_type,
        content_version=number if kind is Kind.CONTENT else head.head.content_version,
    )
    as_written = version == entry.version and head.head.manifest == entry.parent_manifest
    return Publish(rule, version if as_written else replace(version, manifest=""), head.head.manifest)


def _place(head: File | None) -> tuple[tuple[str, int], ...]:
    return ((head.id, head.head.number),) if head else ()


def _same(one: Content, other: Content) -> bool:
    return (one.digest, one.size) == (other.digest, other.size)


def _edited(base: Base, head: File) -> bool:
    return not _same(base.content, head.head.content)


def _moved(base: Base, head: File) -> bool:
    return base.path != head.path


def _is_json(version: Version) -> bool:
    return version.path.endswith(".json") or version.content_type.partition(";")[0].strip() == "application/json"


def _free(entry: JournalEntry, path: str, taken: Collection[str]) -> str:
    names = conflict_names(path, entry.owner_name, entry.version.created_at)
    return next(name for name in names if name not in taken)
