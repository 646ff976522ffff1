"""What was deleted and may come back, and how much each user has stored

Revision: 0003, after 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False)


def _big(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "trash",
        _text("file_id"),
        _text("owner_id"),
        _text("path"),
        sa.Column("number", sa.Integer(), nullable=False),
        _big("size"),
        _big("deleted_at"),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name="fk_trash_file_id"),
        sa.PrimaryKeyConstraint("file_id", name="pk_trash"),
    )
    op.create_index("ix_trash_owner_id_deleted_at_file_id", "trash", ["owner_id", "deleted_at", "file_id"])
    op.create_index("ix_trash_deleted_at", "trash", ["deleted_at"])
    op.create_table(
        "usage",
        _text("owner_id"),
        _big("files"),
        _big("bytes"),
        _big("trash_bytes"),
        sa.PrimaryKeyConstraint("owner_id", name="pk_usage"),
    )
    _fill()


def _fill() -> None:
    """Files deleted before are in the trash from now on, and count like all others."""
    op.execute(
        "INSERT INTO trash (file_id, owner_id, path, number, size, deleted_at)"
        " SELECT files.id, files.owner_id, files.path, versions.number, versions.size, files.updated_at"
        " FROM files JOIN versions ON versions.file_id = files.id AND versions.number = files.head - 1"
        " WHERE files.deleted AND versions.kind <> 'tombstone'"
    )
    op.execute(
        "INSERT INTO usage (owner_id, files, bytes, trash_bytes)"
        " SELECT owner_id, sum(living), sum(size), sum(trashed) FROM ("
        "SELECT owner_id, 1 AS living, size, 0 AS trashed FROM files WHERE NOT deleted"
        " UNION ALL SELECT owner_id, 0, 0, size FROM trash) AS counted GROUP BY owner_id"
    )


def downgrade() -> None:
    op.drop_table("usage")
    op.drop_table("trash")
