"""Who may log in, and which of the tokens handed out still count."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from echofs.core import names
from echofs.core.audit import Action, Actor, Outcome
from echofs.core.errors import (
    AuthenticationFailed,
    CatalogUnavailable,
    Forbidden,
    InvalidName,
    InvalidRequest,
    NotFound,
)
from echofs.core.models import Role, Timestamp, User
from echofs.ports.accounts import Keep, Quota, UserChange, UserDirectory
from echofs.ports.runtime import Clock, Ids, PasswordHasher
from echofs.services.auditing import Auditing

MIN_PASSWORD_CHARACTERS = 8
MAX_PASSWORD_CHARACTERS = 1024
_SECOND = 1_000_000
_CLOCKS_APART = 3600 * _SECOND
"""Revocations are kept this much longer than any token they refuse, for masters whose clocks differ."""
_WRONG_LOGIN = "The user name or the password is wrong."
_OVER = "This session has ended: log in again."

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Claims:
    """What a genuine token says. ``sid`` names the login it descends from, ``jti`` the token itself."""

    user_id: str
    jti: str
    sid: str
    epoch: int
    expires_at: Timestamp


@dataclass(frozen=True, slots=True)
class Principal:
    """Who makes a request, and by which token."""

    user_id: str
    name: str
    role: Role
    jti: str
    sid: str
    quota_bytes: int | None = None

    @property
    def actor(self) -> Actor:
        """As the audit log names it."""
        return Actor(self.user_id, self.name)


@dataclass(frozen=True, slots=True)
class Grant:
    """All that is needed to issue tokens: for whom, and for which login."""

    user: User
    sid: str


class Accounts:
    """Registration, sessions and passwords. Every method may raise :class:`CatalogUnavailable`.

    ``session_seconds`` is the life of the longest-lived token: revocations may be forgotten after it. ``quota_bytes``
    is what those get who register themselves, None for no quota.
    """

    def __init__(
        self,
        users: UserDirectory,
        hasher: PasswordHasher,
        auditing: Auditing,
        clock: Clock,
        ids: Ids,
        *,
        session_seconds: int = 30 * 86400,
        quota_bytes: int | None = None,
    ) -> None:
        self._users = users
        self._hasher = hasher
        self._auditing = auditing
        self._quota_bytes = quota_bytes
        self._clock = clock
        self._ids = ids
        self._session = session_seconds * _SECOND

    def register(self, name: str, email: str, password: str) -> User:
        """Add an ordinary user. Raises :class:`InvalidName`, :class:`InvalidRequest` for a password that is too weak,
        and :class:`NameTaken`."""
        user = self.create(name, email, password, Role.USER)
        self._auditing.note(Actor(user.id, user.name), Action.REGISTER, subject=user.name)
        return user

    def create_admin(self, name: str, email: str, password: str) -> User:
        """Add an administrator without a quota; promotes nobody. Raises like :meth:`register`."""
        return self.create(name, email, password, Role.ADMIN, quota_bytes=None)

    def create(self, name: str, email: str, password: str, role: Role, *, quota_bytes: Quota = Keep.KEEP) -> User:
        """Add a user, with the quota of everybody unless one is given. Raises like :meth:`register`."""
        names.check_user_name(name)
        names.check_email(email)
        # Logins go by name or address: nobody may take the address of somebody else for a name.
        if "@" in name and names.fold(name) != names.fold(email):
            raise InvalidName("A user name with an @ must be the account's own e-mail address.", field="username")
        self._check_password(password, (name, email), field="password")
        user = User(
            id=self._ids.new(),
            name=name,
            email=email,
            role=role,
            password_hash=self._hasher.hash(password),
            token_epoch=0,
            disabled=False,
            created_at=self._clock.now(),
            quota_bytes=self._quota_bytes if quota_bytes is Keep.KEEP else quota_bytes,
        )
        self._users.add(user)
        return user

    def reset_password(self, login: str, password: str, *, email: str = "", role: Role | None = None) -> User:
        """Give a user a new password, end all sessions and unlock the account; an address and a role too if named.

        Raises :class:`NotFound`, :class:`InvalidRequest` for a password that is too weak, :class:`InvalidName` and
        :class:`NameTaken` for the address.
        """
        user = self._users.by_login(login)
        if email:
            names.check_email(email)
        self._check_password(password, (user.name, email or user.email), field="password")
        if email:
            self._users.set_email(user.id, email)
        self._users.amend(user.id, UserChange(role=role))
        self._users.set_password(user.id, self._hasher.hash(password))
        return self._users.amend(user.id, UserChange(disabled=False))

    def set_password(self, user_id: str, password: str) -> None:
        """Give a user another password and end all sessions. Raises :class:`NotFound`, and :class:`InvalidRequest` for
        a password that is too weak."""
        user = self._users.by_id(user_id)
        self._check_password(password, (user.name, user.email), field="password")
        self._users.set_password(user.id, self._hasher.hash(password))

    def user(self, user_id: str) -> User:
        """Raises :class:`NotFound`."""
        return self._users.by_id(user_id)

    def login(self, login: str, password: str) -> Grant:
        """Begin a session for a user name or e-mail address.

        An unknown user, a wrong password and a disabled account raise the same :class:`AuthenticationFailed`, after
        the same work.
        """
        user = self._proven(login, password)
        if user is None:
            self._auditing.note(Actor("", login), Action.LOGIN, outcome=Outcome.REFUSED)
            raise AuthenticationFailed(_WRONG_LOGIN)
        self._note_login(user)
        return Grant(user, self._ids.new())

    def check(self, claims: Claims) -> Principal:
        """Who bears an access token now. Raises :class:`AuthenticationFailed` once its session was logged out, or the
        user was disabled, changed role or password, or is gone."""
        user = self._current(claims)
        if self._users.revoked((claims.jti, claims.sid)):
            raise AuthenticationFailed(_OVER)
        return Principal(user.id, user.name, user.role, claims.jti, claims.sid, user.quota_bytes)

    def refresh(self, claims: Claims) -> Grant:
        """Use up a refresh token and continue its session.

        A refresh token works once. One that comes back was copied, and whether the thief or the owner was first
        cannot be told, so the whole session ends (RFC 9700, section 4.14.2). Raises :class:`AuthenticationFailed`.
        """
        user = self._current(claims)
        if self._users.revoked((claims.sid,)):
            raise AuthenticationFailed(_OVER)
        if not self._users.revoke((claims.jti,), self._forgettable()):
            self._users.revoke((claims.sid,), self._forgettable())
            self._auditing.note(
                Actor(user.id, user.name), Action.SESSION_ENDED, subject=user.name, outcome=Outcome.REFUSED
            )
            raise AuthenticationFailed("This refresh token was used before, so its session was ended: log in again.")
        return Grant(user, claims.sid)

    def logout(self, principal: Principal) -> None:
        """End the session: its access and refresh tokens stop working. Idempotent."""
        self._users.revoke((principal.jti, principal.sid), self._forgettable())
        self._auditing.note(principal.actor, Action.LOGOUT, subject=principal.name)

    def change_password(self, principal: Principal, old: str, new: str) -> Grant:
        """Replace the password and end every session of the user; the grant lets this one go on.

        Raises :class:`Forbidden` when ``old`` is wrong, :class:`InvalidRequest` when ``new`` is the same or too weak.
        """
        user = self._users.by_id(principal.user_id)
        if not _hashable(old) or not self._hasher.verify(old, user.password_hash):
            self._auditing.note(principal.actor, Action.PASSWORD, outcome=Outcome.REFUSED, detail="wrong old password")
            raise Forbidden("The old password is wrong; nothing was changed.", field="old_password")
        if new == old:
            raise InvalidRequest("The new password is the old one.", field="new_password")
        self._check_password(new, (user.name, user.email), field="new_password")
        self._users.set_password(user.id, self._hasher.hash(new))
        self._auditing.note(principal.actor, Action.PASSWORD, subject=user.name)
        return Grant(self._users.by_id(user.id), principal.sid)

    def _proven(self, login: str, password: str) -> User | None:
        """The user who logs in so, after the same work whoever it is."""
        if not _hashable(password):
            return None
        user = find_login(self._users, login)
        if user is None:
            self._hasher.verify_nobody(password)
            return None
        return user if self._hasher.verify(password, user.password_hash) and not user.disabled else None

    def _note_login(self, user: User) -> None:
        self._auditing.note(Actor(user.id, user.name), Action.LOGIN, subject=user.name)
        try:
            self._users.note_login(user.id, self._clock.now())
        except CatalogUnavailable as error:
            _log.warning("a login was not noted with its user", extra={"why": error.message})

    def _check_password(self, password: str, own: tuple[str, ...], *, field: str) -> None:
        if len(password) < MIN_PASSWORD_CHARACTERS:
            raise InvalidRequest(f"The password needs at least {MIN_PASSWORD_CHARACTERS} characters.", field=field)
        if not _hashable(password):
            raise InvalidRequest(
                f"The password must be valid Unicode of at most {MAX_PASSWORD_CHARACTERS:,} characters.", field=field
            )
        if names.fold(password) in map(names.fold, own):
            raise InvalidRequest("The password must not be the user name or e-mail address.", field=field)
        if self._hasher.is_common(password):
            raise InvalidRequest("This password is one of those guessed first: choose another.", field=field)

    def _current(self, claims: Claims) -> User:
        """The user, if tokens of the claims' epoch still count."""
        try:
            user = self._users.by_id(claims.user_id)
        except NotFound:
            raise AuthenticationFailed(_OVER) from None
        if user.disabled or user.token_epoch != claims.epoch:
            raise AuthenticationFailed(_OVER)
        return user

    def _forgettable(self) -> Timestamp:
        return self._clock.now() + self._session + _CLOCKS_APART


def _hashable(password: str) -> bool:
    """Whether a password is short enough to be hashed without harm, and valid Unicode."""
    if len(password) > MAX_PASSWORD_CHARACTERS:
        return False
    try:
        password.encode()
    except UnicodeEncodeError:
        return False
    return True


def find_login(users: UserDirectory, login: str) -> User | None:
    """The user of that name or e-mail address, if there is one. Raises :class:`CatalogUnavailable`."""
    # No account has such a name, and a database may refuse to be asked for it (NUL, lone surrogates).
    if len(login) > names.MAX_EMAIL_CHARACTERS or not login.isprintable():
        return None
    try:
        return users.by_login(login)
    except NotFound:
        return None
