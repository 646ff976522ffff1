"""What the client gives back: small frozen values, read from the master's JSON.

Fields that this release does not know are ignored, so that an older client works with a newer master.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from echofs.client.errors import UnexpectedAnswer

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Value:
    """Parent of all of them."""

    @classmethod
    def parsed(cls, found: Json) -> Self:
        """One as the master wrote it. Raises :class:`UnexpectedAnswer` when a field is missing or makes no sense."""
        try:
            return cls(**cls._read({name: value for name, value in found.items() if name in cls.__dataclass_fields__}))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise UnexpectedAnswer(f"The answer is not what a {cls.__name__} looks like; is this EchoFS?") from error

    @classmethod
    def _read(cls, known: dict[str, Any]) -> dict[str, Any]:
        for name, value in known.items():
            if name.endswith("_at") and value is not None:
                known[name] = datetime.fromisoformat(value)
            elif isinstance(value, list):
                known[name] = tuple(value)
        return known


@dataclass(frozen=True, slots=True)
class Version(Value):
    """One state of a file. ``digest`` is the SHA-256 of its bytes in hexadecimal, ``size`` is in bytes, ``kind`` is
    ``content``, ``move`` or ``tombstone``."""

    path: str
    name: str
    folder: str
    version: int
    kind: str
    size: int
    digest: str
    content_type: str
    etag: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class FileInfo(Version):
    """A file as it is now: its id for life, and its present version."""

    id: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Folder(Value):
    """A folder; ``parent`` is ``""`` for the root."""

    path: str
    name: str
    parent: str


@dataclass(frozen=True, slots=True)
class TrashedFile(Value):
    """A deleted file that can be restored until ``expires_at`` (None: for ever)."""

    id: str
    path: str
    name: str
    folder: str
    size: int
    version: int
    deleted_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class UnfinishedUpload(Value):
    """An upload of ``length`` bytes of which ``offset`` have arrived; it can be gone on with until ``expires_at``."""

    id: str
    path: str
    offset: int
    length: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Receipt(Value):
    """What a write got: durable copies (``replicas`` in ``zones``) of the chunk that has fewest, ``owed`` copies still
    to be made, and the level met. ``provisional``: durable on one master's disk, not yet in the catalog."""

    mode_requested: str
    mode_used: str
    version: int
    dot: str
    replicas: int
    replicas_wanted: int
    zones: int
    workers: tuple[str, ...]
    owed: int
    committed: bool
    provisional: bool
    guarantee: str
    latency_ms: float
    spooled: bool = False
    degraded: bool = False
    decision: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ReadReceipt(Value):
    """What a read got: the file's present version at most ``staleness_ms`` milliseconds before (None: not known)."""

    mode_used: str
    staleness_ms: int | None = None
    guarantee: str = ""
    provisional: bool = False
    degraded: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class WorkerCount(Value):
    """How many chunks of a version one worker holds."""

    worker_id: str
    chunks: int


@dataclass(frozen=True, slots=True)
class ReplicaCount(Value):
    """The copies of a file as just counted on the workers; ``unreachable`` ones may hold more."""

    version: int
    chunks: int
    replicas: int
    replicas_wanted: int
    zones: int
    complete: bool
    workers: tuple[WorkerCount, ...]
    unreachable: tuple[str, ...]

    @classmethod
    def _read(cls, known: dict[str, Any]) -> dict[str, Any]:
        known["workers"] = tuple(WorkerCount.parsed(row) for row in known["workers"])
        known["unreachable"] = tuple(known["unreachable"])
        return known


@dataclass(frozen=True, slots=True)
class User(Value):
    """An account as its owner sees it."""

    id: str
    username: str
    email: str
    role: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Usage(Value):
    """What a user's files take: ``bytes`` of present versions, ``trash_bytes`` of deleted files. ``quota_bytes`` is
    None without a quota."""

    files: int
    bytes: int
    trash_bytes: int
    quota_bytes: int | None


@dataclass(frozen=True, slots=True)
class WorkerHealth(Value):
    """A worker as the master sees it."""

    worker_id: str
    zone: str
    state: str
    reachable: bool
    free_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Health(Value):
    """How the master is: ``ok``, ``degraded`` or ``unavailable``, with a sentence for each thing that is wrong."""

    status: str
    role: str
    version: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stored:
    """A file that was written, and the receipt of the write. ``created``: nothing was there before. ``replayed``: an
    earlier attempt had already done it."""

    file: FileInfo
    receipt: Receipt
    created: bool = False
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class ConflictInfo(Value):
    """What became of a version that met another one; ``state`` is ``open`` or ``resolved``."""

    id: str
    file_id: str
    path: str
    rule: str
    state: str
    created_at: datetime
