"""What is measured, and the bars of the project."""

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Literal

from bench.payload import KIB, MIB

_LARGE = 256 * MIB


@dataclass(frozen=True)
class Bar:
    """The least a figure must reach: a share of nginx's figure in the same round, or files per second."""

    least: float
    unit: Literal["ratio", "files/s"]


@dataclass(frozen=True)
class Case:
    """One measurement: each of `clients` processes moves files of `size` bytes for `seconds`, at most `limit` of them.

    `seconds` None means exactly `limit` files. The downloads of a client cycle over `kept` files uploaded before. With
    `proxied`, EchoFS is reached through nginx with the configuration the project ships.
    """

    name: str
    action: Literal["upload", "download"]
    size: int
    clients: int
    limit: int
    seconds: float | None = None
    kept: int = 1
    mixed: bool = False
    proxied: bool = False
    bar: Bar | None = None

    @property
    def large(self) -> bool:
        """Whether bytes rather than requests are what the case is about, and CPU per GiB says something."""
        return self.seconds is None

    @property
    def counted_in_files(self) -> bool:
        """Whether the figure is files per second instead of MiB per second."""
        return self.size < MIB


# The limits of the small uploads are for nginx alone: without them it leaves half a million files to remove.
CASES = (
    Case("upload-256m", "upload", _LARGE, 1, 1, bar=Bar(0.3, "ratio")),
    Case("download-256m", "download", _LARGE, 1, 1, bar=Bar(0.5, "ratio")),
    Case("upload-256m-mixed", "upload", _LARGE, 1, 1, mixed=True),
    Case("upload-1m-c8", "upload", MIB, 8, 96, 1.0, bar=Bar(0.15, "ratio")),
    Case("download-1m-c8", "download", MIB, 8, 1000, 1.0, kept=12),
    Case("upload-4k-c1", "upload", 4 * KIB, 1, 6000, 1.0),
    Case("upload-4k-c8", "upload", 4 * KIB, 8, 1000, 1.0, bar=Bar(400, "files/s")),
    Case("upload-4k-c32", "upload", 4 * KIB, 32, 250, 1.0),
    Case("download-4k-c1", "download", 4 * KIB, 1, 100_000, 1.0, kept=64),
    Case("download-4k-c8", "download", 4 * KIB, 8, 100_000, 1.0, kept=32, bar=Bar(1000, "files/s")),
    Case("proxied-upload-256m", "upload", _LARGE, 1, 1, proxied=True),
    Case("proxied-download-256m", "download", _LARGE, 1, 1, proxied=True),
)

MEMORY = "memory"


def chosen(patterns: list[str], *, quick: bool) -> list[Case]:
    """The cases whose names match one of the shell-style patterns.

    Without patterns these are all, or with `quick` those that have a bar; `quick` also shortens them.
    """
    if patterns:
        cases = [case for case in CASES if any(fnmatchcase(case.name, pattern) for pattern in patterns)]
    else:
        cases = [case for case in CASES if case.bar or not quick]
    return [shortened(case) for case in cases] if quick else cases


def shortened(case: Case) -> Case:
    """A third of the time and of the files, for a first impression rather than for a record."""
    if case.seconds is None:
        return case
    return replace(case, seconds=case.seconds / 3, kept=max(1, case.kept // 3))
