"""The tables of the SQL catalog. Only shapes live here; ``migrations/`` builds the same ones, step by step.

Text compares byte by byte on both engines (SQLite's default, ``COLLATE "C"`` on PostgreSQL), so two names that differ
in case or in Unicode normalisation stay two, and pages come in the same order everywhere. Times are microseconds
since the Unix epoch, UTC.
"""

from __future__ import annotations

from typing import Any

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import ColumnElement
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

from echofs.core.models import ChunkState

NAMING = {
    "pk": "pk_%(table_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
}
"""Every constraint has a predictable name: SQLite's batch mode can only drop what it can name."""

LIVE, CONDEMNED, DELETING = ChunkState.LIVE.value, ChunkState.CONDEMNED.value, ChunkState.DELETING.value

db = SQLAlchemy(metadata=MetaData(naming_convention=NAMING))

TEXT = Text().with_variant(Text(collation="C"), "postgresql")


class HexDigest(TypeDecorator[str]):
    """A digest in hexadecimal to the program, raw bytes in the table: half the size, in the largest indexes we have."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        return None if value is None else bytes.fromhex(value)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:
        return None if value is None else value.hex()


class ShownDigest(FunctionElement[Any]):
    """A digest as a query answers thousands of them: spelt out by PostgreSQL, whose driver would have to make bytes of
    that very spelling; on SQLite the bytes, as its own function for it takes three times as long as Python's."""

    inherit_cache = True
    name = "shown_digest"


@compiles(ShownDigest, "sqlite")
def _as_bytes(element: ShownDigest, compiler: Any, **options: Any) -> str:
    return str(compiler.process(element.clauses, **options))


@compiles(ShownDigest, "postgresql")
def _spelt_out(element: ShownDigest, compiler: Any, **options: Any) -> str:
    return f"encode({compiler.process(element.clauses, **options)}, 'hex')"


class NextChange(ColumnElement[int]):
    """The place of a new version in the change sequence. On SQLite, where a writer is alone, the next number; on
    PostgreSQL the transaction's own: who reads only what is older than every transaction under way misses none."""

    inherit_cache = True
    type = BigInteger()


@compiles(NextChange, "sqlite")
def _next_number(element: NextChange, compiler: Any, **_: Any) -> str:
    return "(SELECT coalesce(max(change), 0) + 1 FROM versions)"


@compiles(NextChange, "postgresql")
def _own_transaction(element: NextChange, compiler: Any, **_: Any) -> str:
    return "pg_current_xact_id()::text::bigint"


files = db.Table(
    "files",
    db.Column("id", TEXT, primary_key=True),
    db.Column("owner_id", TEXT, nullable=False),
    db.Column("folder", TEXT, nullable=False),
    db.Column("path", TEXT, nullable=False),
    db.Column("name_key", TEXT, nullable=False, server_default=""),
    db.Column("head", Integer, nullable=False),
    db.Column("deleted", Boolean, nullable=False),
    db.Column("size", BigInteger, nullable=False),
    db.Column("created_at", BigInteger, nullable=False),
    db.Column("updated_at", BigInteger, nullable=False),
)

_LIVING: dict[str, Any] = {"sqlite_where": text("deleted = 0"), "postgresql_where": text("NOT deleted")}

Index("uq_files_living_path", files.c.owner_id, files.c.path, unique=True, **_LIVING)
# One index for each order of a listing, so that every page is a range scan however far down it lies.
Index("ix_files_living_size", files.c.owner_id, files.c.size, files.c.path, **_LIVING)
Index("ix_files_living_updated", files.c.owner_id, files.c.updated_at, files.c.path, **_LIVING)
Index("ix_files_living_folder_path", files.c.owner_id, files.c.folder, files.c.path, **_LIVING)
Index("ix_files_living_folder_size", files.c.owner_id, files.c.folder, files.c.size, files.c.path, **_LIVING)
Index("ix_files_living_folder_updated", files.c.owner_id, files.c.folder, files.c.updated_at, files.c.path, **_LIVING)

versions = db.Table(
    "versions",
    db.Column("file_id", TEXT, ForeignKey("files.id"), primary_key=True),
    db.Column("number", Integer, primary_key=True, autoincrement=False),
    db.Column("parent", Integer, nullable=False),
    db.Column("kind", TEXT, nullable=False),
    db.Column("path", TEXT, nullable=False),
    db.Column("size", BigInteger, nullable=False),
    db.Column("digest", HexDigest, nullable=False),
    db.Column("chunk_size", Integer, nullable=False),
    db.Column("inline", LargeBinary, nullable=False),
    db.Column("lists", LargeBinary, nullable=False),
    db.Column("content_type", TEXT, nullable=False),
    db.Column("content_version", Integer, nullable=False),
    db.Column("manifest", HexDigest, nullable=False),
    db.Column("dot_origin", TEXT, nullable=False),
    db.Column("dot_counter", BigInteger, nullable=False),
    db.Column("created_at", BigInteger, nullable=False),
    db.Column("change", BigInteger, nullable=False, default=NextChange()),
    UniqueConstraint("dot_origin", "dot_counter"),
    Index(None, "change"),
    CheckConstraint("kind IN ('content', 'move', 'tombstone')", name="kind"),
)

folders = db.Table(
    "folders",
    db.Column("owner_id", TEXT, primary_key=True),
    db.Column("path", TEXT, primary_key=True),
    db.Column("parent", TEXT, nullable=False),
    Index(None, "owner_id", "parent", "path"),
    sqlite_with_rowid=False,
)

chunks = db.Table(
    "chunks",
    db.Column("digest", HexDigest, primary_key=True),
    db.Column("size", Integer, nullable=False),
    db.Column("state", TEXT, nullable=False),
    db.Column("touched_at", BigInteger, nullable=False),
    CheckConstraint("state IN ('live', 'condemned', 'deleting')", name="state"),
    sqlite_with_rowid=False,
)

replicas = db.Table(
    "replicas",
    db.Column("digest", HexDigest, ForeignKey("chunks.digest"), primary_key=True),
    db.Column("worker_id", TEXT, primary_key=True),
    sqlite_with_rowid=False,
)

outbox = db.Table(
    "outbox",
    db.Column("digest", HexDigest, ForeignKey("chunks.digest"), primary_key=True),
    db.Column("worker_id", TEXT, primary_key=True),
    db.Column("reason", TEXT, nullable=False),
    db.Column("due_at", BigInteger, nullable=False),
    db.Column("attempts", Integer, nullable=False),
    db.Column("created_at", BigInteger, nullable=False),
    Index(None, "due_at", "digest", "worker_id"),
    Index(None, "worker_id", "due_at"),
    sqlite_with_rowid=False,
)

idempotency = db.Table(
    "idempotency",
    db.Column("owner_id", TEXT, primary_key=True),
    db.Column("key", TEXT, primary_key=True),
    db.Column("fingerprint", TEXT, nullable=False),
    db.Column("answer", TEXT, nullable=False),
    db.Column("created_at", BigInteger, nullable=False),
    Index(None, "created_at"),
)

conflicts = db.Table(
    "conflicts",
    db.Column("id", TEXT, primary_key=True),
    db.Column("owner_id", TEXT, nullable=False),
    db.Column("file_id", TEXT, nullable=False),
    db.Column("path", TEXT, nullable=False),
    db.Column("rule", TEXT, nullable=False),
    db.Column("state", TEXT, nullable=False),
    db.Column("entry", TEXT, nullable=False),
    db.Column("kept", TEXT, nullable=False),
    db.Column("created_at", BigInteger, nullable=False),
    db.Column("resolved_at", BigInteger, nullable=True),
    CheckConstraint("state IN ('open', 'resolved')", name="state"),
    Index(None, "owner_id", "created_at", "id"),
)

floors = db.Table(
    "floors",
    db.Column("owner_id", TEXT, primary_key=True),
    db.Column("scope", TEXT, primary_key=True),
    db.Column("key", TEXT, primary_key=True),
    db.Column("level", TEXT, nullable=False),
    db.Column("critical", Boolean, nullable=False),
)

trash = db.Table(
    "trash",
    db.Column("file_id", TEXT, ForeignKey("files.id"), primary_key=True),
    db.Column("owner_id", TEXT, nullable=False),
    db.Column("path", TEXT, nullable=False),
    db.Column("number", Integer, nullable=False),
    db.Column("size", BigInteger, nullable=False),
    db.Column("deleted_at", BigInteger, nullable=False),
    Index(None, "owner_id", "deleted_at", "file_id"),
    Index(None, "deleted_at"),
)

usage = db.Table(
    "usage",
    db.Column("owner_id", TEXT, primary_key=True),
    db.Column("files", BigInteger, nullable=False),
    db.Column("bytes", BigInteger, nullable=False),
    db.Column("trash_bytes", BigInteger, nullable=False),
)

leases = db.Table(
    "leases",
    db.Column("name", TEXT, primary_key=True),
    db.Column("holder", TEXT, nullable=False),
    db.Column("expires_at", BigInteger, nullable=False),
)
