"""Everything a catalog starts with

Revision: 0001, the first
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

LIVING: dict[str, Any] = {"sqlite_where": sa.text("deleted = 0"), "postgresql_where": sa.text("NOT deleted")}


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False)


def _integer(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), autoincrement=False, nullable=False)


def _large(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def _raw(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def upgrade() -> None:
    _create_files()
    _create_versions()
    _create_folders()
    _create_chunks()
    _create_outbox()
    _create_idempotency()
    _create_leases()
    _create_users()


def _create_files() -> None:
    op.create_table(
        "files",
        _text("id"),
        _text("owner_id"),
        _text("folder"),
        _text("path"),
        _integer("head"),
        _flag("deleted"),
        _large("size"),
        _large("created_at"),
        _large("updated_at"),
        sa.PrimaryKeyConstraint("id", name="pk_files"),
    )
    op.create_index("uq_files_living_path", "files", ["owner_id", "path"], unique=True, **LIVING)
    op.create_index("ix_files_living_size", "files", ["owner_id", "size", "path"], **LIVING)
    op.create_index("ix_files_living_updated", "files", ["owner_id", "updated_at", "path"], **LIVING)
    op.create_index("ix_files_living_folder_path", "files", ["owner_id", "folder", "path"], **LIVING)
    op.create_index("ix_files_living_folder_size", "files", ["owner_id", "folder", "size", "path"], **LIVING)
    op.create_index("ix_files_living_folder_updated", "files", ["owner_id", "folder", "updated_at", "path"], **LIVING)


def _create_versions() -> None:
    op.create_table(
        "versions",
        _text("file_id"),
        _integer("number"),
        _integer("parent"),
        _text("kind"),
        _text("path"),
        _large("size"),
        _raw("digest"),
        _integer("chunk_size"),
        _raw("inline"),
        _raw("lists"),
        _text("content_type"),
        _integer("content_version"),
        _raw("manifest"),
        _text("dot_origin"),
        _large("dot_counter"),
        _large("created_at"),
        sa.CheckConstraint("kind IN ('content', 'move', 'tombstone')", name=op.f("ck_versions_kind")),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name="fk_versions_file_id"),
        sa.PrimaryKeyConstraint("file_id", "number", name="pk_versions"),
        sa.UniqueConstraint("dot_origin", "dot_counter", name="uq_versions_dot_origin_dot_counter"),
    )


def _create_folders() -> None:
    op.create_table(
        "folders",
        _text("owner_id"),
        _text("path"),
        _text("parent"),
        sa.PrimaryKeyConstraint("owner_id", "path", name="pk_folders"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_folders_owner_id_parent_path", "folders", ["owner_id", "parent", "path"])


def _create_chunks() -> None:
    op.create_table(
        "chunks",
        _raw("digest"),
        _integer("size"),
        _text("state"),
        _large("touched_at"),
        sa.CheckConstraint("state IN ('live', 'condemned', 'deleting')", name=op.f("ck_chunks_state")),
        sa.PrimaryKeyConstraint("digest", name="pk_chunks"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "replicas",
        _raw("digest"),
        _text("worker_id"),
        sa.ForeignKeyConstraint(["digest"], ["chunks.digest"], name="fk_replicas_digest"),
        sa.PrimaryKeyConstraint("digest", "worker_id", name="pk_replicas"),
        sqlite_with_rowid=False,
    )


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        _raw("digest"),
        _text("worker_id"),
        _text("reason"),
        _large("due_at"),
        _integer("attempts"),
        _large("created_at"),
        sa.ForeignKeyConstraint(["digest"], ["chunks.digest"], name="fk_outbox_digest"),
        sa.PrimaryKeyConstraint("digest", "worker_id", name="pk_outbox"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_outbox_due_at_digest_worker_id", "outbox", ["due_at", "digest", "worker_id"])
    op.create_index("ix_outbox_worker_id_due_at", "outbox", ["worker_id", "due_at"])


def _create_idempotency() -> None:
    op.create_table(
        "idempotency",
        _text("owner_id"),
        _text("key"),
        _text("fingerprint"),
        _text("answer"),
        _large("created_at"),
        sa.PrimaryKeyConstraint("owner_id", "key", name="pk_idempotency"),
    )
    op.create_index("ix_idempotency_created_at", "idempotency", ["created_at"])


def _create_leases() -> None:
    op.create_table(
        "leases",
        _text("name"),
        _text("holder"),
        _large("expires_at"),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )


def _create_users() -> None:
    op.create_table(
        "users",
        _text("id"),
        _text("name"),
        _text("name_key"),
        _text("email"),
        _text("email_key"),
        _text("password_hash"),
        _text("role"),
        _integer("token_epoch"),
        _flag("disabled"),
        _large("created_at"),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("email_key", name="uq_users_email_key"),
        sa.UniqueConstraint("name_key", name="uq_users_name_key"),
    )
    op.create_table(
        "revoked_tokens",
        _text("token_id"),
        _large("expires_at"),
        sa.PrimaryKeyConstraint("token_id", name="pk_revoked_tokens"),
    )
    op.create_index("ix_revoked_tokens_expires_at", "revoked_tokens", ["expires_at"])


def downgrade() -> None:
    for table in (
        "revoked_tokens",
        "users",
        "leases",
        "idempotency",
        "outbox",
        "replicas",
        "chunks",
        "folders",
        "versions",
        "files",
    ):
        op.drop_table(table)
