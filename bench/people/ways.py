"""The ways to upload from a terminal: curl, which all others are compared with, and EchoFS's own command."""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urljoin

from bench.cluster import SOURCE, Cluster
from bench.errors import BenchError, NotInstalled
from bench.people.account import Account
from bench.people.sources import Source

_PATIENCE_SECONDS = 300.0
_LOOP = 'for file in "$1"/*; do curl -sSf -o /dev/null -H "@$2" -T "$file" -X POST "$3${file##*/}" || exit; done'
_BODY = "application/octet-stream"


class Way(Protocol):
    """A way to upload a source under its own name."""

    @property
    def name(self) -> str: ...

    def send(self, source: Source) -> float:
        """Uploads all of it; the seconds from the start until success is known. Raises `BenchError` without success."""


@dataclass(frozen=True)
class Contest:
    """Ways to do the same as the same user. `bounds` are measured only to be compared with `subject`."""

    account: Account
    reference: Way
    subject: Way
    bounds: tuple[Way, ...] = ()

    @property
    def ways(self) -> tuple[Way, ...]:
        """All of them, the reference first."""
        return (self.reference, self.subject, *self.bounds)


class ResumableCurl:
    """What the page does, by hand: an upload is created, and all its bytes follow in one request."""

    name = "curl, POST and PATCH"

    def __init__(self, account: Account, folder: Path) -> None:
        self._uploads = f"{account.url}/api/v1/uploads"
        self._headers = _headers(folder, account, "Tus-Resumable: 1.0.0")

    def send(self, source: Source) -> float:
        path = b64encode(source.place.name.encode()).decode()
        creation = ["-X", "POST", "-H", f"Upload-Length: {source.size}", "-H", f"Upload-Metadata: path {path}"]
        body = ["-H", "Content-Type: application/offset+octet-stream", "-H", "Upload-Offset: 0"]
        began = time.perf_counter()
        answer = self._curl("-D", "-", *creation, self._uploads)
        place = next(line for line in answer.splitlines() if line.lower().startswith("location:"))
        address = urljoin(self._uploads, place.partition(":")[2].strip())
        self._curl("-X", "PATCH", *body, "-T", str(source.place), address)
        return time.perf_counter() - began

    def _curl(self, *arguments: str) -> str:
        return _run(["curl", "-sSf", "-H", f"@{self._headers}", *arguments])


class Curl:
    """One request with the file's bytes as its body."""

    name = "curl"

    def __init__(self, account: Account, folder: Path) -> None:
        self._uploads = f"{account.url}/api/v1/files/upload?path="
        self._headers = _headers(folder, account, f"Content-Type: {_BODY}")

    def send(self, source: Source) -> float:
        upload = ["-o", os.devnull, "-H", f"@{self._headers}", "-T", str(source.place), "-X", "POST"]
        return _timed(["curl", "-sSf", *upload, self._uploads + source.place.name])


class CurlLoop:
    """The same for every file of a folder, one after the other, in a loop of the shell."""

    name = "a loop of curls"

    def __init__(self, account: Account, folder: Path) -> None:
        self._uploads = f"{account.url}/api/v1/files/upload?path="
        self._headers = _headers(folder, account, f"Content-Type: {_BODY}")

    def send(self, source: Source) -> float:
        uploads = f"{self._uploads}{source.folder}/"
        return _timed(["sh", "-c", _LOOP, "sh", str(source.place), str(self._headers), uploads])


class Put:
    """The command `echofs put`, from the start of its process to the end."""

    def __init__(self, account: Account, folder: Path, *options: str) -> None:
        self.name = " ".join(["echofs put", *options])
        self._command = [sys.executable, "-m", "echofs", "put", *options]
        # Nothing of the person who measures: no profile of theirs is used, and none is changed.
        own = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder / "config"), "XDG_STATE_HOME": str(folder / "state")}
        login = {"ECHOFS_URL": account.url, "ECHOFS_TOKEN": account.token, "PYTHONPATH": str(SOURCE)}
        self._environment = {"PATH": os.environ.get("PATH", os.defpath)} | own | login

    def send(self, source: Source) -> float:
        return _timed([*self._command, str(source.place)], self._environment)


@contextlib.contextmanager
def file_contest(cluster: Cluster, folder: Path) -> Iterator[Contest]:
    """One file by the command line."""
    account = Account(cluster.address, cluster.dialect.token)
    yield Contest(account, Curl(account, folder), Put(account, folder))


@contextlib.contextmanager
def folder_contest(cluster: Cluster, folder: Path) -> Iterator[Contest]:
    """A folder of files by the command line."""
    account = Account(cluster.address, cluster.dialect.token)
    yield Contest(account, CurlLoop(account, folder), Put(account, folder, "-r"))


def check_curl() -> None:
    """Raises `NotInstalled` without curl."""
    if shutil.which("curl") is None:
        raise NotInstalled("curl is not installed, and there is nothing to compare with; install it")


def _headers(folder: Path, account: Account, *more: str) -> Path:
    """A file of headers for curl: tokens do not belong on command lines, which everybody may read."""
    path = folder / "headers"
    path.write_text("\n".join([f"Authorization: Bearer {account.token}", *more]) + "\n", encoding="ascii")
    path.chmod(0o600)
    return path


def _timed(command: Sequence[str], environment: Mapping[str, str] | None = None) -> float:
    began = time.perf_counter()
    _run(command, environment)
    return time.perf_counter() - began


def _run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> str:
    try:
        done = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_SECONDS,
            check=True,
        )
    except subprocess.TimeoutExpired:
        raise BenchError(f"{command[0]} has not finished within {_PATIENCE_SECONDS:.0f} s") from None
    except subprocess.CalledProcessError as error:
        raise BenchError(f"{command[0]} ended with code {error.returncode}: {error.stderr.strip()[-500:]}") from None
    return done.stdout
