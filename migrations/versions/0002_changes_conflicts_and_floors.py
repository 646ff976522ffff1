"""The order of changes, conflicts, and floors of consistency

Revision: 0002, after 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False)


def upgrade() -> None:
    _order_changes()
    op.create_table(
        "conflicts",
        _text("id"),
        _text("owner_id"),
        _text("file_id"),
        _text("path"),
        _text("rule"),
        _text("state"),
        _text("entry"),
        _text("kept"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("resolved_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state IN ('open', 'resolved')", name=op.f("ck_conflicts_state")),
        sa.PrimaryKeyConstraint("id", name="pk_conflicts"),
    )
    op.create_index("ix_conflicts_owner_id_created_at_id", "conflicts", ["owner_id", "created_at", "id"])
    op.create_table(
        "floors",
        _text("owner_id"),
        _text("scope"),
        _text("key"),
        _text("level"),
        sa.Column("critical", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("owner_id", "scope", "key", name="pk_floors"),
    )


def _order_changes() -> None:
    """Versions there are already come before all others, in the order in which they were made: at places up to 0,
    because PostgreSQL's first transaction to come may have a lower number than there are versions."""
    op.add_column("versions", sa.Column("change", sa.BigInteger(), nullable=True))
    op.execute(
        "UPDATE versions SET change = placed.place FROM (SELECT file_id, number, row_number() OVER"
        " (ORDER BY created_at, file_id, number) - count(*) OVER () AS place FROM versions) AS placed"
        " WHERE placed.file_id = versions.file_id AND placed.number = versions.number"
    )
    with op.batch_alter_table("versions") as versions:
        versions.alter_column("change", existing_type=sa.BigInteger(), nullable=False)
    op.create_index("ix_versions_change", "versions", ["change"])


def downgrade() -> None:
    op.drop_table("floors")
    op.drop_table("conflicts")
    op.drop_index("ix_versions_change", "versions")
    with op.batch_alter_table("versions") as versions:
        versions.drop_column("change")
