"""Reads as HTTP asks for them: the level and the session token come in, what was found and the next token go out."""

from __future__ import annotations

from dataclasses import dataclass, replace

from flask import Request

from echofs.core.consistency import ReadReceipt
from echofs.core.session_tokens import Line, Session
from echofs.ports.listing import ListQuery
from echofs.services.found import Found
from echofs.services.listings import FoundPage, Listings
from echofs.services.publishing import Published
from echofs.services.reads import Reads
from echofs.services.sessions import Sessions
from echofs.web.access import current_user
from echofs.web.levels import SESSION_HEADER, asked


@dataclass(frozen=True, slots=True)
class Reading:
    """What the routes that read need. All methods raise :class:`InvalidRequest` for an unknown level and a wrong
    token, before anything is looked up."""

    reads: Reads
    listings: Listings
    sessions: Sessions

    def find(self, request: Request, file_id: str) -> tuple[Found, ReadReceipt]:
        """A file of the current user. Raises like :meth:`Reads.find`."""
        ask, session = asked(request), session_of(request, self.sessions)
        found = self.reads.find(session.user_id, file_id, ask, session)
        return found, found.receipt(ask, self.sessions.token(found.session))

    def find_at(self, request: Request, path: str) -> tuple[Found, ReadReceipt]:
        """The current user's file at a path. Raises like :meth:`Reads.find_at`."""
        ask, session = asked(request), session_of(request, self.sessions)
        found = self.reads.find_at(session.user_id, path, ask, session)
        return found, found.receipt(ask, self.sessions.token(found.session))

    def page(self, request: Request, query: ListQuery) -> tuple[FoundPage, ReadReceipt]:
        """A page of the current user's files. Raises like :meth:`Listings.page`."""
        ask, session = asked(request), session_of(request, self.sessions)
        found = self.listings.page(query, ask, session)
        return found, found.receipt(ask, self.sessions.token(found.session))


def with_token(published: Published, session: Session, sessions: Sessions) -> Published:
    """A write whose receipt has the token that lets the client's reads see it."""
    line = published.line
    if published.ended is not None:
        session = session.saw(published.ended.head, Line.of(published.ended.head), provisional=False)
    if published.replayed:
        # It was said the first time what this version lacked of what the session had seen then.
        session = session.saw(published.file.head, line, provisional=published.receipt.provisional)
        return replace(published, receipt=replace(published.receipt, session=sessions.token(session)))
    return replace(published, receipt=sessions.after_write(session, published.file.head, published.receipt, line))


def session_of(request: Request, sessions: Sessions) -> Session:
    """What the client has seen, by its token. Raises :class:`InvalidRequest`."""
    return sessions.open(request.headers.get(SESSION_HEADER, ""), current_user().user_id)
