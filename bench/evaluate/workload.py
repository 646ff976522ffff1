"""What clients do: which operation comes next, on which file, in whose session. All is drawn from one seed."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from bench.payload import KIB

_NOISE_BYTES = 4 << 20
_MOST_FILES = 400


@dataclass(frozen=True, slots=True)
class Mix:
    """Shares, of any sum: what is done, and which levels writes without conditions and reads ask for. A write with
    ``If-Match`` needs an order and asks for ``strong``."""

    kinds: Mapping[str, float]
    write_levels: Mapping[str, float]
    read_levels: Mapping[str, float]
    size: int = 8 * KIB


USUAL = Mix(
    kinds={"create": 0.22, "replace": 0.22, "conditional": 0.06, "read": 0.48, "delete": 0.02},
    write_levels={"auto": 0.7, "strong": 0.14, "hybrid": 0.06, "available": 0.1},
    read_levels={"auto": 0.4, "strong": 0.25, "hybrid": 0.15, "bounded;t=2s": 0.05, "available": 0.15},
)


def afterwards(mix: Mix) -> Mix:
    """The same load without changes to existing files: what was written before stays visible as a head."""
    kinds = dict(mix.kinds)
    moved = sum(kinds.pop(kind, 0.0) for kind in ("replace", "conditional", "delete"))
    kinds["create"] = kinds.get("create", 0.0) + moved
    return replace(mix, kinds=kinds)


@dataclass(slots=True)
class KnownFile:
    """A file as clients know it. ``only_at`` names the master that alone knows it, while it is provisional."""

    file_id: str
    path: str
    version: int
    etag: str
    digest: str
    only_at: str = ""


@dataclass(slots=True)
class Session:
    """One client's session: it asks one thing at a time and passes on the token of the last answer. It prefers the
    master at ``home``."""

    name: str
    home: str
    token: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """An operation that is due. Files made by a ``private`` one are not used by others."""

    kind: str
    level: str
    master: str
    session: Session
    file: KnownFile | None
    path: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    lines: tuple[str, ...] = ()
    private: bool = False

    @property
    def digest(self) -> str:
        """What tells its body from every other."""
        return content_digest(self.body)


def content_digest(body: bytes) -> str:
    """The first 80 bits of the SHA-256, in hexadecimal."""
    return hashlib.sha256(body).hexdigest()[:20]


class Bodies:
    """Contents that occur once in all and do not compress."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._noise = dice.randbytes(_NOISE_BYTES)
        self._count = 0

    def next(self, size: int) -> bytes:
        """Another one, of ``size`` bytes (at least 16)."""
        self._count += 1
        begin = self._dice.randrange(_NOISE_BYTES - size)
        return self._count.to_bytes(16, "big") + self._noise[begin + 16 : begin + size]


class Workload:
    """Draws orders. ``crossing`` is the share of operations that a session sends to another master than its own."""

    def __init__(self, seed: int, masters: tuple[str, ...], *, crossing: float = 0.2) -> None:
        self.dice = random.Random(f"workload {seed}")
        self.bodies = Bodies(self.dice)
        self._masters = masters
        self._crossing = crossing
        self._files: list[KnownFile] = []
        self._idle: list[Session] = []
        self._sessions = 0
        self._paths = 0

    def next(self, mix: Mix) -> Order:
        """What comes next. Its session is busy until :meth:`release`."""
        kind = _drawn(self.dice, mix.kinds)
        session = self.session()
        master = session.home
        if self.dice.random() < self._crossing:
            master = self.dice.choice(self._masters)
        file = None if kind == "create" else self._file(master)
        if file is None:
            kind = "create"
        if kind == "delete" and file is not None:
            self._files.remove(file)
        level = "strong"
        if kind != "conditional":
            level = _drawn(self.dice, mix.read_levels if kind == "read" else mix.write_levels)
        body = self.bodies.next(mix.size) if kind not in ("read", "delete") else b""
        return Order(kind, level, master, session, file, file.path if file else self.new_path(), body)

    def session(self, home: str = "") -> Session:
        """A session that waits for nothing, a new one if all do: clients do not queue behind each other."""
        fitting = [session for session in self._idle if home in ("", session.home)]
        if fitting:
            chosen = self.dice.choice(fitting)
            self._idle.remove(chosen)
            return chosen
        self._sessions += 1
        return Session(f"s{self._sessions}", home or self._masters[self._sessions % len(self._masters)])

    def release(self, session: Session) -> None:
        """The session got its answer, or has given up."""
        self._idle.append(session)

    def learn(self, file: KnownFile) -> None:
        """A file was created. Only the youngest few hundred are used again."""
        self._files.append(file)
        del self._files[:-_MOST_FILES]

    def new_path(self) -> str:
        """A path nobody has used."""
        self._paths += 1
        return f"folder{self._paths % 8}/file{self._paths:06d}"

    def _file(self, master: str) -> KnownFile | None:
        known = [file for file in self._files if file.only_at in ("", master)]
        return self.dice.choice(known) if known else None


def _drawn(dice: random.Random, shares: Mapping[str, float]) -> str:
    return dice.choices(list(shares), list(shares.values()))[0]
