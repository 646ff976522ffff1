"""App passwords: what programs log in with that cannot follow a login of their own, such as mounted folders."""

from __future__ import annotations

import hashlib
import logging
import secrets
from base64 import b32encode

from echofs.core.audit import Action, Actor, Outcome
from echofs.core.errors import AuthenticationFailed, InvalidRequest, Unavailable
from echofs.core.models import Digest, User
from echofs.ports.accounts import UserDirectory
from echofs.ports.app_passwords import AppPassword, AppPasswords
from echofs.ports.runtime import Clock, Ids
from echofs.services.accounts import Principal, find_login
from echofs.services.auditing import Auditing

MOST = 100
"""App passwords of one user."""
SECRET_BYTES = 20
"""160 random bits: nobody guesses them, so the kept SHA-256 needs no salt and no slowness."""
MAX_NAME_CHARACTERS = 64
NOTED_EVERY_MICROSECONDS = 60 * 1_000_000
"""A last use is written down no more often: programs come with every request."""
_GROUP = 8
_WRONG = "The user name or the app password is wrong."

_log = logging.getLogger(__name__)


class AppAccess:
    """Makes, checks and ends app passwords. Every method may raise :class:`CatalogUnavailable`.

    They outlive a change of the account's password and end when the account is disabled.
    """

    def __init__(
        self, users: UserDirectory, passwords: AppPasswords, auditing: Auditing, clock: Clock, ids: Ids
    ) -> None:
        self._users = users
        self._passwords = passwords
        self._auditing = auditing
        self._clock = clock
        self._ids = ids

    def listed(self, principal: Principal) -> list[AppPassword]:
        """Those of a user, the oldest first."""
        return self._passwords.listed(principal.user_id)

    def create(self, principal: Principal, name: str) -> tuple[AppPassword, str]:
        """Make one; it and its secret, which nobody can be told again.

        Raises :class:`InvalidRequest` for a name that is none, and :class:`Conflict` for a user who has too many.
        """
        if not 1 <= len(name) <= MAX_NAME_CHARACTERS or not name.isprintable():
            raise InvalidRequest(
                f"The name has 1 to {MAX_NAME_CHARACTERS} printable characters, such as the program it is for.",
                field="name",
            )
        secret = _new_secret()
        password = AppPassword(self._ids.new(), principal.user_id, name, _digest(secret), self._clock.now())
        self._passwords.add(password, MOST)
        self._auditing.note(principal.actor, Action.APP_PASSWORD_MADE, subject=name)
        return password, secret

    def remove(self, principal: Principal, password_id: str) -> None:
        """End one. Raises :class:`NotFound`, also for another user's."""
        removed = self._passwords.remove(principal.user_id, password_id)
        self._auditing.note(principal.actor, Action.APP_PASSWORD_REMOVED, subject=removed.name)

    def check(self, login: str, secret: str) -> Principal:
        """Who logs in by a user name or e-mail address and an app password.

        An unknown user, a wrong secret and a disabled account raise the same :class:`AuthenticationFailed`, after
        the same questions to the database.
        """
        user = find_login(self._users, login)
        # Without a user the same question is asked in vain, so that its time tells nobody whether there is one.
        password = self._passwords.find(user.id if user else "", _digest(secret))
        if user is None or password is None or user.disabled:
            self._auditing.note(
                Actor("", login),
                Action.LOGIN,
                subject=user.name if user else "",
                outcome=Outcome.REFUSED,
                detail="with an app password",
            )
            raise AuthenticationFailed(_WRONG)
        self._note_use(password)
        return _principal(user, password)

    def _note_use(self, password: AppPassword) -> None:
        now = self._clock.now()
        if password.last_used_at is not None and now - password.last_used_at < NOTED_EVERY_MICROSECONDS:
            return
        try:
            self._passwords.note_use(password.id, now)
        except Unavailable as error:
            _log.warning("the use of an app password was not noted", extra={"why": error.message})


def _principal(user: User, password: AppPassword) -> Principal:
    return Principal(user.id, user.name, user.role, password.id, password.id, user.quota_bytes)


def _new_secret() -> str:
    """Lower-case letters and digits that are hard to mistake (RFC 4648, base 32), in groups that can be typed."""
    text = b32encode(secrets.token_bytes(SECRET_BYTES)).decode().lower()
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def _digest(secret: str) -> Digest:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()
