"""Paths as people write them on the command line, and what they mean at the master."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import translate
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from echofs.cli.remote.session import Run, open_client
from echofs.core.errors import EchoError

if TYPE_CHECKING:
    from echofs.client import Client, FileInfo

SCHEME = "echofs://"
_GLOB = re.compile(r"[*?\[]")
_COMPLETION_SECONDS = 2.0


class PathItem(CompletionItem):
    """What completes a path at the master: unlike other words it is quoted, and a folder can be gone on with."""


class RemotePath(click.ParamType[str]):
    """A path at the master. ``echofs://`` and a slash before it may be written; a slash at its end means a folder."""

    name = "remote path"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return value.removeprefix(SCHEME).removeprefix("/")

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Files and folders that begin so, as far as the master tells them at once; never an error."""
        typed = incomplete.removeprefix(SCHEME)
        folder = typed.rpartition("/")[0].removeprefix("/")
        lead = incomplete[: len(incomplete) - len(typed)] + ("/" if typed.startswith("/") else "")
        try:
            with open_client(str(ctx.params.get("profile") or ""), patience=0, timeout=_COMPLETION_SECONDS) as client:
                paths = [f"{each.path}/" for each in client.folders.list(folder)]
                paths += [file.path for file in client.list(folder)]
        except EchoError:
            return []
        begun = typed.removeprefix("/")
        return [PathItem(lead + path) for path in paths if path.startswith(begun)]


REMOTE = RemotePath()


class MovedPath(click.ParamType[str]):
    """One of the paths of ``put`` or ``get``, as it is written: what is moved, then the target on the other side."""

    name = "path"

    def __init__(self, *, upload: bool) -> None:
        self._upload = upload

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The side that it must be on for the first path; later ones may be the target already."""
        later = bool(ctx.params.get(param.name or ""))
        local = [CompletionItem(incomplete, type="file")] if self._upload or later else []
        remote = REMOTE.shell_complete(ctx, param, incomplete) if later or not self._upload else []
        return local + remote


@dataclass(frozen=True, slots=True)
class Found:
    """What a path means: a file, or a folder when ``file`` is None."""

    path: str
    file: FileInfo | None = None

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


def is_folder(client: Client, path: str) -> bool:
    """Whether there is a folder at a path. Raises :class:`ClientError`."""
    return client.folders.exists(path.removesuffix("/"))


def named(client: Client, written: str) -> list[Found]:
    """What a path or pattern names: ``*``, ``?`` and ``[…]`` stand for parts of one name, ``**`` for any folders.

    A file whose name has such characters is found by its name first. Raises :class:`ClientError`, :class:`NotFound`
    when nothing is there.
    """
    from echofs.client import NotFound

    path = written.removesuffix("/")
    exact = _exactly(client, path, folder=written.endswith("/"))
    if exact:
        return [exact]
    matches = list(_matches(client, path)) if _GLOB.search(path) else []
    if not matches:
        raise NotFound(f"There is no file or folder {written or '/'}.")
    return matches


def all_named(run: Run, written: tuple[str, ...]) -> Iterator[Found]:
    """What several paths name. Those that name nothing are told of and counted as failures; a single one is raised."""
    from echofs.client import NotFound

    for each in written:
        try:
            yield from named(run.client, each)
        except NotFound as error:
            run.failed(each, error, of=len(written))


def target_in(client: Client, written: str, sources: int) -> str | None:
    """The folder that ``written`` means as a target, None when it is to be the path of one file or folder itself.

    Like `cp`: a folder that exists, or is written with a slash at its end. Several sources need one:
    :class:`Refused`.
    """
    from echofs.client import Refused

    if written.endswith("/") or not written or is_folder(client, written):
        return written.removesuffix("/")
    if sources > 1:
        raise Refused(f"{written} is no folder: write {written}/ to have it made.", field="target")
    return None


def joined(folder: str, name: str) -> str:
    """The path of a name in a folder; ``""`` is the root."""
    return f"{folder}/{name}" if folder else name


def _exactly(client: Client, path: str, *, folder: bool) -> Found | None:
    from echofs.client import NotFound

    if path and not folder:
        try:
            return Found(path, client.stat(path))
        except NotFound:
            pass
    return Found(path) if is_folder(client, path) else None


def _matches(client: Client, pattern: str) -> Iterator[Found]:
    parts = pattern.split("/")
    fixed = next(index for index, part in enumerate(parts) if _GLOB.search(part))
    yield from _below(client, "/".join(parts[:fixed]), parts[fixed:])


def _below(client: Client, folder: str, parts: list[str]) -> Iterator[Found]:
    """Matches of the parts that are left, in one folder. What matches in several ways comes once."""
    part, rest = parts[0], parts[1:]
    if part == "**":
        yield from _anywhere(client, folder, rest or ["*"])
        return
    matches = re.compile(translate(part)).match
    for inner in client.folders.list(folder):
        if matches(inner.name):
            yield from _below(client, inner.path, rest) if rest else [Found(inner.path)]
    if not rest:
        yield from (Found(file.path, file) for file in client.list(folder) if matches(file.name))


def _anywhere(client: Client, folder: str, rest: list[str]) -> Iterator[Found]:
    yield from _below(client, folder, rest)
    for inner in client.folders.list(folder):
        yield from _anywhere(client, inner.path, rest)
