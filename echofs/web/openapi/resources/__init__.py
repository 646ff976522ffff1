"""What is said of every route of a master, by resource."""

from __future__ import annotations

from echofs.web.openapi.description import Resource, Route
from echofs.web.openapi.resources import (
    accounts,
    administration,
    cluster,
    conflicts,
    consistency,
    content,
    documents,
    files,
    folders,
    oversight,
    page_sessions,
    resumable,
    trash,
)

RESOURCES: tuple[Resource, ...] = (
    accounts.RESOURCE,
    page_sessions.RESOURCE,
    administration.APP_PASSWORDS,
    files.RESOURCE,
    folders.RESOURCE,
    content.RESOURCE,
    resumable.RESOURCE,
    trash.RESOURCE,
    conflicts.RESOURCE,
    consistency.RESOURCE,
    cluster.RESOURCE,
    oversight.RESOURCE,
    administration.USERS,
    administration.AUDIT,
    documents.RESOURCE,
)
"""In the order in which they are shown."""

MADE_BY_FLASK = frozenset({"HEAD", "OPTIONS"})
"""Methods that Flask adds by itself."""

NOT_THE_API = frozenset({"page.shell", "page.asset", "dav.mounted"})
"""The web page and its files, which are for people and free to change at any time, and WebDAV, which is a standard of
its own."""

_BY_KEY: dict[str, tuple[Resource, Route]] = {
    key: (resource, route) for resource in RESOURCES for key, route in resource.routes.items()
}


def described(endpoint: str, method: str) -> tuple[Resource, Route] | None:
    """What is said of one method of an endpoint; None for nothing."""
    return _BY_KEY.get(f"{method} {endpoint}") or (None if method in MADE_BY_FLASK else _BY_KEY.get(endpoint))


def keys() -> set[str]:
    """The keys of everything that is described."""
    return set(_BY_KEY)
