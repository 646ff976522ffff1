"""How one role becomes a process: its command line and its environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import NoReturn

from echofs.cli.application import FACTORY
from echofs.settings import ProcessRole

MALLOC = {
    "MALLOC_MMAP_THRESHOLD_": str(64 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(256 << 20),
    "MALLOC_TOP_PAD_": str(4 << 20),
}
"""Keeps glibc from mapping and unmapping every chunk-sized buffer, which made uploads three times slower. Must be in
the environment before the process starts; other C libraries ignore it."""


def command(role: ProcessRole, factory: str = FACTORY) -> list[str]:
    """What to execute for a role. ``factory`` is the ``module:function`` that makes its application."""
    if role is ProcessRole.JOBS:
        return [sys.executable, "-m", "echofs", "jobs"]
    return [sys.executable, "-m", "gunicorn", "-c", "python:echofs.cli.gunicorn_conf", f"{factory}('{role}')"]


def environment(role: ProcessRole, base: Mapping[str, str], overrides: Mapping[str, str]) -> dict[str, str]:
    """The environment of a role's process: ``base`` with ``overrides``; the caller's own malloc variables win."""
    return {**MALLOC, **base, **overrides, "ECHOFS_ROLE": role.value}


def become(role: ProcessRole, overrides: Mapping[str, str]) -> NoReturn:
    """Replace this process by the role's: signals and exit code need no go-between."""
    sys.stdout.flush()
    arguments = command(role)
    os.execve(arguments[0], arguments, environment(role, os.environ, overrides))
