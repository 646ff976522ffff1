"""What the SQL catalog sends to its engine."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest import mock

from sqlalchemy import Connection, Engine, event

from echofs.adapters.catalog import prepared

Statement = tuple[str, Any]


@contextmanager
def watched(engine: Engine) -> Iterator[list[Statement]]:
    """The statements sent to the driver, by SQLAlchemy or past it, with the parameters of the first row."""
    sent: list[Statement] = []
    execute = prepared.execute

    def note(_c: object, _cursor: object, statement: str, parameters: Any, _context: object, many: bool) -> None:
        sent.append((statement, parameters[0] if many else parameters))

    def note_and_execute(connection: Connection, words: str, rows: Sequence[Sequence[Any]]) -> sqlite3.Cursor:
        sent.append((words, tuple(rows[0])))
        return execute(connection, words, rows)

    event.listen(engine, "before_cursor_execute", note)
    try:
        with mock.patch.object(prepared, "execute", note_and_execute):
            yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)
