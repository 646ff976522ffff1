"""The one storage interface: whole values under ``space/name`` keys, durable when a call returns."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from echofs.core.errors import InvalidName, NotFound

Value = bytes | memoryview

_SPACE = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,199}")


class Condition(Enum):
    """What must hold for a put or delete to go ahead, besides a given etag."""

    ABSENT = "absent"


ABSENT = Condition.ABSENT


@dataclass(frozen=True, slots=True)
class Limits:
    """What a store can hold. ``exclusive_create`` says whether of concurrent puts with ``only_if=ABSENT`` one succeeds,
    whichever processes they come from."""

    max_value_bytes: int
    exclusive_create: bool


@dataclass(frozen=True, slots=True)
class Stat:
    """A stored value without its bytes: ``size`` in bytes, ``etag`` an opaque token that changes with the content."""

    key: str
    size: int
    etag: str


def check_key(key: str) -> tuple[str, str]:
    """Split ``space/name`` and return both, or raise :class:`InvalidName`. Used on write and on list, by every
    store."""
    space, slash, name = key.partition("/")
    if not slash or not _SPACE.fullmatch(space) or not _NAME.fullmatch(name):
        raise InvalidName("A key is space/name: lower-case letters, digits, . _ and - only.", field="key")
    return space, name


def check_space(space: str) -> str:
    """Return a space's name unchanged or raise :class:`InvalidName`."""
    if not _SPACE.fullmatch(space):
        raise InvalidName("A space is named in lower-case letters, digits, _ and -.", field="space")
    return space


class ObjectStore(ABC):
    """Bytes under keys. All methods are safe to call from several threads.

    Every method raises :class:`InvalidName` for a malformed key and :class:`StoreUnavailable` (the only error worth a
    retry) when the medium fails; :class:`StoreFull`, a kind of it, when there is no room.
    """

    limits: Limits

    @property
    @abstractmethod
    def store_id(self) -> str:
        """Identity of the medium, kept on the medium itself: another disk mounted in its place answers another one."""

    @abstractmethod
    def put(self, key: str, value: Value, *, only_if: Condition | str | None = None) -> Stat:
        """Store a whole value; durable, and visible to every later call, when it returns; never half-visible.

        ``only_if`` is ``ABSENT``, the etag the key must have now, or None to replace whatever is there.
        Raises :class:`PreconditionFailed`, :class:`ValueTooLarge`. Idempotent without ``only_if``.
        """

    @abstractmethod
    def get(self, key: str) -> tuple[bytes, Stat]:
        """The value and its stat. Raises :class:`NotFound`."""

    @abstractmethod
    def stat(self, key: str) -> Stat:
        """Size and etag without reading the value where the medium allows. Raises :class:`NotFound`."""

    @abstractmethod
    def delete(self, key: str, *, only_if: str | None = None) -> None:
        """Remove a key; durable when it returns. Idempotent: removing an absent key is no error, unless ``only_if``
        names an etag, which then raises :class:`PreconditionFailed`."""

    @abstractmethod
    def list(self, space: str, *, prefix: str = "", after: str = "", limit: int = 1000) -> list[Stat]:
        """Up to ``limit`` stats of a space in key order, names starting with ``prefix`` and greater than the name
        ``after``.
        Unfinished writes are not shown."""

    @abstractmethod
    def free_bytes(self) -> int | None:
        """Room left in bytes, or None where the medium does not say."""

    def close(self) -> None:  # noqa: B027  (most media hold nothing to give back)
        """Give back what the store holds; it must not be used afterwards. Idempotent."""

    def put_many(self, values: Mapping[str, Value]) -> None:
        """Store several values in order; all are durable when it returns. A store may commit the group at once.

        If it raises, each value may or may not be stored, and none of them half.
        """
        for key, value in values.items():
            self.put(key, value)

    def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        """The values of those keys that exist."""
        found: dict[str, bytes] = {}
        for key in keys:
            try:
                found[key] = self.get(key)[0]
            except NotFound:
                continue
        return found

    def stat_many(self, keys: Sequence[str]) -> dict[str, Stat]:
        """The stats of those keys that exist."""
        found: dict[str, Stat] = {}
        for key in keys:
            try:
                found[key] = self.stat(key)
            except NotFound:
                continue
        return found
