"""All links of a cluster in one process of their own, so that they share no interpreter with the clients."""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection as Pipe
from typing import Any

from bench.errors import BenchError
from bench.evaluate.faults import Fault
from bench.evaluate.proxy import Link

_ANSWER_SECONDS = 30.0

Upstreams = Mapping[str, tuple[str, int]]


class Proxies:
    """Links by name. Not thread-safe. ``close`` ends the process."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()

    def open(self, upstreams: Upstreams, seed: int) -> dict[str, int]:
        """Open a link to each address; the ports on which they listen."""
        ports: dict[str, int] = self._ask(("open", dict(upstreams), seed))
        return ports

    def set(self, names: Sequence[str], fault: Fault) -> None:
        """Let a fault begin on some links. Returns when it holds."""
        self._ask(("set", tuple(names), fault))

    def close(self) -> None:
        """End all links. Idempotent."""
        self._pipe.close()
        self._process.join(_ANSWER_SECONDS)
        if self._process.is_alive():
            self._process.kill()

    def _ask(self, what: tuple[Any, ...]) -> Any:
        try:
            self._pipe.send(what)
            if self._pipe.poll(_ANSWER_SECONDS):
                return self._pipe.recv()
        except (EOFError, OSError) as error:
            raise BenchError("the fault proxies ended unexpectedly") from error
        raise BenchError("the fault proxies do not answer")


def serve(pipe: Pipe) -> None:
    """The process of the links: obeys until its pipe is closed."""
    # Ctrl-C reaches the whole group; whoever started this ends it in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(_serve(pipe))


async def _serve(pipe: Pipe) -> None:
    links: dict[str, Link] = {}
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    loop.add_reader(pipe.fileno(), told.set)
    with suppress(EOFError):
        while True:
            await told.wait()
            told.clear()
            while pipe.poll():
                pipe.send(await _obey(links, pipe.recv()))
    loop.remove_reader(pipe.fileno())
    for link in links.values():
        link.close()


async def _obey(links: dict[str, Link], order: tuple[Any, ...]) -> object:
    match order:
        case ("open", upstreams, seed):
            for name, upstream in upstreams.items():
                links[name] = Link(upstream, f"{seed}:{name}")
                await links[name].open()
            return {name: links[name].port for name in upstreams}
        case ("set", names, fault):
            for name in names:
                await links[name].set(fault)
    return None
