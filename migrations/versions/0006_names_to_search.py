"""Names in the form in which they are searched

Revision: 0006, after 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from echofs.core.names import fold, name_of

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_AT_ONCE = 1000


def upgrade() -> None:
    text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.add_column("files", sa.Column("name_key", text, nullable=False, server_default=""))
    files = sa.table("files", sa.column("id", text), sa.column("path", text), sa.column("name_key", text))
    change = (
        sa.update(files).where(files.c.id == sa.bindparam("file")).values(name_key=sa.bindparam("key", type_=sa.Text()))
    )
    page = sa.select(files.c.id, files.c.path).order_by(files.c.id).limit(_AT_ONCE)
    connection, after = op.get_bind(), ""
    while rows := connection.execute(page.where(files.c.id > after)).all():
        connection.execute(change, [{"file": row.id, "key": fold(name_of(row.path))} for row in rows])
        after = rows[-1].id


def downgrade() -> None:
    op.drop_column("files", "name_key")
