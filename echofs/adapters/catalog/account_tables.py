"""The tables of people and of what they have under way: in SQL in every deployment, wherever files are.

Only shapes live here, as in :mod:`~echofs.adapters.catalog.tables`.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, Integer, LargeBinary, text

from echofs.adapters.catalog.tables import TEXT, HexDigest, db

users = db.Table(
    "users",
    db.Column("id", TEXT, primary_key=True),
    db.Column("name", TEXT, nullable=False),
    db.Column("name_key", TEXT, nullable=False, unique=True),
    db.Column("email", TEXT, nullable=False),
    db.Column("email_key", TEXT, nullable=False, unique=True),
    db.Column("password_hash", TEXT, nullable=False),
    db.Column("role", TEXT, nullable=False),
    db.Column("token_epoch", Integer, nullable=False),
    db.Column("disabled", Boolean, nullable=False),
    db.Column("created_at", BigInteger, nullable=False),
    db.Column("quota_bytes", BigInteger, nullable=True),
    db.Column("last_login_at", BigInteger, nullable=True),
)

app_passwords = db.Table(
    "app_passwords",
    db.Column("id", TEXT, primary_key=True),
    db.Column("user_id", TEXT, ForeignKey("users.id"), nullable=False),
    db.Column("name", TEXT, nullable=False),
    db.Column("digest", HexDigest, nullable=False),
    db.Column("created_at", BigInteger, nullable=False),
    db.Column("last_used_at", BigInteger, nullable=True),
    Index(None, "user_id", "created_at", "id"),
)

audit = db.Table(
    "audit",
    db.Column("id", TEXT, primary_key=True),
    db.Column("at", BigInteger, nullable=False),
    db.Column("actor_id", TEXT, nullable=False),
    db.Column("actor_name", TEXT, nullable=False),
    db.Column("address", TEXT, nullable=False),
    db.Column("action", TEXT, nullable=False),
    db.Column("subject", TEXT, nullable=False),
    db.Column("outcome", TEXT, nullable=False),
    db.Column("detail", TEXT, nullable=False),
    Index(None, "at", "id"),
    Index(None, "actor_id", "at", "id"),
)

uploads = db.Table(
    "uploads",
    db.Column("id", TEXT, primary_key=True),
    db.Column("owner_id", TEXT, nullable=False),
    db.Column("ticket", HexDigest, nullable=False),
    db.Column("path", TEXT, nullable=False),
    db.Column("length", BigInteger, nullable=False),
    db.Column("chunk_size", Integer, nullable=False),
    db.Column("received", BigInteger, nullable=False),
    db.Column("lists", LargeBinary, nullable=False),
    db.Column("folded", HexDigest, nullable=False),
    db.Column("inline", LargeBinary, nullable=False),
    db.Column("piece", HexDigest, nullable=False),
    db.Column("revision", Integer, nullable=False),
    db.Column("terms", TEXT, nullable=False),
    db.Column("answer", TEXT, nullable=False),
    db.Column("created_at", BigInteger, nullable=False),
    db.Column("expires_at", BigInteger, nullable=False),
    Index(None, "expires_at"),
)

# Most rows are of uploads that became files within a day.
_UNFINISHED = text("answer = ''")
Index("ix_uploads_unfinished", uploads.c.owner_id, uploads.c.id, sqlite_where=_UNFINISHED, postgresql_where=_UNFINISHED)

dav_locks = db.Table(
    "dav_locks",
    db.Column("token", TEXT, primary_key=True),
    db.Column("root", TEXT, nullable=False),
    db.Column("claim", TEXT, nullable=False, unique=True),
    db.Column("record", TEXT, nullable=False),
    db.Column("expires_at", BigInteger, nullable=False),
    Index(None, "root"),
    Index(None, "expires_at"),
)

revoked_tokens = db.Table(
    "revoked_tokens",
    db.Column("token_id", TEXT, primary_key=True),
    db.Column("expires_at", BigInteger, nullable=False),
    Index(None, "expires_at"),
)
