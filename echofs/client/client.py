"""The client: a user's files at a master, as Python functions."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from echofs.client.api import Api, level_header, match_header
from echofs.client.downloads import Download
from echofs.client.errors import NotFound, PreconditionFailed
from echofs.client.folders import Folders
from echofs.client.http import ANSWER_SECONDS, PATIENCE_SECONDS, Http, Waiting
from echofs.client.logins import Account, account_of_profile, account_of_user, fixed_account
from echofs.client.profiles import DEFAULT, Profiles
from echofs.client.saving import save
from echofs.client.sources import Content, source_of
from echofs.client.storing import store
from echofs.client.trash import Trash
from echofs.client.unfinished import Unfinished
from echofs.client.uploads import Progress, Wish, stored_of
from echofs.client.values import (
    ConflictInfo,
    FileInfo,
    Health,
    Receipt,
    ReplicaCount,
    Stored,
    Usage,
    User,
    Version,
    WorkerHealth,
)

_TRIES = 3
"""How often a file is looked up anew because it got another version before its first byte came."""

if TYPE_CHECKING:
    from echofs.client.admin import Admin


class Client:
    """A user at a master. Thread-safe; use it in ``with``, or :meth:`close` it.

    It logs in with ``username`` and ``password`` when it has to, or uses ``token``, which it cannot renew; or call
    :meth:`login`. What may pass is tried again for ``patience`` seconds; ``timeout`` is the longest wait for an answer,
    in seconds too. ``ca_file`` has the certificates to trust, in PEM, where the system's do not do. ``waiting`` is told
    of attempts that failed and of the seconds until the next.

    A file is given by its path or as a :class:`FileInfo`, which saves looking it up. Every method raises
    :class:`ClientError`: :class:`NotFound` for what is not there, :class:`NotLoggedIn`, :class:`Unavailable` once
    patience is used up, :class:`Refused` for what can never succeed.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str = "",
        username: str = "",
        password: str = "",
        patience: float = PATIENCE_SECONDS,
        timeout: float = ANSWER_SECONDS,
        ca_file: str = "",
        waiting: Waiting | None = None,
    ) -> None:
        http = Http(url, patience=patience, timeout=timeout, ca_file=ca_file or None, waiting=waiting)
        self._begin(http, fixed_account(token) if token else account_of_user(http, username, password))

    @classmethod
    def from_profile(
        cls,
        name: str = DEFAULT,
        *,
        profiles: Profiles | None = None,
        patience: float = PATIENCE_SECONDS,
        timeout: float = ANSWER_SECONDS,
        waiting: Waiting | None = None,
    ) -> Self:
        """The user who ran ``echofs login``. Raises :class:`NotLoggedIn` when nobody did under that name."""
        found = profiles or Profiles()
        profile = found.find(name)
        http = Http(profile.url, patience=patience, timeout=timeout, ca_file=profile.ca_file or None, waiting=waiting)
        client = cls.__new__(cls)
        client._begin(http, account_of_profile(http, found, name))
        return client

    def _begin(self, http: Http, account: Account) -> None:
        self._http = http
        self._account = account
        self._api = Api(http, account.access, session=account.session)
        self.folders = Folders(self._api)
        self.trash = Trash(self._api)
        self.unfinished = Unfinished(self._api)

    @cached_property
    def admin(self) -> Admin:
        """What administrators may do. Loaded when first asked for: few programs do, and it is a tenth of a start."""
        from echofs.client.admin import Admin

        return Admin(self._api)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections, and keep the session token if there is a profile. Idempotent."""
        self._account.keep_session(self._api.session)
        self._http.close()

    @property
    def url(self) -> str:
        """The master's address."""
        return self._http.url

    # --- the account ---------------------------------------------------------------------------------------------

    def login(self, username: str, password: str) -> User:
        """Log in as a user, by name or e-mail address."""
        return User.parsed(self._account.login(username, password)["user"])

    def logout(self) -> None:
        """End the session: its tokens stop working."""
        self._api.send("POST", "/auth/logout", repeatable=False)
        self._account.forget()

    def profile(self) -> User:
        """Who is logged in."""
        return User.parsed(self._api.get("/auth/profile").data["user"])

    def usage(self) -> Usage:
        """What the user's files take, and the quota."""
        return Usage.parsed(self._api.get("/usage").data["usage"])

    # --- content -------------------------------------------------------------------------------------------------

    def put(
        self,
        path: str,
        content: Content,
        *,
        content_type: str = "",
        consistency: str = "",
        on_conflict: str = "",
        if_match: str = "",
        create_only: bool = False,
        idempotency_key: str = "",
        progress: Progress | None = None,
    ) -> Stored:
        """Store ``content`` under ``path``: a new file, or a new version of the one there.

        ``content`` is bytes, the path of a local file (text or ``Path``), an open binary file, or pieces of bytes. What
        can be read twice is sent again after a failure, and stored once; pieces are not. ``consistency`` is a level or
        a list of them, ``if_match`` an etag or ``*``. Also raises :class:`PreconditionFailed`, :class:`Full`,
        :class:`WrongContent`, and OSError when a local file cannot be found.
        """
        wish = Wish(content_type, consistency, on_conflict, if_match, create_only, idempotency_key)
        return store(self._api, path, source_of(content), wish, self._account.tickets, progress)

    def open(
        self,
        file: str | FileInfo,
        *,
        version: int | None = None,
        start: int = 0,
        end: int | None = None,
        consistency: str = "",
    ) -> Download:
        """The bytes of a file, its present version or an older one, or those from ``start`` to before ``end``."""
        info = self._found(file, consistency)
        wanted = info if version in (None, info.version) else self._version(info, version or 0)
        return Download(self._api, info, wanted, start=start, end=end, consistency=consistency)

    def read(self, file: str | FileInfo, *, version: int | None = None, consistency: str = "") -> bytes:
        """The whole content, verified."""
        for tries_left in reversed(range(_TRIES)):
            try:
                with self.open(file, version=version, consistency=consistency) as download:
                    return download.read()
            except PreconditionFailed:
                if not tries_left or not isinstance(file, str):
                    raise
        raise AssertionError("the last try returns or raises")

    def download(
        self,
        file: str | FileInfo,
        target: str | os.PathLike[str],
        *,
        version: int | None = None,
        consistency: str = "",
        progress: Progress | None = None,
    ) -> FileInfo:
        """Save a file as ``target``, which is replaced at once by the whole, verified file. What broke off before is
        gone on with. Raises OSError too."""
        info = self._found(file, consistency)
        wanted = info if version in (None, info.version) else self._version(info, version or 0)

        def begin(known: Iterable[bytes]) -> Download:
            return Download(self._api, info, wanted, known=known, consistency=consistency)

        save(wanted, Path(target), begin, progress)
        return info

    # --- files ---------------------------------------------------------------------------------------------------

    def list(
        self,
        folder: str | None = "",
        *,
        below: str | None = None,
        search: str = "",
        sort: str = "name",
        descending: bool = False,
        consistency: str = "",
    ) -> Iterator[FileInfo]:
        """The files directly in a folder, ``""`` being the root; with ``below`` those in all folders below one, and
        with ``folder=None`` all. Pages are asked for as they are wanted.

        ``search`` is a part of the file's name, ``sort`` is ``name``, ``size`` or ``updated``.
        """
        query = {"sort": sort, "order": "desc" if descending else "asc"}
        if below is not None:
            query["below"] = below
        elif folder is not None:
            query["folder"] = folder
        if search:
            query["search"] = search
        if consistency:
            query["consistency"] = consistency
        return map(FileInfo.parsed, self._api.pages("/files", "files", query))

    def stat(self, path: str, *, consistency: str = "") -> FileInfo:
        """The file at a path."""
        return FileInfo.parsed(self._api.get("/files/by-path", {"path": path}, level_header(consistency)).data["file"])

    def mkdir(self, path: str) -> bool:
        """Make a folder and those above it; False when it is there already."""
        return self.folders.create(path)

    def move(
        self, file: str | FileInfo, to: str, *, overwrite: bool = False, if_match: str = "", consistency: str = ""
    ) -> Stored:
        """Move or rename a file. Raises :class:`NameTaken` when something is at ``to``; with ``overwrite`` a file there
        gets the bytes as its next version, and this one goes to the trash."""
        headers = {**level_header(consistency), **match_header(if_match)}
        path, body = f"/files/{self._id(file)}", {"path": to, **({"overwrite": True} if overwrite else {})}
        # Once it is done, the file that was moved onto another is not found any more.
        return stored_of(self._api.send("PATCH", path, body, headers=headers, repeatable=not overwrite))

    def copy(self, file: str | FileInfo, to: str, *, overwrite: bool = False, consistency: str = "") -> Stored:
        """Copy a file, without sending a byte, to where :meth:`move` would move it, in the same cases."""
        path, body = f"/files/{self._id(file)}/copy", {"path": to, **({"overwrite": True} if overwrite else {})}
        return stored_of(self._api.send("POST", path, body, headers=level_header(consistency), repeatable=False))

    def delete(self, file: str | FileInfo, *, if_match: str = "", consistency: str = "") -> Receipt | None:
        """Put a file into the trash. The receipt is None when an attempt whose answer was lost must have done it."""
        headers = {**level_header(consistency), **match_header(if_match)}
        try:
            return Receipt.parsed(self._api.send("DELETE", f"/files/{self._id(file)}", headers=headers).consistency)
        except NotFound as error:
            if error.repeated:
                return None
            raise

    def versions(self, file: str | FileInfo) -> Sequence[Version]:
        """The history of a file, the newest first."""
        return [Version.parsed(row) for row in self._api.get(f"/files/{self._id(file)}/versions").data["versions"]]

    def restore_version(self, file: str | FileInfo, number: int, *, consistency: str = "") -> Stored:
        """Make an old version the present one again, as a new version."""
        path = f"/files/{self._id(file)}/versions/{number}/restore"
        return stored_of(self._api.send("POST", path, headers=level_header(consistency), repeatable=False))

    def receipt(self, file: str | FileInfo) -> ReplicaCount:
        """The copies of a file as they are now, counted on the workers."""
        return ReplicaCount.parsed(self._api.get(f"/files/{self._id(file)}/receipt").data["receipt"])

    def conflicts(self, state: str = "") -> Iterator[ConflictInfo]:
        """What became of versions that met another one, the newest first; ``state`` is ``open`` or ``resolved``."""
        return map(ConflictInfo.parsed, self._api.pages("/conflicts", "conflicts", {"state": state} if state else {}))

    # --- the cluster ---------------------------------------------------------------------------------------------

    def health(self) -> Health:
        """How the master is. Needs no login, and is not tried again."""
        return Health.parsed(self._http.health())

    def workers(self) -> Sequence[WorkerHealth]:
        """The workers as the master sees them."""
        return [WorkerHealth.parsed(row) for row in self._api.get("/workers/health").data["workers"]]

    def _found(self, file: str | FileInfo, consistency: str) -> FileInfo:
        return file if isinstance(file, FileInfo) else self.stat(file, consistency=consistency)

    def _id(self, file: str | FileInfo) -> str:
        return self._found(file, "").id

    def _version(self, file: FileInfo, number: int) -> Version:
        for version in self.versions(file):
            if version.version == number and version.kind != "tombstone":
                return version
        raise NotFound(f"{file.path} has no version {number}.")
