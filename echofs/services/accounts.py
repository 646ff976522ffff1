"""Who may log in, and which of the tokens handed out still count."""

from __future__ import annotations

from dataclasses import dataclass

from echofs.core import names
from echofs.core.errors import (
    AuthenticationFailed,
    Conflict,
    Forbidden,
    InvalidName,
    InvalidRequest,
    NameTaken,
    NotFound,
)
from echofs.core.models import Role, Timestamp, User
from echofs.ports.accounts import UserChange, UserDirectory
from echofs.ports.runtime import Clock, Ids, PasswordHasher

MIN_PASSWORD_CHARACTERS = 8
MAX_PASSWORD_CHARACTERS = 1024
_SECOND = 1_000_000
NO_PASSWORD = "!"
"""Stands where a hash would, and belongs to no password."""
PLACEHOLDER_DOMAIN = "recovered.invalid"
"""Reserved never to exist (RFC 2606)."""
_CLOCKS_APART = 3600 * _SECOND
"""Revocations are kept this much longer than any token they refuse, for masters whose clocks differ."""
_WRONG_LOGIN = "The user name or the password is wrong."
_OVER = "This session has ended: log in again."


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


@dataclass(frozen=True, slots=True)
class Grant:
    """All that is needed to issue tokens: for whom, and for which login."""

    user: User
    sid: str


class Accounts:
    """Registration, sessions and passwords. Every method may raise :class:`CatalogUnavailable`.

    ``session_seconds`` is the life of the longest-lived token: revocations may be forgotten after it.
    """

    def __init__(
        self, users: UserDirectory, hasher: PasswordHasher, clock: Clock, ids: Ids, *, session_seconds: int = 30 * 86400
    ) -> None:
        self._users = users
        self._hasher = hasher
        self._clock = clock
        self._ids = ids
        self._session = session_seconds * _SECOND

    def register(self, name: str, email: str, password: str) -> User:
        """Add an ordinary user. Raises :class:`InvalidName`, :class:`InvalidRequest` for a password that is too weak,
        and :class:`NameTaken`."""
        return self._create(name, email, password, Role.USER)

    def create_admin(self, name: str, email: str, password: str) -> User:
        """Add an administrator; promotes nobody. Raises like :meth:`register`."""
        return self._create(name, email, password, Role.ADMIN)

    def add_placeholder(self, user_id: str, name: str) -> bool:
        """Make an account for a user of whom only id and name are known, unless that id has one; whether it was made.

        Nobody can log in to it before :meth:`reset_password`, and no token of the lost account works ever again. A
        name that is taken, or is none, gives way to ``name.recovered``, or to the id.
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
            token_epoch=now // (60 * _SECOND),
            disabled=True,
            created_at=now,
        )

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
        self._users.set_password(user.id, self._hasher.hash(password))
        return self._users.amend(user.id, UserChange(role=role, disabled=False))

    def user(self, user_id: str) -> User:
        """Raises :class:`NotFound`."""
        return self._users.by_id(user_id)

    def set_disabled(self, login: str, disabled: bool) -> User:
        """Lock or unlock the account of that name or e-mail address; locking ends all its sessions. Idempotent.
        Raises :class:`NotFound`."""
        return self._users.amend(self._users.by_login(login).id, UserChange(disabled=disabled))

    def login(self, login: str, password: str) -> Grant:
        """Begin a session for a user name or e-mail address.

        An unknown user, a wrong password and a disabled account raise the same :class:`AuthenticationFailed`, after
        the same work.
        """
        if not _hashable(password):
            raise AuthenticationFailed(_WRONG_LOGIN)
        user = self._find(login)
        if user is None:
            self._hasher.verify_nobody(password)
            raise AuthenticationFailed(_WRONG_LOGIN)
        if not self._hasher.verify(password, user.password_hash) or user.disabled:
            raise AuthenticationFailed(_WRONG_LOGIN)
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
            raise AuthenticationFailed("This refresh token was used before, so its session was ended: log in again.")
        return Grant(user, claims.sid)

    def logout(self, principal: Principal) -> None:
        """End the session: its access and refresh tokens stop working. Idempotent."""
        self._users.revoke((principal.jti, principal.sid), self._forgettable())

    def change_password(self, principal: Principal, old: str, new: str) -> Grant:
        """Replace the password and end every session of the user; the grant lets this one go on.

        Raises :class:`Forbidden` when ``old`` is wrong, :class:`InvalidRequest` when ``new`` is the same or too weak.
        """
        user = self._users.by_id(principal.user_id)
        if not _hashable(old) or not self._hasher.verify(old, user.password_hash):
            raise Forbidden("The old password is wrong; nothing was changed.", field="old_password")
        if new == old:
            raise InvalidRequest("The new password is the old one.", field="new_password")
        self._check_password(new, (user.name, user.email), field="new_password")
        self._users.set_password(user.id, self._hasher.hash(new))
        return Grant(self._users.by_id(user.id), principal.sid)

    def _create(self, name: str, email: str, password: str, role: Role) -> User:
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
        )
        self._users.add(user)
        return user

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

    def _find(self, login: str) -> User | None:
        # No account has such a name, and a database may refuse to be asked for it (NUL, lone surrogates).
        if len(login) > names.MAX_EMAIL_CHARACTERS or not login.isprintable():
            return None
        try:
            return self._users.by_login(login)
        except NotFound:
            return None

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
