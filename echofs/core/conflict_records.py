"""What the catalog remembers of a conflict."""

from __future__ import annotations

from dataclasses import replace

from echofs.core.conflict_names import conflict_id
from echofs.core.conflicts import Publish, Rule, Settled
from echofs.core.entries import JournalEntry, encode
from echofs.core.models import ConflictRecord, ConflictState, Timestamp


def resolved_record(entry: JournalEntry, resolution: Settled | Publish, now: Timestamp) -> ConflictRecord:
    """A conflict that was resolved without asking anybody."""
    return replace(_record(entry, resolution.rule, now), kept=resolution.kept, resolved_at=now)


def open_record(entry: JournalEntry, rule: Rule, now: Timestamp) -> ConflictRecord:
    """A conflict that waits for its owner. The entry's chunks are to be recorded in the catalog before."""
    text = encode(replace(entry, chunks=())).decode()
    return replace(_record(entry, rule, now), state=ConflictState.OPEN, entry=text)


def _record(entry: JournalEntry, rule: Rule, now: Timestamp) -> ConflictRecord:
    version = entry.version
    return ConflictRecord(
        id=conflict_id(version.dot),
        owner_id=entry.owner_id,
        file_id=version.file_id,
        path=version.path,
        rule=rule.value,
        state=ConflictState.RESOLVED,
        created_at=now,
    )
