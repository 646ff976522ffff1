"""Our errors as WsgiDAV's, whose status and sentence then reach the client."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from wsgidav.dav_error import HTTP_NOT_FOUND, DAVError

from echofs.core.errors import EchoError, NotFound
from echofs.web.errors import status_of


@contextmanager
def translated() -> Iterator[None]:
    """Raise DAVError with the status of the one table (``web.errors``) for any of our errors inside."""
    try:
        yield
    except NotFound:
        raise DAVError(HTTP_NOT_FOUND) from None
    except EchoError as error:
        raise DAVError(status_of(type(error)), error.message) from error
