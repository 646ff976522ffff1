"""What a catalog is asked, and what it must answer."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

from bench.catalog.contents import OWNER, Contents, Writer
from echofs.ports.catalog import Catalog
from echofs.ports.listing import ListQuery, SortKey

PAGE = 100
"""Files on a page of a listing."""
BATCH = 16
"""Commits that reach the catalog together when several people write at once."""


@dataclass(frozen=True)
class Subject:
    """One filled catalog. `grown` tells the larger one of an engine's two."""

    engine: str
    grown: bool
    catalog: Catalog
    contents: Contents
    writer: Writer


@dataclass(frozen=True)
class Asked:
    """A call to be timed, and the answer that alone is right."""

    call: Callable[[], Any]
    expected: Any


@dataclass(frozen=True)
class Question:
    """One row of the table. `commits` is how many commits a call makes, 0 for a reading one."""

    name: str
    ask: Callable[[Subject, Random], Asked]
    commits: int = 0


def _listing(sort: SortKey, subject: Subject, random: Random) -> Asked:
    contents = subject.contents
    limit = min(PAGE, contents.per_folder)
    place = random.randrange(contents.files - limit)
    query = ListQuery(OWNER, sort=sort, after=contents.cursor_at(sort, place), limit=limit)
    return Asked(lambda: subject.catalog.files(query), contents.page(sort, place, limit))


def _folder(sort: SortKey, subject: Subject, random: Random) -> Asked:
    contents, index = subject.contents, random.randrange(subject.contents.files)
    query = ListQuery(OWNER, contents.folder_of(index), sort, limit=contents.per_folder)
    return Asked(lambda: subject.catalog.files(query), contents.folder_page(index, sort))


def _by_id(subject: Subject, random: Random) -> Asked:
    file = subject.contents.file(random.randrange(subject.contents.files))
    return Asked(lambda: subject.catalog.file(OWNER, file.id), file)


def _by_path(subject: Subject, random: Random) -> Asked:
    file = subject.contents.file(random.randrange(subject.contents.files))
    return Asked(lambda: subject.catalog.file_at(OWNER, file.path), file)


def _folders(subject: Subject, _random: Random) -> Asked:
    return Asked(lambda: subject.catalog.folders(OWNER, ""), subject.contents.subfolders(""))


def _versions(subject: Subject, random: Random) -> Asked:
    history = subject.contents.history(random.choice(subject.contents.with_history))
    return Asked(lambda: subject.catalog.versions(OWNER, history[0].file_id), history)


def _commit(number: int, subject: Subject, _random: Random) -> Asked:
    commits, files = subject.writer.commits(number)
    return Asked(lambda: subject.catalog.commit(commits), files)


QUESTIONS = (
    Question("commits, one by one", partial(_commit, 1), commits=1),
    Question(f"commits, {BATCH} at once", partial(_commit, BATCH), commits=BATCH),
    *(Question(f"page by {sort}", partial(_listing, sort)) for sort in SortKey),
    *(Question(f"folder by {sort}", partial(_folder, sort)) for sort in SortKey),
    Question("file by id", _by_id),
    Question("file by path", _by_path),
    Question("folders()", _folders),
    Question("versions()", _versions),
)
