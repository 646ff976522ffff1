"""What only the catalog on DynamoDB has to do: its limits, its chunk states, its tables, and several processes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from echofs.adapters.catalog.records import RecordsCatalog
from echofs.adapters.catalog.records_items import Chunk, chunk_of
from echofs.adapters.catalog.records_tables import TTL_ATTRIBUTE, TableNames, check_tables, create_tables
from echofs.adapters.dynamodb_values import packed, plain
from echofs.core.errors import CatalogUnavailable, InvalidSetting, NotFound, TooLarge, Unavailable
from echofs.core.models import ChunkState, Content, Dot, File
from echofs.ports.listing import ListQuery, SortKey
from tests.adapters.test_catalog_processes import named
from tests.contracts.catalog_values import ALICE, BOB, chunk, content, digest, first, following, keyed, make, moved
from tests.fakes.clock import START, FakeClock
from tests.tables import REGION, catalog_tables, client_of, names, open_client

PROCESSES = 3
ROUNDS = 6
HOUR = 3600


@pytest.fixture(scope="module")
def client(aws_endpoint: str) -> Any:
    return client_of(aws_endpoint)


@pytest.fixture
def tables(client: Any) -> Iterator[TableNames]:
    with catalog_tables(client) as made:
        yield made


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def catalog(client: Any, tables: TableNames, clock: FakeClock) -> RecordsCatalog:
    return RecordsCatalog(client, tables, clock)


class Table:
    """The chunks table by another road than the catalog."""

    def __init__(self, client: Any, tables: TableNames) -> None:
        self._client = client
        self._name = tables.chunks

    def put(self, state: ChunkState, *seeds: str) -> None:
        """Have collection reach a state for chunks recorded long ago."""
        for seed in seeds:
            item = Chunk(digest(seed), 4096, state, 0).item()
            self._client.put_item(TableName=self._name, Item=packed(item))

    def look(self, seed: str) -> tuple[ChunkState, int]:
        found = self._client.get_item(TableName=self._name, Key={"pk": {"S": digest(seed)}})["Item"]
        known = chunk_of(plain(found))
        return known.state, known.touched_at


@pytest.fixture
def chunks(client: Any, tables: TableNames) -> Table:
    return Table(client, tables)


@pytest.mark.parametrize("state", [ChunkState.LIVE, ChunkState.CONDEMNED])
def test_a_commit_makes_its_chunks_live_and_touches_them(
    chunks: Table, catalog: RecordsCatalog, state: ChunkState
) -> None:
    chunks.put(state, "brought", "referred")
    commit = first("a")
    make(catalog, replace(commit, chunks=(*commit.chunks, chunk("brought"))))
    make(catalog, following(catalog.file_at(ALICE, "a"), content=content(chunk("referred"))))
    assert chunks.look("brought") == chunks.look("referred") == (ChunkState.LIVE, START)


def test_chunks_touched_a_moment_ago_are_not_written_again(
    chunks: Table, catalog: RecordsCatalog, clock: FakeClock
) -> None:
    catalog.record_chunks([chunk("a")])
    clock.advance(HOUR - 1)
    catalog.record_chunks([chunk("a")])
    assert chunks.look("a") == (ChunkState.LIVE, START)
    clock.advance(1)
    catalog.record_chunks([chunk("a")])
    assert chunks.look("a") == (ChunkState.LIVE, START + HOUR * 1_000_000)


def test_a_commit_with_a_chunk_being_deleted_is_refused_and_its_batch_is_not(
    chunks: Table, catalog: RecordsCatalog
) -> None:
    chunks.put(ChunkState.DELETING, "going")
    commit = first("a")
    refused, made = catalog.commit([replace(commit, chunks=(*commit.chunks, chunk("going"))), first("b")])
    assert type(refused) is Unavailable
    assert isinstance(made, File)
    assert chunks.look("going") == (ChunkState.DELETING, 0)
    assert catalog.replicas([record.digest for record in commit.chunks]) == {}
    with pytest.raises(NotFound):
        catalog.file_at(ALICE, "a")


def test_a_chunk_being_deleted_cannot_be_recorded_ahead_and_nothing_else_of_the_call_is(
    chunks: Table, catalog: RecordsCatalog
) -> None:
    chunks.put(ChunkState.DELETING, "going")
    with pytest.raises(Unavailable):
        catalog.record_chunks([*(chunk(number) for number in range(150)), chunk("going")])
    assert catalog.replicas([digest(number) for number in range(150)]) == {}


def test_a_commit_of_more_chunks_than_a_transaction_holds_records_all_of_them_and_what_they_owe(
    catalog: RecordsCatalog,
) -> None:
    commit = first("large")
    data = [chunk(number, ("w1", "w2"), owed=("w3",)) for number in range(230)]
    make(catalog, replace(commit, version=replace(commit.version, content=content(*data)), chunks=tuple(data)))
    assert set(catalog.replicas([record.digest for record in data]).values()) == {("w1", "w2")}
    assert catalog.outbox_depth() == 230


def test_a_path_of_more_folders_than_a_transaction_holds_makes_all_of_them(catalog: RecordsCatalog) -> None:
    path = "/".join(["d"] * 500)
    make(catalog, first(path))
    assert catalog.file_at(ALICE, path).path == path
    for depth in (0, 1, 16, 17, 250, 498):
        parent = "/".join(["d"] * depth)
        assert catalog.folders(ALICE, parent) == ["/".join(["d"] * (depth + 1))]
    assert catalog.folders(ALICE, "/".join(["d"] * 499)) == []


def test_a_version_that_no_item_can_hold_is_refused(catalog: RecordsCatalog) -> None:
    commit = first("vast")
    vast = Content(1 << 60, digest("vast"), 1 << 20, lists=bytes(32 * 10_000))
    (answer,) = catalog.commit([replace(commit, version=replace(commit.version, content=vast))])
    assert isinstance(answer, TooLarge)


def test_the_longest_paths_are_listed_in_every_order(catalog: RecordsCatalog) -> None:
    folder = "/".join(["f" * 200] * 4) + "/"
    paths = sorted(folder + letter * (1024 - len(folder) - 5) for letter in "abc")
    for path in paths:
        make(catalog, first(path, size=7))
    for sort in SortKey:
        assert [file.path for file in catalog.files(ListQuery(ALICE, sort=sort)).files] == paths
        one, two = (catalog.files(ListQuery(ALICE, folder[:-1], sort, limit=2)) for _ in range(2))
        assert one == two
        assert [f.path for f in catalog.files(ListQuery(ALICE, folder[:-1], sort, after=one.next)).files] == paths[2:]


def test_answers_carry_the_time_after_which_dynamodb_may_delete_them(
    client: Any, tables: TableNames, catalog: RecordsCatalog
) -> None:
    told = client.describe_time_to_live(TableName=tables.sessions)["TimeToLiveDescription"]
    assert told == {"TimeToLiveStatus": "ENABLED", "AttributeName": TTL_ATTRIBUTE}
    make(catalog, keyed(first("a"), "k", at=START))
    item = client.get_item(TableName=tables.sessions, Key={"pk": {"S": f"answer:{ALICE}:k"}})["Item"]
    assert int(item[TTL_ATTRIBUTE]["N"]) - START // 1_000_000 > 86_400


def test_an_answer_lost_after_the_commit_is_found_by_its_dot(
    client: Any, tables: TableNames, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = RecordsCatalog(client, tables, clock)
    write = catalog._dynamodb.write_all

    def write_twice(operations: list[dict[str, Any]]) -> None:
        write(operations)
        write(operations)  # as a repeated call does whose answer did not arrive

    monkeypatch.setattr(catalog._dynamodb, "write_all", write_twice)
    start = first("a")
    file = make(catalog, start)
    newer = make(catalog, moved(file, "b"))
    assert [version.number for version in catalog.versions(ALICE, file.id)] == [2, 1]
    assert catalog.file_at(ALICE, "b") == newer


def write_along(endpoint: str, tables: TableNames, origin: str, file_id: str) -> int:
    """Replace one file again and again, competing with the other processes; how often it worked."""
    catalog = RecordsCatalog(client_of(endpoint), tables, FakeClock())
    won = 0
    for counter in range(ROUNDS):
        file = catalog.file(ALICE, file_id)
        mine = named(first(f"{origin}/{counter}", owner=BOB), f"{origin}-{counter}", Dot(origin, ROUNDS + counter))
        contested, own = catalog.commit([following(file, dot=Dot(origin, counter)), mine])
        assert isinstance(own, File)
        won += isinstance(contested, File)
    return won


def test_writers_in_several_processes_lose_nothing(
    aws_endpoint: str, tables: TableNames, catalog: RecordsCatalog
) -> None:
    file = make(catalog, first("contested"))
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        arguments = [(aws_endpoint, tables, f"process-{number}", file.id) for number in range(PROCESSES)]
        won = pool.starmap(write_along, arguments)
    assert [version.number for version in catalog.versions(ALICE, file.id)] == list(range(sum(won) + 1, 0, -1))
    assert len(catalog.files(ListQuery(BOB)).files) == PROCESSES * ROUNDS


def test_making_tables_again_changes_nothing(client: Any, tables: TableNames, catalog: RecordsCatalog) -> None:
    file = make(catalog, first("a"))
    create_tables(client, tables)
    assert catalog.file(ALICE, file.id) == file


def test_a_missing_table_is_named_with_its_variable_and_found_missing_at_run_time(client: Any) -> None:
    absent = names()
    with pytest.raises(InvalidSetting, match="echofs db create") as told:
        check_tables(client, absent)
    assert told.value.field == "DYNAMODB_FILES_TABLE"
    assert absent.files in told.value.message
    with pytest.raises(CatalogUnavailable):
        RecordsCatalog(client, absent, FakeClock()).ping()


def test_a_table_of_another_shape_is_refused_and_left_alone(client: Any, tables: TableNames) -> None:
    for action in (check_tables, create_tables):
        with pytest.raises(InvalidSetting) as told:
            action(client, replace(tables, chunks=tables.sessions))
        assert told.value.field == "DYNAMODB_CHUNKS_TABLE"


def test_without_credentials_the_variables_are_named(aws_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nonexistent")
    with pytest.raises(InvalidSetting, match="AWS_ACCESS_KEY_ID"):
        check_tables(open_client(region=REGION, endpoint_url=aws_endpoint), names())


def test_an_endpoint_that_does_not_answer_is_told_with_what_to_check(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("echofs.adapters.dynamodb.random.uniform", lambda *_: 0)
    nobody = open_client(region=REGION, endpoint_url="http://127.0.0.1:9")
    with pytest.raises(CatalogUnavailable, match="DYNAMODB_ENDPOINT_URL"):
        check_tables(nobody, names())
    (answer,) = RecordsCatalog(nobody, names(), FakeClock()).commit([first("a")])
    assert isinstance(answer, CatalogUnavailable)
    assert answer.retry_after
