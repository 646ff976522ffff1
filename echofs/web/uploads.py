"""Routes that take bytes: a form, or a raw body, straight from the socket."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace

from flask import Blueprint, Request, Response

from echofs.core.errors import InvalidRequest, UnsupportedType
from echofs.core.goals import parse_ask
from echofs.services.accounts import Principal
from echofs.services.publishing import Published, Wish
from echofs.services.sessions import Sessions
from echofs.services.uploads import Declared, Target, Upload, Uploads
from echofs.web import bodies, conditions
from echofs.web.access import current_user
from echofs.web.forms import Form
from echofs.web.levels import written
from echofs.web.plain import this_request
from echofs.web.reading import session_of, with_token
from echofs.web.render import file_json
from echofs.web.wishes import wish_of

_FORM = "multipart/form-data"
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,128}")
_MEDIA_TYPE = re.compile(r"[\w.+-]{1,64}/[\w.+-]{1,64}", re.ASCII)


def uploads_blueprint(
    uploads: Uploads, sessions: Sessions, monotonic: Callable[[], float], read_bytes: int
) -> Blueprint:
    """Routes for new content; ``read_bytes`` is the chunk size, so that a raw body arrives in whole chunks."""
    blueprint = Blueprint("uploads", __name__, url_prefix="/api/v1/files")

    @blueprint.post("/upload")
    def upload() -> Response:
        request = this_request()
        session = session_of(request, sessions)
        target = Target(
            current_user().user_id,
            path=request.args.get("path", ""),
            if_match=conditions.if_match(request),
            create_only=conditions.create_only(request),
        )
        wish = _wish(request, monotonic(), current_user())
        if request.mimetype == _FORM:
            return _answer(with_token(_receive_form(request, uploads, target, wish), session, sessions))
        if not target.path:
            raise InvalidRequest(
                "A raw body needs ?path=… in the address; a form may name it in a field.", field="path"
            )
        return _answer(with_token(_receive_raw(request, uploads, target, wish, read_bytes), session, sessions))

    @blueprint.put("/<file_id>/content")
    def replace(file_id: str) -> Response:
        request = this_request()
        session = session_of(request, sessions)
        target = Target(current_user().user_id, file_id=file_id, if_match=conditions.if_match(request))
        wish = _wish(request, monotonic(), current_user())
        if request.mimetype == _FORM:
            return _answer(with_token(_receive_form(request, uploads, target, wish), session, sessions))
        return _answer(with_token(_receive_raw(request, uploads, target, wish, read_bytes), session, sessions))

    return blueprint


def _receive_form(request: Request, uploads: Uploads, target: Target, wish: Wish) -> Published:
    upload = uploads.begin(target, Declared(roughly=request.content_length), wish)
    if not isinstance(upload, Upload):
        return upload
    form = Form(upload)
    form.read(request)
    level = form.fields.get("consistency")
    return upload.finish(
        path=form.fields.get("path") or form.filename,
        content_type=kept_type(form.content_type),
        ask=parse_ask(level) if level else None,
    )


def _receive_raw(request: Request, uploads: Uploads, target: Target, wish: Wish, read_bytes: int) -> Published:
    if request.mimetype == "application/x-www-form-urlencoded":
        raise UnsupportedType(
            "Send the bytes with Content-Type: application/octet-stream, or a form (curl -F file=@NAME).",
            field="Content-Type",
        )
    declared = Declared(bodies.declared_length(request), bodies.declared_digest(request))
    upload = uploads.begin(target, declared, wish)
    if not isinstance(upload, Upload):
        return upload
    for piece in bodies.pieces(request, read_bytes):
        upload.write(piece)
    return upload.finish(content_type=kept_type(request.mimetype))


def kept_type(mimetype: str) -> str:
    """The media type to remember; the general one says nothing, and the name may say more."""
    return mimetype if _MEDIA_TYPE.fullmatch(mimetype) and mimetype != "application/octet-stream" else ""


def _wish(request: Request, started: float, user: Principal) -> Wish:
    wish = wish_of(request, started, user)
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return wish
    if not _IDEMPOTENCY_KEY.fullmatch(key):
        raise InvalidRequest("An Idempotency-Key has 1 to 128 printable ASCII characters.", field="Idempotency-Key")
    digest = request.headers.get("Content-Digest", "")
    same = [request.method, request.full_path, request.mimetype, str(request.content_length), digest]
    fingerprint = hashlib.sha256("\0".join(same).encode()).hexdigest()
    return replace(wish, idempotency_key=key, fingerprint=fingerprint)


def _answer(published: Published) -> Response:
    file = published.file
    headers = {"ETag": f'"{file.head.etag}"', "Location": f"/api/v1/files/{file.id}"}
    if published.replayed:
        headers["Idempotency-Replayed"] = "true"
    status = 201 if file.head.number == 1 else 200
    return written({"file": file_json(file)}, "Stored", published.receipt, status=status, headers=headers)
