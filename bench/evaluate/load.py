"""Sends orders when they are due and writes down what was answered."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from bench.evaluate.arrivals import poisson
from bench.evaluate.history import Record
from bench.evaluate.wire import Answer, NoAnswerError, NotSentError, Wire
from bench.evaluate.workload import KnownFile, Mix, Order, Workload, content_digest

PATIENCE_SECONDS = 10.0
"""After so long a client gives up. It does not know then what became of a write."""
_MOST_AT_ONCE = 1000
_RAW = "application/octet-stream"
_OPERATIONS = {"read": "read", "delete": "delete"}


class Load:
    """Clients of one user at all masters. Records appear when operations end, in any order."""

    def __init__(self, ports: Mapping[str, int], token: str, workload: Workload) -> None:
        self.wires = {name: Wire(port) for name, port in ports.items()}
        self.workload = workload
        self.records: list[Record] = []
        self._token = token
        self._under_way: set[asyncio.Task[Record]] = set()

    async def offer(self, rate: float, seconds: float, mix: Mix) -> None:
        """Let operations arrive for so long, whether those before them have ended or not."""
        begin = time.monotonic_ns()
        for offset in poisson(rate, seconds, self.workload.dice):
            due = begin + int(offset * 1e9)
            await asyncio.sleep(max(due - time.monotonic_ns(), 0) / 1e9)
            self.send(self.workload.next(mix), due)
        await asyncio.sleep(max(begin + int(seconds * 1e9) - time.monotonic_ns(), 0) / 1e9)

    def send(self, order: Order, due: int) -> None:
        """Begin an operation now. One too many to hold counts as given up at once."""
        if len(self._under_way) >= _MOST_AT_ONCE:
            self.records.append(_record(order, due))
            self.workload.release(order.session)
            return
        task = asyncio.create_task(self.take(order, due))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def ended(self) -> None:
        """Wait until everything under way has ended."""
        while self._under_way:
            await asyncio.gather(*self._under_way)

    async def take(self, order: Order, due: int) -> Record:
        """One operation from beginning to end."""
        record = _record(order, due)
        method, path, headers = _request(order, self._token)
        record.start = time.monotonic_ns()
        try:
            answer = await self.wires[order.master].ask(method, path, headers, order.body, PATIENCE_SECONDS)
        except NotSentError as error:
            record.end, record.ok, record.reason = time.monotonic_ns(), False, str(error)
        except NoAnswerError as error:
            record.reason = str(error)
        else:
            record.end = time.monotonic_ns()
            self._note(record, order, answer)
        self.records.append(record)
        self.workload.release(order.session)
        return record

    async def call(
        self, master: str, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        """A request that is no part of the load. Raises like :meth:`Wire.ask`."""
        named = {"Authorization": f"Bearer {self._token}", **(headers or {})}
        return await self.wires[master].ask(method, path, named, body, PATIENCE_SECONDS)

    def close(self) -> None:
        for wire in self.wires.values():
            wire.close()

    def _note(self, record: Record, order: Order, answer: Answer) -> None:
        record.status = answer.status
        if record.op == "read":
            _note_read(record, answer)
        else:
            self._note_write(record, order, answer)
        if token := answer.headers.get("x-echofs-session"):
            order.session.token = token

    def _note_write(self, record: Record, order: Order, answer: Answer) -> None:
        fields = json.loads(answer.body)
        if not 200 <= answer.status < 300:
            record.reason = str((fields.get("error") or {}).get("code", ""))
            certain = answer.status < 500 or record.reason in ("too_few_replicas", "cluster_full", "spool_full")
            record.ok = False if certain else None
            return
        receipt = fields["consistency"]
        record.ok = True
        record.version, record.dot = receipt["version"], receipt["dot"]
        record.committed = receipt["committed"]
        record.mode_used, record.guarantee = receipt["mode_used"], receipt.get("guarantee", "")
        record.decision, record.reason = receipt.get("decision", ""), receipt.get("reason", "")
        record.degraded = receipt.get("degraded", False)
        order.session.token = receipt.get("session") or order.session.token
        if file := (fields["data"] or {}).get("file"):
            record.file = file["id"]
            self._learn(record, order, file, answer.headers.get("etag", ""))

    def _learn(self, record: Record, order: Order, file: Mapping[str, Any], etag: str) -> None:
        only_at = "" if record.committed else order.master
        known = order.file
        if known is None and not order.private:
            digest = record.digest or ""
            self.workload.learn(KnownFile(file["id"], order.path, file["version"], etag, digest, only_at))
        elif known is not None and file["version"] > known.version:
            known.version, known.etag, known.digest = file["version"], etag, record.digest or ""


def _record(order: Order, due: int) -> Record:
    return Record(
        op=_OPERATIONS.get(order.kind, "write"),
        kind=order.kind,
        file=order.file.file_id if order.file else order.path,
        client=order.session.name,
        session=order.session.name,
        asked=order.level,
        master=order.master,
        intended=due,
        start=due,
        size=len(order.body),
        digest=order.digest if order.body else None,
        if_match=order.file.version if order.kind == "conditional" and order.file else None,
        lines=order.lines,
    )


def _request(order: Order, token: str) -> tuple[str, str, dict[str, str]]:
    headers = {"Authorization": f"Bearer {token}", "X-EchoFS-Consistency": order.level, **order.headers}
    if order.session.token:
        headers["X-EchoFS-Session"] = order.session.token
    if order.body:
        headers.setdefault("Content-Type", _RAW)
    if order.file is None:
        return "POST", f"/api/v1/files/upload?path={quote(order.path, safe='')}", headers
    path = f"/api/v1/files/{order.file.file_id}"
    if order.kind == "conditional":
        headers["If-Match"] = order.file.etag
    if order.kind == "read":
        return "GET", f"{path}/download", headers
    if order.kind == "delete":
        return "DELETE", path, headers
    return "PUT", f"{path}/content", headers


def _note_read(record: Record, answer: Answer) -> None:
    headers = answer.headers
    record.mode_used = headers.get("x-echofs-consistency", "")
    record.guarantee = headers.get("x-echofs-guarantee", "")
    record.decision = headers.get("x-echofs-decision", "")
    record.degraded = record.guarantee == "none"
    if "x-echofs-staleness-ms" in headers:
        record.staleness_ms = float(headers["x-echofs-staleness-ms"])
    if answer.status == 200:
        record.ok = True
        record.version, record.digest = int(headers["x-echofs-version"]), content_digest(answer.body)
    elif answer.status == 404:
        # Nothing is what a read of a deleted file finds.
        record.ok, record.mode_used = True, record.mode_used or _certain(record.asked)
    else:
        record.ok = False
        record.reason = str((json.loads(answer.body).get("error") or {}).get("code", ""))


def _certain(asked: str) -> str:
    return "strong" if asked == "strong" else ""
