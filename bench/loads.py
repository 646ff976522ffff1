"""What one client process does: get ready, run against the clock, and check afterwards what it sent or received.

Nothing that costs the client real time (making data, hashing, reading receipts) happens while the clock runs.
"""

import hashlib
import time
from dataclasses import dataclass, field

from bench.dialects import Dialect
from bench.errors import BenchError
from bench.payload import Payload
from bench.wire import Address, Connection, Reply


@dataclass(frozen=True)
class Stored:
    """A file that a system keeps: the reference to read it by, its SHA-256 in hexadecimal and its size in bytes."""

    reference: str
    digest: str
    size: int


@dataclass(frozen=True)
class Job:
    """Work for one client: uploads of `size` bytes, or downloads of `stored` if that is not empty.

    It ends after `limit` files, or with the first file finished later than `seconds` (None: only the limit counts).
    `prefix` must be new for every job, since it begins the names of its uploads.
    """

    address: Address
    dialect: Dialect
    prefix: str
    size: int
    limit: int
    seconds: float | None = None
    mixed: bool = False
    stored: tuple[Stored, ...] = ()


@dataclass(frozen=True)
class Timing:
    """The measured part of a job. Times are monotonic seconds, comparable between the processes of one machine."""

    started: float
    ended: float
    latencies: tuple[float, ...]
    cpu_seconds: float


@dataclass
class Load:
    """One job on one connection; the steps are called in order: `prepare`, `run`, `verify`."""

    job: Job
    _replies: list[Reply] = field(default_factory=list, init=False)

    def prepare(self) -> None:
        """Makes the data and touches the buffers, so that no page fault is timed."""
        job = self.job
        if job.stored:
            largest = max(file.size for file in job.stored)
            self._sink = memoryview(bytearray(b"\xff") * largest)
        else:
            self._payload = Payload(job.size, mixed=job.mixed)

    def run(self) -> Timing:
        """Opens a connection, then moves files until the job ends. Raises `BenchError` on an unexpected answer."""
        self._connection = Connection(self.job.address)
        self._connection.open()
        once = self._download if self.job.stored else self._upload
        latencies: list[float] = []
        cpu, started = time.process_time(), time.monotonic()
        deadline = started + (self.job.seconds if self.job.seconds is not None else float("inf"))
        ended = started
        while len(latencies) < self.job.limit and ended < deadline:
            once(len(latencies))
            now = time.monotonic()
            latencies.append(now - ended)
            ended = now
        return Timing(started, ended, tuple(latencies), time.process_time() - cpu)

    def verify(self) -> tuple[Stored, ...]:
        """Checks every receipt of the uploads, or the SHA-256 of each downloaded file, and returns those files.

        A single download is hashed where it lies; of several, which shared a buffer, each is read once more.
        """
        try:
            return self._verify_downloads() if self.job.stored else self._verify_uploads()
        finally:
            self._connection.close()

    def _name(self, number: int) -> str:
        return f"{self.job.prefix}-{number}"

    def _upload(self, number: int) -> None:
        head = self.job.dialect.upload_head(self._name(number), self.job.size)
        reply = self._connection.ask(head, self._payload.tiles(number))
        self._replies.append(reply)
        if reply.status >= 300:
            self.job.dialect.receipt(self._name(number), reply)

    def _download(self, number: int) -> None:
        file = self.job.stored[number % len(self.job.stored)]
        reply = self._connection.ask(self.job.dialect.download_head(file.reference), into=self._sink)
        if reply.status != 200 or reply.length != file.size:
            raise BenchError(
                f"a download of {file.size:,} bytes was answered {reply.status} with {reply.length:,} bytes: "
                + reply.body[:300].decode("utf-8", "replace")
            )

    def _verify_uploads(self) -> tuple[Stored, ...]:
        return tuple(self._accepted(number, reply) for number, reply in enumerate(self._replies))

    def _accepted(self, number: int, reply: Reply) -> Stored:
        name, digest = self._name(number), self._payload.digest(number)
        receipt = self.job.dialect.receipt(name, reply)
        if receipt.digest is not None and receipt.digest.removeprefix("sha256:") != digest:
            raise BenchError(f"the receipt of {name} names digest {receipt.digest}, but {digest} was sent")
        return Stored(receipt.reference, digest, self.job.size)

    def _verify_downloads(self) -> tuple[Stored, ...]:
        several = len(self.job.stored) > 1
        if several:
            # The old connection may have idled past the peer's keep-alive while the other clients finished.
            self._connection.close()
        for number, file in enumerate(self.job.stored):
            if several:
                self._download(number)
            if hashlib.sha256(self._sink[: file.size]).hexdigest() != file.digest:
                raise BenchError(f"{file.reference} came back with other bytes than were uploaded")
        return self.job.stored
