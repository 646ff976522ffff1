"""What is written down of logins and of what administrators do. Pure: values, and how a text is made fit to be kept."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from echofs.core.models import Timestamp

MAX_NAME_CHARACTERS = 254
MAX_DETAIL_CHARACTERS = 1024
_CUT = "…"


class Action(StrEnum):
    """What somebody did or tried. The part before the dot names the subject's kind."""

    REGISTER = "account.register"
    LOGIN = "account.login"
    LOGOUT = "account.logout"
    SESSION_ENDED = "account.session_ended"
    """A refresh token came a second time."""
    PASSWORD = "account.password"
    APP_PASSWORD_MADE = "app_password.create"
    APP_PASSWORD_REMOVED = "app_password.delete"
    USER_CREATED = "user.create"
    USER_CHANGED = "user.change"
    USER_PASSWORD = "user.password"
    WORKER_INTENT = "worker.intent"
    OVERRIDE = "consistency.override"
    OVERRIDE_CLEARED = "consistency.clear_override"
    CRITICAL = "consistency.critical"


class Outcome(StrEnum):
    """How it ended."""

    BEGUN = "begun"
    """Not known: it was about to be done, and nobody wrote down the end of it."""
    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it. ``id`` is empty for somebody who has not proved to be anybody; ``name`` is then what was claimed."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One entry. ``address`` is the client's, ``subject`` what it was done to, ``detail`` the particulars; no field
    holds a secret."""

    id: str
    at: Timestamp
    actor: Actor
    address: str
    action: Action
    subject: str
    outcome: Outcome
    detail: str


def kept(text: str, characters: int) -> str:
    """A text as it is kept: what no database holds (NUL, lone surrogates) is spelled out, what is too long is cut."""
    spelled = text[: characters + 1].encode(errors="backslashreplace").decode().replace("\0", "\\x00")
    return spelled if len(spelled) <= characters else spelled[: characters - 1] + _CUT
