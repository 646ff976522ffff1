"""What gunicorn loads: ``gunicorn "wsgi:app_for('master')"``, or ``ECHOFS_ROLE=master gunicorn wsgi:app``."""

from __future__ import annotations

from echofs.cli.application import app_for, app_from_environment

__all__ = ["app_for"]


def __getattr__(name: str) -> object:
    """Build ``app`` when it is asked for: importing this module must not need ECHOFS_ROLE."""
    if name == "app":
        return app_from_environment()
    raise AttributeError(name)
