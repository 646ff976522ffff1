"""Reads everything back after a run: every version of every file, byte by byte."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any
from urllib.parse import quote

from bench.errors import BenchError
from bench.evaluate.history import Record
from bench.evaluate.load import Load
from bench.evaluate.wire import Answer, NoAnswerError, NotSentError
from bench.evaluate.workload import content_digest

_AT_ONCE = 8
_ATTEMPTS = 20
_PAUSE_SECONDS = 0.5
_TEXT = "text/plain"


class Found:
    """The contents found, and the lines of those that are text."""

    def __init__(self) -> None:
        self.digests: set[str] = set()
        self.lines: set[str] = set()
        self.versions = 0

    def add(self, body: bytes, content_type: str) -> None:
        self.versions += 1
        self.digests.add(content_digest(body))
        if content_type.startswith(_TEXT):
            self.lines.update(body.decode(errors="replace").splitlines())


async def read_back(load: Load, master: str) -> Found:
    """Every version that is there. Raises :class:`BenchError` when something listed cannot be read."""
    found = Found()
    places: asyncio.Queue[str | None] = asyncio.Queue(maxsize=1000)

    async def reader() -> None:
        while (place := await places.get()) is not None:
            answer = await _persistently(load, master, place)
            found.add(answer.body, answer.headers.get("content-type", ""))

    readers = [asyncio.create_task(reader()) for _ in range(_AT_ONCE)]
    async for file in listing(load, master):
        data = json.loads((await _persistently(load, master, f"/api/v1/files/{file['id']}/versions")).body)["data"]
        for version in data["versions"]:
            if version["kind"] == "content":
                await places.put(f"/api/v1/files/{file['id']}/download?inline&version={version['version']}")
    for _ in readers:
        await places.put(None)
    await asyncio.gather(*readers)
    return found


async def listing(load: Load, master: str) -> AsyncIterator[dict[str, Any]]:
    """All files of the user."""
    after = ""
    while True:
        answer = await _persistently(load, master, f"/api/v1/files?limit=1000{after}")
        data = json.loads(answer.body)["data"]
        for file in data["files"]:
            yield file
        if data["next"] is None:
            return
        after = f"&after={quote(data['next'], safe='')}"


def accounted_for(found: Found, records: Sequence[Record]) -> list[str]:
    """The contents that count as kept: those found, those whose text was merged into another, and those of files that
    a client deleted, for deleting a file gives up all its versions."""
    deleted = {record.file for record in records if record.op == "delete" and record.ok is not False}
    kept = set(found.digests)
    for record in records:
        if record.op == "write" and record.digest is not None:
            merged = bool(record.lines) and found.lines.issuperset(record.lines)
            if merged or record.file in deleted:
                kept.add(record.digest)
    return sorted(kept)


async def _persistently(load: Load, master: str, path: str) -> Answer:
    why = ""
    for _ in range(_ATTEMPTS):
        try:
            answer = await load.call(master, "GET", path, {"X-EchoFS-Consistency": "strong"})
        except (NotSentError, NoAnswerError) as error:
            why = str(error)
        else:
            if answer.status == 200:
                return answer
            why = f"{answer.status} {answer.body[:200].decode(errors='replace')}"
        await asyncio.sleep(_PAUSE_SECONDS)
    raise BenchError(f"{path} cannot be read back: {why}")
