"""The short way to a worker's two frequent calls, and what is sent the ordinary way instead."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from echofs.adapters.frames import Lz4Codec
from echofs.adapters.stores.memory import MemoryStore
from echofs.core.errors import AuthenticationFailed, StoreFull
from echofs.core.models import ChunkKind
from echofs.services.chunks import ChunkKeeper
from echofs.web.access import install_access
from echofs.web.errors import install_errors
from echofs.web.request_ids import HEADER, install_request_ids
from echofs.web.shortcut import Environ, Shortcut, StartResponse
from echofs.web.worker import FETCH_PATH, STORE_PATH, chunk_calls, worker_blueprint
from tests.fakes.clock import FakeClock
from tests.fakes.ids import SequentialIds
from tests.fakes.meters import FakeMeters

CODEC = Lz4Codec(1024)
TOKEN = "Bearer for:"


def verify(token: str, method: str, path: str) -> None:
    if token != f"for:{method}:{path}":
        raise AuthenticationFailed("No proof.")


@dataclass
class Worker:
    """A worker's application with both ways; which requests took the ordinary one, and which were measured before."""

    app: Flask
    ordinary: list[str] = field(default_factory=list)
    observed: list[tuple[str, str, int]] = field(default_factory=list)

    def post(self, path: str, body: bytes, *, token: str | None = None, **options: object) -> TestResponse:
        headers = {"Authorization": f"Bearer {token or f'for:POST:{path}'}"}
        return self.app.test_client().post(path, data=body, headers=headers, **options)  # type: ignore[arg-type]


@pytest.fixture
def worker() -> Worker:
    app = Flask("worker", static_folder=None)
    ids = SequentialIds()
    install_request_ids(app, FakeClock(), ids)
    install_errors(app)
    install_access(app, authenticate=lambda _: pytest.fail("no user comes here"), verify_call=verify)
    keeper = ChunkKeeper(MemoryStore(max_value_bytes=2048), CODEC, FakeMeters(), "w1")
    calls = chunk_calls(keeper, 4096)
    app.register_blueprint(worker_blueprint(keeper, dict, calls))
    worker = Worker(app)
    flask = app.wsgi_app

    def ordinary(environ: Environ, start_response: StartResponse) -> object:
        worker.ordinary.append(environ["PATH_INFO"])
        return flask(environ, start_response)

    def observe(method: str, endpoint: str, status: int, seconds: float) -> None:
        assert seconds >= 0
        worker.observed.append((method, endpoint, status))

    app.wsgi_app = Shortcut(ordinary, calls, verify=verify, observe=observe, ids=ids)  # type: ignore[arg-type, method-assign]
    return worker


def frame(plain: bytes, kind: ChunkKind = ChunkKind.CONTENT) -> tuple[str, bytes]:
    made = CODEC.encode(plain, kind=kind)
    return made.digest, b"".join(made.parts)


def test_chunks_are_stored_and_fetched_on_the_short_way(worker: Worker) -> None:
    (first, one), (second, two) = frame(b"one"), frame(b"two", ChunkKind.MANIFEST)
    stored = worker.post(STORE_PATH, one + two)
    assert (stored.status_code, stored.mimetype) == (200, "application/json")
    assert stored.get_json()["data"] == {"stored": [first, second], "failed": {}}
    fetched = worker.post(FETCH_PATH, bytes.fromhex(second + "ab" * 32 + first))
    lengths = [len(part).to_bytes(4, "little") for part in (two, b"", one)]
    assert fetched.data == lengths[0] + two + lengths[1] + lengths[2] + one
    assert fetched.content_length == len(fetched.data)
    assert worker.ordinary == []
    assert worker.observed == [("POST", "worker.store", 200), ("POST", "worker.fetch", 200)]


def test_every_answer_has_an_id_of_its_own(worker: Worker) -> None:
    ids = {worker.post(FETCH_PATH, bytes(32)).headers[HEADER] for _ in range(3)}
    assert len(ids) == 3


def test_without_proof_nothing_is_served_on_either_way(worker: Worker) -> None:
    digest, body = frame(b"one")
    for token in (f"for:POST:{FETCH_PATH}", f"for:GET:{STORE_PATH}", "x"):
        assert worker.post(STORE_PATH, body, token=token).status_code == 401
    assert worker.app.test_client().post(STORE_PATH, data=body).status_code == 401
    assert worker.ordinary == [STORE_PATH] * 4
    assert worker.post(FETCH_PATH, bytes.fromhex(digest)).data == bytes(4)


def test_what_is_wrong_is_told_as_ever(worker: Worker) -> None:
    _, body = frame(b"one")
    corrupt = worker.post(STORE_PATH, body[:-1] + bytes([body[-1] ^ 1]))
    assert (corrupt.status_code, corrupt.get_json()["error"]["code"]) == (400, "corrupt_frame")
    assert worker.post(FETCH_PATH, bytes(31)).status_code == 400
    assert worker.post(STORE_PATH, bytes(5000)).status_code == 413
    short = worker.post(STORE_PATH, body[:10], environ_overrides={"CONTENT_LENGTH": str(len(body))})
    assert "ended after 10 of" in short.get_json()["message"]
    assert worker.app.test_client().get(STORE_PATH, headers={"Authorization": "x"}).status_code == 405
    assert worker.ordinary == [STORE_PATH, FETCH_PATH, STORE_PATH, STORE_PATH, STORE_PATH]
    assert worker.observed == []


def test_a_full_disk_is_told_on_the_short_way(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise StoreFull("Full.")

    monkeypatch.setattr(MemoryStore, "put_many", full)
    digest, body = frame(b"one")
    answer = worker.post(STORE_PATH, body)
    assert answer.status_code == 507
    assert answer.get_json()["data"] == {"stored": [], "failed": {digest: "Full."}}
    assert worker.ordinary == []


def test_other_calls_and_calls_that_are_to_be_logged_go_the_ordinary_way(
    worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    assert worker.post("/internal/v1/chunks/present", bytes(32)).data == b"\0"
    with caplog.at_level(logging.DEBUG, logger="echofs.access"):
        assert worker.post(FETCH_PATH, bytes(32)).data == bytes(4)
    assert worker.ordinary == ["/internal/v1/chunks/present", FETCH_PATH]
