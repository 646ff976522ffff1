"""What a request wants of a write beside its bytes."""

from __future__ import annotations

from flask import Request

from echofs.services.accounts import Principal
from echofs.services.publishing import Wish
from echofs.web.levels import asked, on_conflict


def wish_of(request: Request, started: float, user: Principal) -> Wish:
    """The wish of the user who makes the request; ``started`` is its arrival, in seconds on the monotonic clock."""
    return Wish(asked(request), started, user.name, on_conflict=on_conflict(request), quota_bytes=user.quota_bytes)
