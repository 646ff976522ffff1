"""Looks after healing how soon what was written meanwhile is everywhere."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from bench.evaluate.history import Record
from bench.evaluate.load import Load
from bench.evaluate.wire import NoAnswerError, NotSentError

_POLL_SECONDS = 0.1
WATCHER = "watcher"


async def watch_heads(load: Load, master: str, until: asyncio.Event) -> None:
    """Ask one master again and again for the heads of all files, until told to stop. Each head that was not seen before
    becomes a record of kind ``poll``."""
    seen: set[tuple[str, int, str]] = set()
    while not until.is_set():
        start = time.monotonic_ns()
        try:
            answer = await load.call(master, "GET", "/api/v1/files?limit=1000&sort=updated&order=desc")
        except (NotSentError, NoAnswerError):
            answer = None
        end = time.monotonic_ns()
        if answer is not None and answer.status == 200:
            fields = json.loads(answer.body)
            given = fields.get("consistency") or {}
            for file in fields["data"]["files"]:
                head = (file["id"], file["version"], file["digest"])
                if head not in seen:
                    seen.add(head)
                    load.records.append(_poll(file, given, master, start, end))
        await asyncio.sleep(_POLL_SECONDS)


def _poll(file: dict[str, Any], given: dict[str, Any], master: str, start: int, end: int) -> Record:
    return Record(
        op="read",
        kind="poll",
        file=file["id"],
        client=WATCHER,
        session="",
        asked="auto",
        master=master,
        intended=start,
        start=start,
        end=end,
        ok=True,
        status=200,
        version=file["version"],
        digest=file["digest"][:20],
        staleness_ms=given.get("staleness_ms"),
        degraded=bool(given.get("degraded")) or given.get("mode_used", "strong") != "strong",
        mode_used=given.get("mode_used", ""),
    )
