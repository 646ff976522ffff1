"""``echofs ls``, ``tree`` and ``find``: what there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from echofs.cli.remote.output import counted, size_text, time_text
from echofs.cli.remote.paths import REMOTE, Found, all_named, named
from echofs.cli.remote.session import Run, consistency_option, remote_command

if TYPE_CHECKING:
    from echofs.client import FileInfo, Folder

SORTS = ("name", "size", "updated")


@click.command()
@click.argument("paths", nargs=-1, type=REMOTE)
@click.option("-l", "--long", is_flag=True, help="With size, time and version.")
@click.option("-r", "--recursive", is_flag=True, help="With all files in the folders below.")
@click.option("--sort", type=click.Choice(SORTS), default="name", help="[name]")
@click.option("--reverse", is_flag=True, help="The last first.")
@consistency_option
@remote_command
def ls(
    run: Run, paths: tuple[str, ...], long: bool, recursive: bool, sort: str, reverse: bool, consistency: str
) -> None:
    """List folders and files; without PATHS the root. Folders end with a slash."""
    several = len(paths) > 1
    for found in all_named(run, paths or ("",)):
        if found.file is not None:
            _show_file(run, found.file, found.file.path, long=long)
            continue
        if several and not run.out.json:
            run.out.show(None, f"{found.path or '/'}:")
        if not recursive:
            for folder in run.client.folders.list(found.path):
                run.out.show({**_folder(folder), "folder": True}, _row("-", "", "", f"{folder.name}/", long=long))
        where = {"below": found.path} if recursive else {"folder": found.path}
        for file in run.client.list(sort=sort, descending=reverse, consistency=consistency, **where):
            name = file.path.removeprefix(f"{found.path}/") if found.path else file.path
            _show_file(run, file, name, long=long)


@click.command()
@click.argument("folder", default="", type=REMOTE)
@remote_command
def tree(run: Run, folder: str) -> None:
    """Show FOLDER with all in it."""
    top = folder.removesuffix("/")
    found = named(run.client, top)[0]
    run.out.show({"path": found.path, "folder": found.file is None}, found.path or "/")
    folders, files = _branches(run, top, "") if found.file is None else (0, 1)
    if not run.out.json:
        run.out.tell(None, f"{counted(folders, 'folder')}, {counted(files, 'file')}")


@click.command()
@click.argument("text")
@click.argument("folder", default="", type=REMOTE)
@click.option("-l", "--long", is_flag=True, help="With size, time and version.")
@remote_command
def find(run: Run, text: str, folder: str, long: bool) -> None:
    """Find files with TEXT in their names, whatever its case, in FOLDER and all below it."""
    for file in run.client.list(below=folder.removesuffix("/"), search=text):
        _show_file(run, file, file.path, long=long)


def _branches(run: Run, folder: str, lead: str) -> tuple[int, int]:
    inner: list[Folder] = run.client.folders.list(folder)
    found = [Found(each.path) for each in inner] + [Found(file.path, file) for file in run.client.list(folder)]
    folders, files = len(inner), len(found) - len(inner)
    for number, each in enumerate(found, 1):
        last = number == len(found)
        slash = "/" if each.file is None else ""
        value = {"path": each.path, "folder": each.file is None, "file": each.file}
        run.out.show(value, f"{lead}{'└── ' if last else '├── '}{each.name}{slash}")
        if each.file is None:
            more = _branches(run, each.path, lead + ("    " if last else "│   "))
            folders, files = folders + more[0], files + more[1]
    return folders, files


def _show_file(run: Run, file: FileInfo, name: str, *, long: bool) -> None:
    size, when = size_text(file.size), time_text(file.updated_at)
    run.out.show(file, _row(size, when, f"v{file.version}", name, long=long))


def _row(size: str, when: str, version: str, name: str, *, long: bool) -> str:
    return f"{size:>10}  {when:<16}  {version:<5} {name}" if long else name


def _folder(folder: Folder) -> dict[str, object]:
    return {"path": folder.path, "name": folder.name, "parent": folder.parent}
