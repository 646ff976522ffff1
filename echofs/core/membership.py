"""Rules of membership: what a worker may claim about itself, and how long a silent one still counts."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from echofs.core.errors import InvalidRequest
from echofs.core.models import Intent, Member, MemberState
from echofs.core.phi import HeartbeatWindow

HEARTBEAT_SECONDS = 1.0
"""How often a worker sends a heartbeat."""
SUSPECT_PHI = 5.0
DOWN_PHI = 8.0
"""One wrong verdict in a hundred million intervals, if they were what they have been (:mod:`echofs.core.phi`)."""
PATIENT_INTERVALS = 2
"""Whatever phi says, one late heartbeat is no suspicion."""
DOWN_AT_THE_LATEST_SECONDS = 15.0
"""However irregular a worker's heartbeats have been."""
START_SECONDS = 6.0
"""How long a controller that has just started knows nothing."""
SETTLED_BEATS = 2
"""A new worker is joining until it has been heard so often."""
CONTROLLER = "controller"
"""The controller's name as an audience of internal calls; no worker may have it, or calls to one would open the
other."""

WORKER_ID = re.compile(r"[a-z0-9-]{1,32}")
_ZONE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_STORE_ID = re.compile(r"[\x21-\x7e]{0,128}")
_NUMBER_LABEL = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")
_MAX_URL_CHARACTERS = 255
_METADATA_HOSTS = frozenset({"metadata.google.internal", "fd00:ec2::254"})
"""Where clouds hand out credentials to whatever runs on a host, besides 169.254.169.254, which is link-local."""


def state_after(silence: float, rhythm: HeartbeatWindow) -> MemberState:
    """Whether a worker is up, suspect or down that was last heard ``silence`` seconds ago."""
    if silence >= DOWN_AT_THE_LATEST_SECONDS:
        return MemberState.DOWN
    phi = rhythm.phi(silence) if silence >= PATIENT_INTERVALS * rhythm.mean else 0.0
    if phi < SUSPECT_PHI:
        return MemberState.UP
    return MemberState.SUSPECT if phi < DOWN_PHI else MemberState.DOWN


Lasting = tuple[str, str, float, str, Intent]


def lasting(member: Member) -> Lasting:
    """What is worth keeping across restarts: all but the name and what every heartbeat changes."""
    return member.url, member.zone, member.weight, member.store_id, member.intent


def check_member(member: Member) -> None:
    """Raise :class:`InvalidRequest`, naming the field, unless the worker may join.

    The address is where masters will send files, so it must be a plain ``http://host:port`` and none that leads to a
    cloud's credentials (link-local and metadata addresses, in any spelling) or nowhere (0.0.0.0, multicast).
    """
    if not WORKER_ID.fullmatch(member.worker_id) or member.worker_id == CONTROLLER:
        raise InvalidRequest(
            f"A worker id is 1 to 32 of a-z, 0-9 and -, and not {CONTROLLER!r}: set WORKER_ID.", field="worker_id"
        )
    if not _ZONE.fullmatch(member.zone):
        raise InvalidRequest(
            "A zone is 1 to 64 letters, digits or . _ - and starts with a letter or digit: set WORKER_ZONE.",
            field="zone",
        )
    if not (math.isfinite(member.weight) and member.weight >= 0):
        raise InvalidRequest("A weight is a number from 0 up: set WORKER_WEIGHT.", field="weight")
    if not _STORE_ID.fullmatch(member.store_id):
        raise InvalidRequest("A store's identity is up to 128 printable ASCII characters.", field="store_id")
    if member.free_bytes is not None and member.free_bytes < 0:
        raise InvalidRequest("Free room cannot be less than nothing.", field="free_bytes")
    _check_url(member.url)


def encode(member: Member) -> dict[str, object]:
    """The member as JSON has it."""
    return {
        "worker_id": member.worker_id,
        "url": member.url,
        "zone": member.zone,
        "weight": member.weight,
        "state": member.state.value,
        "store_id": member.store_id,
        "free_bytes": member.free_bytes,
        "intent": member.intent.value,
    }


def decode(fields: object) -> Member:
    """Inverse of :func:`encode`; fields it does not know are ignored. Raises :class:`InvalidRequest` naming a field
    that is missing or of another type; what a well-formed member may claim is for :func:`check_member`."""
    if not isinstance(fields, Mapping):
        raise InvalidRequest("A member is a JSON object.")
    state = _text(fields, "state", MemberState.UP)
    if state not in set(MemberState):
        raise InvalidRequest(f"A member's state is one of {', '.join(MemberState)}.", field="state")
    free = fields.get("free_bytes")
    if free is not None and (isinstance(free, bool) or not isinstance(free, int)):
        raise InvalidRequest("free_bytes must be a whole number or null.", field="free_bytes")
    return Member(
        worker_id=_text(fields, "worker_id"),
        url=_text(fields, "url"),
        zone=_text(fields, "zone"),
        weight=_number(fields, "weight", 1.0),
        state=MemberState(state),
        store_id=_text(fields, "store_id", ""),
        free_bytes=free,
        intent=parse_intent(fields) if "intent" in fields else Intent.UP,
    )


def parse_intent(fields: Mapping[str, object]) -> Intent:
    """What the operator wants of a worker: the field ``intent``. Raises :class:`InvalidRequest`."""
    intent = _text(fields, "intent")
    if intent not in set(Intent):
        raise InvalidRequest(f"What is wanted of a worker is one of {', '.join(Intent)}.", field="intent")
    return Intent(intent)


def _text(fields: Mapping[str, object], name: str, default: str | None = None) -> str:
    value = fields.get(name, default)
    if not isinstance(value, str):
        raise InvalidRequest(f"{name} must be a text.", field=name)
    return value


def _number(fields: Mapping[str, object], name: str, default: float) -> float:
    value = fields.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidRequest(f"{name} must be a number.", field=name)
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _check_url(url: str) -> None:
    refused = InvalidRequest(
        "A worker's address looks like http://host:port, with nothing after the port, and is one that other hosts "
        "reach: set WORKER_URL.",
        field="url",
    )
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise refused from None
    plain = len(url) <= _MAX_URL_CHARACTERS and url.isascii() and url.isprintable() and " " not in url
    bare = parts.path in ("", "/") and "?" not in url and "#" not in url and "@" not in parts.netloc
    if not (plain and bare and parts.scheme == "http" and host and port != 0):
        raise refused
    if not _reachable(host):
        raise refused


def _reachable(host: str) -> bool:
    """Whether a host, by its spelling, is an address a worker can have."""
    host = host.rstrip(".")
    if host in _METADATA_HOSTS:
        return False
    try:
        address: IPv4Address | IPv6Address = ip_address(host)
    except ValueError:
        # 2852039166, 0xa9fea9fe and 169.254.43518 are addresses to the resolver though not to ip_address. A name whose
        # last label is a number can only be one of those (WHATWG URL, "ends in a number").
        return ":" not in host and not _NUMBER_LABEL.fullmatch(host.rpartition(".")[2])
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return not (address.is_link_local or address.is_unspecified or address.is_multicast)
