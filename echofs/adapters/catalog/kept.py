"""SQLite's connections, each kept by the thread that uses it.

Taking one from SQLAlchemy's pool, beginning a transaction through it and handing it back costs more than what most
calls do with it. A thread of a server soon asks again, so it keeps its connection; the statements remain the same.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine

from echofs.adapters.catalog import prepared
from echofs.core.errors import EchoError

PLACES = 32
"""Connections that the threads of a process may keep; who comes later takes one from the pool for each call."""


class KeptConnections:
    """Thread-safe. Connections of ``engine`` must begin no transactions by themselves; make it after forking.

    Within a call of its own, say while it goes through the rows of one, a thread gets another connection, as it always
    did: two calls never see into each other's transactions.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._threads = threading.local()
        self._places = threading.BoundedSemaphore(PLACES)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for statements that each stand alone."""
        own = self._own()
        with own.lent() if own is not None else self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection inside a transaction that is exclusive from its start, committed at the end and undone if
        anything raises."""
        with self.reading() as connection:
            prepared.begin(connection)
            try:
                yield connection
                prepared.commit(connection)
            except BaseException:
                prepared.roll_back(connection)
                raise

    def _own(self) -> _Own | None:
        """What the thread keeps, if it may keep something and is not using it."""
        own: _Own | None = getattr(self._threads, "own", None)
        if own is None:
            if not self._places.acquire(blocking=False):
                return None
            own = self._threads.own = _Own(self._engine)
            weakref.finalize(own, self._places.release)
        return None if own.lends else own


class _Own:
    """One thread's connection, opened when first needed and anew after a failure."""

    def __init__(self, engine: Engine) -> None:
        self.lends = False
        self._engine = engine
        self._connection: Connection | None = None

    @contextmanager
    def lent(self) -> Iterator[Connection]:
        """The connection, for one call."""
        connection = self._connection or self._engine.connect()
        self.lends, self._connection = True, None
        try:
            yield connection
        except EchoError:
            # An answer like any other, not a failure of the connection.
            self._take_back(connection)
            raise
        except BaseException:
            connection.close()
            raise
        else:
            self._take_back(connection)
        finally:
            self.lends = False

    def _take_back(self, connection: Connection) -> None:
        # SQLAlchemy believes in a transaction as soon as it was asked anything, though SQLite knows of none.
        if connection.in_transaction():
            connection.rollback()
        self._connection = connection
