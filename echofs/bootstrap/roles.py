"""The applications by role. A role's module is loaded when it is asked for: a worker never loads the catalog."""

from __future__ import annotations

from importlib import import_module

from flask import Flask

from echofs.core.errors import InvalidSetting
from echofs.settings import ProcessRole, Settings, load
from echofs.web.access import check_declared

_ROLES = (ProcessRole.MASTER, ProcessRole.WORKER, ProcessRole.CONTROLLER)


def create_app(role: str, settings: Settings | None = None) -> Flask:
    """The application of ``master``, ``worker`` or ``controller``; settings come from the environment unless given.

    ``app.extensions["echofs"]`` is its :class:`Loops`, to be started in the process that serves, after any fork. Raises
    :class:`InvalidSetting` for an unknown role or a wrong setting.
    """
    if role not in _ROLES:
        raise InvalidSetting(f"There is no role {role!r}: use {', '.join(_ROLES)}.", field="ECHOFS_ROLE")
    settings = settings or load(role=role)
    build = getattr(import_module(f"echofs.bootstrap.{role}"), role)
    app: Flask = build(settings)
    check_declared(app)
    return app
