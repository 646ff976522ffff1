"""Routes for a user's app passwords, and the check of what programs send instead of a token."""

from __future__ import annotations

from flask import Blueprint, Response, request

from echofs.ports.app_passwords import AppPassword
from echofs.services.app_passwords import AppAccess
from echofs.web.access import current_user
from echofs.web.answers import ok
from echofs.web.render import JsonDict, moment
from echofs.web.schemas import AppPasswordSchema, load


def app_passwords_blueprint(access: AppAccess) -> Blueprint:
    """Routes under ``/api/v1/auth/app-passwords``. A secret is in one answer only: that of the route that made it."""
    blueprint = Blueprint("app_passwords", __name__, url_prefix="/api/v1/auth/app-passwords")

    @blueprint.get("")
    def listing() -> Response:
        return ok({"app_passwords": [_password_json(password) for password in access.listed(current_user())]})

    @blueprint.post("")
    def create() -> Response:
        password, secret = access.create(current_user(), load(AppPasswordSchema, request)["name"])
        return ok(
            {**_password_json(password), "password": secret},
            message="Made: copy the password now, it is shown only once.",
            status=201,
            headers={"Cache-Control": "no-store"},
        )

    @blueprint.delete("/<password_id>")
    def delete(password_id: str) -> Response:
        access.remove(current_user(), password_id)
        return ok(message="Deleted.")

    return blueprint


def _password_json(password: AppPassword) -> JsonDict:
    used = password.last_used_at
    return {
        "id": password.id,
        "name": password.name,
        "created_at": moment(password.created_at),
        "last_used_at": None if used is None else moment(used),
    }
