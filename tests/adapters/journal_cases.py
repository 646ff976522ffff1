"""What the tests of a host's journal have in common."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from echofs.adapters.journal_appends import Append, Handle
from echofs.adapters.local_journal import LocalJournal
from echofs.core.entries import JournalEntry
from echofs.core.errors import EchoError
from echofs.core.models import Dot
from echofs.ports.chunks import Frame
from echofs.services.batching import Batcher
from tests.contracts.journal_values import entry
from tests.fakes.clock import FakeClock

ROOM = 100 << 20
SPAWN = multiprocessing.get_context("spawn")


def shared(handle: Handle) -> Callable[[Append], EchoError | None]:
    return Batcher(handle, 8).call


def opened(folder: Path, clock: FakeClock | None = None, *, boot: str = "boot-1", **options: object) -> LocalJournal:
    return LocalJournal(folder, limit=ROOM, clock=clock or FakeClock(), boot=boot, **options)  # type: ignore[arg-type]


def of(origin: str, brings: tuple[Frame, ...] = ()) -> JournalEntry:
    """An entry whose dot no other process gives."""
    made = entry(f"{origin}/{os.urandom(8).hex()}", brings=brings)
    dot = Dot(origin, made.version.dot.counter)
    return replace(made, version=replace(made.version, dot=dot, file_id=os.urandom(16).hex()))
