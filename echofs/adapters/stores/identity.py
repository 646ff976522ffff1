"""The small value on a medium that says which store it is and whose.

A medium that was swapped, wiped or belongs to another worker is noticed by it before anything is served from there.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import asdict, dataclass

FORMAT = 1
IDENTITY_NAME = "identity.json"
IDENTITY_BYTES = 4096
"""Far more than an identity has; whatever is longer is none."""


@dataclass(frozen=True, slots=True)
class Identity:
    """``store_id`` is unique and never reused; ``owner`` is a worker's id."""

    store_id: str
    owner: str

    @classmethod
    def new(cls, owner: str) -> Identity:
        """The identity of a fresh medium."""
        return cls(str(uuid.uuid4()), owner)

    @classmethod
    def read(cls, raw: bytes) -> Identity | None:
        """What :meth:`write` made; None for anything else, also for a format of a later EchoFS."""
        try:
            fields = json.loads(raw)
            form, store_id, owner = fields["format"], fields["store_id"], fields["owner"]
        except (ValueError, KeyError, TypeError):
            return None
        whole = form == FORMAT and isinstance(store_id, str) and isinstance(owner, str)
        return cls(store_id, owner) if whole else None

    def write(self) -> bytes:
        """As it is kept."""
        return json.dumps({"format": FORMAT, **asdict(self)}).encode()
