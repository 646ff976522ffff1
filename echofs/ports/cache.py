"""Heads remembered for a few seconds, for reads that may lag that far behind the catalog."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from echofs.core.models import File


@dataclass(frozen=True, slots=True)
class Lookup:
    """What a cache answered.

    ``file`` was read from the catalog by a question sent at most ``age`` seconds before; None when nothing usable is
    cached. ``ticket`` says to the cache alone when this lookup was made; None: the cache cannot be used now.
    """

    file: File | None = None
    age: float = 0.0
    ticket: object = None


class HeadCache(ABC):
    """One cache for all masters, of living files' heads, each for ``consistency.STALENESS_SECONDS`` at most.

    Once :meth:`supersede` returned True for a version, no :meth:`find` of any master returns an earlier one of that
    file, whatever was under way. Memory is bounded. Methods never raise for a cache that is away, and lose only a
    fraction of a second to it; they are safe to call from several threads.
    """

    @abstractmethod
    def find(self, file_id: str) -> Lookup:
        """The head cached for a file, whoever its owner is."""

    @abstractmethod
    def keep(self, file: File, lookup: Lookup) -> None:
        """Cache a head that the catalog was asked for after ``lookup``, from which its age counts.

        Ignored when a newer version is known to the cache, when the lookup is too old, or when there is no room; but
        earlier versions are never returned after it.
        """

    @abstractmethod
    def supersede(self, file: File) -> bool:
        """Forget all earlier versions of a file whose head was just committed; whether all masters do so now."""
