"""Routes about folders: list, make, move, copy, delete."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from flask import Blueprint, Response, request

from echofs.core.models import Level
from echofs.core.names import name_of, parent_of
from echofs.core.session_tokens import Session
from echofs.services.folders import STRONG, Done, Folders
from echofs.services.publishing import Wish
from echofs.services.sessions import Sessions
from echofs.web.access import current_user
from echofs.web.answers import ok
from echofs.web.levels import SESSION_HEADER
from echofs.web.reading import session_of
from echofs.web.render import JsonDict
from echofs.web.schemas import FolderMoveSchema, FolderSchema, load


class _Relocation(Protocol):
    """Moves or copies a folder."""

    def __call__(self, owner_id: str, path: str, to: str, wish: Wish) -> Done: ...


def folders_blueprint(folders: Folders, sessions: Sessions, monotonic: Callable[[], float]) -> Blueprint:
    """Routes for a user's own folders. All are strong, whatever level is asked for."""
    blueprint = Blueprint("folders", __name__, url_prefix="/api/v1/folders")

    def relocated(relocate: _Relocation) -> tuple[Done, Session]:
        body, session = load(FolderMoveSchema, request), session_of(request, sessions)
        return relocate(session.user_id, body["path"], body["to"], _wish(monotonic())), session

    @blueprint.get("")
    def listing() -> Response:
        found = folders.inside(current_user().user_id, request.args.get("parent", ""))
        return ok({"folders": [_folder_json(path) for path in found]})

    @blueprint.post("")
    def make() -> Response:
        path, new = folders.make(current_user().user_id, load(FolderSchema, request)["path"])
        message, status = ("Made.", 201) if new else ("It was there already.", 200)
        return ok({"folder": _folder_json(path)}, message=message, status=status)

    @blueprint.patch("")
    def move() -> Response:
        done, session = relocated(folders.move)
        return _done({"moved": done.files}, "Moved.", done, session, sessions)

    @blueprint.post("/copy")
    def copy() -> Response:
        done, session = relocated(folders.copy)
        return _done({"copied": done.files}, "Copied.", done, session, sessions, status=201)

    @blueprint.delete("")
    def delete() -> Response:
        session = session_of(request, sessions)
        done = folders.delete(session.user_id, request.args.get("path", ""), _wish(monotonic()))
        return _done({"deleted": done.files}, "Deleted.", done, session, sessions)

    return blueprint


def _wish(started: float) -> Wish:
    user = current_user()
    return Wish(STRONG, started, user.name, quota_bytes=user.quota_bytes)


def _done(
    data: JsonDict, message: str, done: Done, session: Session, sessions: Sessions, *, status: int = 200
) -> Response:
    token = sessions.token(session.reached(done.position))
    level = Level.STRONG.value
    receipt = {"mode_used": level, "committed": True, "reason": done.reason, "session": token}
    return ok(data, message=message, status=status, consistency=receipt, headers={SESSION_HEADER: token})


def _folder_json(path: str) -> JsonDict:
    return {"path": path, "name": name_of(path), "parent": parent_of(path)}
