"""Locks of WebDAV clients

Revision: 0007, after 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False)


def upgrade() -> None:
    op.create_table(
        "dav_locks",
        *(_text(name) for name in ("token", "root", "claim", "record")),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("token", name="pk_dav_locks"),
        sa.UniqueConstraint("claim", name="uq_dav_locks_claim"),
    )
    op.create_index("ix_dav_locks_root", "dav_locks", ["root"])
    op.create_index("ix_dav_locks_expires_at", "dav_locks", ["expires_at"])


def downgrade() -> None:
    op.drop_table("dav_locks")
