"""Which way an upload goes: in one request, or so that it can be gone on with."""

from __future__ import annotations

from echofs.client.api import Api
from echofs.client.resumable import MemoryTicket, ResumableUpload
from echofs.client.sources import Source
from echofs.client.tickets import Tickets
from echofs.client.uploads import Progress, Wish, upload
from echofs.client.values import Stored

RESUMABLE_BYTES = 64 << 20
"""From this size on losing what was sent costs more than the three requests more that going on takes."""


def store(
    api: Api, path: str, source: Source, wish: Wish, tickets: Tickets | None, progress: Progress | None = None
) -> Stored:
    """Store a source under a path. Raises what :meth:`Client.put` does.

    One request takes what is small, what can be read only once, and what depends on what is there, which only one
    request can promise.
    """
    large = source.again and source.length is not None and source.length >= RESUMABLE_BYTES
    if not large or wish.conditional or wish.idempotency_key:
        return upload(api, path, source, wish, progress)
    identity = "\0".join([source.identity, wish.content_type, wish.consistency, wish.on_conflict])
    kept = tickets.of(path, identity) if tickets and source.identity else MemoryTicket()
    return ResumableUpload(api, path, source, wish, kept, progress).run()
