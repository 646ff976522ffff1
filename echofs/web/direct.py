"""Reading bodies with one copy, from the socket to where they are wanted.

Gunicorn's body reader copies every byte four times on its way to the application, a fifth of a worker's time. Where its
inner parts look as expected the bytes are received in place; anything else is read the ordinary way. The parts are
private, so a test drives this through a real gunicorn and requires that the short way is taken.
"""

from __future__ import annotations

import socket
import threading
from typing import Any

_own = threading.local()


def read_whole(stream: Any, length: int) -> memoryview:
    """The ``length`` bytes of a body that declared so many; fewer when it ends before. Raises OSError.

    They lie in a buffer that the thread keeps and fills anew at its next call: fresh memory for every batch would cost
    more than the copy into it.
    """
    if not receive_in_place(stream):
        return memoryview(stream.read(length))
    if len(getattr(_own, "buffer", b"")) < length:
        _own.buffer = bytearray(length)
    body = memoryview(_own.buffer)[:length]
    early = _buffered(stream.reader, length)
    body[: len(early)] = early
    filled = len(early)
    while filled < length:
        received = stream.reader.unreader.sock.recv_into(body[filled:], 0, socket.MSG_WAITALL)
        if not received:
            break
        stream.reader.length -= received
        filled += received
    return body[:filled]


def read_piece(stream: Any, size: int) -> bytes:
    """The next ``size`` bytes of a body, fewer only at its end or where the connection broke. Raises OSError where it
    broke and no byte was left to give."""
    if not receive_in_place(stream):
        piece: bytes = stream.read(size)
        return piece
    wanted = min(size, stream.reader.length)
    parts = [_buffered(stream.reader, wanted)]
    missing = wanted - len(parts[0])
    try:
        while missing and (received := stream.reader.unreader.sock.recv(missing, socket.MSG_WAITALL)):
            stream.reader.length -= len(received)
            missing -= len(received)
            parts.append(received)
    except OSError:
        # What arrived before may count; the next call finds the connection broken, or at its end.
        if not any(parts):
            raise
    return b"".join(parts) if parts[0] or len(parts) != 2 else parts[1]


def receive_in_place(stream: Any) -> bool:
    """Whether a ``wsgi.input`` is gunicorn's reader of a body of known length, none of which it holds itself."""
    reader = getattr(stream, "reader", None)
    unreader = getattr(reader, "unreader", None)
    return (
        type(reader).__name__ == "LengthReader"
        # Exactly this class: its kin that encrypt take no flags.
        and type(getattr(unreader, "sock", None)) is socket.socket
        and hasattr(unreader, "buf")
        and stream.buf.tell() == 0
    )


def _buffered(reader: Any, most: int) -> bytes:
    """What came together with the head: asked for exactly that, the reader touches no socket."""
    early: bytes = reader.read(min(len(reader.unreader.buf.getbuffer()), most))
    return early
