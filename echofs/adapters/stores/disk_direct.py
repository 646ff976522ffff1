"""Writing large values past the page cache (``O_DIRECT``).

A replica just written is rarely read soon, at least not all three of them, and the copy into the page cache is most of
what writing costs: on a virtual machine, whose kernel has to be given each fresh page by its host, four to seven times
the processor time of writing past it.
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import threading

from echofs.adapters.stores.disk_calls import DiskCalls

DIRECT_BYTES = 128 << 10
"""Smaller values gain nothing: their whole cost is the flush."""
_BLOCK = 4096
"""A multiple of the block size of every common disk; a file system that wants more answers EINVAL."""
_BUFFER_BYTES = 1 << 20
_O_DIRECT: int = getattr(os, "O_DIRECT", 0)


class DirectWriter:
    """Writes the whole blocks of a value directly, as far as the file system can. Thread-safe.

    Promises nothing about durability: the disk's own cache and the file's length still have to be flushed.
    """

    def __init__(self, calls: DiskCalls) -> None:
        self._calls = calls
        self._possible = _O_DIRECT != 0
        self._buffers = threading.local()

    def write(self, fd: int, data: memoryview) -> int:
        """Write a new file's beginning; how many bytes. The rest, at least what fills no block, is the caller's to
        write as usual. Raises OSError."""
        whole = len(data) - len(data) % _BLOCK
        if not self._possible or len(data) < DIRECT_BYTES or not self._switch(fd, on=True):
            return 0
        try:
            return self._write_blocks(fd, data[:whole])
        finally:
            self._switch(fd, on=False)

    def _write_blocks(self, fd: int, data: memoryview) -> int:
        buffer = self._buffer()
        done = 0
        while done < len(data) and done % _BLOCK == 0:
            piece = data[done : done + _BUFFER_BYTES]
            buffer[: len(piece)] = piece
            try:
                done += self._calls.write(fd, buffer[: len(piece)])
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise
                self._possible = False
                break
        return done

    def _switch(self, fd: int, *, on: bool) -> bool:
        try:
            flags = fcntl.fcntl(fd, fcntl.F_GETFL)
            fcntl.fcntl(fd, fcntl.F_SETFL, flags | _O_DIRECT if on else flags & ~_O_DIRECT)
        except OSError as error:
            if not on or error.errno != errno.EINVAL:
                raise
            self._possible = False
        return self._possible

    def _buffer(self) -> memoryview:
        """This thread's own buffer; an anonymous mapping, because direct writes need whole pages."""
        if not hasattr(self._buffers, "view"):
            self._buffers.view = memoryview(mmap.mmap(-1, _BUFFER_BYTES))
        view: memoryview = self._buffers.view
        return view
