"""The applications gunicorn imports, by role."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gunicorn.errors import AppImportError

from echofs.core.errors import EchoError
from echofs.settings import role_from

if TYPE_CHECKING:
    from flask import Flask

FACTORY = "echofs.cli.application:app_for"


def app_for(role: str) -> Flask:
    """The application of ``master``, ``worker`` or ``controller``.

    An expected failure becomes the one gunicorn prints as a single line instead of a traceback.
    """
    from echofs.bootstrap import create_app  # gunicorn's own process loads this module too and never needs Flask

    try:
        return create_app(role)
    except EchoError as error:
        raise AppImportError(error.message) from error


def app_from_environment() -> Flask:
    """The application of the role that ECHOFS_ROLE names."""
    try:
        role = role_from()
    except EchoError as error:
        raise AppImportError(error.message) from error
    if not role:
        raise AppImportError("ECHOFS_ROLE is not set: use master, worker or controller.")
    return app_for(role)
