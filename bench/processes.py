"""Starting and ending the systems under measurement, and reading from /proc what they use (Linux)."""

import contextlib
import http.client
import mmap
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_PROC = Path("/proc")


def free_ports(count: int) -> int:
    """The first of `count` neighbouring ports of 127.0.0.1 that are free now. Raises `BenchError` if none are found."""
    for _ in range(50):
        with contextlib.ExitStack() as held:
            try:
                first = _bind(held, 0)
                for port in range(first + 1, first + count):
                    _bind(held, port)
            except (OSError, OverflowError):
                continue
            return first
    raise BenchError(f"found no {count} free neighbouring ports on 127.0.0.1; end some programs and try again")


def _bind(held: contextlib.ExitStack, port: int) -> int:
    probe = held.enter_context(socket.socket())
    probe.bind(("127.0.0.1", port))
    bound: int = probe.getsockname()[1]
    return bound


@contextlib.contextmanager
def running(
    command: Sequence[str], *, log: Path, cwd: Path, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Runs a program in a session of its own, output in `log`, and ends it with SIGTERM, after 15 s with SIGKILL."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=cwd, env=env, start_new_session=True
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_until_answering(process: subprocess.Popen[bytes], port: int, path: str, log: Path, *, seconds: float) -> None:
    """Returns once GET `path` on 127.0.0.1:`port` answers 200; else raises `BenchError` with the end of the log."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise BenchError(f"{process.args!r} ended with code {process.returncode}:\n{_tail(log)}")
        if _answers(port, path):
            return
        time.sleep(0.05)
    raise BenchError(f"http://127.0.0.1:{port}{path} did not answer 200 within {seconds:.0f} s:\n{_tail(log)}")


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _tail(log: Path) -> str:
    lines = log.read_text("utf-8", "replace").splitlines()[-15:]
    return "\n".join("    " + line for line in lines) or "    (it wrote nothing)"


def family(root: int) -> list[int]:
    """`root` and all its living descendants; only `root` where there is no /proc."""
    children: dict[int, list[int]] = {}
    for entry in _PROC.glob("[0-9]*/stat"):
        fields = _stat_fields(int(entry.parent.name))
        if fields:
            children.setdefault(int(fields[1]), []).append(int(entry.parent.name))
    found = [root]
    for pid in found:
        found.extend(children.get(pid, ()))
    return found


def cpu_seconds(pid: int) -> float:
    """User plus system time of a process, in seconds; 0 if it is gone. The kernel counts in steps of 10 ms."""
    fields = _stat_fields(pid)
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND if fields else 0.0


def _stat_fields(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on; the name before them may hold blanks and brackets."""
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


@dataclass(frozen=True)
class Memory:
    """Bytes in use: `resident` counts shared pages in every process, `proportional` once in all."""

    resident: int
    proportional: int


def memory(pids: Sequence[int]) -> Memory:
    """Memory of some processes together; one that is gone counts as nothing."""
    resident = proportional = 0
    for pid in pids:
        with contextlib.suppress(OSError, ValueError, IndexError):
            resident += int((_PROC / str(pid) / "statm").read_text().split()[1]) * _PAGE_BYTES
            for line in (_PROC / str(pid) / "smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    proportional += int(line.split()[1]) * 1024
    return Memory(resident, proportional)


def warm_memory(length: int) -> None:
    """Touches `length` bytes of memory and frees them, for the page cache of the system that runs next.

    A virtual machine gets each page from its host on first use and may return it when it is free; without this, the
    write of a large file takes up to three times as long, depending on what ran before.
    """
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_POPULATE", 0)
    mmap.mmap(-1, length, flags=flags).close()


def listening_ports(pid: int) -> set[int]:
    """The TCP ports on which a process listens, inherited sockets included."""
    inodes = _listening_inodes()
    ports: set[int] = set()
    with contextlib.suppress(OSError):
        for handle in (_PROC / str(pid) / "fd").iterdir():
            with contextlib.suppress(OSError):
                ports |= inodes.get(os.readlink(handle), set())
    return ports


def _listening_inodes() -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in (_PROC / "net" / table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A":
                    found.setdefault(f"socket:[{fields[9]}]", set()).add(int(fields[1].rpartition(":")[2], 16))
    return found
