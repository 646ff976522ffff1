"""Uploads: a body becomes a new version of a file."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from echofs.core.consistency import Receipt, quorum_met
from echofs.core.errors import IdempotencyKeyReused, NotFound, PreconditionFailed, TooFewReplicas
from echofs.core.goals import Ask
from echofs.core.models import Digest, File, Kind
from echofs.core.names import check_path
from echofs.ports.catalog import Catalog
from echofs.ports.chunks import ChunkCodec
from echofs.ports.runtime import Meters
from echofs.services.cluster import MemberView
from echofs.services.intake import Intake, Tally
from echofs.services.publishing import Draft, Published, Publisher, Wish
from echofs.services.replication import Replicator

ANY = "*"


@dataclass(frozen=True, slots=True)
class Target:
    """Where an upload goes: an existing file by id, or a path, which may be known only once the body was read.

    ``if_match`` holds the etags one of which the head must have (``*``: any head), None for no condition;
    ``create_only`` demands that the path be free.
    """

    owner_id: str
    file_id: str = ""
    path: str = ""
    if_match: tuple[str, ...] | None = None
    create_only: bool = False


@dataclass(frozen=True, slots=True)
class Declared:
    """What the client said about its body before sending it; None where it said nothing."""

    size: int | None = None
    digest: Digest | None = None


class Upload:
    """One upload under way: bytes in, then :meth:`finish`. Dropping it leaves nothing visible. Not thread-safe."""

    def __init__(self, uploads: Uploads, target: Target, declared: Declared, wish: Wish) -> None:
        self._uploads = uploads
        self._target = target
        self._declared = declared
        self._wish = wish
        self._tally = Tally(uploads.members.zones)
        self._intake = uploads.intake(self._tally)

    def write(self, data: bytes) -> None:
        """Take the next bytes of the body. Raises what :meth:`Intake.write` raises."""
        self._intake.write(data)

    def finish(self, *, path: str = "", content_type: str = "", ask: Ask | None = None) -> Published:
        """The whole body was written: check it and make it the head.

        ``path`` is for a target without one, ``ask`` overrides the wish made at the beginning.

        Raises :class:`BodyMismatch`, :class:`PreconditionFailed` (another writer won a conditional write),
        :class:`NotFound` (the file vanished meanwhile), :class:`TooFewReplicas`.
        """
        wish = replace(self._wish, ask=ask) if ask else self._wish
        target = self._target
        if not target.file_id and not target.path:
            target = replace(target, path=check_path(path))
        content = self._intake.finish(self._declared.size, self._declared.digest)

        def draft(head: File | None) -> Draft:
            kept_type = head.head.content_type if head else ""
            return Draft(Kind.CONTENT, head.path if head else target.path, content, content_type or kept_type)

        try:
            published = self._uploads.publisher.publish(
                target.owner_id, lambda: self._uploads.head(target), draft, wish, self._tally, self._intake
            )
        except (IdempotencyKeyReused, PreconditionFailed):
            # The same request, sent twice at once, was committed by its twin a moment ago: that alone may be why the
            # condition no longer holds.
            replay = self._uploads.replay(target.owner_id, self._wish) if self._wish.idempotency_key else None
            if replay is None:
                raise
            return replay
        self._uploads.meters.add("bytes_received", content.size)
        return published


class Uploads:
    """Begins uploads. Thread-safe."""

    def __init__(
        self,
        catalog: Catalog,
        publisher: Publisher,
        replicator: Replicator,
        codec: ChunkCodec,
        members: MemberView,
        meters: Meters,
        *,
        chunk_size: int,
        max_size: int,
    ) -> None:
        self.publisher = publisher
        self.members = members
        self.meters = meters
        self._catalog = catalog
        self._replicator = replicator
        self._codec = codec
        self._chunk_size = chunk_size
        self._max_size = max_size

    def begin(self, target: Target, declared: Declared, wish: Wish) -> Upload | Published:
        """Start an upload, or repeat the answer already given to its Idempotency-Key.

        What can be refused without the body is refused here: raises :class:`InvalidName`, :class:`NotFound`,
        :class:`PreconditionFailed`, :class:`IdempotencyKeyReused`, :class:`TooFewReplicas`.
        """
        if wish.idempotency_key:
            replay = self.replay(target.owner_id, wish)
            if replay is not None:
                return replay
        if target.path:
            target = replace(target, path=check_path(target.path))
        if target.file_id or target.if_match is not None or target.create_only:
            self.head(target)
        self._check_workers()
        return Upload(self, target, declared, wish)

    def intake(self, tally: Tally) -> Intake:
        """A fresh intake for one upload."""
        return Intake(
            self._replicator, self._codec, self._catalog, tally, chunk_size=self._chunk_size, max_size=self._max_size
        )

    def head(self, target: Target) -> File | None:
        """The head an upload would follow. Raises :class:`NotFound` or :class:`PreconditionFailed` as its conditions
        demand."""
        try:
            if target.file_id:
                head = self._catalog.file(target.owner_id, target.file_id)
            elif target.path:
                head = self._catalog.file_at(target.owner_id, target.path)
            else:
                return None
        except NotFound:
            if target.file_id:
                raise
            if target.if_match is not None:
                raise PreconditionFailed("There is no file at this path to match; nothing was changed.") from None
            return None
        if target.create_only:
            raise PreconditionFailed(
                "A file with this path exists already; nothing was changed.", field="If-None-Match"
            )
        check_match(head, target.if_match)
        return head

    def _check_workers(self) -> None:
        """Refuse before the body is sent what cannot succeed."""
        zones = self.members.zones()
        up = zones.keys() - self.members.unavailable()
        if not quorum_met(up, zones):
            raise TooFewReplicas(
                f"{len(up)} of {len(zones)} workers are up; a strong write needs two in different "
                "zones; nothing was stored.",
                retry_after=2,
            )

    def replay(self, owner_id: str, wish: Wish) -> Published | None:
        """The answer recorded for the wish's Idempotency-Key, if any. Raises :class:`IdempotencyKeyReused`."""
        record = self._catalog.idempotency(owner_id, wish.idempotency_key)
        if record is None:
            return None
        if record.fingerprint != wish.fingerprint:
            raise IdempotencyKeyReused(
                "This Idempotency-Key was used for another request; use a fresh key.", field="Idempotency-Key"
            )
        answer = json.loads(record.answer)
        versions = self._catalog.versions(owner_id, answer["file"])
        version = next(version for version in versions if version.number == answer["version"])
        published = Published(
            File(version.file_id, owner_id, version, versions[-1].created_at),
            Receipt.parsed(answer["receipt"]),
            replayed=True,
        )
        # The master that committed it may have died before it told anybody.
        return self.publisher.acknowledge(published)


def check_match(head: File, if_match: tuple[str, ...] | None) -> None:
    """Raise :class:`PreconditionFailed` unless the head has one of the etags (RFC 9110 section 13.1.1)."""
    if if_match is not None and ANY not in if_match and head.head.etag not in if_match:
        raise PreconditionFailed(
            "The file has changed since the version you named; nothing was changed. Fetch it again and decide.",
            field="If-Match",
        )
