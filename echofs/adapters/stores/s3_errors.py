"""What S3 and botocore say when something goes wrong, in EchoFS's words: translated here and nowhere else."""

from __future__ import annotations

from enum import Enum

from botocore.exceptions import (
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
)

from echofs.adapters.stores.s3_client import SETTING, S3Access, S3Place
from echofs.core.errors import EchoError, InvalidSetting, NotFound, PreconditionFailed, StoreFull, StoreUnavailable


class Garbled(Exception):
    """An answer that cannot be true: without what it must have, or with another digest than its bytes."""


class Fault(Enum):
    """What went wrong, as far as it makes a difference. The value is the reason as people read it."""

    ABSENT = "nothing is stored under this key"
    CONDITION = "the value is not the one expected"
    NO_BUCKET = "the bucket does not exist"
    NO_CREDENTIALS = "no credentials were found"
    CREDENTIALS = "it does not accept the credentials"
    DENIED = "it does not allow this"
    REGION = "the bucket is in another region"
    CLOCK = "this host's clock is wrong"
    FULL = "it has no room"
    TOO_LARGE = "it does not take values of this size"
    UNREACHABLE = "it does not answer"
    BUSY = "it is overloaded or failing"
    GARBLED = "its answers are damaged"
    OTHER = "it refuses the request"


TRANSIENT = frozenset({Fault.UNREACHABLE, Fault.BUSY, Fault.GARBLED})
"""What another attempt may cure."""

_CODES = {
    "NoSuchKey": Fault.ABSENT,
    "NotFound": Fault.ABSENT,
    "PreconditionFailed": Fault.CONDITION,
    "NoSuchBucket": Fault.NO_BUCKET,
    "InvalidBucketName": Fault.NO_BUCKET,
    "InvalidAccessKeyId": Fault.CREDENTIALS,
    "SignatureDoesNotMatch": Fault.CREDENTIALS,
    "ExpiredToken": Fault.CREDENTIALS,
    "InvalidToken": Fault.CREDENTIALS,
    "TokenRefreshRequired": Fault.CREDENTIALS,
    "AccessDenied": Fault.DENIED,
    "AllAccessDisabled": Fault.DENIED,
    "AccountProblem": Fault.DENIED,
    "AuthorizationHeaderMalformed": Fault.REGION,
    "PermanentRedirect": Fault.REGION,
    "IllegalLocationConstraintException": Fault.REGION,
    "RequestTimeTooSkewed": Fault.CLOCK,
    "QuotaExceeded": Fault.FULL,
    "InsufficientStorage": Fault.FULL,
    "XMinioStorageFull": Fault.FULL,
    "EntityTooLarge": Fault.TOO_LARGE,
    "ConditionalRequestConflict": Fault.BUSY,
    "RequestTimeout": Fault.BUSY,
    "SlowDown": Fault.BUSY,
    "Throttling": Fault.BUSY,
    "BadDigest": Fault.GARBLED,
    "IncompleteBody": Fault.GARBLED,
    "XAmzContentSHA256Mismatch": Fault.GARBLED,
}
_STATUSES = {
    301: Fault.REGION,
    403: Fault.DENIED,
    404: Fault.ABSENT,
    408: Fault.BUSY,
    412: Fault.CONDITION,
    413: Fault.TOO_LARGE,
    429: Fault.BUSY,
    501: Fault.OTHER,
    507: Fault.FULL,
}


def fault_of(error: BaseException) -> Fault:
    """What an error of botocore, or a :class:`Garbled` answer, comes to."""
    if isinstance(error, ClientError):
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        fault = _CODES.get(code_of(error)) or _STATUSES.get(status)
        return fault or (Fault.BUSY if status >= 500 else Fault.OTHER)
    if isinstance(error, (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError)):
        return Fault.NO_CREDENTIALS
    if isinstance(error, NoRegionError):
        return Fault.REGION
    if isinstance(error, Garbled) or type(error).__name__ in ("FlexibleChecksumError", "ResponseParserError"):
        return Fault.GARBLED
    return Fault.UNREACHABLE


def code_of(error: BaseException) -> str:
    """The code S3 gave, or the kind of error botocore saw: for log lines, never secret."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "unknown"))[:40]
    return type(error).__name__


def translated(error: Exception, action: str) -> EchoError:
    """The port's error for a call that failed for good; to be raised ``from`` its cause."""
    fault = fault_of(error)
    if fault is Fault.ABSENT:
        return NotFound("Nothing is stored under this key.", field="key")
    if fault is Fault.CONDITION:
        return condition_failed()
    if fault is Fault.FULL:
        return StoreFull("The S3 endpoint has no room left. Write elsewhere.")
    return StoreUnavailable(f"S3 could not {action}: {fault.value} ({code_of(error)}). Try again later.")


def condition_failed() -> PreconditionFailed:
    """Told whether the endpoint or EchoFS itself has noticed."""
    return PreconditionFailed("The value under this key is not the one expected; nothing was changed.", field="only_if")


def refusal(error: EchoError, place: S3Place, access: S3Access) -> InvalidSetting:
    """Why a worker cannot start on this place, naming the variable to look at."""
    cause = error.__cause__
    fault = fault_of(cause) if cause is not None else Fault.OTHER
    at = access.endpoint_url or f"AWS in {access.region or 'the default region'}"
    reach = "S3_ENDPOINT_URL" if access.endpoint_url else "AWS_REGION"
    what = code_of(cause) if cause is not None else error.code
    field, sentence = {
        Fault.ABSENT: (SETTING, f"there is no bucket {place.bucket} at {at}. Make it, or correct the name"),
        Fault.NO_BUCKET: (SETTING, f"there is no bucket {place.bucket} at {at}. Make it, or correct the name"),
        Fault.NO_CREDENTIALS: (
            "AWS_ACCESS_KEY_ID",
            "no AWS credentials were found. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or a role",
        ),
        Fault.CREDENTIALS: (
            "AWS_ACCESS_KEY_ID",
            f"{at} does not accept the credentials ({what}). Correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        ),
        Fault.DENIED: (
            "AWS_ACCESS_KEY_ID",
            f"the credentials may not use {place} ({what}). Allow them s3:ListBucket, GetObject, PutObject and "
            "DeleteObject there",
        ),
        Fault.REGION: ("AWS_REGION", f"the bucket {place.bucket} is in another region ({what}). Correct AWS_REGION"),
        Fault.CLOCK: (SETTING, f"{at} says that this host's clock is wrong ({what}). Set it"),
        Fault.TOO_LARGE: (
            "CHUNK_SIZE",
            f"{at} does not take values as large as a chunk ({what}). Lower CHUNK_SIZE, or raise its limit",
        ),
        Fault.UNREACHABLE: (reach, f"no S3 endpoint answers at {at} ({what}). Correct it, or look at the network"),
    }.get(fault, (reach, f"{at} cannot be used: {fault.value} ({what}). Look at the endpoint, or choose another one"))
    return InvalidSetting(f"{field}: {sentence}.", field=field)
