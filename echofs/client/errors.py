"""Everything the client raises on purpose: one tree, told apart by what the caller can do about it."""

from __future__ import annotations

from collections.abc import Mapping

from echofs.core.errors import EchoError


class ClientError(EchoError):
    """Parent of all failures of the client.

    ``code`` is for programs, ``message`` is a sentence for people, ``field`` names what is at fault if one thing is.
    ``status`` is that of the answer (0 without one) and ``request_id`` is what the operator finds in the log.
    ``retry_after`` is in seconds. ``repeated`` says that an earlier attempt may have reached the master: what was
    asked for may be done already.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        status: int = 0,
        field: str | None = None,
        request_id: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, field=field, retry_after=retry_after)
        self.code = code or type(self).code
        self.status = status
        self.request_id = request_id
        self.repeated = False


class Refused(ClientError):
    """The request can never succeed as it is; nothing was changed."""

    code = "invalid_request"


class NotLoggedIn(ClientError):
    """No valid login: log in again."""

    code = "authentication_failed"


class NotAllowed(ClientError):
    """Known, but not allowed."""

    code = "forbidden"


class NotFound(ClientError):
    """Missing, deleted or somebody else's."""

    code = "not_found"


class Conflict(ClientError):
    """The present state forbids it: other writers kept winning, or a folder would move into itself."""

    code = "conflict"


class NameTaken(Conflict):
    """Something is at that path already."""

    code = "name_taken"


class PreconditionFailed(ClientError):
    """``if_match`` or ``create_only`` does not hold; nothing was changed."""

    code = "precondition_failed"


class TooLarge(Refused):
    """More than the master accepts in one piece."""

    code = "too_large"


class Full(ClientError):
    """No room: on the workers, or on the master while it stands alone."""

    code = "cluster_full"


class QuotaExceeded(Full):
    """The user's quota is used up: empty the trash or delete files."""

    code = "quota_exceeded"


class Unavailable(ClientError):
    """The master answered that it cannot now; nothing was acknowledged."""

    code = "unavailable"


class RateLimited(Unavailable):
    """Too many attempts; wait ``retry_after`` seconds."""

    code = "rate_limited"


class Unreachable(Unavailable):
    """No answer came. ``sent`` says that the request may have arrived and been done."""

    code = "unreachable"

    def __init__(self, message: str, *, sent: bool = False) -> None:
        super().__init__(message)
        self.sent = sent


class WrongContent(ClientError):
    """The bytes are not those the digest tells of; what was received must not be used."""

    code = "wrong_content"


class UnexpectedAnswer(ClientError):
    """What answered is not an EchoFS master, or a failure nobody foresaw."""

    code = "unexpected_answer"


_BY_CODE: Mapping[str, type[ClientError]] = {"name_taken": NameTaken, "quota_exceeded": QuotaExceeded}
_BY_STATUS: Mapping[int, type[ClientError]] = {
    400: Refused,
    401: NotLoggedIn,
    403: NotAllowed,
    404: NotFound,
    405: Refused,
    409: Conflict,
    410: NotFound,
    412: PreconditionFailed,
    413: TooLarge,
    415: Refused,
    416: Refused,
    422: Refused,
    423: Unavailable,
    429: RateLimited,
    460: WrongContent,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
    507: Full,
}


def error_of(
    status: int,
    message: str,
    *,
    code: str = "",
    field: str | None = None,
    request_id: str = "",
    retry_after: float | None = None,
) -> ClientError:
    """The error for an unsuccessful answer. An answer nobody knows is an :class:`UnexpectedAnswer`."""
    kind = _BY_CODE.get(code) or _BY_STATUS.get(status, UnexpectedAnswer)
    return kind(message, code=code, status=status, field=field, request_id=request_id, retry_after=retry_after)
