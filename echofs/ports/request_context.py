"""The id of the request being served, so that every log line and internal call made for it can carry it."""

from __future__ import annotations

from contextvars import ContextVar

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""Empty outside a request."""
