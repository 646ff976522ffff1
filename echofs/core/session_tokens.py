"""What one client has seen, carried by the client itself, so that any master can tell whether an answer would take it
back in time.

Read your writes and monotonic reads after Terry et al., "Session guarantees for weakly consistent replicated data"
(1994), with version numbers in place of version vectors: committed versions of a file are in one order.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import Enum

from echofs.core.fields import Fields, canonical
from echofs.core.models import Dot, Version

REMEMBERED_FILES = 32
WAITING_PER_FILE = 4
_CLASSES = 32
_FORMAT = 1


class Unmet(Enum):
    """Why an answer would take a session back in time."""

    OLDER = "This session has seen a newer version of the file."
    WAITING = "A version that this session wrote or saw while the catalog was away is not part of this one."
    BEHIND = "This session has seen a later state of the catalog."


@dataclass(frozen=True, slots=True)
class Line:
    """What a version contains of its file's past: the committed versions up to number ``committed``, and the versions
    named in ``dots``, its own among them."""

    committed: int
    dots: frozenset[Dot] = frozenset()

    @classmethod
    def of(cls, version: Version) -> Line:
        """That of a committed version, as far as it tells itself."""
        return cls(version.number, frozenset({version.dot}))


@dataclass(frozen=True, slots=True)
class Waiting:
    """A version that was provisional when it was seen, by the number it had then."""

    dot: Dot
    number: int


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a session knows of one file: the highest ``committed`` number it wrote or saw, and the provisional versions
    that it does not know to be committed."""

    file_id: str
    committed: int
    waiting: tuple[Waiting, ...] = ()

    @property
    def highest(self) -> int:
        """The highest number of any version."""
        return max(self.committed, *(each.number for each in self.waiting), 0)


@dataclass(frozen=True, slots=True)
class Session:
    """What one client of a user has seen, the file it saw last at the end.

    It knows :data:`REMEMBERED_FILES` files exactly. Of all earlier ones it keeps, in ``faded``, the highest number in
    each of a few classes of file ids: what it forgets makes it ask for too much rather than too little. ``position`` is
    the furthest place in the catalog's changes that an answer from a copy had.
    """

    user_id: str
    sightings: tuple[Sighting, ...] = ()
    faded: tuple[int, ...] = ()
    position: int = 0

    @property
    def seen_any(self) -> bool:
        """Whether it has seen anything yet: a client without a token has not, or does not tell."""
        return bool(self.sightings or self.position)

    def of(self, file_id: str) -> Sighting:
        """What it knows of a file; number 0 if nothing."""
        known = next((seen for seen in self.sightings if seen.file_id == file_id), None)
        return known or Sighting(file_id, self.faded[_class_of(file_id)] if self.faded else 0)

    def unmet(self, file_id: str, line: Line, position: int | None = None) -> Unmet | None:
        """Why a version with that past must not be shown as if it were all that this session has seen; None if it may.

        ``position`` is that of the copy it comes from; None for what comes from no copy.
        """
        known = self.of(file_id)
        if any(each.dot not in line.dots for each in known.waiting):
            return Unmet.WAITING
        if known.committed > line.committed:
            return Unmet.OLDER
        return Unmet.BEHIND if position is not None and position < self.position else None

    def reached(self, position: int) -> Session:
        """The session once it has seen the catalog as it was at a place in its changes: no older copy will do."""
        return replace(self, position=max(self.position, position))

    def saw(self, version: Version, line: Line, *, provisional: bool = False, position: int = 0) -> Session:
        """The session once it was shown a version, or wrote it. ``provisional`` marks one that is not committed; what
        is in its ``line`` need not be waited for beside it."""
        known = self.of(version.file_id)
        waiting = [each for each in known.waiting if each.dot not in line.dots]
        if provisional:
            waiting.append(Waiting(version.dot, version.number))
        committed = max(known.committed, line.committed)
        seen = Sighting(version.file_id, committed, tuple(waiting[-WAITING_PER_FILE:]))
        return replace(self._with(seen), position=max(self.position, position))

    def settled(self, head: Version, committed: Collection[Dot]) -> Session:
        """The session once the catalog was asked for a file's ``head`` and for the versions that are waited for, of
        which it has those in ``committed``.

        A version that met a conflict is kept as another file. It is waited for until this file has grown past its
        number, so that whoever reads the file until then is told.
        """
        known = self.of(head.file_id)
        waiting = (each for each in known.waiting if each.dot not in committed or head.number < each.number)
        return self._with(replace(known, waiting=tuple(waiting)))

    def _with(self, seen: Sighting) -> Session:
        others = [each for each in self.sightings if each.file_id != seen.file_id]
        faded = list(self.faded)
        for gone in others[: max(len(others) + 1 - REMEMBERED_FILES, 0)]:
            faded = faded or [0] * _CLASSES
            faded[_class_of(gone.file_id)] = max(faded[_class_of(gone.file_id)], gone.highest)
        return replace(self, sightings=(*others, seen)[-REMEMBERED_FILES:], faded=tuple(faded))


def encode(session: Session) -> bytes:
    """The form that is sealed and given to the client: canonical JSON, compressed (RFC 1950), as ids are hexadecimal
    and headers short."""
    origins = list(dict.fromkeys(each.dot.origin for seen in session.sightings for each in seen.waiting))
    fields = {
        "v": _FORMAT,
        "u": session.user_id,
        "p": session.position,
        "o": origins,
        "s": [_sighting_fields(seen, origins) for seen in session.sightings],
        "f": list(session.faded),
    }
    return zlib.compress(canonical(fields), zlib.Z_BEST_SPEED)


def decode(raw: bytes) -> Session:
    """Inverse of :func:`encode`. Raises ValueError for anything else. ``raw`` must come out of a seal: it may say that
    it is very long."""
    try:
        fields = Fields.parsed(zlib.decompress(raw), "session token")
    except zlib.error:
        raise ValueError("not a session token") from None
    if fields.number("v") != _FORMAT:
        raise ValueError("a session token of another format")
    origins = fields.texts("o")
    faded = tuple(fields.integer(number, "f") for number in fields.items("f"))
    if len(faded) not in (0, _CLASSES):
        raise ValueError("a session token with another number of classes")
    sightings = tuple(_sighting(item, origins, fields) for item in fields.items("s"))
    return Session(fields.text("u"), sightings[-REMEMBERED_FILES:], faded, fields.number("p"))


def _sighting_fields(seen: Sighting, origins: list[str]) -> list[object]:
    """Its file and number, then three numbers for each version waited for."""
    fields: list[object] = [seen.file_id, seen.committed]
    for each in seen.waiting:
        fields += [origins.index(each.dot.origin), each.dot.counter, each.number]
    return fields


def _sighting(item: object, origins: tuple[str, ...], fields: Fields) -> Sighting:
    match item:
        case [str(file_id), *rest] if len(rest) % 3 == 1:
            committed, *numbers = [fields.integer(each, "s") for each in rest]
            if all(origin < len(origins) for origin in numbers[::3]):
                triples = zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True)
                waiting = (Waiting(Dot(origins[origin], counter), number) for origin, counter, number in triples)
                return Sighting(file_id, committed, tuple(waiting))
    raise ValueError("a session token's sighting is a file, its number and what is waited for")


def _class_of(file_id: str) -> int:
    return zlib.crc32(file_id.encode()) % _CLASSES
