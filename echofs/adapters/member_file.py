"""The list of members as a small JSON file."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from echofs.adapters.small_files import replace_durably
from echofs.core.errors import InvalidRequest
from echofs.core.membership import decode, encode
from echofs.core.models import Member
from echofs.ports.cluster import MemberList

FORMAT = 1

_log = logging.getLogger(__name__)


class MemberFile(MemberList):
    """Several processes may share one file: each save replaces it whole, and the last one stands."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> list[Member]:
        try:
            raw = self._path.read_bytes()
        except FileNotFoundError:
            return []
        except OSError as error:
            _log.warning("the saved list of workers cannot be read", extra={"why": error.strerror})
            return []
        return _parse(raw)

    def save(self, members: list[Member]) -> None:
        text = json.dumps({"format": FORMAT, "members": [encode(member) for member in members]}, indent=1)
        replace_durably(self._path, text.encode())


def _parse(raw: bytes) -> list[Member]:
    """Every entry that makes sense: a list without one worker is worth more than none."""
    try:
        entries = json.loads(raw)["members"]
    except (ValueError, KeyError, TypeError, RecursionError):
        entries = None
    if not isinstance(entries, list):
        _log.warning("the saved list of workers makes no sense and is ignored")
        return []
    members = {}
    for entry in entries:
        try:
            member = decode(entry)
        except InvalidRequest as error:
            _log.warning("an entry of the saved list of workers is ignored", extra={"why": error.message})
            continue
        members[member.worker_id] = member
    return list(members.values())
