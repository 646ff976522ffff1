"""The exported form, one JSON object a line. ``docs/formats.md`` documents it.

``FORMAT`` grows when an old reader could not read a new file.
"""

from __future__ import annotations

from dataclasses import dataclass

from echofs.core.fields import Fields, canonical
from echofs.core.manifest import version_fields, version_of
from echofs.core.models import (
    ChunkState,
    ConflictRecord,
    ConflictState,
    File,
    Floor,
    FloorScope,
    IdempotencyRecord,
    Level,
    OwedReplica,
    Role,
    Timestamp,
    User,
)
from echofs.ports.catalog import ChunkEntry, Entry, FolderEntry, PastVersion

FORMAT = 1
HEADER = canonical({"echofs": "catalog", "format": FORMAT}) + b"\n"
END = "end"


@dataclass(frozen=True, slots=True)
class Revocation:
    """A revoked token and the time from which it may be forgotten."""

    token_id: str
    expires_at: Timestamp


Item = Entry | User | Revocation
Place = tuple[int, str]
"""Where an item stands in the file: users, revocations, each file before its past versions, chunks, answers, conflicts,
floors, folders."""


def encode(item: Item) -> tuple[Place, bytes]:
    """An item's place and line."""
    place, fields = _encoded(item)
    return place, canonical(fields) + b"\n"


def _encoded(item: Item) -> tuple[Place, dict[str, object]]:
    match item:
        case User():
            return (0, item.id), _user_fields(item)
        case Revocation():
            return (1, item.token_id), {"type": "revoked", "token": item.token_id, "expires_at": item.expires_at}
        case File():
            head = {**version_fields(item.head), "manifest": item.head.manifest}
            fields = {"type": "file", "id": item.id, "owner": item.owner_id, "created_at": item.created_at}
            return (2, item.id), {**fields, "head": head}
        case PastVersion(owner_id, version):
            fields = {"type": "version", "owner": owner_id, "manifest": version.manifest}
            return (2, f"{version.file_id}/{version.number:020}"), {**version_fields(version), **fields}
        case ChunkEntry():
            return (3, item.digest), _chunk_fields(item)
        case IdempotencyRecord():
            return (4, f"{item.owner_id}/{item.key}"), _answer_fields(item)
        case ConflictRecord():
            return (5, item.id), _conflict_fields(item)
        case Floor():
            return (6, f"{item.owner_id}/{item.scope}/{item.key}"), _floor_fields(item)
        case FolderEntry(owner_id, path):
            return (7, f"{owner_id}/{path}"), {"type": "folder", "owner": owner_id, "path": path}


def _user_fields(user: User) -> dict[str, object]:
    return {
        "type": "user",
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "role": user.role.value,
        "password_hash": user.password_hash,
        "token_epoch": user.token_epoch,
        "disabled": user.disabled,
        "created_at": user.created_at,
        "quota_bytes": user.quota_bytes,
        "last_login_at": user.last_login_at,
    }


def _chunk_fields(entry: ChunkEntry) -> dict[str, object]:
    return {
        "type": "chunk",
        "digest": entry.digest,
        "size": entry.size,
        "state": entry.state.value,
        "touched_at": entry.touched_at,
        "replicas": list(entry.replicas),
        "owed": [
            {"worker": row.worker_id, "reason": row.reason, "due_at": row.due_at, "attempts": row.attempts}
            for row in entry.owed
        ],
    }


def _answer_fields(record: IdempotencyRecord) -> dict[str, object]:
    return {
        "type": "answer",
        "owner": record.owner_id,
        "key": record.key,
        "fingerprint": record.fingerprint,
        "answer": record.answer,
        "created_at": record.created_at,
    }


def _conflict_fields(record: ConflictRecord) -> dict[str, object]:
    return {
        "type": "conflict",
        "id": record.id,
        "owner": record.owner_id,
        "file": record.file_id,
        "path": record.path,
        "rule": record.rule,
        "state": record.state.value,
        "entry": record.entry,
        "kept": [{"file": file, "version": number} for file, number in record.kept],
        "created_at": record.created_at,
        "resolved_at": [] if record.resolved_at is None else [record.resolved_at],
    }


def _floor_fields(floor: Floor) -> dict[str, object]:
    return {
        "type": "floor",
        "owner": floor.owner_id,
        "scope": floor.scope.value,
        "key": floor.key,
        "level": floor.level.value,
        "critical": floor.critical,
    }


def end(count: int, sha256: str) -> bytes:
    """The last line: how many lines stand between the first and it, and the SHA-256 of all bytes before it."""
    return canonical({"type": END, "lines": count, "sha256": sha256}) + b"\n"


def decode(fields: Fields) -> Item:
    """Inverse of :func:`encode`. Raises ValueError."""
    match fields.text("type"):
        case "user":
            return _user(fields)
        case "revoked":
            return Revocation(fields.text("token"), fields.number("expires_at"))
        case "file":
            head = fields.within("head")
            version = version_of(head, head.digest("manifest"))
            if version.file_id != fields.text("id"):
                raise ValueError("a file's head is a version of the file")
            return File(fields.text("id"), fields.text("owner"), version, fields.number("created_at"))
        case "version":
            return PastVersion(fields.text("owner"), version_of(fields, fields.digest("manifest")))
        case "chunk":
            return _chunk(fields)
        case "answer":
            return IdempotencyRecord(
                fields.text("owner"),
                fields.text("key"),
                fields.text("fingerprint"),
                fields.text("answer"),
                fields.number("created_at"),
            )
        case "conflict":
            return _conflict(fields)
        case "floor":
            scope, level = FloorScope(fields.text("scope")), Level(fields.text("level"))
            return Floor(fields.text("owner"), scope, fields.text("key"), level, fields.flag("critical"))
        case "folder":
            return FolderEntry(fields.text("owner"), fields.path("path"))
    raise ValueError("a line is of a known type")


def _user(fields: Fields) -> User:
    return User(
        id=fields.text("id"),
        name=fields.text("name"),
        email=fields.text("email"),
        role=Role(fields.text("role")),
        password_hash=fields.text("password_hash"),
        token_epoch=fields.number("token_epoch"),
        disabled=fields.flag("disabled"),
        created_at=fields.number("created_at"),
        quota_bytes=fields.number("quota_bytes") if fields.has("quota_bytes") else None,
        last_login_at=fields.number("last_login_at") if fields.has("last_login_at") else None,
    )


def _conflict(fields: Fields) -> ConflictRecord:
    resolved = [fields.integer(value, "resolved_at") for value in fields.items("resolved_at")]
    return ConflictRecord(
        id=fields.text("id"),
        owner_id=fields.text("owner"),
        file_id=fields.text("file"),
        path=fields.text("path"),
        rule=fields.text("rule"),
        state=ConflictState(fields.text("state")),
        created_at=fields.number("created_at"),
        entry=fields.text("entry"),
        kept=tuple((kept.text("file"), kept.number("version")) for kept in fields.objects("kept")),
        resolved_at=resolved[0] if resolved else None,
    )


def _chunk(fields: Fields) -> ChunkEntry:
    digest = fields.digest("digest")
    owed = tuple(
        OwedReplica(digest, row.text("worker"), row.text("reason"), row.number("due_at"), row.number("attempts"))
        for row in fields.objects("owed")
    )
    return ChunkEntry(
        digest,
        fields.number("size"),
        ChunkState(fields.text("state")),
        fields.number("touched_at"),
        fields.texts("replicas"),
        owed,
    )


class Sequence:
    """Whether items come in the order of the format, each version below its file."""

    def __init__(self) -> None:
        self._last: Place = (-1, "")
        self._file: File | None = None

    def admit(self, item: Item) -> None:
        """Take the next item. Raises ValueError when it cannot stand here."""
        place, _ = _encoded(item)
        if place <= self._last:
            raise ValueError("lines are sorted, and none comes twice")
        self._last = place
        if isinstance(item, File):
            self._file = item
        elif isinstance(item, PastVersion):
            file, version = self._file, item.version
            if file is None or file.id != version.file_id or file.owner_id != item.owner_id:
                raise ValueError("a version stands behind its file")
            if version.number >= file.head.number:
                raise ValueError("a file's head is its last version")
