"""The pool of client processes: one process per connection, so that Python's lock in one client never slows another."""

import contextlib
import multiprocessing
import signal
from collections.abc import Sequence
from multiprocessing.connection import Connection as Pipe
from multiprocessing.process import BaseProcess
from typing import Any, Literal

from bench.errors import BenchError
from bench.loads import Job, Load, Stored, Timing

_STEP_SECONDS = 300.0

_Step = Literal["prepare", "run", "verify"]


class Clients:
    """Grows to as many processes as a job list needs and keeps them for the next; `close` ends them all."""

    def __init__(self) -> None:
        self._spawn = multiprocessing.get_context("spawn")
        self._members: list[tuple[BaseProcess, Pipe]] = []
        self._active = 0

    def prepare(self, jobs: Sequence[Job]) -> None:
        """Gives the first clients one job each and returns when all of them are ready to start."""
        while len(self._members) < len(jobs):
            ours, theirs = self._spawn.Pipe()
            process = self._spawn.Process(target=serve_jobs, args=(theirs,), daemon=True)
            process.start()
            theirs.close()
            self._members.append((process, ours))
        self._active = len(jobs)
        self._step("prepare", jobs)

    def run(self) -> list[Timing]:
        """Starts the clients together and waits for the last; raises `BenchError` if any of them failed."""
        timings: list[Timing] = self._step("run", [None] * self._active)
        return timings

    def verify(self) -> list[tuple[Stored, ...]]:
        """Lets each client check what it moved; the files it uploaded or downloaded, by client."""
        files: list[tuple[Stored, ...]] = self._step("verify", [None] * self._active)
        return files

    def close(self) -> None:
        """Ends every client process. Idempotent."""
        for process, pipe in self._members:
            pipe.close()
            process.terminate()
        for process, _ in self._members:
            process.join()
        self._members.clear()

    def _step(self, step: _Step, details: Sequence[Job | None]) -> list[Any]:
        members = self._members[: self._active]
        answers: list[Any] = []
        try:
            for (_, pipe), detail in zip(members, details, strict=True):
                pipe.send((step, detail))
            for _, pipe in members:
                if not pipe.poll(_STEP_SECONDS):
                    self.close()
                    raise BenchError(f"a client has not finished its {step} within {_STEP_SECONDS:.0f} s")
                answers.append(pipe.recv())
        except (EOFError, OSError) as error:
            self.close()
            raise BenchError("a client process ended unexpectedly; is the machine out of memory?") from error
        for answer in answers:
            if isinstance(answer, BenchError):
                raise answer
        return answers


def serve_jobs(pipe: Pipe) -> None:
    """A client process: takes one step after another until its pipe is closed and answers each, if with an error."""
    # Ctrl-C reaches the whole group; the parent ends its clients itself and in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    load: Load | None = None
    with contextlib.suppress(EOFError):
        while True:
            step, job = pipe.recv()
            if step == "prepare":
                load = Load(job)
            pipe.send(_take(load, step))


def _take(load: Load | None, step: _Step) -> object:
    if load is None:
        return BenchError("a client was asked to run before it got a job")
    try:
        return getattr(load, step)()
    except BenchError as error:
        return error
    except OSError as error:
        host, port = load.job.address
        return BenchError(f"the connection to {host}:{port} broke: {error}")
