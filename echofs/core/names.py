"""Rules for paths, folders and user names. Names are kept exactly as given: checked, never cleaned or folded."""

from __future__ import annotations

import re
import unicodedata

from echofs.core.errors import InvalidName

MAX_PART_BYTES = 255
MAX_PATH_BYTES = 1024
"""The length of an S3 key, and short enough for an index entry of every catalog."""
MAX_EMAIL_CHARACTERS = 254
_USER_NAME = re.compile(r"[^\W_][\w.@+-]{1,62}[^\W_]|[^\W_]{2}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)+")


def check_path(path: str, *, field: str = "path") -> str:
    """Return the path unchanged (one leading slash is allowed and dropped) or raise :class:`InvalidName`.

    A path is one or more parts joined by ``/``. Two different names stay two names: no Unicode normalisation, no case
    folding, no trimming. Refused are empty parts, ``.`` and ``..``, control characters, NUL, lone surrogates, parts
    over 255 bytes and paths over 1,024 bytes of UTF-8.
    """
    path = path.removeprefix("/")
    if not path:
        raise InvalidName("The path is empty: give the file a name.", field=field)
    _check_encoding(path, field)
    for part in path.split("/"):
        _check_part(part, field)
    if len(path.encode()) > MAX_PATH_BYTES:
        raise InvalidName(f"The path is longer than {MAX_PATH_BYTES} bytes.", field=field)
    return path


def check_folder(folder: str, *, field: str = "folder") -> str:
    """Return a folder's path, ``""`` for the root; a leading and a trailing slash are allowed and dropped."""
    trimmed = folder.removesuffix("/")
    return check_path(trimmed, field=field) if trimmed else ""


def parent_of(path: str) -> str:
    """The folder a path lies in, ``""`` for the root."""
    return path.rpartition("/")[0]


def ancestors_of(path: str) -> list[str]:
    """Every folder above a path, the outermost first, without the root."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[:depth]) for depth in range(1, len(parts) + 1)]


def name_of(path: str) -> str:
    """The last part of a path."""
    return path.rpartition("/")[2]


def is_below(path: str, folder: str) -> bool:
    """Whether a path lies in a folder or in one below it; everything lies below the root, ``""``."""
    return not folder or path.startswith(f"{folder}/")


def moved_path(path: str, folder: str, to: str) -> str:
    """Where a path goes when the folder that it is, or is below, becomes ``to``. Raises :class:`InvalidName` when that
    is too long to be a path."""
    return check_path(to + path[len(folder) :], field="to")


def found_by(path: str, text: str) -> bool:
    """Whether a search for ``text`` finds the file or folder at a path: its name contains it, both as :func:`fold`
    makes them, so that neither case nor the way an accent is encoded matters."""
    return fold(text) in fold(name_of(path))


def check_user_name(name: str) -> str:
    """Return the name unchanged or raise :class:`InvalidName`: 2 to 64 letters, digits or ``. _ @ + -``, a letter or
    digit at both ends."""
    if not _USER_NAME.fullmatch(name):
        raise InvalidName(
            "A user name has 2 to 64 letters, digits or . _ @ + - and starts and ends with a letter or digit.",
            field="username",
        )
    return name


def check_email(email: str) -> str:
    """Return the address unchanged or raise :class:`InvalidName`. Only the shape is checked; nothing is sent to it."""
    if len(email) > MAX_EMAIL_CHARACTERS or not _EMAIL.fullmatch(email) or not email.isprintable():
        raise InvalidName("That is not an e-mail address.", field="email")
    return email


def fold(name: str) -> str:
    """The form in which two user names or e-mail addresses are compared, and file names are searched: NFKC, case folded
    (Unicode caseless matching, D146)."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def _check_encoding(path: str, field: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError:
        raise InvalidName("The path is not valid Unicode.", field=field) from None


def _check_part(part: str, field: str) -> None:
    if not part:
        raise InvalidName("The path has an empty part: two slashes in a row or one at the end.", field=field)
    if part in (".", ".."):
        raise InvalidName("The path must not contain . or .. as a part.", field=field)
    if any(unicodedata.category(character) == "Cc" for character in part):
        raise InvalidName("The path contains a control character.", field=field)
    if len(part.encode()) > MAX_PART_BYTES:
        raise InvalidName(f"A part of the path is longer than {MAX_PART_BYTES} bytes.", field=field)
