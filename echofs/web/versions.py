"""Routes about old versions."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, request

from echofs.services.files import Files
from echofs.web import conditions
from echofs.web.answers import ok
from echofs.web.levels import outcome, write_headers
from echofs.web.reading import Reading, session_of, with_token
from echofs.web.render import file_json, receipt_json
from echofs.web.wishes import wish_of


def versions_blueprint(files: Files, reading: Reading, monotonic: Callable[[], float]) -> Blueprint:
    """Bringing the bytes of an old version back."""
    blueprint = Blueprint("versions", __name__, url_prefix="/api/v1/files/<file_id>/versions")

    @blueprint.post("/<int:number>/restore")
    def restore(file_id: str, number: int) -> Response:
        wish, session = wish_of(request, monotonic()), session_of(request, reading.sessions)
        restored = files.restore(session.user_id, file_id, number, wish, conditions.if_match(request))
        restored = with_token(restored, session, reading.sessions)
        receipt = restored.receipt
        return ok(
            {"file": file_json(restored.file)},
            message=outcome("Restored", receipt),
            consistency=receipt_json(receipt),
            headers={"ETag": f'"{restored.file.head.etag}"', **write_headers(receipt)},
        )

    return blueprint
