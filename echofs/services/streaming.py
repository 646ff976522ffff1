"""Streaming byte ranges of a version, a few chunks ahead of the client."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from echofs.core import chunking
from echofs.core.chunking import DIGESTS_PER_LIST, Span
from echofs.core.errors import Unavailable
from echofs.core.models import Content, Digest
from echofs.services.memory import MemoryBudget
from echofs.services.reading import ChunkReader

GROUP_CHUNKS = 4
GROUPS_AHEAD = 3
"""Groups of chunks that are fetched before the client asks for them; fewer when the memory budget is short."""


@dataclass(frozen=True, slots=True)
class _Group:
    """Chunks fetched together, on their way; ``held`` bytes of the memory budget are theirs."""

    parts: list[tuple[Span, Digest]]
    chunks: Future[dict[Digest, bytes]]
    held: int


class _Pieces(Iterator[bytes]):
    """The pieces of a download, the first of them read already.

    It can be closed at any time, also before it is used: a server does so when its client is gone, and the memory that
    the groups ahead hold must not wait for a garbage collector.
    """

    def __init__(self, pieces: Generator[bytes, None, None]) -> None:
        self._pieces = pieces
        self._first: bytes | None = next(pieces)

    def __next__(self) -> bytes:
        if self._first is None:
            return next(self._pieces)
        first, self._first = self._first, None
        return first

    def close(self) -> None:
        """Stop fetching and give the memory back. Idempotent."""
        self._first = None
        self._pieces.close()


class FileReader:
    """Thread-safe; its threads start with the first file of several chunks, never before a fork."""

    def __init__(self, chunks: ChunkReader, budget: MemoryBudget, *, threads: int = 8) -> None:
        self._chunks = chunks
        self._budget = budget
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="reader")

    def stream(self, content: Content, first: int, last: int) -> Iterator[bytes]:
        """The bytes ``first`` to ``last`` inclusive, in pieces of at most one chunk. Close the iterator, where it has
        a ``close``, when not all of them are wanted.

        The first piece is read before this returns, so that an unreadable file is an error and not half an answer.
        Raises :class:`ChunkUnavailable` or :class:`Unavailable`, while iterating too.
        """
        if last < first:
            return iter(())
        if first // content.chunk_size == last // content.chunk_size:
            return iter((self._single(content, first, last),))
        return _Pieces(self._read_ahead(content, first, last))

    def stop(self) -> None:
        """End the threads. Idempotent."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def digests(self, content: Content, start: int = 0) -> Iterator[Digest]:
        """The digests of a version's chunks from index ``start`` on, reading the lists of a large file as it goes."""
        if content.inline:
            yield from chunking.unpack_digests(content.inline)[start:]
            return
        skip = start % DIGESTS_PER_LIST
        for digest in chunking.unpack_digests(content.lists)[start // DIGESTS_PER_LIST :]:
            yield from chunking.unpack_digests(self._chunks.read([digest])[digest])[skip:]
            skip = 0

    def _single(self, content: Content, first: int, last: int) -> bytes:
        span = next(chunking.spans(content, first, last))
        digest = next(self.digests(content, span.index))
        # Any worker may be the first to ask; the digest spreads files over them.
        return _cut(self._chunks.read([digest], int(digest[:8], 16))[digest], span)

    def _read_ahead(self, content: Content, first: int, last: int) -> Generator[bytes, None, None]:
        # The spans come first: they end with the range, whereas the digests go on and might fetch a list for nothing.
        parts = zip(
            chunking.spans(content, first, last), self.digests(content, first // content.chunk_size), strict=False
        )
        ahead: deque[_Group] = deque()
        turns = itertools.count()
        try:
            while True:
                self._fill(ahead, parts, turns, content.chunk_size)
                if not ahead:
                    return
                group = ahead.popleft()
                try:
                    plain = group.chunks.result()
                finally:
                    self._budget.release(group.held)
                for span, digest in group.parts:
                    yield _cut(plain[digest], span)
        finally:
            for group in ahead:
                group.chunks.cancel()
                self._budget.release(group.held)

    def _fill(
        self, ahead: deque[_Group], parts: Iterator[tuple[Span, Digest]], turns: Iterator[int], chunk_size: int
    ) -> None:
        """Start fetching what comes next. Every download may have one group beyond the budget, so that none can be
        starved."""
        while len(ahead) < GROUPS_AHEAD:
            size = GROUP_CHUNKS * chunk_size if ahead else 0
            if size and not self._budget.try_acquire(size):
                return
            group = None
            try:
                group = self._start(parts, turns, size)
            finally:
                # Looking for the next digests may mean reading a list of them, which may fail.
                if group is None:
                    self._budget.release(size)
            if group is None:
                return
            ahead.append(group)

    def _start(self, parts: Iterator[tuple[Span, Digest]], turns: Iterator[int], size: int) -> _Group | None:
        group = list(itertools.islice(parts, GROUP_CHUNKS))
        if not group:
            return None
        digests = [digest for _, digest in group]
        try:
            reading = self._pool.submit(self._chunks.read, digests, next(turns))
        except RuntimeError as error:
            raise Unavailable("This master is stopping or short of threads; try again shortly.") from error
        return _Group(group, reading, size)


def _cut(plain: bytes, span: Span) -> bytes:
    return plain if span.stop - span.start == len(plain) else plain[span.start : span.stop]
