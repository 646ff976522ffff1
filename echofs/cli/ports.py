"""Checking every port before anything starts, so that a busy one is a sentence and not a half-started cluster."""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from echofs.core.errors import InvalidSetting

HIGHEST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Listener:
    """An address one process of the cluster will listen on. ``variable`` is the setting its port comes from, ``remedy``
    how to choose another."""

    owner: str
    host: str
    port: int
    variable: str
    remedy: str


def check_ports(listeners: Sequence[Listener]) -> None:
    """Raise :class:`InvalidSetting` for the first port that is used twice, out of range, or cannot be bound now."""
    owners: dict[int, str] = {}
    for listener in listeners:
        if listener.port > HIGHEST_PORT:
            raise _refusal(listener, f"is above {HIGHEST_PORT}")
        if listener.port in owners:
            raise _refusal(listener, f"is the port of the {owners[listener.port]} too")
        owners[listener.port] = listener.owner
    for listener in listeners:
        if (problem := why_not(listener.host, listener.port)) is not None:
            raise _refusal(listener, problem)


def why_not(host: str, port: int) -> str | None:
    """Why nobody can listen there now, or None if it is free."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            # As gunicorn does: connections of a former process in TIME_WAIT must not count as somebody listening.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return "is in use by another program"
        if error.errno == errno.EACCES:
            return "may not be opened by this user"
        return f"cannot be opened: {host} is not an address of this machine"
    return None


def _refusal(listener: Listener, problem: str) -> InvalidSetting:
    return InvalidSetting(
        f"Port {listener.port} for the {listener.owner} {problem}: choose another with {listener.remedy}.",
        field=listener.variable,
    )
