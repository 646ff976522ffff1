"""Answers given to an Idempotency-Key, kept so that a request that comes again is not done again."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

from echofs.core.consistency import Receipt
from echofs.core.errors import CatalogUnavailable, IdempotencyKeyReused, NotFound
from echofs.core.fields import Fields
from echofs.core.manifest import version_fields, version_of
from echofs.core.models import Dot, File, IdempotencyRecord
from echofs.ports.catalog import Catalog
from echofs.ports.journal import Journal


def answer_of(file: File, receipt: Receipt) -> str:
    """What to remember of an answer. A provisional version brings itself along: until it is committed no catalog could
    tell, and then perhaps under another number."""
    answer: dict[str, object] = {"file": file.id, "version": file.head.number, "receipt": asdict(receipt)}
    if receipt.provisional:
        answer["head"] = {**version_fields(file.head), "manifest": file.head.manifest, "file_since": file.created_at}
    return json.dumps(answer)


def dot_answered(record: IdempotencyRecord) -> Dot:
    """The dot of the version that the answer was about."""
    origin, _, counter = json.loads(record.answer)["receipt"]["dot"].rpartition(":")
    return Dot(origin, int(counter))


class Replays:
    """Thread-safe. The catalog has what was answered; this host's journal has it of provisional versions."""

    def __init__(self, catalog: Catalog, journal: Journal) -> None:
        self._catalog = catalog
        self._journal = journal

    def find(self, owner_id: str, key: str, fingerprint: str) -> tuple[File, Receipt] | None:
        """The file and the receipt answered to this key, if any.

        While the catalog is away only what was accepted here is known. What was committed before may then be accepted
        once more; the journal's replay finds the key in use and leaves it at that. Raises
        :class:`IdempotencyKeyReused` when the key was used for another request, and :class:`NotFound` when the file
        was purged since.
        """
        record = self._record(owner_id, key)
        if record is None:
            return None
        if record.fingerprint != fingerprint:
            raise IdempotencyKeyReused(
                "This Idempotency-Key was used for another request; use a fresh key.", field="Idempotency-Key"
            )
        answer = json.loads(record.answer)
        receipt = Receipt.parsed(answer["receipt"])
        if "head" in answer:
            head = Fields(answer["head"], "version")
            version = version_of(head, head.digest("manifest"))
            return File(version.file_id, owner_id, version, head.number("file_since")), receipt
        file = self._catalog.head(owner_id, answer["file"])
        history = self._catalog.versions(owner_id, file.id)
        made = next((version for version in history if version.number == answer["version"]), None)
        if made is None:
            raise NotFound("The file that this Idempotency-Key made was deleted for good since; use a fresh key.")
        return replace(file, head=made), receipt

    def _record(self, owner_id: str, key: str) -> IdempotencyRecord | None:
        # First the journal: an entry leaves it only after the catalog has its record.
        if self._journal.depth():
            record = self._journal.answered(owner_id, key)
            if record is not None:
                return record
        try:
            return self._catalog.idempotency(owner_id, key)
        except CatalogUnavailable:
            return None
