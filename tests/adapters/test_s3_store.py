"""The S3 store against endpoints that refuse, misbehave or break down."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from echofs.adapters.stores import s3_bucket
from echofs.adapters.stores.registry import StoreOptions, open_store
from echofs.adapters.stores.s3 import S3Store
from echofs.adapters.stores.s3_bucket import S3Bucket
from echofs.adapters.stores.s3_calls import S3Calls
from echofs.adapters.stores.s3_client import S3Access, S3Place, is_aws, open_client, place_of
from echofs.adapters.stores.s3_root import Abilities
from echofs.core.errors import InvalidSetting, PreconditionFailed, StoreFull, StoreUnavailable
from echofs.ports.object_store import ABSENT, ObjectStore
from tests.adapters.scripted_server import Peer, ScriptedServer, refused_port
from tests.contracts import s3_places
from tests.contracts.s3_places import BUCKET, KEYS

SLOW_DOWN = ("503 Slow Down", "SlowDown")
INTERNAL = ("500 Internal Server Error", "InternalError")
PLACE = S3Place("bucket", "p/")


@pytest.fixture(autouse=True)
def credentials(s3_credentials: None) -> None:
    """All tests here have them."""


def open_at(endpoint: str, rest: str, *, owner: str = "w1", **more: object) -> ObjectStore:
    options = StoreOptions(s3_endpoint_url=endpoint, s3_checksums="when_required", deadline_seconds=1.0, **more)
    return open_store(f"s3:{rest}", owner=owner, max_value_bytes=1000, options=options)


def refused(endpoint: str, rest: str = f"//{BUCKET}/never", **more: object) -> InvalidSetting:
    with pytest.raises(InvalidSetting) as caught:
        open_at(endpoint, rest, **more)
    message = caught.value.message
    assert "\n" not in message
    assert KEYS["AWS_SECRET_ACCESS_KEY"] not in message
    assert str(caught.value.field) in message
    return caught.value


class TestOpening:
    def test_an_endpoint_without_conditions_is_told_from_one_with_them(
        self, rclone: tuple[str, Path], aws_endpoint: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        for endpoint in (rclone[0], aws_endpoint):
            place = s3_places.fresh_place(endpoint)
            with closing(open_at(endpoint, f"//{place.bucket}/{place.prefix}")) as store:
                assert store.put("s/a", b"x").size == 1
                assert not store.limits.exclusive_create  # no probe can show that an endpoint is atomic
        found = [record.__dict__ for record in caplog.records if record.message == "S3 endpoint probed"]
        assert [row["conditional_create"] for row in found] == [False, True]
        assert [row["verifies_digests"] for row in found] == [True, False]

    def test_nothing_but_the_identity_stays_of_a_start(self, rclone: tuple[str, Path]) -> None:
        place = s3_places.fresh_place(rclone[0])
        with closing(open_at(rclone[0], f"//{place.bucket}/{place.prefix}")):
            files = [path for path in (rclone[1] / place.bucket / place.prefix).rglob("*") if path.is_file()]
        assert [path.name for path in files] == ["identity.json"]

    def test_a_prefix_keeps_its_identity_and_is_refused_to_another_worker(self, aws_endpoint: str) -> None:
        place = s3_places.fresh_place(aws_endpoint)
        rest = f"//{place.bucket}/{place.prefix}"
        with closing(open_at(aws_endpoint, rest)) as first, closing(open_at(aws_endpoint, rest)) as second:
            assert first.store_id == second.store_id
        assert "belongs to worker w1, not to w2" in refused(aws_endpoint, rest, owner="w2").message

    @pytest.mark.parametrize(
        ("key", "value", "said"),
        [
            ("chunk/abc", b"x", "holds data but no identity.json"),
            ("identity.json", b"{}", "damaged or of a newer"),
            (".claims/x", b'{"format": 1, "store_id": "x", "owner": "w9"}', "worker w9 is claiming it too"),
        ],
    )
    def test_a_prefix_in_doubt_is_refused_and_left_as_it_is(
        self, aws_endpoint: str, key: str, value: bytes, said: str
    ) -> None:
        place = s3_places.fresh_place(aws_endpoint)
        client = s3_places.vendor_client(aws_endpoint)
        client.put_object(Bucket=place.bucket, Key=place.prefix + key, Body=value)
        assert said in refused(aws_endpoint, f"//{place.bucket}/{place.prefix}").message
        listed = client.list_objects_v2(Bucket=place.bucket, Prefix=place.prefix)["Contents"]
        assert [row["Key"] for row in listed] == [place.prefix + key]

    def test_a_mark_of_an_earlier_start_of_the_same_worker_is_no_obstacle(self, aws_endpoint: str) -> None:
        place = s3_places.fresh_place(aws_endpoint)
        mark = b'{"format": 1, "store_id": "x", "owner": "w1"}'
        s3_places.vendor_client(aws_endpoint).put_object(Bucket=place.bucket, Key=place.prefix + ".claims/x", Body=mark)
        open_at(aws_endpoint, f"//{place.bucket}/{place.prefix}").close()

    def test_a_wrong_secret_is_one_line(self, rclone: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-secret")
        error = refused(rclone[0])
        assert error.field == "AWS_ACCESS_KEY_ID"
        assert "wrong-secret" not in error.message

    def test_missing_credentials_are_one_line(self, aws_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in KEYS:
            monkeypatch.delenv(name)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        assert refused(aws_endpoint).field == "AWS_ACCESS_KEY_ID"

    def test_a_missing_bucket_is_one_line(self, rclone: tuple[str, Path]) -> None:
        assert "no bucket never-made" in refused(rclone[0], "//never-made/prefix").message

    def test_an_endpoint_that_does_not_answer_is_one_line(self) -> None:
        assert refused(f"http://127.0.0.1:{refused_port()}").field == "S3_ENDPOINT_URL"

    def test_a_missing_profile_is_one_line(self, aws_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_PROFILE", "nobody")
        assert refused(aws_endpoint).field == "AWS_PROFILE"

    @pytest.mark.parametrize(
        ("status", "code", "field"),
        [
            ("400 Bad Request", "AuthorizationHeaderMalformed", "AWS_REGION"),
            ("403 Forbidden", "AccessDenied", "AWS_ACCESS_KEY_ID"),
            ("403 Forbidden", "RequestTimeTooSkewed", "CHUNK_STORE"),
            ("413 Content Too Large", "EntityTooLarge", "CHUNK_SIZE"),
            (*INTERNAL, "S3_ENDPOINT_URL"),
        ],
    )
    def test_what_an_endpoint_refuses_names_the_variable_to_look_at(self, status: str, code: str, field: str) -> None:
        def script(peer: Peer) -> None:
            while peer.read_request() is not None:
                answer_error(peer, status, code)

        server = ScriptedServer(script)
        try:
            assert refused(server.url).field == field
        finally:
            server.stop()


def test_only_amazons_own_endpoints_are_taken_for_aws() -> None:
    assert is_aws(open_client(S3Access(region="eu-central-1")))
    assert not is_aws(open_client(S3Access(endpoint_url="https://s3.amazonaws.com.example.org")))


def test_a_url_names_bucket_and_prefix() -> None:
    assert place_of("//bucket/a/b/", None) == S3Place("bucket", "a/b/")
    assert place_of("//bucket", "other") == S3Place("bucket", "")
    assert place_of("///a", "other") == S3Place("other", "a/")
    assert place_of("", "other") == S3Place("other", "")


def answer_error(peer: Peer, status: str, code: str) -> None:
    body = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>no</Message></Error>'.encode()
    peer.answer(body, status=status, headers="Content-Type: application/xml\r\n")


def tagged(value: bytes) -> str:
    return f'ETag: "{hashlib.md5(value).hexdigest()}"\r\n'


Turn = Callable[[Peer], None]


@pytest.fixture
def scripted() -> Iterator[Callable[..., tuple[S3Store, ScriptedServer]]]:
    """A store on an endpoint whose n-th answer is the n-th turn; the last one is repeated."""
    opened: list[tuple[S3Store, ScriptedServer]] = []

    def make(*turns: Turn, deadline: float = 4.0) -> tuple[S3Store, ScriptedServer]:
        def script(peer: Peer) -> None:
            while peer.read_request() is not None:
                turns[min(len(server.requests), len(turns)) - 1](peer)

        server = ScriptedServer(script)
        access = S3Access(endpoint_url=server.url, checksums="when_required", deadline_seconds=deadline)
        calls = S3Calls(deadline_seconds=deadline, attempt_seconds=access.attempt_seconds)
        store = S3Store(
            S3Bucket(open_client(access), "bucket", calls, etags_are_md5=True),
            PLACE,
            store_id="id",
            abilities=Abilities(True, True, True, True),
            atomic=True,
            max_value_bytes=1 << 20,
            threads=4,
        )
        opened.append((store, server))
        return store, server

    yield make
    for store, server in opened:
        server.stop()
        store.close()


def good(value: bytes) -> Turn:
    return lambda peer: peer.answer(value, headers=tagged(value))


def stored(value: bytes) -> Turn:
    return lambda peer: peer.answer(headers=tagged(value))


def fails(status: str, code: str) -> Turn:
    return lambda peer: answer_error(peer, status, code)


def cut(peer: Peer) -> None:
    peer.raw(f"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n{tagged(b'hello')}\r\nhel".encode())
    peer.hang_up()


MISBEHAVIOURS = {
    "throttled": fails(*SLOW_DOWN),
    "failing": fails(*INTERNAL),
    "200-with-an-error": fails("200 OK", "InternalError"),
    "hung-up": lambda peer: peer.hang_up(),
}


class TestMisbehaviour:
    @pytest.mark.parametrize("turn", MISBEHAVIOURS.values(), ids=MISBEHAVIOURS)
    def test_a_put_is_tried_again(self, scripted: Callable[..., tuple[S3Store, ScriptedServer]], turn: Turn) -> None:
        store, server = scripted(turn, stored(b"hello"))
        assert store.put("s/a", b"hello").size == 5
        assert [body for _, _, body in server.requests] == [b"hello", b"hello"]

    @pytest.mark.parametrize(
        "turn",
        [*MISBEHAVIOURS.values(), cut, lambda peer: peer.answer(b"hellO", headers=tagged(b"hello"))],
        ids=[*MISBEHAVIOURS, "cut-body", "damaged-body"],
    )
    def test_a_get_is_tried_again(self, scripted: Callable[..., tuple[S3Store, ScriptedServer]], turn: Turn) -> None:
        store, server = scripted(turn, good(b"hello"))
        assert store.get("s/a")[0] == b"hello"
        assert len(server.requests) == 2

    def test_a_value_damaged_for_good_is_given_up_soon(
        self, scripted: Callable[..., tuple[S3Store, ScriptedServer]]
    ) -> None:
        store, server = scripted(lambda peer: peer.answer(b"hellO", headers=tagged(b"hello")))
        with pytest.raises(StoreUnavailable, match="damaged") as caught:
            store.get("s/a")
        assert caught.value.__cause__ is not None
        assert len(server.requests) == 3

    def test_an_etag_of_other_bytes_than_were_put_is_no_acknowledgement(
        self, scripted: Callable[..., tuple[S3Store, ScriptedServer]]
    ) -> None:
        store, _ = scripted(stored(b"other"))
        with pytest.raises(StoreUnavailable):
            store.put("s/a", b"hello")

    def test_a_stall_ends_with_the_deadline(self, scripted: Callable[..., tuple[S3Store, ScriptedServer]]) -> None:
        store, _ = scripted(lambda peer: peer.stay_silent(), deadline=0.4)
        with pytest.raises(StoreUnavailable, match="does not answer"):
            store.put_many({"s/a": b"a", "s/b": b"b"})

    def test_refusals_are_not_tried_again(self, scripted: Callable[..., tuple[S3Store, ScriptedServer]]) -> None:
        store, server = scripted(fails("403 Forbidden", "AccessDenied"), fails("507 Full", "InsufficientStorage"))
        with pytest.raises(StoreUnavailable, match="AccessDenied"):
            store.put("s/a", b"x")
        with pytest.raises(StoreFull):
            store.put("s/a", b"x")
        assert len(server.requests) == 2

    def test_an_endpoint_that_keeps_failing_is_left_alone_and_the_worker_counts_as_down(
        self, scripted: Callable[..., tuple[S3Store, ScriptedServer]]
    ) -> None:
        store, server = scripted(fails("403 Forbidden", "ExpiredToken"))
        assert store.free_bytes() is None
        for _ in range(3):
            with pytest.raises(StoreUnavailable):
                store.get("s/a")
        with pytest.raises(StoreUnavailable, match="has not answered lately"):
            store.get("s/a")
        with pytest.raises(StoreUnavailable):
            store.free_bytes()
        assert len(server.requests) == 3

    def test_a_create_whose_answer_was_lost_is_known_for_its_own(
        self, scripted: Callable[..., tuple[S3Store, ScriptedServer]]
    ) -> None:
        def own(peer: Peer) -> None:
            head = server.requests[1][1].decode().lower()
            [line] = [line for line in head.split("\r\n") if line.startswith("x-amz-meta-")]
            peer.raw(f"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n{tagged(b'hello')}{line}\r\n\r\n".encode())

        absent = fails("404 Not Found", "NoSuchKey")
        lost, refusal = MISBEHAVIOURS["hung-up"], fails("412 Precondition Failed", "PreconditionFailed")
        store, server = scripted(absent, lost, refusal, own)
        assert store.put("s/a", b"hello", only_if=ABSENT).size == 5

    def test_a_create_that_lost_to_another_writer_is_refused(
        self, scripted: Callable[..., tuple[S3Store, ScriptedServer]]
    ) -> None:
        store, _ = scripted(
            fails("404 Not Found", "NoSuchKey"), fails("412 Precondition Failed", "PreconditionFailed"), stored(b"b")
        )
        with pytest.raises(PreconditionFailed):
            store.put("s/a", b"hello", only_if=ABSENT)


def test_a_listing_longer_than_a_page_is_joined(aws_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_bucket, "PAGE", 7)
    place = s3_places.fresh_place(aws_endpoint)
    with closing(s3_places.opened(aws_endpoint, place, 100, conditions=True)) as store:
        keys = [f"s/{number:03}" for number in range(30)]
        store.put_many(dict.fromkeys(keys, b""))
        assert [stat.key for stat in store.list("s", limit=25)] == keys[:25]


def test_the_real_server_refuses_a_wrong_digest(rclone: tuple[str, Path]) -> None:
    place = s3_places.fresh_place(rclone[0])
    client = s3_places.vendor_client(rclone[0])
    with pytest.raises(client.exceptions.ClientError, match="BadDigest"):
        client.put_object(Bucket=place.bucket, Key=f"{place.prefix}s/a", Body=b"x", ContentMD5="A" * 22 + "==")
