"""Uploads that can be resumed

Revision: 0005, after 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False)


def _big(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _bytes(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def upgrade() -> None:
    op.create_table(
        "uploads",
        _text("id"),
        _text("owner_id"),
        _bytes("ticket"),
        _text("path"),
        _big("length"),
        _number("chunk_size"),
        _big("received"),
        _bytes("lists"),
        _bytes("folded"),
        _bytes("inline"),
        _bytes("piece"),
        _number("revision"),
        _text("terms"),
        _text("answer"),
        _big("created_at"),
        _big("expires_at"),
        sa.PrimaryKeyConstraint("id", name="pk_uploads"),
    )
    unfinished = sa.text("answer = ''")
    op.create_index(
        "ix_uploads_unfinished",
        "uploads",
        ["owner_id", "id"],
        sqlite_where=unfinished,
        postgresql_where=unfinished,
    )
    op.create_index("ix_uploads_expires_at", "uploads", ["expires_at"])


def downgrade() -> None:
    op.drop_table("uploads")
