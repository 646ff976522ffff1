"""A worker's internal routes, byte for byte."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from echofs.adapters.frames import Lz4Codec
from echofs.adapters.stores.memory import MemoryStore
from echofs.core.models import ChunkKind
from echofs.services.chunks import ChunkKeeper
from echofs.web.errors import install_errors
from echofs.web.worker import chunk_calls, worker_blueprint
from tests.fakes.meters import FakeMeters

CODEC = Lz4Codec(1024)
LIST = "/internal/v1/chunks/list"
REMOVE = "/internal/v1/chunks/remove"


@pytest.fixture
def client() -> FlaskClient:
    app = Flask("echofs-tests", static_folder=None)
    install_errors(app)
    keeper = ChunkKeeper(MemoryStore(max_value_bytes=2048), CODEC, FakeMeters(), "w1")
    app.register_blueprint(worker_blueprint(keeper, dict, chunk_calls(keeper, 1 << 20)))
    return app.test_client()


def store(client: FlaskClient, plain: bytes, kind: ChunkKind) -> str:
    frame = CODEC.encode(plain, kind=kind)
    assert client.post("/internal/v1/chunks", data=b"".join(frame.parts)).status_code == 200
    return frame.digest


def test_chunks_are_listed_by_kind_and_from_a_digest_on(client: FlaskClient) -> None:
    manifests = sorted(store(client, b"m%d" % number, ChunkKind.MANIFEST) for number in range(3))
    content = store(client, b"c", ChunkKind.CONTENT)
    assert client.post(LIST, data=b"\x01").data.hex() == "".join(manifests)
    assert client.post(LIST, data=b"\x01" + bytes.fromhex(manifests[0])).data.hex() == "".join(manifests[1:])
    assert client.post(LIST, data=b"\x00").data.hex() == content
    assert client.post(LIST, data=b"\x02").data == b""


@pytest.mark.parametrize("body", [b"", b"\x04", b"\x01torn", b"\x01" + bytes(31)])
def test_a_listing_asked_for_wrongly_is_refused(client: FlaskClient, body: bytes) -> None:
    assert client.post(LIST, data=body).status_code == 400


def test_copies_of_journal_entries_can_be_removed_again_and_again(client: FlaskClient) -> None:
    kept, gone = (store(client, plain, ChunkKind.ENTRY) for plain in (b"kept", b"gone"))
    for _ in range(2):
        assert client.post(REMOVE, data=b"\x03" + bytes.fromhex(gone)).status_code == 200
        assert client.post(LIST, data=b"\x03").data.hex() == kept


@pytest.mark.parametrize("kind", [ChunkKind.CONTENT, ChunkKind.MANIFEST, ChunkKind.LIST])
def test_no_other_kind_can_be_removed(client: FlaskClient, kind: ChunkKind) -> None:
    held = store(client, b"bytes", kind)
    assert client.post(REMOVE, data=bytes([kind]) + bytes.fromhex(held)).status_code == 400
    assert client.post(LIST, data=bytes([kind])).data.hex() == held


@pytest.mark.parametrize("body", [b"", b"\x04", b"\x03torn"])
def test_a_removal_asked_for_wrongly_is_refused(client: FlaskClient, body: bytes) -> None:
    assert client.post(REMOVE, data=body).status_code == 400
