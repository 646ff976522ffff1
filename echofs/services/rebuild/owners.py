"""Accounts for owners of whom only id and name are left."""

from __future__ import annotations

from echofs.core import names
from echofs.core.errors import Conflict, InvalidName, NameTaken, NotFound
from echofs.core.models import Role, User
from echofs.ports.accounts import UserDirectory
from echofs.ports.runtime import Clock

NO_PASSWORD = "!"
"""Stands where a hash would, and belongs to no password."""
PLACEHOLDER_DOMAIN = "recovered.invalid"
"""Reserved never to exist (RFC 2606)."""
_MINUTE = 60 * 1_000_000


class Owners:
    """Makes the users to whom rebuilt files belong. Methods may raise :class:`CatalogUnavailable`."""

    def __init__(self, users: UserDirectory, clock: Clock) -> None:
        self._users = users
        self._clock = clock

    def add_placeholder(self, user_id: str, name: str) -> bool:
        """Make an account for a user of whom only id and name are known, unless that id has one; whether it was made.

        Nobody can log in to it before its password is reset, and no token of the lost account works ever again. A name
        that is taken, or is none, gives way to ``name.recovered``, or to the id.
        """
        try:
            self._users.by_id(user_id)
        except NotFound:
            pass
        else:
            return False
        for free in (name, f"{name}.recovered", user_id):
            try:
                self._users.add(self._placeholder(user_id, names.check_user_name(free)))
            except (InvalidName, NameTaken):
                continue
            return True
        raise Conflict(f"No account could be made for the owner {user_id}: its names are all taken.")

    def _placeholder(self, user_id: str, name: str) -> User:
        now = self._clock.now()
        return User(
            id=user_id,
            name=name,
            email=f"{user_id}@{PLACEHOLDER_DOMAIN}",
            role=Role.USER,
            password_hash=NO_PASSWORD,
            # Minutes since 1970: higher than any epoch that grew by ones, so tokens of the lost account stay void.
            token_epoch=now // _MINUTE,
            disabled=True,
            created_at=now,
        )
