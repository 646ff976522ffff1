"""The nouns of EchoFS as frozen values. Times are integers: microseconds since the Unix epoch, UTC."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

Timestamp = int
"""Microseconds since the Unix epoch, UTC."""

Digest = str
"""SHA-256 of plain bytes, 64 lower-case hexadecimal digits."""


class Role(StrEnum):
    """What a user may do."""

    USER = "user"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class User:
    """A registered person. ``token_epoch`` grows whenever all tokens issued before must stop working; ``quota_bytes``
    is how much the user may store, None for as much as there is room."""

    id: str
    name: str
    email: str
    role: Role
    password_hash: str = field(repr=False)
    token_epoch: int
    disabled: bool
    created_at: Timestamp
    quota_bytes: int | None = None
    last_login_at: Timestamp | None = None


class Level(StrEnum):
    """Consistency levels, strongest first."""

    STRONG = "strong"
    HYBRID = "hybrid"
    AVAILABLE = "available"


@dataclass(frozen=True, slots=True)
class Dot:
    """A version's unique name: ``origin`` is the process that made it, ``counter`` grows within that process.

    Dots make retries and replays idempotent (Preguiça et al., "Dotted Version Vectors", 2010).
    """

    origin: str
    counter: int


class Kind(StrEnum):
    """What a version changed."""

    CONTENT = "content"
    MOVE = "move"
    TOMBSTONE = "tombstone"


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of a version: equal chunks of ``chunk_size`` plain bytes, the last one shorter.

    ``digest`` is the SHA-256 of the whole file. Up to ``chunking.INLINE_CHUNKS`` chunk digests stand in ``inline``,
    32 raw bytes each; of a larger file, ``lists`` holds the digests of chunks that hold the digests
    (``chunking.DIGESTS_PER_LIST`` in each).
    """

    size: int
    digest: Digest
    chunk_size: int
    inline: bytes = b""
    lists: bytes = b""


def etag_of(content_version: int, digest: Digest) -> str:
    """The etag of bytes that a version brought; see :attr:`Version.etag`."""
    return f"{content_version}-{digest[:32]}"


@dataclass(frozen=True, slots=True)
class Version:
    """One immutable committed state of a file.

    ``number`` counts from 1 without gaps; ``parent`` is the number before it (0 for the first). ``content_version`` is
    the version that brought the present bytes, so a move keeps its etag. ``manifest`` is the digest of the chunk that
    describes this version on the workers.
    """

    file_id: str
    number: int
    parent: int
    kind: Kind
    path: str
    content: Content
    content_type: str
    content_version: int
    manifest: Digest
    dot: Dot
    created_at: Timestamp

    @property
    def etag(self) -> str:
        """Opaque token for the bytes: equal only for the same content in the same place of the history."""
        return etag_of(self.content_version, self.content.digest)


@dataclass(frozen=True, slots=True)
class File:
    """A named path of one user and its head."""

    id: str
    owner_id: str
    head: Version
    created_at: Timestamp

    @property
    def path(self) -> str:
        """Where the file lives: parts joined by ``/``, no leading slash."""
        return self.head.path

    @property
    def deleted(self) -> bool:
        """Whether the head is a tombstone."""
        return self.head.kind is Kind.TOMBSTONE


@dataclass(frozen=True, slots=True)
class ChunkRecord:
    """Where a chunk was made durable (``replicas``) and where it is still owed (``owed``); both hold worker ids."""

    digest: Digest
    size: int
    replicas: tuple[str, ...]
    owed: tuple[str, ...] = ()


class ChunkKind(IntEnum):
    """What a chunk's bytes are. The master says so in the frame, never the bytes themselves: a user may upload any
    bytes, and those of a manifest too."""

    CONTENT = 0
    MANIFEST = 1
    LIST = 2
    """Digests of chunks of content, 32 bytes each."""
    ENTRY = 3
    """A copy of a journal's entry, for the case that its host does not return. The only kind that may be removed."""


class ChunkState(StrEnum):
    """Where a chunk stands on its way out. A commit needs ``live`` and may bring ``condemned`` back."""

    LIVE = "live"
    CONDEMNED = "condemned"
    DELETING = "deleting"


@dataclass(frozen=True, slots=True)
class OwedReplica:
    """An outbox row: ``worker_id`` should hold ``digest`` and does not yet. State, not a message."""

    digest: Digest
    worker_id: str
    reason: str
    due_at: Timestamp
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class IdempotencyRecord:
    """The outcome remembered for a client's Idempotency-Key. ``fingerprint`` identifies the request, ``answer`` is the
    JSON given to it."""

    owner_id: str
    key: str
    fingerprint: str
    answer: str
    created_at: Timestamp


class ConflictState(StrEnum):
    """Whether a conflict waits for its owner."""

    OPEN = "open"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class ConflictRecord:
    """Two versions that followed the same one, or wanted the same path, and what was made of them.

    ``id`` is the dot of the version that came later, ``file_id`` and ``path`` are what it meant to change. ``rule``
    says which rule decided. ``entry`` is its journal entry while the conflict is open, ``""`` afterwards. ``kept``
    names the versions that hold what became of it, each by its file's id and its number.
    """

    id: str
    owner_id: str
    file_id: str
    path: str
    rule: str
    state: ConflictState
    created_at: Timestamp
    entry: str = ""
    kept: tuple[tuple[str, int], ...] = ()
    resolved_at: Timestamp | None = None


class FloorScope(StrEnum):
    """What a floor holds for, the most particular first: it wins over those after it."""

    FILE = "file"
    FOLDER = "folder"
    USER = "user"


@dataclass(frozen=True, slots=True)
class Floor:
    """The weakest level that an owner accepts for a file (``key`` is its id), for all in a folder and below it (its
    path), or for everything (``""``). What is ``critical`` has the floor ``strong``."""

    owner_id: str
    scope: FloorScope
    key: str
    level: Level
    critical: bool = False


class MemberState(StrEnum):
    """How a worker stands. The first three serve requests; a draining one only reads."""

    JOINING = "joining"
    """New, and heard only once so far: it takes chunks where others fail."""
    UP = "up"
    DRAINING = "draining"
    """Up, and to be emptied: it takes no new chunks."""
    SUSPECT = "suspect"
    DOWN = "down"
    GONE = "gone"
    """Removed by an operator: never asked, and owed nothing."""

    @property
    def serving(self) -> bool:
        """Whether requests to the worker are expected to succeed."""
        return self in (MemberState.JOINING, MemberState.UP, MemberState.DRAINING)


class Intent(StrEnum):
    """What the operator wants of a worker, whatever state it is in."""

    UP = "up"
    DRAINING = "draining"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Member:
    """A worker as the controller knows it.

    ``url`` is where its internal routes answer, ``zone`` its failure domain, ``weight`` its share of placement (0 takes
    no new chunks), ``store_id`` the identity of its disk or bucket, ``free_bytes`` None when unknown.
    """

    worker_id: str
    url: str
    zone: str
    weight: float = 1.0
    state: MemberState = MemberState.UP
    store_id: str = ""
    free_bytes: int | None = None
    intent: Intent = Intent.UP

    @property
    def takes_chunks(self) -> bool:
        """Whether new chunks may be given to it, once it is up."""
        return self.weight > 0 and self.intent is Intent.UP
