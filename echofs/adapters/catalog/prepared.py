"""The statements asked most, handed to SQLite's driver as they are.

SQLAlchemy's way through one statement costs more than SQLite's own, and all that it finds out is the same each time:
the words, and which value goes where. Here it is asked once for each statement and engine. On PostgreSQL, where a
statement is a round trip, there is little to gain.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, Select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine

_REMEMBERED = 256


def run(connection: Connection, statement: Any, rows: Sequence[Mapping[str, Any]]) -> int:
    """Run a statement on SQLite for each of the rows (one at least); how many rows of the table it changed.

    The statement is one that lives as long as the program. Raises what ``connection.execute`` raises.
    """
    prepared = _prepared(statement, tuple(rows[0]), connection.dialect)
    return execute(connection, prepared.words, [prepared.values(row) for row in rows]).rowcount


def fetch(connection: Connection, statement: Select[Any], values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The rows SQLite answers to a query, of the same sort as for :func:`run`."""
    prepared = _prepared(statement, tuple(values), connection.dialect)
    cursor = execute(connection, prepared.words, [prepared.values(values)])
    try:
        found = cursor.fetchall()
    except sqlite3.Error as error:
        raise _as_usual(error, prepared.words) from error
    return prepared.answers(found)


def begin(connection: Connection) -> None:
    """Begin a transaction that is exclusive from its start. Raises what ``connection.execute`` raises."""
    execute(connection, "BEGIN IMMEDIATE", [()])


def commit(connection: Connection) -> None:
    """Commit that transaction. Raises what ``connection.execute`` raises."""
    execute(connection, "COMMIT", [()])


def roll_back(connection: Connection) -> None:
    """Undo that transaction, unless an error has ended it already, as that of a full disk does."""
    if _driver(connection).in_transaction:
        execute(connection, "ROLLBACK", [()])


def execute(connection: Connection, words: str, rows: Sequence[Sequence[Any]]) -> sqlite3.Cursor:
    """Run a statement in SQLite's own words for each of the rows. Raises what ``connection.execute`` raises."""
    driver = _driver(connection)
    try:
        if len(rows) == 1:
            return driver.execute(words, rows[0])
        return driver.executemany(words, rows)
    except sqlite3.Error as error:
        raise _as_usual(error, words) from error


def _driver(connection: Connection) -> sqlite3.Connection:
    driver = connection.connection.dbapi_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver


def _as_usual(error: sqlite3.Error, words: str) -> BaseException:
    return DBAPIError.instance(words, None, error, sqlite3.Error)


class _Prepared:
    """A statement in SQLite's words, how a row becomes its values in their order, and what it answers ours."""

    def __init__(self, statement: Any, names: tuple[str, ...], dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=list(names))
        self.words: str = compiled.string
        self._places = [_place(compiled.binds[name], name in names, dialect) for name in compiled.positiontup]
        answers = statement.selected_columns if isinstance(statement, Select) else ()
        readers = [_reader(column.type, dialect) for column in answers]
        self._readers = [(place, read) for place, read in enumerate(readers) if read]

    def values(self, row: Mapping[str, Any]) -> list[Any]:
        return [convert(row.get(name)) if convert else row[name] for name, convert in self._places]

    def answers(self, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        return [self._answer(row) for row in rows] if self._readers else rows

    def _answer(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        answer = list(row)
        for place, read in self._readers:
            answer[place] = read(answer[place])
        return tuple(answer)


@lru_cache(_REMEMBERED)
def _prepared(statement: Any, names: tuple[str, ...], dialect: Dialect) -> _Prepared:
    return _Prepared(statement, names, dialect)


def _place(bind: Any, given: bool, dialect: Dialect) -> tuple[str, Callable[[Any], Any] | None]:
    """The name of a value in a row, and what makes SQLite's of it; one that the statement brings along is the same for
    all."""
    name, convert = bind.key, bind.type.dialect_impl(dialect).bind_processor(dialect)
    if given:
        return name, convert
    fixed = convert(bind.effective_value) if convert else bind.effective_value
    return name, lambda _: fixed


def _reader(kind: TypeEngine[Any], dialect: Dialect) -> Callable[[Any], Any] | None:
    return kind.dialect_impl(dialect).result_processor(dialect, None)
