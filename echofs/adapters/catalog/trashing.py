"""The trash and old versions in SQL: what commits put there and take back, what is read and what ends."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, delete, func, insert, literal, select, tuple_, union_all

from echofs.adapters.catalog import cursor
from echofs.adapters.catalog.ledger import Ledger
from echofs.adapters.catalog.rows import execute_rows, insert_rows, storable
from echofs.adapters.catalog.tables import files, trash, usage, versions
from echofs.core.errors import NotFound
from echofs.core.models import Kind, Timestamp
from echofs.core.retention import Kept
from echofs.core.usage import Usage
from echofs.ports.trash import History, HistoryPage, Trashed, TrashPage

NEWEST_FIRST = "trash"
PURGED_TOGETHER = 100
"""Files in one transaction, whose histories may be long."""
_COLUMNS = (trash.c.file_id, trash.c.owner_id, trash.c.path, trash.c.number, trash.c.size, trash.c.deleted_at)
_OWN = trash.c.owner_id == bindparam("owner")
_ids: BindParameter[Any] = bindparam("ids", expanding=True)
_ONE = select(*_COLUMNS).where(trash.c.file_id == bindparam("id"), _OWN)
_PLACE = tuple_(trash.c.deleted_at, trash.c.file_id)
_FIRST_PAGE = (
    select(*_COLUMNS).where(_OWN).order_by(trash.c.deleted_at.desc(), trash.c.file_id.desc()).limit(bindparam("limit"))
)
_NEXT_PAGE = _FIRST_PAGE.where(tuple_(bindparam("at"), bindparam("id")) > _PLACE)
_EXPIRED = (
    select(*_COLUMNS)
    .where(trash.c.deleted_at < bindparam("before"))
    .order_by(trash.c.deleted_at)
    .limit(bindparam("limit"))
)
_SIZES = (
    select(trash.c.file_id, trash.c.size).where(trash.c.file_id.in_(_ids)).order_by(trash.c.file_id).with_for_update()
)
_DOOMED = (
    select(trash.c.file_id, trash.c.number, trash.c.size)
    .where(trash.c.file_id.in_(_ids), _OWN)
    .order_by(trash.c.file_id)
    .with_for_update()
)
_TAKE = delete(trash).where(trash.c.file_id.in_(_ids))
_FORGET = delete(versions).where(
    versions.c.file_id.in_(_ids),
    versions.c.number <= select(trash.c.number).where(trash.c.file_id == versions.c.file_id).scalar_subquery(),
)
_WITH_PAST = (
    select(files.c.id, trash.c.number)
    .join_from(files, trash, trash.c.file_id == files.c.id, isouter=True)
    .where(files.c.id > bindparam("after"), files.c.head > 1)
    .order_by(files.c.id)
    .limit(bindparam("limit"))
)
_KEPT = (
    select(versions.c.file_id, versions.c.number, versions.c.created_at, versions.c.content_version)
    .where(versions.c.file_id.in_(_ids))
    .order_by(versions.c.file_id, versions.c.number.desc())
)
_DROP = delete(versions).where(
    versions.c.file_id == bindparam("file"),
    versions.c.number.in_(bindparam("numbers", expanding=True)),
    versions.c.number < select(files.c.head).where(files.c.id == versions.c.file_id).scalar_subquery(),
)


def put(connection: Connection, ended: Iterable[Trashed]) -> None:
    """Put files that a tombstone ends into the trash."""
    if rows := sorted((_row(each) for each in ended), key=lambda row: row["file_id"]):
        execute_rows(connection, insert_rows(trash, connection.dialect.name), rows)


def sizes(connection: Connection, file_ids: Collection[str]) -> dict[str, int]:
    """The sizes of those of the files that are in the trash, where they now stay until the transaction ends."""
    if not file_ids:
        return {}
    return {row.file_id: row.size for row in connection.execute(_SIZES, {"ids": sorted(file_ids)})}


def take(connection: Connection, file_ids: Collection[str]) -> None:
    """Take files that come back to life out of the trash."""
    if file_ids:
        connection.execute(_TAKE, {"ids": sorted(file_ids)})


def page(connection: Connection, owner_id: str, after: str, limit: int) -> TrashPage:
    """The newest first. Raises :class:`InvalidRequest` for a malformed cursor."""
    values: dict[str, Any] = {"owner": owner_id, "limit": limit + 1}
    if after:
        values["at"], values["id"] = cursor.decode(after, NEWEST_FIRST)
    found = [Trashed(*row) for row in connection.execute(_NEXT_PAGE if after else _FIRST_PAGE, values)]
    shown = tuple(found[:limit])
    more = len(found) > limit
    return TrashPage(shown, cursor.encode((shown[-1].deleted_at, shown[-1].file_id), NEWEST_FIRST) if more else "")


def one(connection: Connection, owner_id: str, file_id: str) -> Trashed:
    """One deleted file. Raises :class:`NotFound`."""
    values = {"owner": owner_id, "id": file_id}
    row = connection.execute(_ONE, values).first() if storable(owner_id, file_id) else None
    if row is None:
        raise not_in_trash()
    return Trashed(*row)


def expired(connection: Connection, before: Timestamp, limit: int) -> list[Trashed]:
    """What was deleted before that, the longest ago first."""
    return [Trashed(*row) for row in connection.execute(_EXPIRED, {"before": before, "limit": limit})]


def purge(connection: Connection, owner_id: str, seen: Mapping[str, int]) -> int:
    """Forget files in the trash with all their versions but the tombstones, if they are the deleted versions that were
    ``seen``; how many they were."""
    rows = connection.execute(_DOOMED, {"owner": owner_id, "ids": list(seen)})
    found = [row for row in rows if row.number == seen[row.file_id]]
    if not found:
        return 0
    doomed = {"ids": [row.file_id for row in found]}
    connection.execute(_FORGET, doomed)
    connection.execute(_TAKE, doomed)
    ledger = Ledger(connection, careful=False)
    ledger.enter(owner_id, Usage(trash_bytes=-sum(row.size for row in found)))
    ledger.write()
    return len(found)


def histories(connection: Connection, after: str, limit: int) -> HistoryPage:
    """The histories of the files that have one, in the order of their ids."""
    if not storable(after):
        raise cursor.malformed()
    rows = connection.execute(_WITH_PAST, {"after": after, "limit": limit})
    trashed: dict[str, int | None] = {row.id: row.number for row in rows}
    kept: dict[str, list[Kept]] = defaultdict(list)
    brought: dict[str, int] = {}
    for file_id, number, created_at, content_version in connection.execute(_KEPT, {"ids": list(trashed)}):
        kept[file_id].append(Kept(number, created_at))
        brought.setdefault(file_id, content_version)
    found = tuple(
        History(file_id, tuple(each), frozenset({brought[file_id], trashed[file_id] or 0}))
        for file_id, each in kept.items()
        if len(each) > 1
    )
    return HistoryPage(found, max(trashed) if len(trashed) == limit else "")


def drop(connection: Connection, file_id: str, numbers: Sequence[int]) -> int:
    """Forget versions of a file that are not its head; how many there were."""
    return connection.execute(_DROP, {"file": file_id, "numbers": list(numbers)}).rowcount


def recount(connection: Connection) -> None:
    """Fill ``trash`` and ``usage`` anew from ``files`` and ``versions``."""
    connection.execute(delete(trash))
    connection.execute(delete(usage))
    connection.execute(insert(trash).from_select([column.name for column in _COLUMNS], _deleted()))
    living = select(files.c.owner_id, literal(1).label("living"), files.c.size, literal(0).label("gone"))
    ended = select(trash.c.owner_id, literal(0), literal(0), trash.c.size)
    counted = union_all(living.where(~files.c.deleted), ended).subquery()
    sums = [func.sum(column) for column in (counted.c.living, counted.c.size, counted.c.gone)]
    totals = select(counted.c.owner_id, *sums).group_by(counted.c.owner_id)
    connection.execute(insert(usage).from_select(["owner_id", "files", "bytes", "trash_bytes"], totals))


def _deleted() -> Any:
    """Rows of ``trash`` for all deleted files whose last bytes are still known: a rebuilt history may have gaps."""
    past = versions.alias()
    last = (
        select(func.max(past.c.number))
        .where(past.c.file_id == files.c.id, past.c.number < files.c.head, past.c.kind != Kind.TOMBSTONE.value)
        .scalar_subquery()
    )
    columns = (files.c.id, files.c.owner_id, files.c.path, versions.c.number, versions.c.size, files.c.updated_at)
    return (
        select(*columns)
        .join_from(files, versions, (versions.c.file_id == files.c.id) & (versions.c.number == last))
        .where(files.c.deleted)
    )


def _row(ended: Trashed) -> dict[str, Any]:
    return {
        "file_id": ended.file_id,
        "owner_id": ended.owner_id,
        "path": ended.path,
        "number": ended.number,
        "size": ended.size,
        "deleted_at": ended.deleted_at,
    }


def not_in_trash() -> NotFound:
    """The same words whether the file is alive, purged or somebody else's."""
    return NotFound("There is no such file in the trash.")
