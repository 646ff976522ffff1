"""Uploads: what is sent, what is sent again, and what is believed of the answer."""

from __future__ import annotations

import hashlib
import io
import os
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from echofs.client import PreconditionFailed, Refused, Unreachable, WrongContent
from echofs.client.client import Client
from echofs.client.uploads import HELD_BYTES
from tests.unit.client.conftest import FILE, RECEIPT, Master, Reply, ok, refusal, silence

HELLO = b"hello"


def stored(data: bytes = HELLO, **changes: object) -> Reply:
    file = {**FILE, "size": len(data), "digest": hashlib.sha256(data).hexdigest(), **changes}
    return ok({"file": file}, status="201 Created", consistency=RECEIPT)


def test_the_digest_goes_before_the_content(master: Master) -> None:
    master.replies = [stored()]
    made = master.client().put("a/b ü.txt", HELLO, content_type="text/plain", consistency="strong")
    assert master.lines() == ["POST /api/v1/files/upload?path=a%2Fb%20%C3%BC.txt"]
    assert master.bodies() == [HELLO]
    digest = b64encode(hashlib.sha256(HELLO).digest()).decode()
    assert master.header(0, "Content-Digest") == f"sha-256=:{digest}:"
    assert master.header(0, "Content-Type") == "text/plain"
    assert master.header(0, "X-EchoFS-Consistency") == "strong"
    assert made.created
    assert (made.receipt.replicas, made.receipt.workers, made.receipt.mode_used) == (3, ("w1", "w2", "w3"), "strong")


def test_a_write_whose_answer_was_lost_comes_again_under_the_same_key(master: Master) -> None:
    master.replies = [silence, stored()]
    master.client().put("a", HELLO)
    assert master.bodies() == [HELLO, HELLO]
    assert master.header(0, "Idempotency-Key") == master.header(1, "Idempotency-Key") != None  # noqa: E711


def test_two_writes_have_two_keys(master: Master) -> None:
    master.replies = [stored(), stored()]
    client = master.client()
    client.put("a", HELLO)
    client.put("a", HELLO)
    assert master.header(0, "Idempotency-Key") != master.header(1, "Idempotency-Key")


def put(client: Client, content: object) -> None:
    client.put("a", content)  # type: ignore[arg-type]


def test_content_may_be_bytes_a_path_an_open_file_or_pieces(master: Master, tmp_path: Path) -> None:
    local = tmp_path / "local"
    local.write_bytes(HELLO)
    client = master.client()
    with local.open("rb") as half_read:
        half_read.seek(2)
        for content in (bytearray(HELLO), memoryview(HELLO), local, str(local), io.BytesIO(HELLO)):
            master.replies = [stored()]
            put(client, content)
        master.replies = [stored(b"llo")]
        put(client, half_read)
    assert master.bodies() == [HELLO] * 5 + [b"llo"]


def test_pieces_are_sent_as_they_come_and_only_once(master: Master) -> None:
    master.replies = [silence]
    taken: list[bytes] = []

    def pieces() -> Iterator[bytes]:
        for piece in (b"he", b"llo"):
            taken.append(piece)
            yield piece

    with pytest.raises(Unreachable):
        master.client().put("a", pieces())
    assert taken == [b"he", b"llo"]
    assert master.header(0, "Transfer-Encoding") == "chunked"
    assert len(master.lines()) == 1


def test_what_exceeds_memory_is_streamed_and_compared_with_what_was_stored(master: Master, tmp_path: Path) -> None:
    content = os.urandom(HELD_BYTES + 1)
    local = tmp_path / "large"
    local.write_bytes(content)
    moved: list[int] = []
    master.replies = [silence, stored(content), stored(HELLO)]
    client = master.client()
    client.put("a", local, progress=moved.append)
    assert master.header(1, "Content-Length") == str(len(content))
    assert master.bodies()[1] == content
    assert sum(moved) == len(content)
    assert min(moved) < 0
    with pytest.raises(WrongContent, match="not what was sent"):
        client.put("a", local)


def test_a_file_that_shrinks_while_it_is_read_is_not_stored(master: Master, tmp_path: Path) -> None:
    local = tmp_path / "shrinking"
    local.write_bytes(bytes(HELD_BYTES + 1))
    seen: list[int] = []

    def shrink(count: int) -> None:
        if not seen:
            os.truncate(local, HELD_BYTES // 2)
        seen.append(count)

    with pytest.raises(Refused, match="became shorter"):
        master.client().put("a", local, progress=shrink)


def test_conditions_are_sent_and_their_failure_is_told(master: Master) -> None:
    master.replies = [stored(), stored(), refusal("412 Failed", "precondition_failed", field="If-Match")]
    client = master.client()
    client.put("a", HELLO, if_match="1-abc")
    client.put("a", HELLO, create_only=True, on_conflict="merge")
    assert master.header(0, "If-Match") == '"1-abc"'
    assert (master.header(1, "If-None-Match"), master.header(1, "X-EchoFS-On-Conflict")) == ("*", "merge")
    with pytest.raises(PreconditionFailed):
        client.put("a", HELLO, if_match="*")
    assert master.header(2, "If-Match") == "*"


def test_an_answer_to_an_earlier_attempt_is_marked(master: Master) -> None:
    file = {**FILE, "version": 7}
    master.replies = [ok({"file": file}, consistency=RECEIPT, headers="Idempotency-Replayed: true\r\n")]
    made = master.client().put("a", HELLO, idempotency_key="mine")
    assert (made.replayed, made.created) == (True, False)
    assert master.header(0, "Idempotency-Key") == "mine"


def test_a_local_file_that_is_not_there_is_pythons_own_error(master: Master, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        master.client().put("a", tmp_path / "missing")
