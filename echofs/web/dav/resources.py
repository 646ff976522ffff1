"""Files and folders as WsgiDAV's resources, in its own words and names."""

from __future__ import annotations

import io
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast
from urllib.parse import quote, unquote

from flask import request
from wsgidav.dav_error import HTTP_FORBIDDEN, DAVError
from wsgidav.dav_provider import DAVCollection, DAVNonCollection, DAVProvider

from echofs.core.models import File
from echofs.core.names import is_below
from echofs.services.uploads import Declared
from echofs.web import bodies
from echofs.web.dav.failures import translated
from echofs.web.dav.tree import ROOT, Tree
from echofs.web.render import content_type
from echofs.web.uploads import kept_type

TREE = "echofs.tree"
"""Where a request's tree stands in its environment."""
_SECOND = 1_000_000

Environ = dict[str, Any]


def _inside(path: str) -> str:
    """Our path of a resource's, in which slashes may be doubled where it was put together."""
    return "/".join(part for part in path.split("/") if part)


def _lock_root(tree: Tree, path: str) -> str:
    """What a resource is called among all users' locks."""
    return quote(f"/{tree.owner_id}{path}")


def _check_destination(path: str, dest_path: str) -> None:
    """Raise DAVError 403 where what is copied or moved lies below its destination, which WsgiDAV would delete first,
    and the source with it."""
    if is_below(_inside(path), _inside(dest_path)):
        raise DAVError(HTTP_FORBIDDEN, "A folder cannot be replaced by something in it; nothing was changed.")


class FileResource(DAVNonCollection):  # type: ignore[misc]
    """A file; without a ``file`` it is yet to be written."""

    def __init__(self, path: str, environ: Environ, file: File | None, read_bytes: int) -> None:
        super().__init__(path, environ)
        self._tree: Tree = environ[TREE]
        self._file = file
        self._read_bytes = read_bytes

    @property
    def file(self) -> File:
        """The file that is there."""
        if self._file is None:
            raise LookupError("this file is not written yet")
        return self._file

    def get_content_length(self) -> int:
        return self.file.head.content.size

    def get_content_type(self) -> str:
        return content_type(self.file.head)

    def get_creation_date(self) -> float:
        return self.file.created_at / _SECOND

    def get_last_modified(self) -> float:
        return self.file.head.created_at / _SECOND

    def get_etag(self) -> str | None:
        return self._file.head.etag if self._file else None

    def support_etag(self) -> bool:
        return True

    def support_ranges(self) -> bool:
        return True

    def get_ref_url(self) -> str:
        return _lock_root(self._tree, self.path)

    def get_content(self) -> io.RawIOBase:
        with translated():
            return self._tree.open(self.file)

    def begin_write(self, *, content_type: str | None = None) -> FileResource:
        return self

    def writelines(self, pieces: Iterable[bytes]) -> None:
        """Store the body. It is read the way all bodies are here, in whole chunks and checked against its length,
        rather than through ``pieces``."""
        declared = Declared(bodies.declared_length(request), bodies.declared_digest(request))
        kind = kept_type(request.mimetype)
        with translated():
            body = bodies.pieces(request, self._read_bytes)
            self._file = self._tree.put(_inside(self.path), declared, kind, body)
        self.environ["wsgidav.all_input_read"] = 1

    def close(self) -> None:
        """The bytes are stored once ``writelines`` returned."""

    def end_write(self, *, with_errors: bool) -> None:
        """Nothing is visible of a write that failed."""

    def delete(self) -> None:
        with translated():
            self._tree.delete_file(self.file)
        self.remove_all_locks(recursive=False)

    def handle_copy(self, dest_path: str, *, depth_infinity: bool) -> bool:
        _check_destination(self.path, dest_path)
        there = self._replaced(dest_path)
        if there is None:
            return False
        with translated(), there.giving_way():
            self._tree.copy_file(self.file, _inside(dest_path))
        there.remove_all_locks(recursive=True)
        return True

    def handle_move(self, dest_path: str) -> bool:
        _check_destination(self.path, dest_path)
        there = self._replaced(dest_path)
        if there is None:
            return False
        with translated(), there.giving_way():
            self._tree.move_onto(self.file, _inside(dest_path))
        self.remove_all_locks(recursive=False)
        there.remove_all_locks(recursive=True)
        return True

    def giving_way(self) -> AbstractContextManager[None]:
        """Nothing need be done to put another file in this one's place: its bytes become a new version."""
        return nullcontext()

    def _replaced(self, dest_path: str) -> FileResource | FolderResource | None:
        """What is where this goes to, which WsgiDAV would delete first."""
        return cast(DavFiles, self.provider).get_resource_inst(dest_path, self.environ)

    def copy_move_single(self, dest_path: str, *, is_move: bool) -> None:
        with translated():
            self._tree.copy_file(self.file, _inside(dest_path))

    def support_recursive_move(self, dest_path: str) -> bool:
        return True

    def move_recursive(self, dest_path: str) -> list[object]:
        with translated():
            self._tree.move_file(self.file, _inside(dest_path))
        self.remove_all_locks(recursive=False)
        return []


class FolderResource(DAVCollection):  # type: ignore[misc]
    """A folder."""

    def __init__(self, path: str, environ: Environ, read_bytes: int) -> None:
        super().__init__(path, environ)
        self._tree: Tree = environ[TREE]
        self._read_bytes = read_bytes

    def get_ref_url(self) -> str:
        return _lock_root(self._tree, self.path)

    def get_member_list(self) -> list[FileResource | FolderResource]:
        base = self.path.rstrip("/")
        with translated():
            folders = self._tree.folders(_inside(self.path))
            files = list(self._tree.files(_inside(self.path)))
        made = {path: FolderResource(f"/{path}", self.environ, self._read_bytes) for path in folders}
        # A file and a folder may share a path here, which no folder that is mounted can show: the folder is shown.
        rest = [file for file in files if file.path not in made]
        return [
            *made.values(),
            *(FileResource(f"{base}/{_name(file)}", self.environ, file, self._read_bytes) for file in rest),
        ]

    def get_member_names(self) -> list[str]:
        return [resource.name for resource in self.get_member_list()]

    def get_member(self, name: str) -> FileResource | FolderResource | None:
        path = f"{self.path.rstrip('/')}/{name}"
        return cast(DavFiles, self.provider).get_resource_inst(path, self.environ)

    def create_empty_resource(self, name: str) -> FileResource:
        path = f"{self.path.rstrip('/')}/{name}"
        if self.environ["REQUEST_METHOD"] != "LOCK":
            return FileResource(path, self.environ, None, self._read_bytes)
        # A lock on what is not there yet makes it, empty (RFC 4918, section 7.3); a PUT brings its own bytes.
        with translated():
            file = self._tree.put(_inside(path), Declared(0), "", ())
        return FileResource(path, self.environ, file, self._read_bytes)

    def create_collection(self, name: str) -> None:
        with translated():
            self._tree.make_folder(_inside(f"{self.path}/{name}"))

    def support_recursive_delete(self) -> bool:
        return True

    def delete(self) -> list[object]:
        if _inside(self.path) == ROOT:
            raise DAVError(HTTP_FORBIDDEN, "The folder that has everything cannot be deleted.")
        with translated():
            self._tree.delete_folder(_inside(self.path))
        self.remove_all_locks(recursive=True)
        return []

    def handle_copy(self, dest_path: str, *, depth_infinity: bool) -> bool:
        _check_destination(self.path, dest_path)
        return False

    def handle_move(self, dest_path: str) -> bool:
        _check_destination(self.path, dest_path)
        there = cast(DavFiles, self.provider).get_resource_inst(dest_path, self.environ)
        if there is None:
            return False
        with translated(), self._tree.giving_way(_inside(dest_path)):
            self._tree.move_folder(_inside(self.path), _inside(dest_path))
        self.remove_all_locks(recursive=True)
        there.remove_all_locks(recursive=True)
        return True

    def giving_way(self) -> AbstractContextManager[None]:
        """Has this folder give way to a file that takes its place."""
        return self._tree.giving_way(_inside(self.path))

    def copy_move_single(self, dest_path: str, *, is_move: bool) -> None:
        with translated():
            self._tree.make_folder(_inside(dest_path))

    def support_recursive_move(self, dest_path: str) -> bool:
        return True

    def move_recursive(self, dest_path: str) -> list[object]:
        if _inside(self.path) == ROOT:
            raise DAVError(HTTP_FORBIDDEN, "The folder that has everything cannot be moved.")
        with translated():
            self._tree.move_folder(_inside(self.path), _inside(dest_path))
        self.remove_all_locks(recursive=True)
        return []


class DavFiles(DAVProvider):  # type: ignore[misc]
    """Finds what a path names, in the tree of the request."""

    def __init__(self, read_bytes: int) -> None:
        super().__init__()
        self._read_bytes = read_bytes

    def get_resource_inst(self, path: str | None, environ: Environ) -> FileResource | FolderResource | None:
        if path is None:  # What is above the folder that has everything.
            return None
        tree: Tree = environ[TREE]
        inside = _inside(path)
        with translated():
            if tree.is_folder(inside):
                return FolderResource(f"/{inside}", environ, self._read_bytes)
            file = tree.file(inside)
        return None if file is None else FileResource(f"/{inside}", environ, file, self._read_bytes)

    def ref_url_to_path(self, ref_url: str) -> str:
        """The path of what is locked, without its owner."""
        return "/" + unquote(ref_url).lstrip("/").partition("/")[2]


def _name(file: File) -> str:
    return file.path.rpartition("/")[2]
