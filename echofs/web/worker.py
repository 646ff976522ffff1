"""A worker's internal routes. Bodies are binary: frames one after the other, digests as 32 raw bytes each."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, request

from echofs.core.chunking import DIGEST_BYTES, pack_digests, unpack_digests
from echofs.core.errors import BodyMismatch, InvalidRequest, TooLarge
from echofs.core.models import ChunkKind, Digest
from echofs.services.chunks import ChunkKeeper
from echofs.web.answers import ok
from echofs.web.direct import read_whole

_MAX_DIGESTS = 4096
_LENGTH_BYTES = 4
_INSUFFICIENT_STORAGE = 507


def worker_blueprint(keeper: ChunkKeeper, report: Callable[[], dict[str, object]], max_batch_bytes: int) -> Blueprint:
    """Routes of a worker; ``report`` is its own account of itself."""
    blueprint = Blueprint("worker", __name__, url_prefix="/internal/v1")

    @blueprint.post("/chunks")
    def store() -> Response:
        result = keeper.store(_body(max_batch_bytes))
        status = _INSUFFICIENT_STORAGE if result.full else 200
        return ok({"stored": result.stored, "failed": result.failed}, status=status)

    @blueprint.post("/chunks/fetch")
    def fetch() -> Response:
        frames = keeper.fetch(_digests())
        parts: list[bytes] = []
        for frame in frames:
            parts.append(len(frame or b"").to_bytes(_LENGTH_BYTES, "little"))
            if frame:
                parts.append(frame)
        response = Response(parts, mimetype="application/octet-stream", direct_passthrough=True)
        response.content_length = sum(map(len, parts))
        return response

    @blueprint.post("/chunks/present")
    def present() -> Response:
        return Response(bytes(keeper.present(_digests())), mimetype="application/octet-stream")

    @blueprint.post("/chunks/list")
    def listing() -> Response:
        kind, after = _place()
        return Response(pack_digests(keeper.listed(kind, after)), mimetype="application/octet-stream")

    @blueprint.post("/chunks/remove")
    def remove() -> Response:
        kind, digests = _kind_and(bytes(_body(1 + _MAX_DIGESTS * DIGEST_BYTES)))
        keeper.remove(kind, digests)
        return ok({})

    @blueprint.get("/worker")
    def health() -> Response:
        return ok(report())

    return blueprint


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
