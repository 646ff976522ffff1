"""Segments of a disk store: append-only files that many values share, so that a whole group costs one flush.

This is the layout of log-structured stores (Rosenblum and Ousterhout, SOSP 1991; Beaver et al., "Finding a needle in
Haystack", OSDI 2010). After a failed flush the kernel may have dropped the dirty pages and marked them clean, so that
a second flush would succeed without the bytes being anywhere (Rebello et al., "Can Applications Recover from fsync
Failures?", USENIX ATC 2020): a segment on which any call failed is never written or flushed again.
"""

from __future__ import annotations

import errno
import mmap
import os
import re
import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from echofs.adapters.stores.disk_calls import DiskCalls
from echofs.adapters.stores.disk_entries import BLOCK, Entry, SegmentHeader, head_of, padding
from echofs.ports.object_store import Value

FOLDER = "segments"
SEGMENT_BYTES = 256 << 20
"""A segment that has grown beyond this gets no more entries."""
DIRECT_BYTES = 128 << 10
"""Groups from this size on are written past the page cache.

A replica just written is rarely read soon, at least not all three, and the copy into the page cache is most of what
writing costs: on a virtual machine, whose host has to provide each fresh page, four to seven times the processor time
of writing past it. Smaller groups gain nothing, and are worth keeping in the cache.
"""
_BUFFER_BYTES = 1 << 20
_NAME = re.compile(r"([0-9a-f]{8,16})\.seg")


class Segment:
    """One segment open for appending, by one thread at a time."""

    def __init__(self, calls: DiskCalls, fd: int, header: SegmentHeader) -> None:
        self.id = header.segment
        self.end = 0
        self._calls = calls
        self._fd = fd
        self._seed = header.seed
        self._direct = False
        self._buffer = memoryview(mmap.mmap(-1, _BUFFER_BYTES))
        self._write([header.pack()])

    def append(self, values: Sequence[tuple[str, Value, int]]) -> list[Entry]:
        """Write values under their keys and stamps; where they lie. Durable when it returns.

        Raises OSError; the segment must then be let go of.
        """
        entries: list[Entry] = []
        parts: list[Value] = []
        at = self.end
        for key, value, stamp in values:
            head = head_of(key, value, stamp, self._seed)
            entries.append(Entry(key, at + len(head), len(value), stamp))
            parts += (head, value)
            at += len(head) + len(value)
        parts.append(padding(at))
        self._choose_way(at - self.end)
        self._write(parts)
        self._calls.flush(self._fd)
        if os.fstat(self._fd).st_nlink == 0:
            raise FileNotFoundError(errno.ENOENT, "its segment was removed by somebody")
        return entries

    def flush(self) -> None:
        """Make what was written so far durable. Raises OSError."""
        self._calls.flush(self._fd)

    def close(self) -> None:
        """Append nothing more. Idempotent."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _choose_way(self, size: int) -> None:
        directly = size >= DIRECT_BYTES
        if directly is not self._direct:
            self._direct = self._calls.write_directly(self._fd, on=directly)

    def _write(self, parts: Sequence[Value]) -> None:
        """Write whole blocks at the end, through a buffer of whole pages."""
        filled = 0
        for part in parts:
            rest = memoryview(part).cast("B")
            while rest:
                piece = rest[: _BUFFER_BYTES - filled]
                self._buffer[filled : filled + len(piece)] = piece
                filled += len(piece)
                rest = rest[len(piece) :]
                if filled == _BUFFER_BYTES:
                    self._write_out(filled)
                    filled = 0
        self._write_out(filled)

    def _write_out(self, size: int) -> None:
        done = 0
        while done < size:
            try:
                done += self._calls.write(self._fd, self._buffer[done:size], self.end + done)
            except OSError as error:
                # A short write may leave no whole blocks for the next one, and some file systems want larger ones.
                if error.errno != errno.EINVAL or not self._direct:
                    raise
                self._direct = self._calls.write_directly(self._fd, on=False)
        self.end += size


class Segments:
    """The folder of segments below the open ``root``. Thread-safe.

    Threads that write at the same time write to different segments, each with its own flush under way.
    """

    def __init__(self, root: int, calls: DiskCalls, *, used: int) -> None:
        """``used`` is the largest number any segment ever had, as far as is known. Raises OSError."""
        self._root = root
        self._calls = calls
        self._lock = threading.Lock()
        self._idle: list[Segment] = []
        self._open: set[int] = set()
        self._make_folder()
        self._last = max([used, *self.ids()])

    def ids(self) -> list[int]:
        """Numbers of all segments, ascending. Raises OSError."""
        fd = self._calls.open_folder(self._root, FOLDER)
        try:
            return sorted(int(match[1], 16) for name in os.listdir(fd) if (match := _NAME.fullmatch(name)))
        finally:
            os.close(fd)

    def growing(self) -> frozenset[int]:
        """Segments that may still get entries."""
        with self._lock:
            return frozenset(self._open)

    @contextmanager
    def appending(self) -> Iterator[Segment]:
        """A segment for the caller alone. It is used again afterwards, unless it is full or the caller failed."""
        segment = self._take()
        try:
            yield segment
        except BaseException:
            self._retire(segment)
            raise
        if segment.end >= SEGMENT_BYTES:
            self._retire(segment)
        else:
            with self._lock:
                self._idle.append(segment)

    def read(self, segment: int, wanted: Sequence[tuple[int, int]]) -> list[bytes]:
        """The bytes at each offset and of each length, fewer where the file ends before. Raises OSError."""
        with self.reading(segment) as fd:
            return [read_at(self._calls, fd, at, size) for at, size in wanted]

    def size(self, segment: int) -> int:
        """Bytes in a segment; 0 when it is gone. Raises OSError."""
        try:
            return os.stat(_path(segment), dir_fd=self._root).st_size
        except FileNotFoundError:
            return 0

    @contextmanager
    def reading(self, segment: int) -> Iterator[int]:
        """A descriptor, good also when the segment is removed meanwhile. Raises OSError."""
        fd = self._calls.open(self._root, _path(segment))
        try:
            yield fd
        finally:
            os.close(fd)

    def header(self, segment: int) -> SegmentHeader:
        """Raises OSError, and ValueError when there is no good one."""
        [block] = self.read(segment, [(0, BLOCK)])
        return SegmentHeader.unpack(block)

    def remove(self, segment: int) -> None:
        """Remove a segment that gets no more entries, durably. Idempotent. Raises OSError."""
        with suppress(FileNotFoundError):
            self._calls.unlink(self._root, _path(segment))
        self._flush_folder(FOLDER)

    def close(self) -> None:
        """Append nothing more. Idempotent."""
        with self._lock:
            idle, self._idle = self._idle, []
        for segment in idle:
            self._retire(segment)

    def _make_folder(self) -> None:
        try:
            with suppress(FileExistsError):
                self._calls.mkdir(self._root, FOLDER)
            # Also when the folder was there: a process that died may have made it without flushing.
            self._flush_folder(".")
        except OSError as error:
            # A disk that went read-only must still open, for reading.
            if error.errno != errno.EROFS:
                raise

    def _take(self) -> Segment:
        with self._lock:
            if self._idle:
                return self._idle.pop()
            self._last += 1
            header = SegmentHeader(self._last, secrets.randbits(64))
            self._open.add(header.segment)
        try:
            return self._create(header)
        except BaseException:
            with self._lock:
                self._open.discard(header.segment)
            raise

    def _create(self, header: SegmentHeader) -> Segment:
        fd = self._calls.create(self._root, _path(header.segment))
        try:
            segment = Segment(self._calls, fd, header)
            # The header must not be lost when later blocks are not: without it none of them can be checked.
            segment.flush()
            self._flush_folder(FOLDER)
        except BaseException:
            os.close(fd)
            with suppress(OSError):
                self._calls.unlink(self._root, _path(header.segment))
            raise
        return segment

    def _retire(self, segment: Segment) -> None:
        segment.close()
        with self._lock:
            self._open.discard(segment.id)

    def _flush_folder(self, path: str) -> None:
        fd = self._calls.open_folder(self._root, path)
        try:
            self._calls.flush_folder(fd)
        finally:
            os.close(fd)


def read_at(calls: DiskCalls, fd: int, at: int, size: int) -> bytes:
    """Bytes from an offset, fewer only at the end of the file. Raises OSError."""
    data = calls.read(fd, size, at)
    while len(data) < size and (more := calls.read(fd, size - len(data), at + len(data))):
        data += more
    return data


def _path(segment: int) -> str:
    return f"{FOLDER}/{segment:08x}.seg"
