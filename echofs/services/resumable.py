"""Uploads that go on after whatever broke them off: a connection, a master, a login (after the tus protocol, version
1.0, https://tus.io/protocols/resumable-upload).

The bytes take the way of every upload: whole chunks go to the workers as they come. What is acknowledged is on a quorum
of workers and written in the ledger, so any master can go on.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial

from echofs.core.chunking import digest_of
from echofs.core.errors import BodyMismatch, EchoError, Expired, Forbidden, NotFound, TooLarge, UploadMoved
from echofs.core.goals import parse_ask
from echofs.core.models import ChunkRecord, User
from echofs.core.names import check_path
from echofs.core.received import Received
from echofs.core.usage import Allowance
from echofs.ports.accounts import UserDirectory
from echofs.ports.resumable import UNWRITTEN, Terms, Unfinished, UploadLedger, UploadRecord
from echofs.ports.runtime import Clock, Ids
from echofs.services.finishing import Finishing
from echofs.services.parents import Place
from echofs.services.publishing import Published, Wish
from echofs.services.quotas import Quotas
from echofs.services.reception import Receptions, too_long

_MAX_LENGTH = 1 << 62
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Opened:
    """An upload whose ticket was shown, and whose it is. Of ``chunks`` the catalog does not know yet."""

    record: UploadRecord
    owner: User
    chunks: tuple[ChunkRecord, ...] = ()


class Resumable:
    """Thread-safe."""

    def __init__(
        self,
        ledger: UploadLedger,
        users: UserDirectory,
        receptions: Receptions,
        finishing: Finishing,
        quotas: Quotas,
        clock: Clock,
        ids: Ids,
        *,
        chunk_size: int,
        max_size: int,
    ) -> None:
        self._ledger = ledger
        self._users = users
        self._receptions = receptions
        self._finishing = finishing
        self._quotas = quotas
        self._clock = clock
        self._ids = ids
        self._chunk_size = chunk_size
        self.max_size = max_size
        """The largest file accepted, in bytes; 0 for any."""

    def create(
        self, owner_id: str, path: str, length: int, terms: Terms, *, at_once: bool = False
    ) -> tuple[Opened, str]:
        """Begin an upload of so many bytes; with its ticket, which is not kept anywhere. One of which bytes are here
        ``at_once`` is written down with them.

        Raises :class:`InvalidName`, :class:`InvalidRequest` for a level nobody knows, :class:`TooLarge`,
        :class:`QuotaExceeded`.
        """
        parse_ask(terms.ask)
        if length > (self.max_size or _MAX_LENGTH):
            raise TooLarge(f"The file is larger than the {self.max_size or _MAX_LENGTH} bytes allowed here.")
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        now = self._clock.now()
        record = UploadRecord(
            id=self._ids.new(),
            owner_id=owner_id,
            ticket=digest_of(secret.encode()),
            path=check_path(path),
            length=length,
            received=Received(self._chunk_size),
            terms=terms,
            created_at=now,
            expires_at=self._receptions.expiry(),
            revision=UNWRITTEN,
        )
        opened = Opened(record, self._users.by_id(owner_id))
        if at_once:
            self._check_room(opened)
        else:
            opened = replace(opened, record=self._ledger.advance(record, self._allowance(opened)) or record)
        return opened, f"{record.id}.{secret}"

    def open(self, ticket: str) -> Opened:
        """The upload that a ticket is for. A wrong one raises the same :class:`NotFound` as none.

        Raises :class:`Expired`, and :class:`Forbidden` when the owner's account is locked.
        """
        upload_id, _, secret = ticket.partition(".")
        record = self._ledger.find(upload_id)
        if not hmac.compare_digest(digest_of(secret.encode(errors="surrogatepass")), record.ticket):
            raise NotFound("There is no such upload.")
        if record.expires_at <= self._clock.now():
            raise Expired("This upload has expired: begin a new one.")
        owner = self._users.by_id(record.owner_id)
        if owner.disabled:
            raise Forbidden("The account that began this upload is locked.")
        return Opened(record, owner)

    def again(self, opened: Opened) -> Opened:
        """The upload as it is now. Raises :class:`NotFound`."""
        return replace(opened, record=self._ledger.find(opened.record.id))

    def unfinished(self, owner_id: str, after: str = "", limit: int = 100) -> list[Unfinished]:
        """A user's uploads that wait to be gone on with, the newest first."""
        return self._ledger.unfinished(owner_id, self._clock.now(), after, limit)

    def end(self, owner_id: str, upload_id: str) -> None:
        """End an upload for its owner, who need not have its ticket any more. Raises :class:`NotFound`, for an upload
        of somebody else too."""
        record = self._ledger.find(upload_id)
        if record.owner_id != owner_id:
            raise NotFound("There is no such upload.")
        self._finishing.drop(record)

    def drop(self, opened: Opened) -> None:
        """End an upload; a file that it has become stays. Idempotent."""
        self._finishing.drop(opened.record)

    def receive(
        self,
        opened: Opened,
        offset: int,
        pieces: Iterable[bytes],
        *,
        length: int | None,
        all_or_nothing: bool = False,
    ) -> Opened:
        """Take the bytes from ``offset`` on. What came of a body that breaks off counts, unless it was to be
        ``all_or_nothing``; ``length`` is that of the body, if it was declared.

        The request takes the upload over: one that is under way elsewhere, its client gone perhaps, ends when it next
        wants to write down what it has. Raises :class:`UploadMoved` for another offset than the upload's and when this
        one is overtaken, :class:`TooLarge` for more bytes than the file has, :class:`QuotaExceeded` when the room for
        all unfinished uploads was taken meanwhile, :class:`Unavailable`, and what ``pieces`` raises.
        """
        record = opened.record
        if offset != record.received.size:
            raise UploadMoved(
                f"The upload is at offset {record.received.size}, not {offset}: ask for it and go on from there.",
                field="Upload-Offset",
            )
        if offset + (length or 0) > record.length:
            raise too_long(record)
        if length == 0 or record.answer:
            if any(pieces):
                raise too_long(record)
            return opened
        if record.is_written:
            self._check_room(opened)
        reception = self._receptions.begin(record, partial(self._allowance, opened))
        try:
            reception.take(pieces, advancing=not all_or_nothing)
            reception.end()
        except EchoError as error:
            if not all_or_nothing and not isinstance(error, TooLarge):
                reception.save(broken_off=isinstance(error, BodyMismatch))
            raise
        return replace(opened, record=reception.record, chunks=reception.chunks)

    def _allowance(self, opened: Opened) -> Allowance:
        record, owner = opened.record, opened.owner
        return self._quotas.allowance(Place(owner.id, path=record.path), owner.quota_bytes)

    def _check_room(self, opened: Opened) -> None:
        """Raise :class:`QuotaExceeded` for an upload that has no room beside its owner's others."""
        if opened.owner.quota_bytes is None:
            return
        record, allowance = opened.record, self._allowance(opened)
        others = self._ledger.held(record.owner_id, allowance.at, apart_from=record.id)
        if refused := allowance.refusal(others, record.length):
            raise refused

    def finish(self, opened: Opened, started: float) -> Published:
        """Make a file of a complete upload. Idempotent. ``started`` is the arrival of the request. Raises like
        :meth:`Finishing.finish`."""
        record, owner = opened.record, opened.owner
        terms = record.terms
        wish = Wish(
            parse_ask(terms.ask),
            started,
            owner.name,
            on_conflict=terms.on_conflict,
            quota_bytes=owner.quota_bytes,
        )
        return self._finishing.finish(record, wish, opened.chunks)
