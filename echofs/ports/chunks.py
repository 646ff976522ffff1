"""How chunks look on the wire and on a disk, and how masters reach workers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from echofs.core.models import ChunkKind, Digest, Member


@dataclass(frozen=True, slots=True)
class Frame:
    """A chunk as it is sent and stored: a self-describing header and a payload.

    ``parts`` are the buffers that, one after the other, make the frame (two, so that a payload need not be copied
    behind its header); ``size`` is the plain length in bytes.
    """

    digest: Digest
    size: int
    parts: tuple[bytes | memoryview, ...] = field(repr=False)
    kind: ChunkKind = ChunkKind.CONTENT

    def __len__(self) -> int:
        return sum(len(part) for part in self.parts)


class ChunkCodec(ABC):
    """Turns plain chunks into frames and back. Stateless and safe to share between threads."""

    @abstractmethod
    def encode(
        self, plain: bytes | memoryview, digest: Digest | None = None, kind: ChunkKind = ChunkKind.CONTENT
    ) -> Frame:
        """Frame a chunk, compressed where that saves space. The SHA-256 is computed unless ``digest`` brings it."""

    @abstractmethod
    def split(self, body: bytes | memoryview) -> list[Frame]:
        """The frames of a batch, each verified by its checksum and in one part, a view into ``body``.

        Raises :class:`CorruptFrame` if any frame is malformed, longer than a chunk, or fails its checksum.
        """

    @abstractmethod
    def decode(self, data: bytes | memoryview, digest: Digest, *, check_digest: bool = False) -> bytes:
        """The plain bytes of a frame that must carry ``digest``.

        The checksum over the frame is always verified; ``check_digest`` computes the SHA-256 too. Never allocates more
        than the chunk size. Raises :class:`CorruptFrame`.
        """


@dataclass(frozen=True, slots=True)
class StoreReply:
    """What one worker answered to one batch. ``batch`` is the number :meth:`StoreExchange.send` gave it; ``failed`` has
    a reason for each chunk the worker did not make durable."""

    batch: int
    worker_id: str
    stored: tuple[Digest, ...]
    failed: Mapping[Digest, str]
    unreachable: bool = False
    full: bool = False


class StoreExchange(ABC):
    """Batches under way to several workers at once, driven by one thread: send, wait, send more, wait again."""

    @abstractmethod
    def send(self, member: Member, frames: Sequence[Frame]) -> int:
        """Start sending frames to a worker and number the batch; several sends to one worker are separate batches.
        Never raises for a worker's failure: that arrives as a reply."""

    @abstractmethod
    def wait(self, timeout: float) -> list[StoreReply]:
        """Move bytes until at least one reply is complete or ``timeout`` seconds passed; the replies, or an empty list.
        A worker that does not move for the client's time limit is answered for with ``unreachable``."""

    @abstractmethod
    def wake(self) -> None:
        """Make a :meth:`wait` in progress, or the next one, return at once. The only method other threads may call."""

    @property
    @abstractmethod
    def pending(self) -> bool:
        """Whether any reply is still to come."""

    @abstractmethod
    def abandon(self, worker_id: str) -> None:
        """Stop waiting for a worker: all its pending batches are answered for with ``unreachable``."""

    @abstractmethod
    def close(self) -> None:
        """Give up what is pending and free its connections. Idempotent."""


class Fetch(ABC):
    """A fetch whose request is on its way. Not thread-safe, but threads may take turns."""

    @abstractmethod
    def within(self, seconds: float) -> dict[Digest, bytes | memoryview] | None:
        """What :meth:`WorkerClient.fetch` returns, or raises; None if the answer is not whole after so many seconds,
        and at once if its connection turned out to be dead; it can still be waited for then."""

    @abstractmethod
    def result(self) -> dict[Digest, bytes | memoryview]:
        """The same, waited for as long as by a fetch."""


class WorkerClient(ABC):
    """Internal calls from masters and jobs to workers. Safe to share between threads.

    Methods raise :class:`StoreUnavailable` when the worker cannot be reached, refuses, or does not answer in time.
    """

    @abstractmethod
    def exchange(self) -> StoreExchange:
        """A new exchange for storing batches."""

    @abstractmethod
    def fetch(self, member: Member, digests: Sequence[Digest]) -> dict[Digest, bytes | memoryview]:
        """Frames of those chunks the worker has, as stored: undecoded and unverified."""

    def begin_fetch(self, member: Member, digests: Sequence[Digest]) -> Fetch | None:
        """Send the request of a fetch, if that can be done without waiting for anything; else None, and nothing is
        sent. Whoever gets one waits for it to its end."""
        return None

    @abstractmethod
    def present(self, member: Member, digests: Iterable[Digest]) -> set[Digest]:
        """Which of the chunks the worker holds now."""

    @abstractmethod
    def listed(self, member: Member, kind: ChunkKind, after: Digest = "") -> list[Digest]:
        """A page of the chunks of one kind that the worker holds, in the order of their digests, all greater than
        ``after``; empty when there are no more. Their bytes are not looked at."""

    @abstractmethod
    def remove(self, member: Member, kind: ChunkKind, digests: Sequence[Digest]) -> None:
        """Have the worker forget chunks of one kind. Idempotent. Workers refuse any kind but ``ENTRY``."""

    @abstractmethod
    def health(self, member: Member) -> dict[str, object]:
        """The worker's own account of itself."""
