"""Routes about conflicts: which there were, and what is to be done with those that are open."""

from __future__ import annotations

from flask import Blueprint, Response, request

from echofs.core.conflicts import Keep
from echofs.core.entries import decode
from echofs.core.errors import InvalidRequest
from echofs.core.models import ConflictRecord, ConflictState
from echofs.services.conflicts import Conflicts
from echofs.web.access import current_user
from echofs.web.answers import ok
from echofs.web.queries import page_limit
from echofs.web.render import JsonDict, moment, version_json
from echofs.web.schemas import ResolveSchema, load


def conflicts_blueprint(conflicts: Conflicts) -> Blueprint:
    """Routes for a user's own conflicts."""
    blueprint = Blueprint("conflicts", __name__, url_prefix="/api/v1/conflicts")

    @blueprint.get("")
    def listing() -> Response:
        after = request.args.get("after", "")
        page = conflicts.page(
            current_user().user_id, _state(request.args.get("state")), after, page_limit(request, "conflicts")
        )
        return ok({"conflicts": [conflict_json(record) for record in page.conflicts], "next": page.next or None})

    @blueprint.get("/<conflict_id>")
    def details(conflict_id: str) -> Response:
        return ok({"conflict": conflict_json(conflicts.find(current_user().user_id, conflict_id))})

    @blueprint.post("/<conflict_id>/resolve")
    def resolve(conflict_id: str) -> Response:
        keep = _keep(load(ResolveSchema, request)["keep"])
        record = conflicts.resolve(current_user().user_id, conflict_id, keep)
        return ok({"conflict": conflict_json(record)}, message="Resolved.")

    return blueprint


def conflict_json(record: ConflictRecord) -> JsonDict:
    """A conflict as its owner sees it; ``mine`` is the version that waits for a decision."""
    waiting = decode(record.entry.encode()).version if record.entry else None
    return {
        "id": record.id,
        "file_id": record.file_id,
        "path": record.path,
        "rule": record.rule,
        "state": record.state.value,
        "created_at": moment(record.created_at),
        "resolved_at": moment(record.resolved_at) if record.resolved_at is not None else None,
        "kept": [{"id": file_id, "version": number} for file_id, number in record.kept],
        "mine": version_json(waiting) if waiting else None,
    }


def _state(text: str | None) -> ConflictState | None:
    if text is not None and text not in set(ConflictState):
        raise InvalidRequest(f"A conflict is {' or '.join(ConflictState)}.", field="state")
    return None if text is None else ConflictState(text)


def _keep(text: str) -> Keep:
    if text not in set(Keep):
        raise InvalidRequest(f"Keep {', '.join(Keep)}.", field="keep")
    return Keep(text)
