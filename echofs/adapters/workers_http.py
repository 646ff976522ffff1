"""Calls from masters and jobs to workers: one request carries several chunks, one thread drives several workers."""

from __future__ import annotations

import http.client
from collections.abc import Iterable, Mapping, Sequence

from echofs.adapters.http_answers import Answer
from echofs.adapters.http_pool import Exchange, HttpPool
from echofs.adapters.store_exchange import HttpStoreExchange
from echofs.core.chunking import unpack_digests
from echofs.core.errors import StoreUnavailable
from echofs.core.models import ChunkKind, Digest, Member
from echofs.ports.chunks import Fetch, StoreExchange, WorkerClient
from echofs.ports.cluster import CallSigner

STORE_PATH = "/internal/v1/chunks"
FETCH_PATH = "/internal/v1/chunks/fetch"
PRESENT_PATH = "/internal/v1/chunks/present"
LIST_PATH = "/internal/v1/chunks/list"
REMOVE_PATH = "/internal/v1/chunks/remove"
HEALTH_PATH = "/internal/v1/worker"
HEALTH_SECONDS = 1.0
_LENGTH_BYTES = 4
_DIGESTS_SENT_AT_ONCE = 64
"""So many fit into any socket that is idle."""


class HttpWorkers(WorkerClient):
    """Workers over internal HTTP. ``timeout`` is how many seconds a worker may stay without moving."""

    def __init__(self, pool: HttpPool, signer: CallSigner, *, timeout: float) -> None:
        self._pool = pool
        self._signer = signer
        self._timeout = timeout

    def exchange(self) -> StoreExchange:
        return HttpStoreExchange(self._pool, self._authorization, STORE_PATH, self._timeout)

    def fetch(self, member: Member, digests: Sequence[Digest]) -> dict[Digest, bytes | memoryview]:
        return _frames(self._call(member, "POST", FETCH_PATH, bytes.fromhex("".join(digests))), member, digests)

    def begin_fetch(self, member: Member, digests: Sequence[Digest]) -> Fetch | None:
        if len(digests) > _DIGESTS_SENT_AT_ONCE:
            return None
        headers = self._authorization(member.worker_id, "POST", FETCH_PATH)
        body = bytes.fromhex("".join(digests))
        exchange = self._pool.begin(member.url, "POST", FETCH_PATH, headers=headers, body=body, timeout=self._timeout)
        return None if exchange is None else _HttpFetch(exchange, member, digests)

    def present(self, member: Member, digests: Iterable[Digest]) -> set[Digest]:
        asked = list(digests)
        flags = self._call(member, "POST", PRESENT_PATH, bytes.fromhex("".join(asked))).body
        if len(flags) != len(asked):
            raise StoreUnavailable(f"{member.worker_id} sent an answer of the wrong length.")
        return {digest for digest, flag in zip(asked, flags, strict=True) if flag}

    def listed(self, member: Member, kind: ChunkKind, after: Digest = "") -> list[Digest]:
        try:
            return unpack_digests(self._call(member, "POST", LIST_PATH, bytes([kind]) + bytes.fromhex(after)).body)
        except ValueError as error:
            raise StoreUnavailable(f"{member.worker_id} sent an answer of the wrong length.") from error

    def remove(self, member: Member, kind: ChunkKind, digests: Sequence[Digest]) -> None:
        self._call(member, "POST", REMOVE_PATH, bytes([kind]) + bytes.fromhex("".join(digests)))

    def health(self, member: Member) -> dict[str, object]:
        try:
            return self._call(member, "GET", HEALTH_PATH, b"", HEALTH_SECONDS).data()
        except ValueError as error:
            raise StoreUnavailable(f"{member.worker_id} sent an answer that is none of EchoFS.") from error

    def _call(self, member: Member, method: str, path: str, body: bytes, timeout: float | None = None) -> Answer:
        headers = self._authorization(member.worker_id, method, path)
        answer = self._pool.call(
            member.url,
            method,
            path,
            headers=headers,
            body=body,
            timeout=timeout if timeout is not None else self._timeout,
        )
        return _good(answer, member, method, path)

    def _authorization(self, worker_id: str, method: str, path: str) -> Mapping[str, str]:
        return {
            "Authorization": f"Bearer {self._signer.sign(worker_id, method, path)}",
            "Content-Type": "application/octet-stream",
        }


class _HttpFetch(Fetch):
    def __init__(self, exchange: Exchange, member: Member, digests: Sequence[Digest]) -> None:
        self._exchange = exchange
        self._member = member
        self._digests = digests

    def within(self, seconds: float) -> dict[Digest, bytes | memoryview] | None:
        answer = self._exchange.within(seconds)
        return None if answer is None else self._frames(answer)

    def result(self) -> dict[Digest, bytes | memoryview]:
        return self._frames(self._exchange.answer())

    def _frames(self, answer: Answer) -> dict[Digest, bytes | memoryview]:
        return _frames(_good(answer, self._member, "POST", FETCH_PATH), self._member, self._digests)


def _good(answer: Answer, member: Member, method: str, path: str) -> Answer:
    if answer.status != http.client.OK:
        raise StoreUnavailable(f"{member.worker_id} answered {answer.status} to {method} {path}.")
    return answer


def _frames(answer: Answer, member: Member, digests: Sequence[Digest]) -> dict[Digest, bytes | memoryview]:
    """What a worker sent of the chunks it was asked for."""
    body = memoryview(answer.body)
    found: dict[Digest, bytes | memoryview] = {}
    at = 0
    for digest in digests:
        length = int.from_bytes(body[at : at + _LENGTH_BYTES], "little")
        at += _LENGTH_BYTES
        if length:
            found[digest] = body[at : at + length]
            at += length
    if at != len(body):
        raise StoreUnavailable(f"{member.worker_id} sent an answer of the wrong length.")
    return found
