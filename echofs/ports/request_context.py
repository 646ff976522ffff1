"""The request being served: its id, so that every log line and internal call made for it can carry it, and where it
came from."""

from __future__ import annotations

from contextvars import ContextVar

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""Empty outside a request."""

client_address: ContextVar[str] = ContextVar("client_address", default="")
"""The client's address as far as proxies are believed; empty outside a request."""
