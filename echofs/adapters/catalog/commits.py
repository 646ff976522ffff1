"""Moving heads: many commits in one transaction (group commit), each answered for itself.

The common case looks up nothing but heads and then writes everything in a handful of statements, counting rows: a
head moved by another master, a path taken, a key reused, a chunk being deleted or a quota exceeded shows as a missing
row. Whoever finds one undoes the whole transaction and starts again *carefully*, looking everything up first, so that
the commit at fault is refused and the others go through. On SQLite, where a writer is alone, only such a fault ever
causes a second attempt.

The head itself moves by compare-and-swap: ``UPDATE files SET head = … WHERE id = … AND head = parent``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, select

from echofs.adapters.catalog import chunks, disputes, trashing
from echofs.adapters.catalog import folders as placing
from echofs.adapters.catalog.heads import expect, move_heads
from echofs.adapters.catalog.ledger import Ledger
from echofs.adapters.catalog.rows import (
    FILE_COLUMNS,
    execute_rows,
    file_of,
    insert_missing,
    insert_rows,
    key_row,
    version_row,
)
from echofs.adapters.catalog.tables import DELETING, files, idempotency, versions
from echofs.adapters.catalog.verdicts import (
    Head,
    OwnPath,
    Seen,
    claims,
    dependent,
    earlier_chunks,
    ended,
    refusal,
    revives,
    usage_change,
)
from echofs.core.errors import EchoError
from echofs.core.models import Digest, Dot, File, Kind, Timestamp
from echofs.ports.catalog import Commit, FolderChange

Answer = File | EchoError
Placed = tuple[int, Commit]
"""A commit and its place in the batch."""


def _list(name: str) -> BindParameter[Any]:
    return bindparam(name, expanding=True)


_HEAD_COLUMNS = (
    files.c.id,
    files.c.owner_id,
    files.c.path,
    files.c.head,
    files.c.deleted,
    files.c.created_at,
    files.c.size,
)
_HEADS = select(*_HEAD_COLUMNS).where(files.c.id.in_(_list("ids"))).order_by(files.c.id).with_for_update()
# Pairs are looked up as two lists, because SQLite scans the whole table for a list of pairs. What is found too much
# does no harm: answers are picked from it by the exact pair.
_LIVING_AT = select(*_HEAD_COLUMNS).where(
    ~files.c.deleted, files.c.owner_id.in_(_list("owners")), files.c.path.in_(_list("paths"))
)
_BY_DOT = (
    select(*FILE_COLUMNS)
    .join_from(versions, files, versions.c.file_id == files.c.id)
    .where(versions.c.dot_origin.in_(_list("origins")), versions.c.dot_counter.in_(_list("counters")))
)
_KEYS = select(idempotency.c.owner_id, idempotency.c.key).where(
    idempotency.c.owner_id.in_(_list("owners")), idempotency.c.key.in_(_list("keys"))
)


def make(connection: Connection, commits: Sequence[Commit], now: Timestamp, *, careful: bool) -> list[Answer]:
    """Answers in the order of ``commits``. Raises :class:`LostRace` when a row it counted on is missing: the caller
    undoes the transaction and calls again with ``careful``."""
    answers: dict[int, Answer] = {}
    waiting: list[Placed] = list(enumerate(commits))
    ledger = Ledger(connection, careful=careful)
    while waiting:
        made, waiting = _round(connection, waiting, now, ledger, careful)
        answers.update(made)
    ledger.write()
    return [answers[place] for place in range(len(commits))]


def make_together(
    connection: Connection, commits: Sequence[Commit], change: FolderChange | None, now: Timestamp, *, careful: bool
) -> list[File]:
    """Like :func:`make`, but all of them or none, with what becomes of a folder. Raises also whatever refuses one of
    them: the caller then undoes the transaction."""
    ledger = Ledger(connection, careful=careful)
    answers, later = _round(connection, list(enumerate(commits)), now, ledger, careful, change)
    if later:
        raise dependent()
    files_made: list[File] = []
    for place in range(len(commits)):
        answer = answers[place]
        if isinstance(answer, EchoError):
            raise answer
        files_made.append(answer)
    ledger.write()
    return files_made


def _round(
    connection: Connection,
    placed: list[Placed],
    now: Timestamp,
    ledger: Ledger,
    careful: bool,
    change: FolderChange | None = None,
) -> tuple[dict[int, Answer], list[Placed]]:
    """Make those commits that do not depend on each other; the rest waits for the next round."""
    done = _committed(connection, [commit for _, commit in placed]) if careful else {}
    answers: dict[int, Answer] = {place: done[c.version.dot] for place, c in placed if _repeats(c, done)}
    seen = _look(connection, [commit for place, commit in placed if place not in answers], careful)
    accepted: list[Placed] = []
    later: list[Placed] = []
    claimed: set[tuple[str, ...]] = set()
    for place, commit in placed:
        if place in answers:
            continue
        wanted = claims(commit, seen.heads.get(commit.version.file_id))
        if not claimed.isdisjoint(wanted):
            later.append((place, commit))
        elif refused := refusal(commit, seen) or _entered(commit, seen, ledger):
            answers[place] = refused
            continue
        else:
            accepted.append((place, commit))
        claimed |= wanted
    if accepted or change:
        _write(connection, [commit for _, commit in accepted], seen, now, change)
    answers.update({place: _made(commit, seen) for place, commit in accepted})
    if not careful:
        answers.update(_repeated(connection, [item for item in placed if isinstance(answers.get(item[0]), EchoError)]))
    return answers, later


def _entered(commit: Commit, seen: Seen, ledger: Ledger) -> EchoError | None:
    """Count in what the commit changes, or say why its owner's quota forbids that."""
    return ledger.enter(commit.owner_id, usage_change(commit, seen), commit.quota_bytes)


def _repeated(connection: Connection, refused: list[Placed]) -> dict[int, Answer]:
    """Of commits that were refused, those that had in truth been made before."""
    done = _committed(connection, [commit for _, commit in refused]) if refused else {}
    return {place: done[commit.version.dot] for place, commit in refused if _repeats(commit, done)}


def _repeats(commit: Commit, done: dict[Dot, File]) -> bool:
    file = done.get(commit.version.dot)
    return file is not None and file.owner_id == commit.owner_id


def _committed(connection: Connection, commits: Iterable[Commit]) -> dict[Dot, File]:
    return by_dot(connection, [commit.version.dot for commit in commits])


def by_dot(connection: Connection, dots: Collection[Dot]) -> dict[Dot, File]:
    """Those of the versions that are committed, whoever owns them."""
    values = {"origins": sorted({dot.origin for dot in dots}), "counters": sorted({dot.counter for dot in dots})}
    found = [file_of(row) for row in connection.execute(_BY_DOT, values)]
    return {file.head.dot: file for file in found if file.head.dot in dots}


def _made(commit: Commit, seen: Seen) -> File:
    head = seen.heads.get(commit.version.file_id)
    created_at = head.created_at if head else commit.version.created_at
    return File(commit.version.file_id, commit.owner_id, commit.version, created_at)


def _look(connection: Connection, commits: list[Commit], careful: bool) -> Seen:
    ids = sorted({c.version.file_id for c in commits if careful or c.version.parent})
    rows = connection.execute(_HEADS, {"ids": ids}) if ids else ()
    heads = {head.file_id: head for head in (Head(*row) for row in rows)}
    # A new file whose path is taken shows as a missing row, like any other lost race.
    asking = [c for c in commits if (careful or c.version.parent) and _changes_path(c, heads)]
    back = [c.version.file_id for c in commits if revives(c, heads.get(c.version.file_id))]
    seen = Seen(heads=heads, holders=_holders(connection, asking), trashed=trashing.sizes(connection, back))
    if careful:
        seen.used_keys = _used_keys(connection, commits)
        seen.lost_chunks = _lost_chunks(connection, commits)
    return seen


def _changes_path(commit: Commit, heads: Mapping[str, Head]) -> bool:
    head = heads.get(commit.version.file_id)
    if commit.version.kind is Kind.TOMBSTONE:
        return False
    return head is None or head.path != commit.version.path or commit.revives


def _holders(connection: Connection, commits: list[Commit]) -> dict[OwnPath, str]:
    if not commits:
        return {}
    values = {
        "owners": sorted({commit.owner_id for commit in commits}),
        "paths": sorted({commit.version.path for commit in commits}),
    }
    found = [Head(*row) for row in connection.execute(_LIVING_AT, values)]
    return {(head.owner_id, head.path): head.file_id for head in found}


def _used_keys(connection: Connection, commits: list[Commit]) -> set[OwnPath]:
    records = [commit.idempotency for commit in commits if commit.idempotency]
    if not records:
        return set()
    values = {
        "owners": sorted({record.owner_id for record in records}),
        "keys": sorted({record.key for record in records}),
    }
    return {(owner, key) for owner, key in connection.execute(_KEYS, values)}


def _lost_chunks(connection: Connection, commits: list[Commit]) -> set[Digest]:
    """Chunks on their way out, and chunks referred to that were never recorded."""
    recorded = {chunk.digest for commit in commits for chunk in commit.chunks}
    earlier = {digest for commit in commits for digest in earlier_chunks(commit)}
    states = chunks.states(connection, recorded | earlier)
    return {digest for digest, state in states.items() if state == DELETING} | (earlier - states.keys())


def _write(
    connection: Connection, commits: list[Commit], seen: Seen, now: Timestamp, change: FolderChange | None
) -> None:
    """Write all that the commits bring, each kind of row at once and in the order of its keys."""
    dialect = connection.dialect.name
    move_heads(connection, commits)
    if made := [version_row(commit.version) for commit in commits]:
        execute_rows(connection, insert_rows(versions, dialect), sorted(made, key=lambda row: row["file_id"]))
    if change:
        placing.change(connection, change)
    # Most of these folders exist already.
    placed = [commit for commit in commits if _changes_path(commit, seen.heads)]
    placing.put(connection, [(commit.owner_id, commit.version.path) for commit in placed])
    expect(chunks.record(connection, (chunk for commit in commits for chunk in commit.chunks), now))
    if earlier := {digest for commit in commits for digest in earlier_chunks(commit)}:
        expect(chunks.revive(connection, earlier, now))
    if records := [key_row(commit.idempotency) for commit in commits if commit.idempotency]:
        expect(execute_rows(connection, insert_missing(idempotency, dialect), records) == len(records))
    disputes.record(connection, [commit.conflict for commit in commits if commit.conflict])
    trashing.put(connection, filter(None, (ended(commit, seen) for commit in commits)))
    trashing.take(connection, seen.trashed.keys() & {commit.version.file_id for commit in commits})
