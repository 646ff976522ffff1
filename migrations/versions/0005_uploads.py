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


def _big(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "uploads",
        _text("id"),
        _text("owner_id"),
        sa.Column("ticket", sa.LargeBinary(), nullable=False),
        _text("path"),
        _big("length"),
        _big("received"),
        sa.Column("revision", sa.Integer(), nullable=False),
        _text("holder"),
        _text("wish"),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        _text("answer"),
        _big("created_at"),
        _big("expires_at"),
        sa.PrimaryKeyConstraint("id", name="pk_uploads"),
    )
    op.create_index("ix_uploads_owner_id_created_at", "uploads", ["owner_id", "created_at"])
    op.create_index("ix_uploads_expires_at", "uploads", ["expires_at"])


def downgrade() -> None:
    op.drop_table("uploads")
