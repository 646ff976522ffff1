"""A user's folders."""

from __future__ import annotations

from dataclasses import dataclass

from echofs.client.api import Api
from echofs.client.values import FileInfo, Folder


@dataclass(frozen=True, slots=True)
class Contents:
    """What is directly in a folder: the paths of folders, and files."""

    folders: tuple[str, ...]
    files: tuple[FileInfo, ...]


class Folders:
    """Folders by their paths; ``""`` is the root. All of it raises :class:`ClientError`."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def list(self, parent: str = "") -> list[Folder]:
        """The folders directly inside another one, those without files too."""
        data = self._api.get("/folders", {"parent": parent}).data
        return [Folder.parsed(row) for row in data["folders"]]

    def contents(self, path: str = "", *, consistency: str = "") -> Contents:
        """What is directly in a folder; nothing is in one that is not there."""
        query = {"folder": path, **({"consistency": consistency} if consistency else {})}
        pages = list(self._api.data_of_pages("/files", query))
        files = [FileInfo.parsed(row) for page in pages for row in page["files"]]
        return Contents(tuple(pages[0]["folders"]), tuple(files))

    def exists(self, path: str) -> bool:
        """Whether there is such a folder."""
        return not path or any(folder.path == path for folder in self.list(path.rpartition("/")[0]))

    def create(self, path: str) -> bool:
        """Make a folder and those above it; False when it is there already."""
        return self._api.send("POST", "/folders", {"path": path}).status == 201

    def move(self, path: str, to: str) -> int:
        """Move or rename a folder with all below it, in one step or not at all; the number of files moved.

        Raises :class:`NameTaken` when something is there already.
        """
        return int(self._api.send("PATCH", "/folders", {"path": path, "to": to}, repeatable=False).data["moved"])

    def copy(self, path: str, to: str) -> int:
        """Copy a folder with all below it, in one step or not at all; the number of files copied. No byte moves.

        Raises :class:`NameTaken` when something is there already.
        """
        return int(self._api.send("POST", "/folders/copy", {"path": path, "to": to}, repeatable=False).data["copied"])

    def delete(self, path: str) -> int:
        """Put all files below into the trash and end the folder, in one step; the number of files."""
        return int(self._api.send("DELETE", "/folders", query={"path": path}, repeatable=False).data["deleted"])
