"""A copy of the catalog's most recent heads on a master's host, for reads while the catalog is away or far."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple

from echofs.core.models import File
from echofs.ports.catalog import Changes
from echofs.ports.listing import ListQuery, Page


class Copy(NamedTuple):
    """A file with the head it had at most ``age`` seconds ago, a tombstone perhaps. ``position`` is the place in the
    catalog's changes up to which the copy has taken in all."""

    file: File
    age: float
    position: int = 0


class CopyPage(NamedTuple):
    """A page of a user's living files as they were at most ``age`` seconds ago. ``whole`` says that the copy has not
    had to leave out any file of anybody; ``position`` is as for :class:`Copy`."""

    page: Page
    age: float
    whole: bool = True
    position: int = 0


class Follower(ABC):
    """One copy for all master processes of a host, bounded, and safe to lose: it is made anew from the catalog's
    changes. Ages are counted on the monotonic clock from the *sending* of the last question after whose answer the copy
    had everything that was committed before.

    Methods are safe to call from several threads and processes. They never raise for a copy that is broken: it knows
    nothing then, and is begun anew.
    """

    @abstractmethod
    def head(self, owner_id: str, file_id: str) -> Copy | None:
        """A file of that owner, deleted or not. None if the copy does not have it, which says nothing about the
        catalog, or if it was never up to date since the host was started."""

    @abstractmethod
    def at(self, owner_id: str, path: str) -> Copy | None:
        """The living file at a path. None says no more than for :meth:`head`."""

    @abstractmethod
    def page(self, query: ListQuery, newer: Sequence[File] = ()) -> CopyPage | None:
        """One page of living files; cursors are those of the catalog. ``newer`` are files of which the copy's heads do
        not count: the living ones are listed in their place. None like :meth:`head`.

        Raises :class:`InvalidRequest` for a malformed cursor.
        """

    @abstractmethod
    def folders(self, owner_id: str, parent: str) -> list[str]:
        """Paths of the folders directly inside ``parent`` that have living files below them, sorted."""

    @abstractmethod
    def age(self) -> float | None:
        """Seconds since the copy was last known to be up to date; None if it was not since the host was started."""

    @abstractmethod
    def position(self) -> int | None:
        """The place in the catalog's changes up to which all were taken in; None before the first."""

    @abstractmethod
    def begin(self, position: int, *, whole: bool) -> None:
        """Forget everything, and take in changes from that place on; ``whole`` if there are none before it."""

    @abstractmethod
    def take(self, changes: Changes, after: int, asked_at: float) -> None:
        """Take in what the catalog answered to a question sent at ``asked_at`` on the monotonic clock for the changes
        after ``after``. Ignored unless that is still the copy's position. Of each file the highest number counts, in
        whatever order they come."""

    @abstractmethod
    def lead(self) -> AbstractContextManager[bool]:
        """Whether this process may feed the copy now; at most one of the host may, until it leaves the context or
        dies. Never waits."""
