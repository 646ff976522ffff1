"""Every error EchoFS raises on purpose: one tree, one parent.

An error carries a sentence for the person who sees it and, where one field or setting is at fault, its name. It knows
nothing of HTTP; ``echofs.web.errors`` maps classes to status codes in one table.
"""

from __future__ import annotations


class EchoError(Exception):
    """Parent of all expected failures.

    ``message`` says what happened and what to do; ``field`` names the argument, form field or variable at fault;
    ``retry_after`` is the number of seconds after which trying again makes sense, or None where it does not.
    """

    code = "error"

    def __init__(self, message: str, *, field: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.retry_after = retry_after


class InvalidSetting(EchoError):
    """A configuration variable is missing or wrong; the process must not start."""

    code = "invalid_setting"


# --- the caller's fault -------------------------------------------------------------------------------------------


class InvalidRequest(EchoError):
    """The request can never succeed as it is."""

    code = "invalid_request"


class InvalidName(InvalidRequest):
    """A path, folder or user name breaks the naming rules."""

    code = "invalid_name"


class BodyMismatch(InvalidRequest):
    """The body is shorter or longer than declared, or its digest differs."""

    code = "body_mismatch"


class ChecksumMismatch(BodyMismatch):
    """The bytes of a resumable upload are not those that were declared."""

    code = "checksum_mismatch"


class UnsupportedType(InvalidRequest):
    """The body's Content-Type cannot be read on this route."""

    code = "unsupported_type"


class TooLarge(InvalidRequest):
    """The body or a part of it exceeds a limit."""

    code = "too_large"


class RangeNotSatisfiable(InvalidRequest):
    """The byte range asked for lies outside the file or is malformed. ``size`` is the length of the file in bytes."""

    code = "range_not_satisfiable"

    def __init__(self, message: str, *, size: int) -> None:
        super().__init__(message, field="Range")
        self.size = size


class AuthenticationFailed(EchoError):
    """No valid proof of identity came with the request."""

    code = "authentication_failed"


class Forbidden(EchoError):
    """The user is known but may not do this."""

    code = "forbidden"


class NotFound(EchoError):
    """Nothing by that key or id exists, or it belongs to somebody else."""

    code = "not_found"


class Expired(EchoError):
    """What was asked for was there for a time, which is over."""

    code = "expired"


class Conflict(EchoError):
    """The request contradicts the present state."""

    code = "conflict"


class NameTaken(Conflict):
    """A path, user name or e-mail address is in use already."""

    code = "name_taken"


class HeadMoved(Conflict):
    """The file's head is no longer the parent this version was made from: another writer won."""

    code = "head_moved"


class UploadMoved(Conflict):
    """A resumable upload has come to another offset than the request is for."""

    code = "upload_moved"


class IdempotencyKeyReused(InvalidRequest):
    """The same Idempotency-Key came with a different request."""

    code = "idempotency_key_reused"


class PreconditionFailed(EchoError):
    """A condition the caller set (``If-Match``, ``only_if``) does not hold; nothing was changed."""

    code = "precondition_failed"


class QuotaExceeded(EchoError):
    """The user would have more bytes stored than allowed; nothing was changed."""

    code = "quota_exceeded"


class RateLimited(EchoError):
    """Too many attempts; ``retry_after`` says when to try again."""

    code = "rate_limited"


# --- the system's fault -------------------------------------------------------------------------------------------


class Unavailable(EchoError):
    """Something EchoFS needs does not answer now; nothing was promised and a retry is safe."""

    code = "unavailable"

    def __init__(self, message: str, *, field: str | None = None, retry_after: float | None = 1.0) -> None:
        super().__init__(message, field=field, retry_after=retry_after)


class TooFewReplicas(Unavailable):
    """Not enough workers made the chunks durable for the consistency level asked for."""

    code = "too_few_replicas"


class CatalogUnavailable(Unavailable):
    """The catalog did not answer."""

    code = "catalog_unavailable"


class ChunkUnavailable(Unavailable):
    """No reachable replica of a chunk passed its check. ``first_byte`` and ``last_byte`` name the range concerned."""

    code = "chunk_unavailable"

    def __init__(self, message: str, *, digest: str) -> None:
        super().__init__(message)
        self.digest = digest


class StoreUnavailable(Unavailable):
    """The store failed in a way that may pass; the only store error worth a retry."""

    code = "store_unavailable"


class StoreFull(StoreUnavailable):
    """The store has no room (or no inodes, or is read-only): write elsewhere."""

    code = "store_full"


class ClusterFull(EchoError):
    """Every worker that answered is full."""

    code = "cluster_full"


class SpoolFull(EchoError):
    """This master has no room left for what it accepts without the catalog or without workers."""

    code = "spool_full"


class ValueTooLarge(EchoError):
    """The value exceeds ``ObjectStore.limits.max_value_bytes``."""

    code = "value_too_large"


class CorruptFrame(EchoError):
    """A chunk frame fails its checksum, carries another digest than expected, or is malformed."""

    code = "corrupt_frame"
