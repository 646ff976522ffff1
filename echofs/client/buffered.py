"""Files opened through fsspec: read in blocks, and written as a whole."""

from __future__ import annotations

import io
from tempfile import SpooledTemporaryFile
from types import TracebackType

from fsspec.spec import AbstractBufferedFile

from echofs.client.errors import NotFound
from echofs.client.python_errors import python_errors

MEMORY_BYTES = 32 << 20
"""What is written stays in memory up to this size, and beyond it in a temporary file, until the file is closed."""


class ReadFile(AbstractBufferedFile):  # type: ignore[misc]
    """One version of a file. When another one comes while it is read, reading fails rather than mix the two."""

    def _fetch_range(self, start: int, end: int) -> bytes:
        with (
            python_errors(self.path),
            self.fs.client.open(self.kwargs["file"], start=start, end=end, consistency=self.fs.consistency) as part,
        ):
            content: bytes = part.read()
            return content


class WrittenFile(AbstractBufferedFile):  # type: ignore[misc]
    """A file that appears when it is closed, with all that was written, and not at all when the block it was written in
    fails. Appending reads what is there first, and fails if that was changed meanwhile."""

    def _initiate_upload(self) -> None:
        self._content = SpooledTemporaryFile(MEMORY_BYTES)  # noqa: SIM115
        self._etag = ""
        if self.mode != "ab":
            return
        client, level = self.fs.client, self.fs.consistency
        with python_errors(self.path):
            try:
                file = client.stat(self.path, consistency=level)
            except NotFound:
                return
            self._etag = file.etag
            with client.open(file, consistency=level) as present:
                for piece in present:
                    self._content.write(piece)

    def _upload_chunk(self, final: bool = False) -> bool:
        self._content.write(self.buffer.getvalue())
        if final and self.autocommit:
            self.commit()
        return True

    def commit(self) -> None:
        """Store what was written."""
        self._content.seek(0)
        with self._content, python_errors(self.path):
            self.fs.client.put(
                self.path,
                self._content,
                consistency=self.fs.consistency,
                if_match=self._etag,
                create_only=self.mode == "xb",
            )

    def discard(self) -> None:
        """Store nothing. Idempotent."""
        if self.offset is not None:
            self._content.close()
        self.closed = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.discard()
        self.close()


class WrittenText(io.TextIOWrapper):
    """Text that goes into a file to be written, which fsspec's own wrapper would store even if the block fails."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None and isinstance(self.buffer, WrittenFile):
            self.buffer.discard()
        super().__exit__(kind, error, trace)
