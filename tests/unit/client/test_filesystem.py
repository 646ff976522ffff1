"""What fsspec asks of a filesystem, and what EchoFS promises beyond, by real requests to a master on fakes."""

from __future__ import annotations

import io
import pickle
import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import fsspec
import pytest
from flask import Flask, g
from fsspec.tests import abstract
from werkzeug.serving import WSGIRequestHandler, make_server

from echofs.adapters.token_seal import SharedSecretSeal
from echofs.client import NotFound
from echofs.client.filesystem import EchoFSFileSystem
from echofs.core.advice import OpClass
from echofs.core.models import Role
from echofs.services.accounts import Principal
from echofs.services.floors import Floors
from echofs.services.folders import Folders
from echofs.services.listings import Listings
from echofs.services.sessions import Sessions
from echofs.services.steps import Drafting, Steps
from echofs.web.downloads import Timing, downloads_blueprint
from echofs.web.errors import install_errors
from echofs.web.files import files_blueprint
from echofs.web.folders import folders_blueprint
from echofs.web.reading import Reading
from echofs.web.uploads import uploads_blueprint
from tests.fakes.offline import MemoryFloors
from tests.unit.services.data_plane import CHUNK, OWNER, DataPlane

SECRET = "a cluster secret of at least thirty-two bytes"


class _Quiet(WSGIRequestHandler):
    """Keeps connections, and tells nobody of each request."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16

    def log(self, kind: str, message: str, *args: object) -> None:
        pass


def master_of(plane: DataPlane) -> Flask:
    """The routes about files and folders; whoever asks is their owner."""
    floors = Floors(plane.catalog, MemoryFloors(plane.clock), plane.follower, plane.clock)
    sessions = Sessions(SharedSecretSeal(SECRET))
    reading = Reading(plane.reads, Listings(plane.catalog, plane.local, floors), sessions)
    steps = Steps(plane.catalog, plane.replicator, plane.heads, Drafting(plane.codec, plane.clock, plane.ids))
    folders = Folders(plane.catalog, plane.journal, plane.levels, steps)
    app = Flask("echofs-tests", static_folder=None)
    install_errors(app)

    @app.before_request
    def know() -> None:
        g.principal = Principal(OWNER, "anna", Role.USER, "jti", "sid")

    monotonic = plane.clock.monotonic
    timing = Timing(monotonic, partial(plane.latencies.observe, OpClass.READ))
    app.register_blueprint(uploads_blueprint(plane.uploads, sessions, monotonic, CHUNK))
    app.register_blueprint(files_blueprint(plane.files, plane.replacing, reading, monotonic))
    app.register_blueprint(folders_blueprint(folders, sessions, monotonic))
    app.register_blueprint(downloads_blueprint(plane.files, reading, plane.reader, plane.meters, timing))
    return app


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    plane = DataPlane()
    server = make_server("127.0.0.1", 0, master_of(plane), threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
    plane.stop()


@pytest.fixture(scope="module")
def fs(url: str) -> EchoFSFileSystem:
    return EchoFSFileSystem(url, token="anna's", skip_instance_cache=True)


@pytest.mark.conformance
class Fixtures(abstract.AbstractFixtures):  # type: ignore[misc]
    @pytest.fixture
    def fs(self, url: str) -> EchoFSFileSystem:
        return EchoFSFileSystem(url, token="anna's")

    @pytest.fixture
    def fs_path(self) -> str:
        return "somewhere"


class TestCopy(abstract.AbstractCopyTests, Fixtures):  # type: ignore[misc]
    """fsspec's own tests of copies."""


class TestGet(abstract.AbstractGetTests, Fixtures):  # type: ignore[misc]
    """fsspec's own tests of downloads."""


class TestPut(abstract.AbstractPutTests, Fixtures):  # type: ignore[misc]
    """fsspec's own tests of uploads."""


class TestOpen(abstract.AbstractOpenTests, Fixtures):  # type: ignore[misc]
    """fsspec's own tests of opening."""


class TestPipe(abstract.AbstractPipeTests, Fixtures):  # type: ignore[misc]
    """fsspec's own tests of writing at once."""


def test_the_protocol_is_known_to_fsspec(url: str) -> None:
    with fsspec.open("echofs://known/a.txt", "w", master=url, token="t") as file:
        file.write("words")
    with fsspec.open("echofs://known/a.txt", "rt", master=url, token="t") as file:
        assert file.read() == "words"


def test_its_options_stand_beside_an_address_as_zarr_hands_them_on(url: str) -> None:
    fs, path = fsspec.url_to_fs("echofs://known/a.zarr", master=url, token="t")
    assert (fs.client.url, path) == (url, "known/a.zarr")


@pytest.mark.parametrize("present", ["", "old"])
@pytest.mark.parametrize("mode", ["wb", "w", "wt", "at", "x"])
def test_what_a_block_wrote_that_failed_is_not_stored(fs: EchoFSFileSystem, mode: str, present: str) -> None:
    path = f"failed/{mode}-{present}"
    if present and mode != "x":
        fs.pipe(path, present.encode())
    line: str | bytes = b"half" if "b" in mode else "half"
    with pytest.raises(ZeroDivisionError):
        _write_and_fail(fs.open(path, mode), line)
    if present and mode != "x":
        assert fs.cat(path) == present.encode()
    else:
        assert not fs.exists(path)


def _write_and_fail(file: Any, line: str | bytes) -> None:
    with file:
        file.write(line)
        file.flush()
        raise ZeroDivisionError


def test_text_is_written_and_read_in_its_encoding(fs: EchoFSFileSystem) -> None:
    with fs.open("text/latin", "w", encoding="latin-1", newline="\r\n") as file:
        file.write("größe\n")
    assert fs.cat("text/latin") == "größe\r\n".encode("latin-1")
    with fs.open("text/latin", "a", encoding="latin-1") as file:
        file.write("2")
    with fs.open("text/latin", encoding="latin-1", mode="r") as file:
        assert file.read() == "größe\n2"


def test_a_file_tells_what_it_is(fs: EchoFSFileSystem) -> None:
    fs.pipe("told/a.txt", b"hello")
    info = fs.info("told/a.txt")
    assert (info["name"], info["size"], info["type"], info["version"]) == ("told/a.txt", 5, "file", 1)
    assert fs.ukey("told/a.txt") == info["etag"]
    assert fs.checksum("told/a.txt") == int(info["digest"], 16)
    assert fs.created("told/a.txt") == fs.modified("told/a.txt") == info["created"]
    assert fs.ls("told", detail=False) == ["told/a.txt"]
    assert fs.ls("told/a.txt", detail=False) == ["told/a.txt"]
    with pytest.raises(IsADirectoryError):
        fs.ukey("told")


@pytest.mark.parametrize("path", ["nowhere", "nowhere/at/all"])
def test_what_is_not_there_is_pythons_own_error(fs: EchoFSFileSystem, path: str) -> None:
    for ask in (fs.info, fs.ls, fs.cat_file, fs.rm_file, fs.open):
        with pytest.raises(FileNotFoundError):
            ask(path)
    assert not fs.exists(path)


def test_a_name_that_cannot_be_names_nothing(fs: EchoFSFileSystem) -> None:
    assert not fs.exists("not/../allowed")
    with pytest.raises(OSError, match="must not contain"):
        fs.pipe("not/../allowed", b"")


def test_a_part_is_read_without_the_rest(fs: EchoFSFileSystem) -> None:
    content = bytes(range(256)) * 4
    fs.pipe("parts/a", content)
    assert fs.cat_file("parts/a", start=10, end=20) == content[10:20]
    assert fs.cat_file("parts/a", start=-5) == content[-5:]
    assert fs.cat_file("parts/a", end=-1000) == content[:-1000]
    assert fs.cat_file("parts/a", start=2000) == b""
    with fs.open("parts/a", block_size=100, cache_type="none") as file:
        file.seek(300)
        assert file.read(200) == content[300:500]
        file.seek(-1, io.SEEK_END)
        assert file.read() == content[-1:]


def test_nothing_is_written_of_a_block_that_fails(fs: EchoFSFileSystem) -> None:
    with suppress(ZeroDivisionError), fs.open("failed/a", "wb", block_size=4) as file:
        file.write(b"more than a block")
        raise ZeroDivisionError
    assert not fs.exists("failed/a")


def test_what_is_written_in_many_blocks_is_one_version(fs: EchoFSFileSystem) -> None:
    with fs.open("blocks/a", "wb", block_size=4) as file:
        for word in (b"one ", b"two ", b"three"):
            file.write(word)
    assert fs.cat("blocks/a") == b"one two three"
    assert fs.info("blocks/a")["version"] == 1


def test_appending_keeps_what_is_there(fs: EchoFSFileSystem) -> None:
    for word in (b"one ", b"two"):
        with fs.open("appended/a", "ab") as file:
            file.write(word)
    assert fs.cat("appended/a") == b"one two"


def test_appending_to_a_file_that_changed_meanwhile_fails(fs: EchoFSFileSystem) -> None:
    fs.pipe("raced/a", b"one ")
    file = fs.open("raced/a", "ab", block_size=4)
    file.write(b"two, which is longer than a block")
    fs.pipe("raced/a", b"other")
    with pytest.raises(FileExistsError):
        file.close()
    assert fs.cat("raced/a") == b"other"


def test_a_transaction_writes_all_or_nothing_of_what_it_holds(fs: EchoFSFileSystem) -> None:
    with fs.transaction:
        with fs.open("together/a", "wb") as file:
            file.write(b"a")
        assert not fs.exists("together/a")
    assert fs.cat("together/a") == b"a"
    with suppress(ZeroDivisionError), fs.transaction:
        with fs.open("together/b", "wb") as file:
            file.write(b"b")
        raise ZeroDivisionError
    assert not fs.exists("together/b")


def test_a_file_is_one_version_to_its_end(fs: EchoFSFileSystem) -> None:
    fs.pipe("mixed/a", b"1" * 100)
    with fs.open("mixed/a", block_size=10, cache_type="none") as file:
        assert file.read(10) == b"1" * 10
        fs.pipe("mixed/a", b"2" * 100)
        with pytest.raises(OSError, match="mixed/a"):
            file.read(10)


def test_folders_are_made_and_end(fs: EchoFSFileSystem) -> None:
    fs.mkdir("made/inner")
    assert (fs.isdir("made"), fs.ls("made/inner")) == (True, [])
    with pytest.raises(FileExistsError):
        fs.makedirs("made/inner")
    fs.makedirs("made/inner", exist_ok=True)
    with pytest.raises(FileNotFoundError):
        fs.mkdir("other/inner", create_parents=False)
    with pytest.raises(OSError, match="not empty"):
        fs.rmdir("made")
    fs.rmdir("made/inner")
    fs.rmdir("made")
    assert not fs.exists("made")


def test_a_copy_onto_a_file_is_its_next_version(fs: EchoFSFileSystem) -> None:
    fs.pipe({"copied/a": b"new", "copied/b": b"old"})
    fs.cp_file("copied/a", "copied/b")
    assert (fs.cat("copied/b"), fs.info("copied/b")["version"]) == (b"new", 2)


def test_it_goes_to_other_processes_and_back(fs: EchoFSFileSystem) -> None:
    fs.pipe("sent/a", b"hello")
    with fs.open("sent/a") as file:
        assert pickle.loads(pickle.dumps(fs)).cat("sent/a") == b"hello"
        with pickle.loads(pickle.dumps(file)) as there:
            assert there.read() == b"hello"


def test_a_download_that_fails_leaves_nothing(fs: EchoFSFileSystem, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        fs.get_file("nowhere/a", tmp_path / "inner" / "a")
    assert not (tmp_path / "inner" / "a").exists()


def test_the_client_beneath_is_there_for_more(fs: EchoFSFileSystem) -> None:
    fs.pipe("beneath/a", b"hello")
    assert fs.client.stat("beneath/a").size == 5
    with pytest.raises(NotFound):
        fs.client.stat("beneath/b")
