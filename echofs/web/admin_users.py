"""Routes by which administrators manage users."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict

from flask import Blueprint, Response, request

from echofs.core.errors import InvalidRequest
from echofs.core.models import Role, User
from echofs.core.usage import Usage
from echofs.ports.accounts import Keep, UserChange
from echofs.ports.sessions import Ended
from echofs.services.administration import Administration
from echofs.web.access import current_user
from echofs.web.answers import ok
from echofs.web.queries import page_limit
from echofs.web.render import JsonDict, moment
from echofs.web.schemas import AmendUserSchema, CreateUserSchema, NewPasswordSchema, load
from echofs.web.tokens import Authenticator

Usages = Callable[[Collection[str]], Mapping[str, Usage]]
"""What users have stored, by their ids. May raise :class:`CatalogUnavailable`."""


def admin_users_blueprint(administration: Administration, usages: Usages, authenticator: Authenticator) -> Blueprint:
    """Routes under ``/api/v1/admin/users``. ``authenticator`` is told at once whose sessions, role or quota changed."""
    blueprint = Blueprint("admin_users", __name__, url_prefix="/api/v1/admin/users")

    @blueprint.get("")
    def listing() -> Response:
        text, after = request.args.get("search", ""), request.args.get("after", "")
        page = administration.search(text, after, page_limit(request, "users"))
        used = usages([user.id for user in page.users])
        return ok({"users": [_user_json(user, used[user.id]) for user in page.users], "next": page.next})

    @blueprint.post("")
    def create() -> Response:
        body = load(CreateUserSchema, request)
        user = administration.create(
            current_user().actor,
            body["username"],
            body["email"],
            body["password"],
            role=_role(body.get("role", Role.USER)),
            quota=body.get("quota_bytes", Keep.KEEP),
        )
        return ok({"user": _user_json(user, Usage())}, message="Created.", status=201)

    @blueprint.patch("/<user_id>")
    def change(user_id: str) -> Response:
        body = load(AmendUserSchema, request)
        wanted = UserChange(
            _role(body["role"]) if "role" in body else None, body.get("disabled"), body.get("quota_bytes", Keep.KEEP)
        )
        user = administration.change(current_user().actor, user_id, wanted)
        authenticator.revoked(Ended(user_id=user.id))
        return ok({"user": present(user)}, message="Changed.")

    @blueprint.post("/<user_id>/password")
    def set_password(user_id: str) -> Response:
        body = load(NewPasswordSchema, request)
        user = administration.set_password(current_user().actor, user_id, body["password"])
        authenticator.revoked(Ended(user_id=user.id))
        return ok({"user": present(user)}, message="The password is changed; all sessions have ended.")

    def present(user: User) -> JsonDict:
        return _user_json(user, usages([user.id])[user.id])

    return blueprint


def _role(value: str) -> Role:
    if value not in set(Role):
        raise InvalidRequest(f"The role is one of {', '.join(Role)}.", field="role")
    return Role(value)


def _user_json(user: User, usage: Usage) -> JsonDict:
    """A user as administrators see it."""
    return {
        "id": user.id,
        "username": user.name,
        "email": user.email,
        "role": user.role.value,
        "disabled": user.disabled,
        "quota_bytes": user.quota_bytes,
        "usage": asdict(usage),
        "created_at": moment(user.created_at),
        "last_login_at": None if user.last_login_at is None else moment(user.last_login_at),
    }
