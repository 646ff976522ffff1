"""Routes about deleted files, and about how much a user has stored."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, request

from echofs.ports.trash import Trashed
from echofs.services.quotas import Quotas
from echofs.services.recovery import Recovery
from echofs.web.access import current_user
from echofs.web.answers import ok
from echofs.web.levels import written
from echofs.web.queries import page_limit
from echofs.web.reading import Reading, session_of, with_token
from echofs.web.render import JsonDict, file_json, moment, place_json
from echofs.web.schemas import RestoreSchema, load
from echofs.web.wishes import wish_of


def trash_blueprint(recovery: Recovery, quotas: Quotas, reading: Reading, monotonic: Callable[[], float]) -> Blueprint:
    """Routes for a user's own trash."""
    blueprint = Blueprint("trash", __name__, url_prefix="/api/v1")

    @blueprint.get("/trash")
    def listing() -> Response:
        limit = page_limit(request, "files")
        page = recovery.page(current_user().user_id, request.args.get("after", ""), limit)
        return ok({"files": [_trashed_json(each, recovery) for each in page.files], "next": page.next or None})

    @blueprint.post("/trash/<file_id>/restore")
    def restore(file_id: str) -> Response:
        body = load(RestoreSchema, request) if request.mimetype or request.content_length else {}
        wish, session = wish_of(request, monotonic(), current_user()), session_of(request, reading.sessions)
        path, rename = body.get("path", ""), body.get("rename", False)
        restored = recovery.restore(session.user_id, file_id, wish, path=path, rename=rename)
        restored = with_token(restored, session, reading.sessions)
        return written(
            {"file": file_json(restored.file)},
            "Restored",
            restored.receipt,
            headers={"ETag": f'"{restored.file.head.etag}"'},
        )

    @blueprint.delete("/trash/<file_id>")
    def purge(file_id: str) -> Response:
        recovery.purge(current_user().user_id, file_id)
        return ok({"id": file_id}, message="Deleted for good.")

    @blueprint.delete("/trash")
    def empty() -> Response:
        purged = recovery.empty(current_user().user_id)
        return ok({"purged": purged}, message="The trash is empty.")

    @blueprint.get("/usage")
    def usage() -> Response:
        user = current_user()
        used = quotas.usage(user.user_id)
        told = {"files": used.files, "bytes": used.bytes, "trash_bytes": used.trash_bytes}
        return ok({"usage": {**told, "quota_bytes": user.quota_bytes}})

    return blueprint


def _trashed_json(trashed: Trashed, recovery: Recovery) -> JsonDict:
    expires_at = recovery.expires_at(trashed)
    return {
        "id": trashed.file_id,
        **place_json(trashed.path),
        "size": trashed.size,
        "version": trashed.number,
        "deleted_at": moment(trashed.deleted_at),
        "expires_at": None if expires_at is None else moment(expires_at),
    }
