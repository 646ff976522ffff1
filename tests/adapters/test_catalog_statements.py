"""What the SQL catalog asks of its engine: few statements, however much they carry, and no scan of a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from sqlalchemy import Engine

from echofs.adapters.catalog.app_passwords import SqlAppPasswords
from echofs.adapters.catalog.audit import SqlAudit
from echofs.adapters.catalog.sql import SqlCatalog
from echofs.adapters.catalog.uploads import SqlUploads
from echofs.adapters.catalog.users import SqlUsers
from echofs.core.audit import Outcome
from echofs.core.models import Floor, FloorScope, Level, Role
from echofs.core.usage import Allowance
from echofs.ports.accounts import UserChange
from echofs.ports.audit import AuditQuery
from echofs.ports.listing import ListQuery, SortKey
from tests.contracts.app_passwords_contract import PHONE
from tests.contracts.audit_contract import LOGIN
from tests.contracts.catalog_dispute_contract import conflict
from tests.contracts.catalog_trash_contract import back, limited
from tests.contracts.catalog_values import ALICE, chunk, deleted, digest, first, following, keyed, make, moved
from tests.contracts.uploads_contract import FRESH
from tests.contracts.users_contract import ANNA
from tests.databases import emptied_postgresql, opened, sqlite_url
from tests.fakes.clock import START, FakeClock
from tests.statements import Statement, watched


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with opened(sqlite_url(tmp_path)) as engine:
        yield engine


@pytest.fixture
def catalog(engine: Engine) -> SqlCatalog:
    return SqlCatalog(engine, FakeClock())


def use_a_ledger(ledger: SqlUploads) -> None:
    """Ask all that is asked about resumable uploads."""
    ledger.add(FRESH, Allowance(1, 1 << 50))
    ledger.held(FRESH.owner_id, 1)
    ledger.find(FRESH.id)
    ledger.advance(FRESH)
    ledger.unfinished(FRESH.owner_id, 1, FRESH.id)
    ledger.unfinished(FRESH.owner_id, 1)
    ledger.drop(FRESH.id)
    ledger.forget_expired(1)


def look_at_the_trash(catalog: SqlCatalog) -> None:
    """Ask all that is asked of the trash and of old versions."""
    catalog.trash(ALICE, catalog.trash(ALICE, limit=1).next, limit=1)
    catalog.expired(START, 1)
    catalog.usage(ALICE)
    catalog.histories(catalog.histories(limit=1).next, limit=1)


class TestCounts:
    def test_a_read_is_one_statement_and_takes_no_lock(self, engine: Engine, catalog: SqlCatalog) -> None:
        file = make(catalog, first("a"))
        reads: list[Callable[[], object]] = [
            lambda: catalog.file(ALICE, file.id),
            lambda: catalog.file_at(ALICE, "a"),
            lambda: catalog.files(ListQuery(ALICE)),
            lambda: catalog.listed(ListQuery(ALICE)),
            lambda: catalog.versions(ALICE, file.id),
            lambda: catalog.replicas([digest(index) for index in range(1000)]),
        ]
        for read in reads:
            with watched(engine) as sent:
                read()
            assert [statement.split()[0] for statement, _ in sent] == ["SELECT"]

    def test_a_small_new_file_costs_eight_statements(self, engine: Engine, catalog: SqlCatalog) -> None:
        with watched(engine) as sent:
            make(catalog, limited(first("folder/a"), 4096))
        assert len(sent) == 8

    def test_a_new_version_costs_no_more(self, engine: Engine, catalog: SqlCatalog) -> None:
        file = make(catalog, first("folder/a"))
        with watched(engine) as sent:
            make(catalog, following(file))
        assert len(sent) <= 8

    def test_deleting_a_file_and_bringing_it_back_cost_little_more(self, engine: Engine, catalog: SqlCatalog) -> None:
        file = make(catalog, first("folder/a"))
        with watched(engine) as sent:
            end = make(catalog, deleted(file))
        assert len(sent) <= 9
        commit = back(catalog, end)
        with watched(engine) as sent:
            make(catalog, commit)
        assert len(sent) <= 13

    def test_a_thousand_chunks_cost_as_many_statements_as_one(self, engine: Engine, catalog: SqlCatalog) -> None:
        def cost(chunks: int) -> int:
            commit = first(f"d/{chunks}", chunks=chunks)
            owing = tuple(replace(record, owed=("w4",)) for record in commit.chunks)
            with watched(engine) as sent:
                make(catalog, replace(commit, chunks=owing))
            return len(sent)

        assert cost(1) == cost(999)

    def test_a_batch_of_eight_costs_as_many_statements_as_one_commit(self, engine: Engine, catalog: SqlCatalog) -> None:
        with watched(engine) as alone:
            catalog.commit([first("d/alone")])
        with watched(engine) as together:
            catalog.commit([first(f"d/{index}") for index in range(8)])
        assert len(together) == len(alone)


class TestPlans:
    """SQLite says how it would run each statement; SCAN means reading a whole table."""

    def scans(self, engine: Engine, sent: list[Statement]) -> list[str]:
        found = []
        with engine.connect() as connection:
            for statement, parameters in {text: (text, values) for text, values in sent}.values():
                if statement.split()[0] not in ("SELECT", "UPDATE", "DELETE", "INSERT"):
                    continue
                plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                steps = [step[3] for step in plan]
                slow = [step for step in steps if step.startswith("SCAN") and "CONSTANT ROW" not in step]
                slow += [step for step in steps if "TEMP B-TREE" in step]
                found += [f"{step}: {statement}" for step in slow]
        return found

    def test_commits_seek(self, engine: Engine, catalog: SqlCatalog) -> None:
        with watched(engine) as sent:
            commit = keyed(first("d/a"), "k")
            file = make(catalog, commit)
            make(catalog, commit)
            catalog.commit([first("d/a"), keyed(first("d/b"), "k"), following(file), first("d/c")])
            newer = make(catalog, moved(catalog.file(ALICE, file.id), "e/a"))
            early = chunk("early")
            catalog.record_chunks([early])
            restored = following(newer, content=replace(newer.head.content, lists=bytes.fromhex(early.digest)))
            make(catalog, deleted(make(catalog, replace(restored, chunks=(*restored.chunks, *commit.chunks)))))
        assert len(sent) > 30
        assert self.scans(engine, sent) == []

    def test_the_trash_usage_and_old_versions_seek(self, engine: Engine, catalog: SqlCatalog) -> None:
        ends = [make(catalog, deleted(make(catalog, following(make(catalog, first(path)))))) for path in ("a", "b")]
        with watched(engine) as sent:
            look_at_the_trash(catalog)
            catalog.trashed(ALICE, ends[0].id)
            make(catalog, back(catalog, ends[1]))
            catalog.purge(ALICE, [catalog.trashed(ALICE, ends[0].id)])
            catalog.drop_versions(ends[1].id, [1])
        assert self.scans(engine, sent) == []

    def test_every_order_of_a_listing_is_a_range_of_an_index(self, engine: Engine, catalog: SqlCatalog) -> None:
        for index in range(3):
            make(catalog, first(f"d/{index}"))
        with watched(engine) as sent:
            for sort, descending, folder in product(SortKey, (False, True), (None, "d")):
                page = catalog.files(ListQuery(ALICE, folder, sort, descending, limit=1))
                catalog.files(ListQuery(ALICE, folder, sort, descending, after=page.next, limit=1))
            catalog.folders(ALICE, "")
        assert len(sent) == 25
        assert self.scans(engine, sent) == []

    def test_chunks_and_the_outbox_seek(self, engine: Engine, catalog: SqlCatalog) -> None:
        with watched(engine) as sent:
            catalog.record_chunks([chunk("c", owed=("w4",))])
            catalog.replicas([digest("c"), digest("d")])
            catalog.postpone(catalog.due(START, 10), START + 1)
            catalog.hasten("w4", START)
            catalog.settle("w4", [digest("c")])
            catalog.owe("w4", [digest("c")], "lost", START)
            catalog.excuse("w4", [digest("c")])
            catalog.acquire_lease("repair", "one", 1, 2)
            catalog.release_lease("repair", "one")
            catalog.forget_idempotency(START)
        assert self.scans(engine, sent) == []

    def test_changes_are_a_range_of_an_index(self, engine: Engine, catalog: SqlCatalog) -> None:
        with watched(engine) as sent:
            catalog.changes(catalog.last_change(back=1), 10)
        assert len(sent) == 3
        with engine.connect() as connection:
            for statement, parameters in sent:
                plan = [step[3] for step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
                reads = [step for step in plan if " versions" in step]
                assert reads
                assert all("ix_versions_change" in step for step in reads), plan

    def test_conflicts_floors_and_names_seek(self, engine: Engine, catalog: SqlCatalog) -> None:
        file = make(catalog, first("a"))
        with watched(engine) as sent:
            catalog.by_dot(ALICE, [file.head.dot])
            catalog.head(ALICE, file.id)
            catalog.record_conflict(conflict("m:1"))
            catalog.record_conflict(conflict("m:2"))
            catalog.conflicts(ALICE, after=catalog.conflicts(ALICE, limit=1).next)
            catalog.close_conflict(ALICE, "m:1", (), START)
            catalog.set_floor(Floor(ALICE, FloorScope.USER, "", Level.STRONG))
            catalog.floors(ALICE)
            catalog.drop_floor(ALICE, FloorScope.USER, "")
        assert self.scans(engine, sent) == []

    def test_users_and_tokens_seek(self, engine: Engine) -> None:
        users = SqlUsers(engine)
        with watched(engine) as sent:
            users.add(ANNA)
            users.by_id(ANNA.id)
            users.by_login("anna")
            users.set_password(ANNA.id, "$hash$2")
            users.amend(ANNA.id, UserChange(role=Role.ADMIN))
            users.amend(ANNA.id, UserChange(quota_bytes=1))
            users.note_login(ANNA.id, 1)
            users.search("ann", "", 10)
            users.revoke(["t1", "t2"], 1)
            users.revoked(["t1", "t2"])
            users.forget_revoked(1)
        assert self.scans(engine, sent) == []

    def test_resumable_uploads_seek(self, engine: Engine) -> None:
        with watched(engine) as sent:
            use_a_ledger(SqlUploads(engine))
        assert self.scans(engine, sent) == []

    def test_app_passwords_and_the_audit_log_seek(self, engine: Engine) -> None:
        SqlUsers(engine).add(ANNA)
        passwords, log = SqlAppPasswords(engine), SqlAudit(engine)
        for number in range(2):
            log.append(replace(LOGIN, id=str(number)))
        cursor = log.page(AuditQuery(limit=1)).next
        with watched(engine) as sent:
            passwords.add(PHONE, 10)
            passwords.listed(ANNA.id)
            passwords.find(ANNA.id, PHONE.digest)
            passwords.note_use(PHONE.id, 1)
            passwords.remove(ANNA.id, PHONE.id)
            passwords.remove_all(ANNA.id)
            log.append(LOGIN)
            log.conclude(LOGIN.id, Outcome.DONE, "")
            log.page(AuditQuery(after=cursor))
            log.forget(1)
        assert self.scans(engine, sent) == []


class TestPostgresqlPlans:
    """With no other way left open, a scan or a sort in a plan means that no index serves the statement."""

    @pytest.fixture
    def engine(self, postgresql_url: str) -> Iterator[Engine]:
        with emptied_postgresql(postgresql_url) as engine:
            yield engine

    def slow(self, engine: Engine, sent: list[Statement]) -> list[str]:
        found = []
        with engine.connect() as connection:
            for switch in ("enable_seqscan", "enable_sort", "enable_incremental_sort", "enable_bitmapscan"):
                connection.exec_driver_sql(f"SET LOCAL {switch} = off")
            for statement, parameters in {text: (text, values) for text, values in sent}.values():
                plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars())
                if any(step in plan for step in ("Seq Scan", "Sort")):
                    found.append(f"{statement}\n{plan}")
        return found

    def test_every_order_of_a_listing_is_a_range_of_an_index(self, engine: Engine, catalog: SqlCatalog) -> None:
        for index in range(3):
            make(catalog, first(f"d/{index}"))
        with watched(engine) as sent:
            for sort, descending, folder in product(SortKey, (False, True), (None, "d")):
                page = catalog.files(ListQuery(ALICE, folder, sort, descending, limit=1))
                catalog.files(ListQuery(ALICE, folder, sort, descending, after=page.next, limit=1))
            catalog.folders(ALICE, "")
        assert len(sent) == 25
        assert self.slow(engine, sent) == []

    def test_the_trash_and_old_versions_are_ranges_of_an_index(self, engine: Engine, catalog: SqlCatalog) -> None:
        for path in ("a", "b"):
            make(catalog, deleted(make(catalog, following(make(catalog, first(path))))))
        with watched(engine) as sent:
            look_at_the_trash(catalog)
        assert self.slow(engine, sent) == []

    def test_files_and_their_histories_are_found_by_an_index(self, engine: Engine, catalog: SqlCatalog) -> None:
        file = make(catalog, first("a"))
        with watched(engine) as sent:
            catalog.file(ALICE, file.id)
            catalog.file_at(ALICE, "a")
            catalog.versions(ALICE, file.id)
            catalog.due(START, 10)
            catalog.last_change(back=1)
            catalog.conflicts(ALICE)
        assert len(sent) == 6
        assert self.slow(engine, sent) == []

    def test_resumable_uploads_are_found_by_an_index(self, engine: Engine) -> None:
        with watched(engine) as sent:
            use_a_ledger(SqlUploads(engine))
        assert self.slow(engine, [each for each in sent if each[0].startswith("SELECT")]) == []
