"""Quotas, app passwords and the audit log

Revision: 0004, after 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False)


def _big(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def upgrade() -> None:
    op.add_column("users", _big("quota_bytes", nullable=True))
    op.add_column("users", _big("last_login_at", nullable=True))
    op.create_table(
        "app_passwords",
        _text("id"),
        _text("user_id"),
        _text("name"),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        _big("created_at"),
        _big("last_used_at", nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_app_passwords_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_app_passwords"),
    )
    op.create_index("ix_app_passwords_user_id_created_at_id", "app_passwords", ["user_id", "created_at", "id"])
    op.create_table(
        "audit",
        _text("id"),
        _big("at"),
        *(_text(name) for name in ("actor_id", "actor_name", "address", "action", "subject", "outcome", "detail")),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_at_id", "audit", ["at", "id"])
    op.create_index("ix_audit_actor_id_at_id", "audit", ["actor_id", "at", "id"])


def downgrade() -> None:
    op.drop_table("audit")
    op.drop_table("app_passwords")
    with op.batch_alter_table("users") as users:
        users.drop_column("last_login_at")
        users.drop_column("quota_bytes")
