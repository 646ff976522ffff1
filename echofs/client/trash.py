"""A user's deleted files."""

from __future__ import annotations

from collections.abc import Iterator

from echofs.client.api import Api
from echofs.client.uploads import stored_of
from echofs.client.values import Stored, TrashedFile


class Trash:
    """Deleted files by their ids. All of it raises :class:`ClientError`."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def list(self) -> Iterator[TrashedFile]:
        """Deleted files that can be restored, the newest first."""
        return map(TrashedFile.parsed, self._api.pages("/trash", "files"))

    def restore(self, file_id: str, *, path: str = "", rename: bool = False) -> Stored:
        """Bring a file back to where it was, or to ``path``. With ``rename`` it finds a free name near a taken one;
        else that is :class:`NameTaken`."""
        body: dict[str, object] = {"path": path} if path else {}
        if rename:
            body["rename"] = True
        return stored_of(self._api.send("POST", f"/trash/{file_id}/restore", body, repeatable=False))

    def purge(self, file_id: str) -> None:
        """Delete a file for ever."""
        self._api.send("DELETE", f"/trash/{file_id}", repeatable=False)

    def empty(self) -> int:
        """Delete all files in the trash for ever; how many."""
        return int(self._api.send("DELETE", "/trash").data["purged"])
