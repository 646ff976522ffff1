"""Routes about old versions."""

from __future__ import annotations

import re
from collections.abc import Callable

from flask import Blueprint, Response, request

from echofs.core.errors import NotFound
from echofs.services.files import Files
from echofs.web import conditions
from echofs.web.access import current_user
from echofs.web.levels import written
from echofs.web.reading import Reading, session_of, with_token
from echofs.web.render import file_json
from echofs.web.wishes import wish_of

_NUMBER = re.compile(r"[1-9][0-9]{0,8}")


def versions_blueprint(files: Files, reading: Reading, monotonic: Callable[[], float]) -> Blueprint:
    """Bringing the bytes of an old version back."""
    blueprint = Blueprint("versions", __name__, url_prefix="/api/v1/files/<file_id>/versions")

    @blueprint.post("/<number>/restore")
    def restore(file_id: str, number: str) -> Response:
        wish, session = wish_of(request, monotonic(), current_user()), session_of(request, reading.sessions)
        restored = files.restore(session.user_id, file_id, _number(number), wish, conditions.if_match(request))
        restored = with_token(restored, session, reading.sessions)
        return written(
            {"file": file_json(restored.file)},
            "Restored",
            restored.receipt,
            headers={"ETag": f'"{restored.file.head.etag}"'},
        )

    return blueprint


def _number(text: str) -> int:
    """A version's number. What is none names no version."""
    if not _NUMBER.fullmatch(text):
        raise NotFound("There is no such version of this file.")
    return int(text)
