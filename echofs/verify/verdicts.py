"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was broken: ``file`` names the register, ``lines`` the operations concerned, by line number."""

    file: str
    message: str
    lines: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of one check over ``checked`` operations. ``undecided`` files took too long to search; they are
    neither right nor wrong."""

    promise: str
    checked: int
    violations: tuple[Violation, ...] = ()
    undecided: tuple[str, ...] = ()

    @property
    def kept(self) -> bool:
        """Whether the promise was kept as far as this history can tell, with nothing left undecided."""
        return not self.violations and not self.undecided
