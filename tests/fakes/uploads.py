"""Uploads that can be resumed, in a dictionary."""

from __future__ import annotations

from dataclasses import replace
from threading import Lock

from echofs.core.errors import CatalogUnavailable, NotFound
from echofs.core.models import Timestamp
from echofs.core.usage import Allowance, Held
from echofs.ports.resumable import Unfinished, UploadLedger, UploadRecord


class MemoryUploads(UploadLedger):
    """Safe to share between threads; forgets everything with the process. While it is ``down`` it does not answer."""

    def __init__(self) -> None:
        self.down = False
        self._records: dict[str, UploadRecord] = {}
        self._lock = Lock()

    def add(self, record: UploadRecord, allowance: Allowance | None = None) -> None:
        with self._answering():
            if allowance and not record.answer:
                others = self._held(record.owner_id, allowance.at, record.id)
                if refused := allowance.refusal(others, record.length):
                    raise refused
            self._records[record.id] = record

    def held(self, owner_id: str, now: Timestamp, *, apart_from: str = "") -> Held:
        with self._answering():
            return self._held(owner_id, now, apart_from)

    def find(self, upload_id: str) -> UploadRecord:
        with self._answering():
            if upload_id not in self._records:
                raise NotFound("There is no such upload.")
            return self._records[upload_id]

    def swap(self, record: UploadRecord) -> bool:
        with self._answering():
            before = self._records.get(record.id)
            if before is None or before.revision != record.revision - 1:
                return False
            self._records[record.id] = replace(
                before,
                received=record.received,
                revision=record.revision,
                answer=record.answer,
                expires_at=record.expires_at,
            )
            return True

    def drop(self, upload_id: str) -> None:
        with self._answering():
            self._records.pop(upload_id, None)

    def unfinished(self, owner_id: str, now: Timestamp, after: str = "", limit: int = 100) -> list[Unfinished]:
        with self._answering():
            found = [self._records[key] for key in sorted(self._records, reverse=True) if not after or key < after]
        theirs = [one for one in found if _is_unfinished(one, owner_id, now)]
        return [Unfinished(one.id, one.path, one.received.size, one.length, one.expires_at) for one in theirs[:limit]]

    def forget_expired(self, now: Timestamp) -> int:
        with self._answering():
            expired = [key for key, record in self._records.items() if record.expires_at <= now]
            for key in expired:
                del self._records[key]
            return len(expired)

    def _held(self, owner_id: str, now: Timestamp, apart_from: str) -> Held:
        waiting = [one for one in self._records.values() if _is_unfinished(one, owner_id, now)]
        lengths = [one.length for one in waiting if one.id != apart_from]
        return Held(len(lengths), sum(lengths))

    def _answering(self) -> Lock:
        if self.down:
            raise CatalogUnavailable("The catalog does not answer; try again shortly.")
        return self._lock


def _is_unfinished(record: UploadRecord, owner_id: str, now: Timestamp) -> bool:
    return record.owner_id == owner_id and not record.answer and record.expires_at > now
