"""Uploads: a body becomes a new version of a file."""

from __future__ import annotations

from dataclasses import dataclass, replace

from echofs.core.choosing import Plan
from echofs.core.errors import IdempotencyKeyReused, PreconditionFailed
from echofs.core.goals import Ask
from echofs.core.models import Digest, File, Kind
from echofs.core.names import check_path
from echofs.core.session_tokens import Line
from echofs.ports.chunks import ChunkCodec
from echofs.ports.runtime import Meters
from echofs.services.course import Course
from echofs.services.drafting import Draft
from echofs.services.intake import Intake
from echofs.services.levels import Levels
from echofs.services.parents import Parents, Place
from echofs.services.publishing import Published, Publisher, Wish
from echofs.services.quotas import Quotas
from echofs.services.replays import Replays
from echofs.services.shipping import Shipment, Shipping

ANY = "*"
FORM_BYTES = 64 * 1024
"""What a form may have beside the file, as far as quotas are concerned."""


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

    @property
    def place(self) -> Place:
        """What is written to."""
        return Place(self.owner_id, self.file_id, "" if self.file_id else self.path)

    @property
    def conditional(self) -> bool:
        """Whether the write depends on what is there."""
        return self.if_match is not None or self.create_only

    def check(self, head: File | None) -> None:
        """Raise :class:`PreconditionFailed` unless the conditions hold of this head."""
        if head is None:
            if self.if_match is not None:
                raise PreconditionFailed("There is no file at this path to match; nothing was changed.")
            return
        if self.create_only:
            raise PreconditionFailed(
                "A file with this path exists already; nothing was changed.", field="If-None-Match"
            )
        check_match(head, self.if_match)


@dataclass(frozen=True, slots=True)
class Declared:
    """What the client said about its body before sending it; None where it said nothing. ``roughly`` is how many bytes
    may come where that is not exactly the size of the file."""

    size: int | None = None
    digest: Digest | None = None
    roughly: int | None = None

    @property
    def least(self) -> int | None:
        """The size that the file has at least: the fields and the boundaries of a form come to less than the rest."""
        if self.size is None and self.roughly is not None:
            return max(0, self.roughly - FORM_BYTES)
        return self.size


class Upload:
    """One upload under way: bytes in, then :meth:`finish`. Dropping it leaves nothing visible. Not thread-safe."""

    def __init__(self, uploads: Uploads, target: Target, declared: Declared, wish: Wish, course: Course) -> None:
        self._uploads = uploads
        self._target = target
        self._declared = declared
        self._wish = wish
        self._course = course
        self._shipment = uploads.shipping.open(course)
        self._intake = uploads.intake(self._shipment)

    def write(self, data: bytes) -> None:
        """Take the next bytes of the body. Raises what :meth:`Intake.write` raises."""
        self._intake.write(data)

    def finish(self, *, path: str = "", content_type: str = "", ask: Ask | None = None) -> Published:
        """The whole body was written: check it and make it the head.

        ``path`` is for a target without one, ``ask`` overrides the wish made at the beginning.

        Raises :class:`BodyMismatch`, :class:`PreconditionFailed` (another writer won a conditional write),
        :class:`NotFound` (the file vanished meanwhile), :class:`TooFewReplicas`, :class:`SpoolFull`.
        """
        wish = replace(self._wish, ask=ask) if ask else self._wish
        target = self._target
        if not target.file_id and not target.path:
            target = replace(target, path=check_path(path))
        content = self._intake.finish(self._declared.size, self._declared.digest)
        if wish is not self._wish or target is not self._target:
            self._course.replan(self._uploads.plan(target, wish, content.size))

        def check(head: File | None) -> None:
            self._uploads.check(target, wish, self._course, head, content.size)

        def draft(head: File | None) -> Draft:
            kept_type = head.head.content_type if head else ""
            return Draft(Kind.CONTENT, head.path if head else target.path, content, content_type or kept_type)

        try:
            published = self._uploads.publisher.publish(
                target.place, draft, wish, self._shipment, intake=self._intake, check=check
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
        replays: Replays,
        levels: Levels,
        parents: Parents,
        publisher: Publisher,
        shipping: Shipping,
        quotas: Quotas,
        codec: ChunkCodec,
        meters: Meters,
        *,
        chunk_size: int,
        max_size: int,
    ) -> None:
        self.publisher = publisher
        self.shipping = shipping
        self.meters = meters
        self._replays = replays
        self._levels = levels
        self._parents = parents
        self._quotas = quotas
        self._codec = codec
        self._chunk_size = chunk_size
        self._max_size = max_size

    def begin(self, target: Target, declared: Declared, wish: Wish) -> Upload | Published:
        """Start an upload, or repeat the answer already given to its Idempotency-Key.

        What can be refused without the body is refused here: raises :class:`InvalidName`, :class:`NotFound`,
        :class:`PreconditionFailed`, :class:`IdempotencyKeyReused`, :class:`QuotaExceeded`, :class:`TooFewReplicas`,
        :class:`CatalogUnavailable`.
        """
        if wish.idempotency_key:
            replay = self.replay(target.owner_id, wish)
            if replay is not None:
                return replay
        if target.path and (path := check_path(target.path)) != target.path:
            target = replace(target, path=path)
        size = declared.roughly if declared.size is None else declared.size
        course = self.course(target, wish, size)
        if target.file_id or target.conditional:
            self.check(target, wish, course, self._parents.find(target.place, course), size)
        self._quotas.check_upload(target.place, declared.least, wish.quota_bytes)
        return Upload(self, target, declared, wish, course)

    def course(self, target: Target, wish: Wish, size: int | None) -> Course:
        """Its way along the plan. Raises like :meth:`plan`."""
        return self._levels.course(wish.ask, target.place, size=size, conditional=target.conditional)

    def plan(self, target: Target, wish: Wish, size: int | None) -> Plan:
        """The levels at which to try it. Raises :class:`TooFewReplicas` or :class:`CatalogUnavailable` when none can be
        met."""
        return self._levels.plan(wish.ask, target.place, size=size, conditional=target.conditional)

    def check(self, target: Target, wish: Wish, course: Course, head: File | None, size: int | None) -> None:
        """Raise :class:`PreconditionFailed` unless the conditions hold of this head, and what :meth:`Levels.hold`
        raises when the file has a floor that cannot be met."""
        target.check(head)
        if head is not None:
            place = Place(head.owner_id, head.id, head.path)
            self._levels.hold(course, wish.ask, place, size=size, conditional=target.conditional)

    def intake(self, shipment: Shipment) -> Intake:
        """A fresh intake for one upload."""
        return Intake(shipment, self._codec, chunk_size=self._chunk_size, max_size=self._max_size)

    def replay(self, owner_id: str, wish: Wish) -> Published | None:
        """The answer recorded for the wish's Idempotency-Key, if any. Raises :class:`IdempotencyKeyReused`."""
        answered = self._replays.find(owner_id, wish.idempotency_key, wish.fingerprint)
        if answered is None:
            return None
        file, receipt = answered
        line = Line(0 if receipt.provisional else file.head.number, frozenset({file.head.dot}))
        published = Published(file, receipt, line, replayed=True)
        # The master that committed it may have died before it told anybody.
        return published if receipt.provisional else self.publisher.acknowledge(published)


def check_match(head: File, if_match: tuple[str, ...] | None) -> None:
    """Raise :class:`PreconditionFailed` unless the head has one of the etags (RFC 9110 section 13.1.1)."""
    if if_match is not None and ANY not in if_match and head.head.etag not in if_match:
        raise PreconditionFailed(
            "The file has changed since the version you named; nothing was changed. Fetch it again and decide.",
            field="If-Match",
        )
