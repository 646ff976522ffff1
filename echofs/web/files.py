"""Routes about files: list, details, copy, move, delete, history, receipt."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, request

from echofs.core.consistency import ReadReceipt
from echofs.core.errors import InvalidRequest
from echofs.core.names import MAX_PART_BYTES, check_folder, check_path
from echofs.ports.listing import ListQuery, SortKey
from echofs.services.files import Files
from echofs.services.found import Found
from echofs.services.replacing import Replacing
from echofs.web import conditions
from echofs.web.access import current_user
from echofs.web.answers import ok
from echofs.web.levels import read_headers, read_receipt_json, written
from echofs.web.queries import MAX_FILES, page_limit
from echofs.web.reading import Reading, session_of, with_token
from echofs.web.render import count_json, file_json, listed_json, version_json
from echofs.web.schemas import MoveSchema, load
from echofs.web.wishes import wish_of

_ORDERS = {"asc": False, "desc": True}


def files_blueprint(files: Files, replacing: Replacing, reading: Reading, monotonic: Callable[[], float]) -> Blueprint:
    """Routes for a user's own files."""
    blueprint = Blueprint("files", __name__, url_prefix="/api/v1/files")

    @blueprint.get("")
    def listing() -> Response:
        query = _query(current_user().user_id)
        found, receipt = reading.page(request, query)
        listed = [listed_json(file) for file in found.page.files]
        return ok(
            {"files": listed, "folders": found.folders, "next": found.page.next or None},
            consistency=read_receipt_json(receipt),
            headers=read_headers(receipt),
        )

    @blueprint.get("/<file_id>")
    def details(file_id: str) -> Response:
        return _found(*reading.find(request, file_id))

    @blueprint.get("/by-path")
    def by_path() -> Response:
        return _found(*reading.find_at(request, check_path(request.args.get("path", ""))))

    @blueprint.post("/<file_id>/copy")
    def copy(file_id: str) -> Response:
        body = load(MoveSchema, request)
        wish, session = wish_of(request, monotonic(), current_user()), session_of(request, reading.sessions)
        condition, overwrite = conditions.if_match(request), body.get("overwrite", False)
        made = files.copy(session.user_id, file_id, body["path"], wish, condition, replace=overwrite)
        made = with_token(made, session, reading.sessions)
        return written({"file": file_json(made.file)}, "Copied", made.receipt, status=201)

    @blueprint.patch("/<file_id>")
    def change(file_id: str) -> Response:
        body = load(MoveSchema, request)
        wish, session = wish_of(request, monotonic(), current_user()), session_of(request, reading.sessions)
        move = replacing.move if body.get("overwrite", False) else files.move
        moved = move(session.user_id, file_id, body["path"], wish, conditions.if_match(request))
        moved = with_token(moved, session, reading.sessions)
        return written({"file": file_json(moved.file)}, "Moved", moved.receipt)

    @blueprint.delete("/<file_id>")
    def delete(file_id: str) -> Response:
        wish, session = wish_of(request, monotonic(), current_user()), session_of(request, reading.sessions)
        gone = files.delete(session.user_id, file_id, wish, conditions.if_match(request))
        gone = with_token(gone, session, reading.sessions)
        return written({"id": file_id}, "Deleted", gone.receipt)

    @blueprint.get("/<file_id>/versions")
    def versions(file_id: str) -> Response:
        history = files.versions(current_user().user_id, file_id)
        return ok({"versions": [version_json(version) for version in history]})

    @blueprint.get("/<file_id>/receipt")
    def receipt(file_id: str) -> Response:
        return ok({"receipt": count_json(files.count_replicas(current_user().user_id, file_id))})

    return blueprint


def _found(found: Found, receipt: ReadReceipt) -> Response:
    headers = {"ETag": f'"{found.file.head.etag}"', **read_headers(receipt)}
    return ok({"file": file_json(found.file)}, consistency=read_receipt_json(receipt), headers=headers)


def _query(owner_id: str) -> ListQuery:
    folder, below, search = (request.args.get(name) for name in ("folder", "below", "search"))
    sort = request.args.get("sort", SortKey.NAME)
    order = request.args.get("order", "asc")
    if sort not in set(SortKey):
        raise InvalidRequest(f"Sort by {', '.join(SortKey)}.", field="sort")
    if order not in _ORDERS:
        raise InvalidRequest("The order is asc or desc.", field="order")
    if folder is not None and below is not None:
        raise InvalidRequest("List what is in a folder, or all that is below one.", field="below")
    return ListQuery(
        owner_id,
        folder=None if folder is None else check_folder(folder),
        sort=SortKey(sort),
        descending=_ORDERS[order],
        after=request.args.get("after", ""),
        limit=page_limit(request, "files", most=MAX_FILES),
        below=check_folder(below or "", field="below"),
        search=_checked_search(search or ""),
    )


def _checked_search(text: str) -> str:
    if len(text.encode()) > MAX_PART_BYTES or "\0" in text:
        raise InvalidRequest(f"Search for at most {MAX_PART_BYTES} bytes, as in a name.", field="search")
    return text
