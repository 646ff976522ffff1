"""Is there one order of all operations on a file that explains every answer and respects real time?

The search of Wing and Gong ("Testing and verifying concurrent objects", 1993) with Lowe's memory of configurations
("Testing for linearizability", 2017), one file at a time (Herlihy and Wing, 1990: linearizability is local). A file is
a compare-and-swap register whose state is a version number and a content. Writes that nobody knows the outcome of, and
provisional ones, may take effect at any moment after they were sent, or never.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from echofs.verify.history import Operation
from echofs.verify.verdicts import Verdict, Violation

PROMISE = "linearizable per file"
MOST_CONFIGURATIONS = 200_000
"""After looking at this many for one file the search gives up undecided."""


@dataclass(frozen=True, slots=True)
class Register:
    """A file's state: the number of its last version, and its content, None while there is none."""

    version: int = 0
    digest: str | None = None


def successors(state: Register, operation: Operation) -> Iterator[Register]:
    """The states in which the operation may leave the register; none if its answer cannot have come from ``state``."""
    if operation.op == "read":
        if _fits(state, operation):
            yield state
        return
    if operation.if_match is not None and (state.digest is None or operation.if_match != state.version):
        return
    # A provisional version may be committed under another number, or as another file.
    known = operation.version if operation.linearizable else None
    if known in (None, state.version + 1) and (operation.op == "write" or state.digest is not None):
        yield Register(state.version + 1, operation.digest)


def _fits(state: Register, read: Operation) -> bool:
    """Whether the read can have found this; one with a version but no content did not look at the content."""
    if read.digest is None and read.version is not None:
        return state.digest is not None and read.version == state.version
    return read.digest == state.digest and read.version in (None, state.version)


def check_linearizability(history: Sequence[Operation]) -> Verdict:
    """Whether every file of the history was a linearizable compare-and-swap register to those who were promised so."""
    files: defaultdict[str, list[Operation]] = defaultdict(list)
    for operation in history:
        open_ended = operation.changes and operation.ok is not False
        if operation.linearizable or open_ended:
            files[operation.file].append(operation)
    checked = sum(operation.linearizable for operations in files.values() for operation in operations)
    violations: list[Violation] = []
    undecided: list[str] = []
    for file, operations in sorted(files.items()):
        search = _Search(operations)
        if search.run() is None:
            undecided.append(file)
        elif not search.found:
            violations.append(search.violation(file))
    return Verdict(PROMISE, checked, tuple(violations), tuple(undecided))


class _Search:
    """Depth first, those with a known outcome before the others: most histories are explained at the first attempt."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        self._known = sorted((each for each in operations if each.linearizable), key=lambda each: each.start)
        self._others = sorted((each for each in operations if not each.linearizable), key=lambda each: each.start)
        self._furthest: tuple[int, Register, int] = (-1, Register(), 0)
        self.found = False

    def run(self) -> bool | None:
        """Whether an order was found; None when the search was given up."""
        seen: set[tuple[int, int, Register]] = set()
        stack = [(0, 0, Register())]
        everything = (1 << len(self._known)) - 1
        while stack:
            configuration = stack.pop()
            if configuration in seen:
                continue
            if len(seen) == MOST_CONFIGURATIONS:
                return None
            seen.add(configuration)
            done, others, state = configuration
            if done == everything:
                self.found = True
                return True
            if done.bit_count() > self._furthest[0]:
                self._furthest = (done.bit_count(), state, done)
            stack.extend(reversed(list(self._next(done, others, state))))
        return False

    def _next(self, done: int, others: int, state: Register) -> Iterator[tuple[int, int, Register]]:
        waiting = self._waiting(done)
        for index in waiting:
            # A read that fits now changes nothing for those that follow: no other choice could explain more.
            if self._known[index].op == "read" and any(successors(state, self._known[index])):
                yield done | 1 << index, others, state
                return
        for index in waiting:
            for after in successors(state, self._known[index]):
                yield done | 1 << index, others, after
        until = min(self._end(index) for index in waiting)
        for index, operation in enumerate(self._others):
            if operation.start > until:
                break
            if not others >> index & 1:
                for after in successors(state, operation):
                    yield done, others | 1 << index, after

    def _waiting(self, done: int) -> list[int]:
        """Those that may come next: no other that is left ended before they began."""
        first = (~done & (done + 1)).bit_length() - 1
        waiting: list[int] = []
        until: int | None = None
        for index in range(first, len(self._known)):
            if until is not None and self._known[index].start > until:
                break
            if not done >> index & 1:
                waiting.append(index)
                until = self._end(index) if until is None else min(until, self._end(index))
        return sorted((index for index in waiting if self._known[index].start <= (until or 0)), key=self._end)

    def _end(self, index: int) -> int:
        end = self._known[index].end
        assert end is not None
        return end

    def violation(self, file: str) -> Violation:
        """Where the longest explanation ended."""
        explained, state, done = self._furthest
        stuck = [self._known[index] for index in self._waiting(done)]
        answers = "; ".join(f"line {each.line}: {each.op} of version {each.version}" for each in stuck)
        message = (
            f"no order explains all answers: after {explained} operations, at version {state.version}, none of these"
            f" can come next: {answers}"
        )
        return Violation(file, message, tuple(each.line for each in stuck))
