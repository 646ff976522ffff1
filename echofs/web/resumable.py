"""Routes for uploads that can be resumed. Whoever has an upload's address may go on with it: the address is its ticket,
and outlives the login of its owner."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from flask import Blueprint, Response, request
from werkzeug.exceptions import MethodNotAllowed
from werkzeug.http import http_date

from echofs.core.errors import EchoError, Unavailable
from echofs.core.session_tokens import Session
from echofs.ports.resumable import Unfinished
from echofs.services.publishing import Published
from echofs.services.resumable import Opened, Resumable
from echofs.services.sessions import Sessions
from echofs.web import bodies, tus
from echofs.web.access import current_user
from echofs.web.answers import ok, refusal
from echofs.web.levels import SESSION_HEADER, write_headers
from echofs.web.queries import page_limit
from echofs.web.reading import with_token
from echofs.web.render import JsonDict, file_json, moment, receipt_json

PREFIX = "/api/v1/uploads"
FILE_HEADER = "X-EchoFS-File"
_OVERRIDE = "X-HTTP-Method-Override"
_LOCKED = 423
_EXPLAINED = frozenset({"GET", "OPTIONS"})
"""Methods that are not the protocol's own, or come before its version is known."""
_OWN_END = "resumable.end"
"""By the login of the owner instead of the ticket: no client of the protocol knows it."""


class _Views:
    """The routes' work."""

    def __init__(
        self, resumable: Resumable, sessions: Sessions, monotonic: Callable[[], float], read_bytes: int
    ) -> None:
        self._resumable = resumable
        self._sessions = sessions
        self._monotonic = monotonic
        self._read_bytes = read_bytes

    def options(self, ticket: str = "") -> Response:
        return _empty(204, _offers(self._resumable.max_size))

    def create(self) -> Response:
        length, found = tus.length(request), tus.tags(request)
        with_body = tus.has_body(request)
        owner_id, path = current_user().user_id, tus.path_of(found)
        session = self._session(owner_id)
        at_once = with_body or not length
        opened, ticket = self._resumable.create(owner_id, path, length, tus.terms(request, found), at_once=at_once)
        published = None
        if at_once:
            opened, published = self._first_bytes(opened, session) if with_body else self._ended(opened, session)
        headers = {**_headers(opened, published), "Location": f"{PREFIX}/{ticket}"}
        return _status(opened, published, status=201, headers=headers)

    def patch(self, ticket: str) -> Response:
        opened = self._resumable.open(ticket)
        tus.check_type(request)
        session = self._session(opened.owner.id)
        opened, published = self._take(opened, tus.number(request, tus.OFFSET), session)
        return _empty(204, _headers(opened, published))

    def override(self, ticket: str) -> Response:
        """For clients and proxies that know no other methods."""
        wanted = {"PATCH": self.patch, "DELETE": self.drop, "HEAD": self._offset}
        view = wanted.get(request.headers.get(_OVERRIDE, "").upper())
        if view is None:
            raise MethodNotAllowed(["DELETE", "GET", "HEAD", "OPTIONS", "PATCH"])
        return view(ticket)

    def show(self, ticket: str) -> Response:
        if request.method == "HEAD":
            return self._offset(ticket)
        opened = self._resumable.open(ticket)
        published = None
        if opened.record.answer:
            opened, published = self._ended(opened, self._session(opened.owner.id))
        return _status(opened, published, headers=_headers(opened, published))

    def drop(self, ticket: str) -> Response:
        self._resumable.drop(self._resumable.open(ticket))
        return _empty(204)

    def end(self, upload_id: str) -> Response:
        self._resumable.end(current_user().user_id, upload_id)
        return ok({"id": upload_id}, message="Ended.")

    def listing(self) -> Response:
        limit = page_limit(request, "uploads")
        waiting = self._resumable.unfinished(current_user().user_id, request.args.get("after", ""), limit)
        following = waiting[-1].id if len(waiting) == limit else ""
        return ok({"uploads": [_unfinished_json(upload) for upload in waiting], "next": following})

    def _offset(self, ticket: str) -> Response:
        try:
            opened = self._resumable.open(ticket)
            # A complete upload whose end failed is no finished one: clients take equal numbers for success.
            opened, published = self._ended(opened, self._session(opened.owner.id))
        except Unavailable as error:
            # Clients begin anew after any other refusal, and would send everything again.
            wait = str(max(1, round(error.retry_after or 1)))
            return refusal(_LOCKED, error.code, error.message, headers={"Retry-After": wait})
        headers = {**_headers(opened, published), tus.LENGTH: str(opened.record.length), "Cache-Control": "no-store"}
        if opened.record.terms.tags:
            headers[tus.METADATA] = opened.record.terms.tags
        return _empty(200, headers)

    def _first_bytes(self, opened: Opened, session: Session) -> tuple[Opened, Published | None]:
        """Nobody knows the upload's address yet: if it cannot be told now, nobody ever will."""
        try:
            return self._take(opened, 0, session)
        except EchoError as error:
            with suppress(EchoError):
                kept = self._resumable.again(opened)
                some = 0 < kept.record.received.size < kept.record.length
                if isinstance(error, Unavailable) and some:
                    return kept, None
                self._resumable.drop(kept)
            raise

    def _take(self, opened: Opened, offset: int, session: Session) -> tuple[Opened, Published | None]:
        pieces, whole = tus.pieces(request, self._read_bytes)
        length = bodies.declared_length(request)
        opened = self._resumable.receive(opened, offset, pieces, length=length, all_or_nothing=whole)
        return self._ended(opened, session)

    def _ended(self, opened: Opened, session: Session) -> tuple[Opened, Published | None]:
        """The upload, and if all its bytes are there the file that it is."""
        if not opened.record.complete:
            return opened, None
        return opened, with_token(self._resumable.finish(opened, self._monotonic()), session, self._sessions)

    def _session(self, owner_id: str) -> Session:
        return self._sessions.open(request.headers.get(SESSION_HEADER, ""), owner_id)


def resumable_blueprint(
    resumable: Resumable, sessions: Sessions, monotonic: Callable[[], float], read_bytes: int
) -> Blueprint:
    """The protocol's routes, and three of our own; ``read_bytes`` is the chunk size: bodies come in whole chunks."""
    blueprint = Blueprint("resumable", __name__, url_prefix=PREFIX)
    views = _Views(resumable, sessions, monotonic, read_bytes)
    blueprint.before_request(_check_version)
    blueprint.after_request(_name_version)
    rules: tuple[tuple[str, str, str, Callable[..., Response]], ...] = (
        ("OPTIONS", "", "options", views.options),
        ("OPTIONS", "/<ticket>", "options", views.options),
        ("POST", "", "create", views.create),
        ("GET", "", "listing", views.listing),
        ("DELETE", "/unfinished/<upload_id>", "end", views.end),
        ("GET", "/<ticket>", "show", views.show),
        ("PATCH", "/<ticket>", "patch", views.patch),
        ("DELETE", "/<ticket>", "drop", views.drop),
        ("POST", "/<ticket>", "override", views.override),
    )
    for method, rule, endpoint, view in rules:
        blueprint.add_url_rule(rule, endpoint, view, methods=[method], provide_automatic_options=False)
    return blueprint


def _check_version() -> None:
    if request.method not in _EXPLAINED and request.endpoint != _OWN_END:
        tus.check_version(request)


def _name_version(response: Response) -> Response:
    response.headers[tus.RESUMABLE] = tus.VERSION
    if response.status_code == 412:
        response.headers["Tus-Version"] = tus.VERSION
    return response


def _offers(max_size: int) -> dict[str, str]:
    return {
        "Tus-Version": tus.VERSION,
        "Tus-Extension": ",".join(tus.EXTENSIONS),
        "Tus-Checksum-Algorithm": ",".join(tus.ALGORITHMS),
        **({"Tus-Max-Size": str(max_size)} if max_size else {}),
    }


def _headers(opened: Opened, published: Published | None) -> dict[str, str]:
    """How far the upload has come, and what the file got that it is."""
    headers = {
        tus.OFFSET: str(opened.record.received.size),
        tus.EXPIRES: http_date(opened.record.expires_at // 1_000_000),
    }
    if published is not None:
        file = published.file
        headers |= {FILE_HEADER: file.id, "ETag": f'"{file.head.etag}"', **write_headers(published.receipt)}
    return headers


def _empty(status: int, headers: dict[str, str] | None = None) -> Response:
    response = Response(status=status, headers=headers)
    del response.headers["Content-Type"]
    return response


def _status(opened: Opened, published: Published | None, *, status: int = 200, headers: dict[str, str]) -> Response:
    record = opened.record
    data: JsonDict = {
        "upload": {
            "path": record.path,
            "offset": record.received.size,
            "length": record.length,
            "expires_at": moment(record.expires_at),
        }
    }
    if published is None:
        return ok(data, status=status, headers=headers)
    data["file"] = file_json(published.file)
    return ok(data, status=status, consistency=receipt_json(published.receipt), headers=headers)


def _unfinished_json(upload: Unfinished) -> JsonDict:
    return {
        "id": upload.id,
        "path": upload.path,
        "offset": upload.offset,
        "length": upload.length,
        "expires_at": moment(upload.expires_at),
    }
