"""Files on this machine that are to be uploaded; no two of them ever have a chunk in common."""

from dataclasses import dataclass
from pathlib import Path

from bench.payload import Payload
from bench.people.cases import Case


@dataclass(frozen=True)
class Source:
    """A local file, or a folder of files of `size` bytes each.

    `digests` has the SHA-256 of every file, in hexadecimal, by the path under which it will be stored in `folder`.
    """

    place: Path
    folder: str
    size: int
    digests: dict[str, str]


def written(case: Case, place: Path) -> Source:
    """Makes what one run of a case uploads: the file `place`, or a folder of that name for several files."""
    payload = Payload(case.size)
    if case.files == 1:
        _write(place, payload, 0)
        return Source(place, "", case.size, {place.name: payload.digest(0)})
    place.mkdir()
    digests = {}
    for number in range(case.files):
        name = f"{number:06d}.bin"
        _write(place / name, payload, number)
        digests[f"{place.name}/{name}"] = payload.digest(number)
    return Source(place, place.name, case.size, digests)


def _write(path: Path, payload: Payload, number: int) -> None:
    with path.open("xb") as file:
        for tile in payload.tiles(number):
            file.write(tile)
