"""The reader in docs/formats.md, taken from the page as it stands, reads what workers really store."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from echofs.adapters.frames import LZ4, RAW
from echofs.adapters.stores.registry import open_store
from echofs.core import chunking, manifest
from echofs.core.chunking import DIGEST_BYTES
from echofs.core.models import File
from echofs.services.chunks import ChunkKeeper
from tests import disks as found
from tests.fakes.meters import FakeMeters
from tests.unit.services.data_plane import OWNER, OWNER_NAME, DataPlane, Target, bytes_of

PAGE = Path(__file__).parents[2] / "docs" / "formats.md"
_CODEC_AT, _KIND_AT = 5, 6
MOST_LINES = 60


def reader() -> str:
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return str(code)


@pytest.fixture
def contents(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Files that take every way through the formats; small limits make a list of digests out of a small file."""
    monkeypatch.setattr(chunking, "INLINE_CHUNKS", 4)
    monkeypatch.setattr(chunking, "DIGESTS_PER_LIST", 3)
    return {
        "text/größe 日本.txt": b"the same line again and again\n" * 8,
        "raw.bin": bytes_of(200),
        "large": bytes_of(64 * 7 + 5),
        "empty": b"",
        "changed": b"second",
        "moved/here": b"moved",
        "gone": b"back again",
    }


@pytest.fixture
def disks(tmp_path: Path, contents: dict[str, bytes]) -> list[Path]:
    """What three workers keep after uploads, a change, a move and a delete, written by their own store."""
    plane = DataPlane()
    try:
        for path, data in contents.items():
            _write(plane, path, data)
        plane.put(Target("other-owner", path="raw.bin"), b"another's").file  # noqa: B018
        return [_keep(plane, worker_id, tmp_path / worker_id) for worker_id in "abc"]
    finally:
        plane.stop()


def _write(plane: DataPlane, path: str, data: bytes) -> None:
    before: File | None = None
    if path == "changed":
        before = plane.put(path, b"first, and longer").file
    elif path == "gone":
        plane.files.delete(OWNER, plane.put(path, b"deleted").file.id, plane.wish())
    file = plane.put(Target(OWNER, file_id=before.id) if before else path.replace("moved/here", "was there"), data).file
    if path == "moved/here":
        plane.files.move(OWNER, file.id, path, plane.wish())


def _keep(plane: DataPlane, worker_id: str, folder: Path) -> Path:
    store = open_store(f"disk:{folder}", owner=worker_id, max_value_bytes=1 << 21)
    keeper = ChunkKeeper(store, plane.codec, FakeMeters(), worker_id)
    assert not keeper.store(b"".join(plane.workers[worker_id].frames.values())).failed
    store.close()
    return folder


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-X", "utf8", "-c", reader(), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=60, check=False)


def restored(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_reader_is_short_and_needs_nothing_but_lz4() -> None:
    assert len(reader().strip().splitlines()) <= MOST_LINES
    assert set(re.findall(r"^(?:import|from) (.+?)(?: import .*)?$", reader(), re.MULTILINE)) == {
        "hashlib, json, struct, sys",
        "pathlib",
        "lz4.block",
    }


def test_the_data_takes_every_way_through_the_formats(disks: list[Path]) -> None:
    frames = [entry.value for entry in found.entries(disks[0])]
    assert {frame[_CODEC_AT] for frame in frames} == {RAW, LZ4}
    assert {frame[_KIND_AT] for frame in frames} == {0, 1, 2}


def test_all_files_come_back_from_one_disk_or_from_several(
    disks: list[Path], contents: dict[str, bytes], tmp_path: Path
) -> None:
    expected = {f"{OWNER_NAME}/{path}": data for path, data in contents.items()}
    for number, chosen in enumerate([disks[:1], disks]):
        done = run(*chosen, "restore", tmp_path / f"out{number}")
        assert done.returncode == 0, done.stderr
        found = restored(tmp_path / f"out{number}")
        assert {path: found[path] for path in expected if path != f"{OWNER_NAME}/raw.bin"} == {
            path: data for path, data in expected.items() if path != f"{OWNER_NAME}/raw.bin"
        }


def test_a_listing_has_the_size_version_and_name_of_every_living_file(
    disks: list[Path], contents: dict[str, bytes]
) -> None:
    lines = run(*disks, "list").stdout.splitlines()
    versions = {"changed": 2, "moved/here": 2}
    for path, data in contents.items():
        assert f"{len(data)} {versions.get(path, 1)} {OWNER_NAME}/{path}" in lines
    assert len(lines) == len(contents) + 1


def test_one_file_comes_back_alone_and_damaged_copies_are_passed_by(
    disks: list[Path], contents: dict[str, bytes], tmp_path: Path
) -> None:
    for entry in found.entries(disks[0]):
        found.flip(entry)
    for entry in found.entries(disks[1]):
        if entry.key.startswith("chunk/"):
            found.flip(entry)
    assert run(*disks, "restore", tmp_path / "out", f"{OWNER_NAME}/large").returncode == 0
    assert restored(tmp_path / "out") == {f"{OWNER_NAME}/large": contents["large"]}


def test_what_no_disk_has_is_named(disks: list[Path], tmp_path: Path) -> None:
    for disk in disks:
        for entry in found.entries(disk):
            if entry.key.startswith("list/"):
                found.flip(entry)
    done = run(*disks, "restore", tmp_path / "out", f"{OWNER_NAME}/large")
    assert done.returncode == 1
    assert "no good copy of list/" in done.stderr


def test_documented_numbers_are_the_programs_own() -> None:
    page = PAGE.read_text(encoding="utf-8")
    monkeyfree = {"1,024": chunking.INLINE_CHUNKS, "32,768": chunking.DIGESTS_PER_LIST}
    assert all(f"{value:,}" == text and text in page for text, value in monkeyfree.items())
    assert f"of {DIGEST_BYTES} raw bytes each" in page
    assert f'`"manifest"`, {manifest.FORMAT}' in page
