"""WebDAV (RFC 4918): a user's files as a folder that file managers and programs mount, on the same services and with
the same rights as the REST interface. The protocol itself is WsgiDAV's."""

from echofs.web.dav.blueprint import dav_blueprint
from echofs.web.dav.locks import LockStorage
from echofs.web.dav.logins import DavLogins
from echofs.web.dav.tree import DavParts

__all__ = ["DavLogins", "DavParts", "LockStorage", "dav_blueprint"]
