"""EchoFS for fsspec: ``echofs://`` addresses in pandas, Dask, Zarr and whatever else opens files through it.

Needs the extra ``echofs[fsspec]``.
"""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Any

from fsspec import AbstractFileSystem
from fsspec.callbacks import DEFAULT_CALLBACK
from fsspec.utils import isfilelike

from echofs.client.buffered import ReadFile, WrittenFile, WrittenText
from echofs.client.client import Client
from echofs.client.errors import NotFound, Refused
from echofs.client.profiles import DEFAULT
from echofs.client.python_errors import python_errors
from echofs.client.values import FileInfo

Info = dict[str, Any]


class EchoFSFileSystem(AbstractFileSystem):  # type: ignore[misc]
    """A user's files. ``master`` (its address) with ``token``, or with ``username`` and ``password``; else the login of
    ``profile``, as made by ``echofs login``. ``consistency`` is the level of reads and writes.

    A file is written as a whole when it is closed, or not at all; folders exist without files in them. Failures are
    Python's own where there is one (FileNotFoundError, FileExistsError, PermissionError), else
    :class:`ClientError`.
    """

    protocol = "echofs"
    root_marker = ""
    cachable = True

    def __init__(
        self,
        master: str = "",
        *,
        token: str = "",
        username: str = "",
        password: str = "",
        profile: str = DEFAULT,
        ca_file: str = "",
        consistency: str = "",
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.consistency = consistency
        if master:
            self.client = Client(master, token=token, username=username, password=password, ca_file=ca_file)
        else:
            with python_errors():
                self.client = Client.from_profile(profile)

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        stripped = super()._strip_protocol(path)
        return [each.strip("/") for each in stripped] if isinstance(stripped, list) else stripped.strip("/")

    def ls(self, path: str, detail: bool = True, **options: Any) -> list[Any]:
        """What is directly in a folder, or the file itself."""
        path = self._strip_protocol(path)
        with python_errors(path):
            contents = self.client.folders.contents(path, consistency=self.consistency)
        found = [_folder_info(folder) for folder in contents.folders] + [_file_info(file) for file in contents.files]
        if not found:
            # An empty folder, one file, or nothing at all.
            info = self.info(path)
            found = [info] if info["type"] == "file" else []
        return found if detail else [each["name"] for each in found]

    def info(self, path: str, **options: Any) -> Info:
        """What is known of a file or folder."""
        path = self._strip_protocol(path)
        if not path:
            return {"name": "", "size": 0, "type": "directory"}
        try:
            return _file_info(self.client.stat(path, consistency=self.consistency))
        except (NotFound, Refused) as error:
            if isinstance(error, NotFound) and self.isdir(path):
                return _folder_info(path)
            raise FileNotFoundError(path) from error

    def isdir(self, path: str) -> bool:
        """Whether there is such a folder."""
        path = self._strip_protocol(path)
        try:
            return self.client.folders.exists(path)
        except Refused:
            return False

    def created(self, path: str) -> datetime:
        """When the first version of a file was written."""
        return self._info_of_file(path)["created"]  # type: ignore[no-any-return]

    def modified(self, path: str) -> datetime:
        """When the present version of a file was written."""
        return self._info_of_file(path)["modified"]  # type: ignore[no-any-return]

    def checksum(self, path: str) -> int:
        """A number that is another one when the content is."""
        return int(self._info_of_file(path)["digest"], 16)

    def ukey(self, path: str) -> str:
        """What tells this version of a file from all others."""
        return str(self._info_of_file(path)["etag"])

    def mkdir(self, path: str, create_parents: bool = True, **options: Any) -> None:
        """Make a folder. Raises FileExistsError."""
        path = self._strip_protocol(path)
        parent = path.rpartition("/")[0]
        if not create_parents and not self.isdir(parent):
            raise FileNotFoundError(parent)
        self.makedirs(path)

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """Make a folder and those above it."""
        path = self._strip_protocol(path)
        with python_errors(path):
            made = bool(path) and self.client.mkdir(path)
        if not made and not exist_ok:
            raise FileExistsError(path)

    def rmdir(self, path: str) -> None:
        """End an empty folder."""
        path = self._strip_protocol(path)
        if self.ls(path):
            raise OSError(f"{path} is not empty")
        with python_errors(path):
            self.client.folders.delete(path)

    def rm_file(self, path: str) -> None:
        """Put a file into the trash."""
        path = self._strip_protocol(path)
        with python_errors(path):
            self.client.delete(path, consistency=self.consistency)

    def _rm(self, path: str) -> None:
        self.rm_file(path)

    def rm(self, path: Any, recursive: bool = False, maxdepth: int | None = None) -> None:
        """Put files into the trash; with ``recursive`` folders too, each in one step."""
        for each in self._strip_protocol(path if isinstance(path, list) else [path]):
            if recursive and maxdepth is None and self.isdir(each):
                with python_errors(each):
                    self.client.folders.delete(each)
            else:
                for inner in reversed(self.expand_path(each, recursive=recursive, maxdepth=maxdepth)):
                    self.rmdir(inner) if self.isdir(inner) else self.rm_file(inner)

    def cp_file(self, path1: str, path2: str, **options: Any) -> None:
        """Copy a file without moving its bytes; onto another file they become its next version."""
        source, target = self._strip_protocol(path1), self._strip_protocol(path2)
        if self.isdir(source):
            self.makedirs(target, exist_ok=True)
            return
        if source != target:
            with python_errors(source):
                self.client.copy(source, target, overwrite=True, consistency=self.consistency)

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **options: Any) -> bytes:
        """The content, or the part from ``start`` to before ``end``; negative numbers count from the end."""
        path = self._strip_protocol(path)
        with python_errors(path):
            if start is None and end is None:
                return self.client.read(path, consistency=self.consistency)
            file = self.client.stat(path, consistency=self.consistency)
            first, last, _ = slice(start, end).indices(file.size)
            with self.client.open(file, start=first, end=max(first, last), consistency=self.consistency) as part:
                return part.read()

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **options: Any) -> None:
        """Write a whole file at once; with mode ``create`` only if nothing is there."""
        path = self._strip_protocol(path)
        with python_errors(path):
            self.client.put(path, value, consistency=self.consistency, create_only=mode == "create")

    def put_file(
        self, lpath: Any, rpath: str, callback: Any = DEFAULT_CALLBACK, mode: str = "overwrite", **_: Any
    ) -> None:
        """Upload a local file; a local folder becomes one here."""
        target = self._strip_protocol(rpath)
        if os.path.isdir(lpath):
            self.makedirs(target, exist_ok=True)
            return
        callback.set_size(os.path.getsize(lpath))
        with python_errors(target):
            self.client.put(
                target,
                Path(lpath),
                consistency=self.consistency,
                create_only=mode == "create",
                progress=callback.relative_update,
            )

    def get_file(self, rpath: str, lpath: Any, callback: Any = DEFAULT_CALLBACK, outfile: Any = None, **_: Any) -> None:
        """Download a file: it appears at ``lpath`` when it is whole and verified. A folder becomes a local one."""
        source = self._strip_protocol(rpath)
        if isfilelike(lpath) or outfile is not None:
            super().get_file(rpath, lpath, callback=callback, outfile=outfile)
            return
        if self.isdir(source):
            os.makedirs(lpath, exist_ok=True)
            return
        os.makedirs(os.path.dirname(os.path.abspath(lpath)), exist_ok=True)
        with python_errors(source):
            file = self.client.stat(source, consistency=self.consistency)
            callback.set_size(file.size)
            self.client.download(file, lpath, consistency=self.consistency, progress=callback.relative_update)

    def open(self, path: str, mode: str = "rb", *args: Any, **options: Any) -> Any:
        """A file to be read or written, as bytes or as text. What a block writes that fails is not stored."""
        if "b" in mode or "r" in mode:
            return super().open(path, mode, *args, **options)
        text = {name: options.pop(name) for name in ("encoding", "errors", "newline") if name in options}
        return WrittenText(super().open(path, mode.replace("t", "") + "b", *args, **options), **text)

    def _open(
        self, path: str, mode: str = "rb", block_size: Any = None, autocommit: bool = True, **options: Any
    ) -> Any:
        if mode == "rb":
            # One version from the first block to the last; also in another process, if it is sent there.
            with python_errors(path):
                file = options.pop("file", None) or self.client.stat(path, consistency=self.consistency)
            options["size"] = file.size
            return ReadFile(self, path, mode, block_size, file=file, **options)
        if mode == "xb" and self.exists(path):
            raise FileExistsError(path)
        return WrittenFile(self, path, mode, block_size, autocommit=autocommit, **options)

    def _info_of_file(self, path: str) -> Info:
        info = self.info(path)
        if info["type"] != "file":
            raise IsADirectoryError(path)
        return info


def _file_info(file: FileInfo) -> Info:
    return {
        "name": file.path,
        "size": file.size,
        "type": "file",
        "created": file.created_at,
        "modified": file.updated_at,
        "mtime": file.updated_at.timestamp(),
        "digest": file.digest,
        "etag": file.etag,
        "version": file.version,
        "id": file.id,
        "content_type": file.content_type,
    }


def _folder_info(path: str) -> Info:
    return {"name": path, "size": 0, "type": "directory"}
