"""What is measured, and the bars of the project."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from bench.payload import KIB, MIB

_LARGE = 256 * MIB
_QUICK_SIZE, _QUICK_FILES = 4 * MIB, 10


@dataclass(frozen=True)
class Case:
    """Something people do with `files` files of `size` bytes. `bar` is the least speed, as a multiple of curl's."""

    name: str
    what: str
    files: int
    size: int
    bar: float

    @property
    def volume(self) -> int:
        """Bytes in all files together."""
        return self.files * self.size


PAGE = Case("page", "a file chosen on the page", 1, _LARGE, 0.8)
PUT = Case("put", "echofs put FILE", 1, _LARGE, 0.9)
PUT_FOLDER = Case("put-folder", "echofs put -r FOLDER", 1000, 4 * KIB, 3.0)
CASES = (PAGE, PUT, PUT_FOLDER)


def chosen(patterns: Sequence[str], *, quick: bool) -> list[Case]:
    """The cases whose names match one of the shell-style patterns, all without any; `quick` makes them small."""
    cases = [case for case in CASES if not patterns or any(fnmatchcase(case.name, pattern) for pattern in patterns)]
    return [_small(case) for case in cases] if quick else cases


def _small(case: Case) -> Case:
    return replace(case, files=min(case.files, _QUICK_FILES), size=min(case.size, _QUICK_SIZE))
