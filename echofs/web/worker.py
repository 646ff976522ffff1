"""A worker's internal routes. Bodies are binary: frames one after the other, digests as 32 raw bytes each."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask import Blueprint, Response, request

from echofs.core.chunking import DIGEST_BYTES, pack_digests, unpack_digests
from echofs.core.errors import BodyMismatch, InvalidRequest, TooLarge
from echofs.core.models import ChunkKind, Digest
from echofs.services.chunks import ChunkKeeper
from echofs.web.answers import JSON, encoded, ok
from echofs.web.direct import read_whole
from echofs.web.shortcut import Call, Served

STORE_PATH = "/internal/v1/chunks"
FETCH_PATH = "/internal/v1/chunks/fetch"
_PREFIX = "/internal/v1"
_BINARY = "application/octet-stream"
_SENT_AT_ONCE = 64 << 10
"""Smaller answers are cheaper to copy than to send in pieces."""
_MAX_DIGESTS = 4096
_LENGTH_BYTES = 4
_INSUFFICIENT_STORAGE = 507


def chunk_calls(keeper: ChunkKeeper, max_batch_bytes: int) -> dict[str, Call]:
    """The two calls by which chunks travel, for :func:`worker_blueprint` and for the short way past it."""

    def store(body: memoryview) -> Served:
        result = keeper.store(body)
        status = _INSUFFICIENT_STORAGE if result.full else 200
        data = {"stored": result.stored, "failed": result.failed}
        return Served([encoded(data, status=status)], JSON, status)

    def fetch(body: memoryview) -> Served:
        pieces: list[bytes] = []
        for frame in keeper.fetch(_unpacked(bytes(body))):
            pieces.append(len(frame or b"").to_bytes(_LENGTH_BYTES, "little"))
            if frame:
                pieces.append(frame)
        if sum(map(len, pieces)) <= _SENT_AT_ONCE:
            pieces = [b"".join(pieces)]
        return Served(pieces, _BINARY)

    return {
        STORE_PATH: Call("worker.store", max_batch_bytes, store),
        FETCH_PATH: Call("worker.fetch", _MAX_DIGESTS * DIGEST_BYTES, fetch),
    }


def worker_blueprint(
    keeper: ChunkKeeper, report: Callable[[], dict[str, object]], calls: Mapping[str, Call]
) -> Blueprint:
    """Routes of a worker; ``report`` is its own account of itself, ``calls`` are those of :func:`chunk_calls`."""
    blueprint = Blueprint("worker", __name__, url_prefix=_PREFIX)

    @blueprint.post(STORE_PATH.removeprefix(_PREFIX))
    def store() -> Response:
        return _answer(calls[STORE_PATH])

    @blueprint.post(FETCH_PATH.removeprefix(_PREFIX))
    def fetch() -> Response:
        return _answer(calls[FETCH_PATH])

    @blueprint.post("/chunks/present")
    def present() -> Response:
        return Response(bytes(keeper.present(_digests())), mimetype=_BINARY)

    @blueprint.post("/chunks/list")
    def listing() -> Response:
        kind, after = _place()
        return Response(pack_digests(keeper.listed(kind, after)), mimetype=_BINARY)

    @blueprint.post("/chunks/remove")
    def remove() -> Response:
        kind, digests = _kind_and(bytes(_body(1 + _MAX_DIGESTS * DIGEST_BYTES)))
        keeper.remove(kind, digests)
        return ok({})

    @blueprint.get("/worker")
    def health() -> Response:
        return ok(report())

    return blueprint


def _answer(call: Call) -> Response:
    served = call.serve(_body(call.limit))
    response = Response(served.pieces, served.status, mimetype=served.mimetype, direct_passthrough=True)
    response.content_length = sum(map(len, served.pieces))
    return response


def _place() -> tuple[ChunkKind, Digest]:
    """The kind in the first byte, and the digest to go on after, if there is one."""
    kind, digests = _kind_and(bytes(_body(1 + DIGEST_BYTES)))
    return kind, digests[0] if digests else ""


def _kind_and(body: bytes) -> tuple[ChunkKind, list[Digest]]:
    if not body or body[0] not in set(ChunkKind):
        raise InvalidRequest("The body begins with a kind of chunk in one byte.")
    return ChunkKind(body[0]), _unpacked(body[1:])


def _digests() -> list[Digest]:
    return _unpacked(bytes(_body(_MAX_DIGESTS * DIGEST_BYTES)))


def _unpacked(raw: bytes) -> list[Digest]:
    try:
        return unpack_digests(raw)
    except ValueError as error:
        raise InvalidRequest(str(error)) from error


def _body(limit: int) -> memoryview:
    """The whole body, read at once: batches are bounded, and one read is what the server does fastest."""
    length = request.content_length
    if length is None:
        raise InvalidRequest("An internal call must declare its Content-Length.")
    if length > limit:
        raise TooLarge(f"The body is longer than {limit} bytes.")
    body = read_whole(request.environ["wsgi.input"], length)
    if len(body) != length:
        raise BodyMismatch(f"The body ended after {len(body)} of {length} bytes.")
    return body
