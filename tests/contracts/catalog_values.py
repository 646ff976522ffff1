"""Files, versions and chunks to try catalogs with."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count

from echofs.core.chunking import digest_of, pack_digests
from echofs.core.errors import EchoError
from echofs.core.models import ChunkRecord, Content, Digest, Dot, File, IdempotencyRecord, Kind, Version
from echofs.ports.catalog import Catalog, Commit

ALICE = "alice"
BOB = "bob"
CREATED = 1_700_000_000_000_000
_numbers = count(1)


def fresh() -> int:
    """A number nobody has had before."""
    return next(_numbers)


def digest(seed: object) -> Digest:
    """The digest of some bytes."""
    return digest_of(repr(seed).encode())


def chunk(seed: object, replicas: tuple[str, ...] = ("w1", "w2", "w3"), owed: tuple[str, ...] = ()) -> ChunkRecord:
    """A chunk as recorded after its replication."""
    return ChunkRecord(digest(seed), 4096, replicas, owed)


def content(*chunks: ChunkRecord, size: int = 4096) -> Content:
    """The bytes of a version that consist of these chunks."""
    return Content(size, digest(chunks), 1 << 20, pack_digests([each.digest for each in chunks]))


def first(path: str, *, owner: str = ALICE, size: int = 4096, at: int = CREATED, chunks: int = 1) -> Commit:
    """The first version of a new file."""
    number = fresh()
    data = [chunk(("data", number, index)) for index in range(chunks)]
    manifest = chunk(("manifest", number))
    version = Version(
        file_id=f"{number:032x}",
        number=1,
        parent=0,
        kind=Kind.CONTENT,
        path=path,
        content=content(*data, size=size),
        content_type="text/plain; charset=utf-8",
        content_version=1,
        manifest=manifest.digest,
        dot=Dot("master-1", number),
        created_at=at,
    )
    return Commit(owner, version, (*data, manifest))


def following(file: File, **changes: object) -> Commit:
    """The next version of a file, with new bytes unless ``changes`` says otherwise."""
    number, parent = fresh(), file.head.number
    data, manifest = chunk(("data", number)), chunk(("manifest", number))
    version = replace(
        file.head,
        number=parent + 1,
        parent=parent,
        kind=Kind.CONTENT,
        content=content(data, size=file.head.content.size),
        content_version=parent + 1,
        manifest=manifest.digest,
        dot=Dot("master-1", number),
        created_at=file.head.created_at + 1,
    )
    return Commit(file.owner_id, replace(version, **changes), (data, manifest))  # type: ignore[arg-type]


def moved(file: File, path: str) -> Commit:
    """The same bytes elsewhere."""
    kept = {"content": file.head.content, "content_version": file.head.content_version}
    return following(file, kind=Kind.MOVE, path=path, **kept)


def deleted(file: File) -> Commit:
    """The end of a file."""
    return following(file, kind=Kind.TOMBSTONE)


def keyed(commit: Commit, key: str, at: int = CREATED) -> Commit:
    """The same commit, made for a client's Idempotency-Key."""
    return replace(commit, idempotency=IdempotencyRecord(commit.owner_id, key, "fingerprint", '{"é": 1}', at))


def make(catalog: Catalog, commit: Commit) -> File:
    """Commit alone; raises what the catalog refuses with."""
    (answer,) = catalog.commit([commit])
    if isinstance(answer, EchoError):
        raise answer
    return answer


def at_once(catalog: Catalog, commits: list[Commit]) -> list[File | EchoError]:
    """Commit each from a thread of its own, all released together."""
    barrier = threading.Barrier(len(commits))

    def attempt(commit: Commit) -> File | EchoError:
        barrier.wait()
        return catalog.commit([commit])[0]

    with ThreadPoolExecutor(len(commits)) as pool:
        return list(pool.map(attempt, commits))


def winners(answers: list[File | EchoError]) -> list[File]:
    """The commits that were made."""
    return [answer for answer in answers if isinstance(answer, File)]
