"""Multipart forms (RFC 7578) read as they arrive: the file part flows on, small fields are kept, nothing is spooled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import multipart
from flask import Request

from echofs.core.errors import BodyMismatch, InvalidRequest, TooLarge, UnsupportedType
from echofs.web import bodies

MAX_PARTS = 64
MAX_FIELD_BYTES = 64 << 10
FILE_FIELD = "file"


class Sink(Protocol):
    """Takes the bytes of the file part."""

    def write(self, data: bytes, /) -> None:
        """Take the next bytes."""


class Form:
    """A form whose file part goes to ``sink`` while the others collect in ``fields``."""

    def __init__(self, sink: Sink) -> None:
        self.fields: dict[str, str] = {}
        self.filename = ""
        self.content_type = ""
        self._sink = sink
        self._file_seen = False

    def read(self, request: Request) -> None:
        """Take the whole body.

        Raises :class:`UnsupportedType` (no boundary), :class:`BodyMismatch` (it breaks off), :class:`TooLarge` (too
        many or too long parts), :class:`InvalidRequest` (malformed, no file part or two of them).
        """
        boundary = request.mimetype_params.get("boundary")
        if not boundary:
            raise UnsupportedType("A multipart form needs a boundary in its Content-Type.", field="Content-Type")
        try:
            self._parse(request, boundary)
        except multipart.ParserLimitReached as error:
            raise TooLarge(f"The form has too many or too long parts or headers ({error}).") from error
        except (multipart.MultipartError, UnicodeError) as error:
            raise InvalidRequest(f"The multipart form is malformed or incomplete ({error}).") from error
        if not self._file_seen:
            raise InvalidRequest(f"The form has no part named {FILE_FIELD}.", field=FILE_FIELD)

    def _parse(self, request: Request, boundary: str) -> None:
        parser = multipart.PushMultipartParser(boundary, max_segment_count=MAX_PARTS)
        take: Callable[[bytes], None] | None = None
        kept = bytearray()
        name = ""
        for piece in bodies.verified_pieces(request):
            for event in parser.parse(piece):
                if isinstance(event, multipart.MultipartSegment):
                    name = event.name or ""
                    kept.clear()
                    take = self._begin_part(event, kept)
                elif event is None:
                    if name != FILE_FIELD:
                        self.fields[name] = kept.decode()
                elif take is not None:
                    take(event)
        try:
            parser.close()
        except multipart.MultipartError as error:
            raise BodyMismatch("The form ends before its closing boundary; nothing was stored.") from error

    def _begin_part(self, part: multipart.MultipartSegment, kept: bytearray) -> Callable[[bytes], None]:
        if part.name == FILE_FIELD:
            if self._file_seen:
                raise InvalidRequest("The form has two file parts; send one file a request.", field=FILE_FIELD)
            self._file_seen = True
            self.filename = part.filename or ""
            self.content_type = part.content_type or ""
            return self._sink.write

        def keep(data: bytes) -> None:
            if len(kept) + len(data) > MAX_FIELD_BYTES:
                raise TooLarge(f"The form field is longer than {MAX_FIELD_BYTES} bytes.", field=part.name)
            kept.extend(data)

        return keep
