"""Seals for what clients keep for us and must not change."""

from __future__ import annotations

from abc import ABC, abstractmethod


class TokenSeal(ABC):
    """Every process of a cluster opens what any other has sealed. What is inside can be read by anybody."""

    @abstractmethod
    def seal(self, content: bytes) -> str:
        """A text of letters, digits, ``-``, ``_`` and ``.``."""

    @abstractmethod
    def open(self, sealed: str) -> bytes:
        """The content of what :meth:`seal` made. Raises ValueError for anything else."""
