"""Logging in for good: a new login becomes a profile."""

from __future__ import annotations

from echofs.client.errors import ClientError, UnexpectedAnswer
from echofs.client.http import Http, Waiting
from echofs.client.profiles import Profile, Profiles, checked_name
from echofs.client.tokens import Login, MemoryTokens
from echofs.client.values import User

_NO_SUCH_ROUTE = (404, 405)


def sign_in(
    profiles: Profiles,
    name: str,
    url: str,
    username: str,
    password: str,
    *,
    ca_file: str = "",
    waiting: Waiting | None = None,
) -> User:
    """Log in at ``url`` and keep the tokens as the profile ``name``, in place of what it held.

    The password is not kept. Raises :class:`ClientError`; then the profile is as it was.
    """
    checked_name(name)
    http = Http(url, ca_file=ca_file or None, waiting=waiting)
    tokens = MemoryTokens()
    try:
        user = User.parsed(Login(http, tokens).login(username, password)["user"])
    except ClientError as error:
        if error.status in _NO_SUCH_ROUTE:
            raise UnexpectedAnswer(f"What answers at {url} is no master; check the address.") from error
        raise
    finally:
        http.close()
    profiles.save(Profile(name, http.url, user.username, ca_file, tokens.load()))
    # The token of another user or cluster says nothing about what this one has seen.
    profiles.save_session(name, "")
    return user
