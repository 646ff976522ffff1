"""From the text of one variable to its value. A parser raises ValueError whose text says what is allowed."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from echofs.core.membership import CONTROLLER, WORKER_ID

Parser = Callable[[str], Any]

KIB = 1 << 10
MIB = 1 << 20
_UNITS = {"": 1, "B": 1, "K": KIB, "M": MIB, "G": 1 << 30, "T": 1 << 40}
_SIZE = re.compile(r"(\d{1,18})\s*([KMGT]?)(?:I?B)?", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_HOST = re.compile(r"[A-Za-z0-9_.-]{1,253}|\[?[0-9A-Fa-f:.]{2,45}\]?")
_RATE = re.compile(r"[1-9]\d{0,6} ?/ ?(second|minute|hour|day)")
_STORE = re.compile(r"disk:\S.*|(?!disk:)[a-z][a-z0-9]*:(\S.*)?")
_CATALOG = re.compile(r"(sqlite|postgres|postgresql)(\+[a-z0-9]+)?://.*")


def text(value: str) -> str:
    """Any text."""
    return value


def integer(lowest: int, highest: int) -> Parser:
    """A whole number between two bounds, both included."""

    def parse(value: str) -> int:
        if not value.isascii() or not value.isdecimal() or not lowest <= int(value[:19]) <= highest:
            raise ValueError(f"a whole number from {lowest} to {highest}")
        return int(value)

    return parse


port = integer(1, 65535)


def number(above: float, highest: float) -> Parser:
    """A decimal number greater than ``above`` and at most ``highest``."""

    def parse(value: str) -> float:
        try:
            parsed = float(value)
        except ValueError:
            parsed = math.nan
        if not above < parsed <= highest:
            raise ValueError(f"a number above {above:g} and at most {highest:g}")
        return parsed

    return parse


def size(lowest: int, highest: int) -> Parser:
    """A number of bytes, plain or with KB, MB, GB or TB, which count in powers of 1,024."""

    def parse(value: str) -> int:
        match = _SIZE.fullmatch(value)
        parsed = int(match[1]) * _UNITS[match[2].upper()] if match else -1
        if not lowest <= parsed <= highest:
            raise ValueError(f"a size from {_written(lowest)} to {_written(highest)}, such as 1MB, 64KB or 65536")
        return parsed

    return parse


def _written(amount: int) -> str:
    for unit in "TGMK":
        if amount and amount % _UNITS[unit] == 0:
            return f"{amount // _UNITS[unit]}{unit}B"
    return str(amount)


def choice(*allowed: str) -> Parser:
    """One of a few words, in any case; lower case is returned."""

    def parse(value: str) -> str:
        if value.lower() not in allowed:
            raise ValueError("one of " + ", ".join(allowed))
        return value.lower()

    return parse


def folder(value: str) -> Path:
    """A folder's path, made absolute; ``~`` stands for the home folder."""
    if "\0" in value:
        raise ValueError("a path")
    return Path(value).expanduser().absolute()


def name(value: str) -> str:
    """A name that can stand in a path, an address and a log line."""
    if not _NAME.fullmatch(value):
        raise ValueError("up to 63 letters, digits or . _ - starting with a letter or digit")
    return value


def worker_id(value: str) -> str:
    """A worker's id, by the rule by which the controller admits it."""
    if not WORKER_ID.fullmatch(value) or value == CONTROLLER:
        raise ValueError(f'1 to 32 of a-z, 0-9 and -, and not "{CONTROLLER}"')
    return value


def host(value: str) -> str:
    """A host name or IP address, without a port; brackets around an IPv6 address are dropped."""
    if not _HOST.fullmatch(value):
        raise ValueError("a host name or IP address without a port, such as 127.0.0.1")
    return value.strip("[]")


def redis(value: str) -> str:
    """``host:port``, or a ``redis://`` or ``rediss://`` URL with user, password and database number; the URL. It may
    hold a password, so the parser never repeats it."""
    parts = urlsplit(value if "://" in value else f"redis://{value}")
    try:
        host(parts.hostname or "")
        complete = parts.scheme in ("redis", "rediss") and bool(parts.port)
    except ValueError:
        complete = False
    database = parts.path.strip("/")
    if not complete or parts.query or parts.fragment or not (database.isdecimal() or not database):
        raise ValueError("host:port, such as 127.0.0.1:6379, or redis://:PASSWORD@HOST:6379/0 (rediss:// for TLS)")
    return parts.geturl()


def url(value: str) -> str:
    """An ``http://host:port`` address without a path."""
    allowed = "an address like http://127.0.0.1:8091, with nothing after the port"
    try:
        parts = urlsplit(value)
        complete = parts.scheme == "http" and parts.hostname and parts.port != 0
    except ValueError:
        complete = False
    if not complete or parts.path.strip("/") or parts.query or parts.fragment or parts.username is not None:
        raise ValueError(allowed)
    return value.rstrip("/")


def store(value: str) -> str:
    """Where a worker keeps its chunks."""
    if not _STORE.fullmatch(value):
        raise ValueError("disk:PATH, s3://BUCKET/PREFIX, dynamodb:TABLE/PREFIX or memory:")
    return value


def endpoint(value: str) -> str:
    """Where a service answers, ``http`` or ``https``, with a path where it has one. Addresses of the local link are
    refused: clouds tell machines their credentials there."""
    try:
        parts = urlsplit(value)
        allowed = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        allowed = allowed and not _is_link_local(parts.hostname or "")
        allowed = allowed and not (parts.query or parts.fragment or parts.username is not None)
    except ValueError:
        allowed = False
    if not allowed:
        raise ValueError("an address like https://s3.example.org or http://127.0.0.1:9000, without user, ? and #")
    return value.rstrip("/")


def _is_link_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_link_local
    except ValueError:
        return False


def catalog(value: str) -> str:
    """A database address. It may hold a password, so the parser never repeats it."""
    if not _CATALOG.fullmatch(value):
        raise ValueError("sqlite:///PATH or postgresql://USER:PASSWORD@HOST:5432/NAME")
    return value


def rate(value: str) -> str:
    """A number of attempts per unit of time, or ``off`` (returned as the empty string)."""
    lowered = value.lower()
    if lowered == "off":
        return ""
    if not _RATE.fullmatch(lowered):
        raise ValueError("a number per second, minute, hour or day, such as 10/minute, or off")
    return lowered
