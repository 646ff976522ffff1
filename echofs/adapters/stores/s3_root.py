"""Taking possession of a prefix in a bucket, and finding out what its endpoint can do."""

from __future__ import annotations

import hashlib
import logging
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass

from echofs.adapters.stores.identity import IDENTITY_NAME, Identity
from echofs.adapters.stores.s3_bucket import S3Bucket
from echofs.adapters.stores.s3_client import SETTING, S3Place
from echofs.core.errors import InvalidSetting, NotFound, PreconditionFailed, StoreUnavailable

_CLAIMS = ".claims/"
"""Begins with a dot, as no space does."""
_PROBES = ".probes/"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a probe saw an endpoint do.

    ``conditional_create`` and ``conditional_replace``: it refuses a put whose If-None-Match or If-Match does not hold;
    that it does so atomically no probe can show. ``verifies_digests``: it refuses a body that is not what its
    Content-MD5 says. ``etags_are_md5``: the etag of a value is the MD5 of its bytes.
    """

    conditional_create: bool
    conditional_replace: bool
    verifies_digests: bool
    etags_are_md5: bool


def claim(bucket: S3Bucket, place: S3Place, owner: str) -> str:
    """The store's id, from the identity under the prefix; a fresh prefix gets one.

    Of workers that claim a fresh prefix at the same time at most one succeeds, without conditional puts, as long as
    listings show what was stored before them: each first leaves a mark, then looks for others' marks and for an
    identity, and withdraws if there is either (Lamport's bakery, without waiting). A mark is removed only after the
    identity is stored, so whoever does not see the one sees the other.
    Raises :class:`InvalidSetting` if the prefix belongs to another worker or holds data without an identity.
    """
    if (present := _read(bucket, place)) is not None:
        return _checked(present, place, owner)
    _refuse_orphans(bucket, place)
    identity = Identity.new(owner)
    mark = f"{place.prefix}{_CLAIMS}{identity.store_id}"
    bucket.put(mark, identity.write())
    try:
        _refuse_rivals(bucket, place, owner, mark)
        if (present := _read(bucket, place)) is not None:
            return _checked(present, place, owner)
        bucket.put(place.prefix + IDENTITY_NAME, identity.write())
    finally:
        bucket.delete(mark)
    return identity.store_id


def still_ours(bucket: S3Bucket, place: S3Place, store_id: str) -> None:
    """Raises :class:`StoreUnavailable` unless the prefix still holds this identity."""
    try:
        raw, _ = bucket.get(place.prefix + IDENTITY_NAME)
    except NotFound as error:
        raise StoreUnavailable("The store lost its identity: the bucket was emptied. Restart the worker.") from error
    identity = Identity.read(raw)
    if identity is None or identity.store_id != store_id:
        raise StoreUnavailable("The store has another identity now. Restart the worker.")


def probe(bucket: S3Bucket, place: S3Place, largest: int) -> Abilities:
    """Try the endpoint out with a value of ``largest`` bytes, leave nothing behind, and log what was found.

    Raises :class:`StoreUnavailable` if it cannot store, read and delete such a value.
    """
    key = f"{place.prefix}{_PROBES}{uuid.uuid4()}"
    value = bytes(largest)
    try:
        etag = bucket.put(key, value)
        if bucket.get(key)[0] != value:
            raise StoreUnavailable("The S3 endpoint gives back other bytes than were stored.")
        abilities = Abilities(
            conditional_create=_refuses(lambda: bucket.put(key, b"", IfNoneMatch="*")),
            conditional_replace=_refuses(lambda: bucket.put(key, b"", IfMatch=f'"{"0" * 32}"')),
            verifies_digests=not bucket.accepts_wrong_digest(f"{key}-digest"),
            etags_are_md5=etag == hashlib.md5(value, usedforsecurity=False).hexdigest(),
        )
    finally:
        bucket.delete(key)
        bucket.delete(f"{key}-digest")
    _log.info("S3 endpoint probed", extra={"place": str(place), **asdict(abilities)})
    return abilities


def _refuses(conditional: Callable[[], object]) -> bool:
    """Whether a put whose condition does not hold is refused for that; an endpoint may also not know conditions."""
    try:
        conditional()
    except PreconditionFailed:
        return True
    except StoreUnavailable:
        return False
    return False


def _read(bucket: S3Bucket, place: S3Place) -> bytes | None:
    try:
        return bucket.get(place.prefix + IDENTITY_NAME)[0]
    except NotFound:
        return None


def _refuse_orphans(bucket: S3Bucket, place: S3Place) -> None:
    after = ""
    while page := bucket.page(place.prefix, after, 100):
        if any("/" in row.key.removeprefix(place.prefix) and not _is_ours(row.key, place) for row in page):
            raise _refusal(
                place,
                f"it holds data but no {IDENTITY_NAME}. If this is the wrong prefix, correct it; if the value was lost,"
                " restore it; otherwise choose an empty prefix and the copies are made anew",
            )
        after = page[-1].key


def _is_ours(key: str, place: S3Place) -> bool:
    return key.removeprefix(place.prefix).startswith((_CLAIMS, _PROBES))


def _refuse_rivals(bucket: S3Bucket, place: S3Place, owner: str, mark: str) -> None:
    for row in bucket.page(place.prefix + _CLAIMS, "", 100):
        if row.key == mark:
            continue
        with suppress(NotFound):
            rival = Identity.read(bucket.get(row.key)[0])
            if rival is not None and rival.owner == owner:
                bucket.delete(row.key)  # left behind by an earlier start of this worker that was cut short
                continue
            whom = f"worker {rival.owner}" if rival is not None else "another worker"
            raise _refusal(
                place,
                f"{whom} is claiming it too. Give each worker a prefix of its own; if that worker is long gone, delete "
                f"{row.key}",
            )


def _checked(raw: bytes, place: S3Place, owner: str) -> str:
    identity = Identity.read(raw)
    if identity is None:
        raise _refusal(
            place, f"its {IDENTITY_NAME} is damaged or of a newer EchoFS. Restore it, upgrade, or choose another prefix"
        )
    if identity.owner != owner:
        raise _refusal(
            place,
            f"it belongs to worker {identity.owner}, not to {owner}. Correct {SETTING} or WORKER_ID, or choose another "
            "prefix",
        )
    return identity.store_id


def _refusal(place: S3Place, reason: str) -> InvalidSetting:
    return InvalidSetting(f"{SETTING}: {place} cannot be used: {reason}.", field=SETTING)
