"""How transfers get on: bars on a terminal, nothing in a pipe, where each result has its line."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from echofs.cli.remote.output import escaped

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_OWN_BAR_BYTES = 8 << 20
"""Files from this size on have a bar of their own while they move; smaller ones would only flicker."""
_NAME_CHARACTERS = 40

Moved = Callable[[int], None]
"""Told how many bytes have moved; negative when they are moved anew. Ends the transfer when the command is stopped."""


class Bar(Protocol):
    """One transfer that is shown. Thread-safe."""

    def move(self, count: int) -> None:
        """So many more bytes have moved."""

    def end(self) -> None:
        """It has ended, well or not."""


class Bars(Protocol):
    """All transfers of a command. Thread-safe."""

    def begin(self, name: str, size: int) -> Bar:
        """One begins."""


@contextmanager
def open_bars(*, wanted: bool) -> Iterator[Bars]:
    """Bars as long as the block runs, if they are wanted and standard error is a terminal."""
    if not wanted or not sys.stderr.isatty():
        yield _NoBars()
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True, highlight=False)
    # Lines for a terminal go above the bars; what goes into a file must not be led there.
    with Progress(*columns, console=console, transient=True, redirect_stdout=sys.stdout.isatty()) as progress:
        yield _RichBars(progress)


class _NoBars:
    def begin(self, name: str, size: int) -> Bar:
        return self

    def move(self, count: int) -> None:
        pass

    def end(self) -> None:
        pass


class _RichBars:
    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.whole = progress.add_task("in all", total=0, visible=False)
        self._lock = threading.Lock()
        self._total = self._count = 0

    def begin(self, name: str, size: int) -> Bar:
        large = size >= _OWN_BAR_BYTES
        with self._lock:
            self._total += size
            self._count += 1
            self.progress.update(self.whole, total=self._total, visible=self._count > 1 or not large)
        own = None
        if large:
            own = self.progress.add_task(escaped(name, terminal=True)[-_NAME_CHARACTERS:], total=size)
        return _RichBar(self, own)


class _RichBar:
    def __init__(self, bars: _RichBars, own: TaskID | None) -> None:
        self._bars = bars
        self._own = own

    def move(self, count: int) -> None:
        for task in (self._bars.whole, self._own):
            if task is not None:
                self._bars.progress.advance(task, count)

    def end(self) -> None:
        if self._own is not None:
            self._bars.progress.remove_task(self._own)
