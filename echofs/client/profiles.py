"""Where logins are kept between commands: ``profiles.json`` in the user's configuration folder, for its owner only."""

from __future__ import annotations

import fcntl
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from platformdirs import user_config_path, user_state_path

from echofs.client.errors import NotLoggedIn, Refused
from echofs.client.private_files import make_folder, replace_file
from echofs.client.tickets import Tickets
from echofs.client.tokens import Tokens

DEFAULT = "default"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Profile:
    """One master and the user who logged in there."""

    name: str
    url: str
    username: str = ""
    ca_file: str = ""
    tokens: Tokens | None = None


class Profiles:
    """The profiles of this machine's user. Safe beside other processes; each change replaces the file at once.

    ``folder`` keeps the logins, ``state_folder`` what can be lost without harm.
    """

    def __init__(self, folder: Path | None = None, state_folder: Path | None = None) -> None:
        self.folder = folder or user_config_path("echofs", appauthor=False)
        self.state_folder = state_folder or user_state_path("echofs", appauthor=False)
        self._file = self.folder / "profiles.json"

    def names(self) -> list[str]:
        """Those there are."""
        return sorted(self._read())

    def find(self, name: str) -> Profile:
        """A profile. Raises :class:`NotLoggedIn` when there is none by that name."""
        found = self._read().get(checked_name(name))
        if found is None:
            raise NotLoggedIn(f"There is no login called {name} on this machine: run `echofs login` first.")
        tokens = found.get("tokens")
        known = {key: str(found.get(key, "")) for key in ("url", "username", "ca_file")}
        return Profile(name, **known, tokens=Tokens(**tokens) if tokens else None)

    def save(self, profile: Profile) -> None:
        """Add or replace a profile."""
        with self.lock():
            self._write({**self._read(), checked_name(profile.name): _fields(profile)})

    def remove(self, name: str) -> None:
        """Forget a profile and its state. Idempotent."""
        with self.lock():
            kept = self._read()
            if kept.pop(name, None) is not None:
                self._write(kept)
        self.save_session(name, "")

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Held while a profile is changed."""
        make_folder(self.folder)
        with open(self.folder / "profiles.lock", "w", encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def set_tokens(self, name: str, tokens: Tokens | None) -> None:
        """Replace the tokens of a profile; :meth:`lock` must be held. One that was removed meanwhile stays so."""
        with suppress(NotLoggedIn):
            profile = replace(self.find(name), tokens=tokens)
            self._write({**self._read(), name: _fields(profile)})

    def session(self, name: str) -> str:
        """The session token that the last command got, ``""`` without one."""
        with suppress(OSError, UnicodeDecodeError):
            return self._session_file(name).read_text(encoding="ascii")
        return ""

    def save_session(self, name: str, token: str) -> None:
        """Keep a session token for the next command."""
        if token:
            make_folder(self.state_folder)
            replace_file(self._session_file(name), token)
        else:
            self._session_file(name).unlink(missing_ok=True)

    def tickets(self, profile: Profile) -> Tickets:
        """The unfinished uploads of a profile's user."""
        return Tickets(self.state_folder / "uploads", f"{profile.url}\0{profile.username}")

    def _session_file(self, name: str) -> Path:
        return self.state_folder / f"{checked_name(name)}.session"

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            document = json.loads(self._file.read_text(encoding="utf-8"))
            profiles: dict[str, dict[str, Any]] = document["profiles"]
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Refused(f"{self._file} cannot be read ({error}): mend it, or remove it and log in again.") from error
        return profiles

    def _write(self, profiles: Mapping[str, object]) -> None:
        make_folder(self.folder)
        replace_file(self._file, json.dumps({"profiles": profiles}, indent=2, sort_keys=True) + "\n")


class ProfileTokens:
    """The tokens of one profile, shared by all commands that use it."""

    def __init__(self, profiles: Profiles, name: str) -> None:
        self._profiles = profiles
        self._name = name
        self._tokens = profiles.find(name).tokens

    def load(self) -> Tokens | None:
        if self._tokens is None or not self._tokens.fresh:
            self._tokens = self._profiles.find(self._name).tokens
        return self._tokens

    def save(self, tokens: Tokens | None) -> None:
        self._profiles.set_tokens(self._name, tokens)
        self._tokens = tokens

    @contextmanager
    def lock(self) -> Iterator[None]:
        with self._profiles.lock():
            # Another command may have renewed them while this one waited.
            self._tokens = self._profiles.find(self._name).tokens
            yield


def checked_name(name: str) -> str:
    """The name of a profile. Raises :class:`Refused` for one that could not be part of a file's name."""
    if not _NAME.fullmatch(name):
        raise Refused("The name of a profile has letters, digits and . _ - only.", field="profile")
    return name


def _fields(profile: Profile) -> dict[str, Any]:
    return {name: value for name, value in asdict(profile).items() if name != "name" and value}
