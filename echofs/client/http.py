"""One request to a master and its answer: kept connections, attempts that are repeated, and errors with a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from time import sleep
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import urllib3
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_before_delay, wait_exponential, wait_random
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationParseError,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
    SSLError,
)

from echofs.client.errors import ClientError, RateLimited, Refused, Unavailable, UnexpectedAnswer, Unreachable, error_of

API = "/api/v1"
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 60.0
PATIENCE_SECONDS = 60.0
"""For how long attempts are repeated before the last failure is told."""
PIECE_BYTES = 1 << 20
"""How much goes to or comes from the socket in one step."""
_FIRST_WAIT, _LONGEST_WAIT = 0.2, 8.0
_CONNECTIONS = 32

T = TypeVar("T")
Body = bytes | Iterable[bytes]
Waiting = Callable[[ClientError, float], None]
"""Told of an attempt that failed and of the seconds until the next one."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked. ``path`` follows ``/api/v1``; ``body`` makes the body anew for each attempt.

    ``repeatable`` says that doing it twice is the same as once; without it a request that may have arrived is not sent
    again.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Callable[[], Body] | None = None
    repeatable: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer in JSON. ``data`` and ``consistency`` are those of the envelope."""

    status: int
    headers: Mapping[str, str]
    data: Any
    consistency: Mapping[str, Any]


class Http:
    """Sends requests to one master or the proxy before several. Thread-safe.

    Connections are kept. What may pass (no connection, 429, 502 to 504) is tried again for ``patience`` seconds, after
    growing waits with jitter, or as ``Retry-After`` says. ``waiting`` is told of each wait.
    """

    def __init__(
        self,
        url: str,
        *,
        patience: float = PATIENCE_SECONDS,
        timeout: float = ANSWER_SECONDS,
        ca_file: str | None = None,
        waiting: Waiting | None = None,
    ) -> None:
        self.url = base_url(url)
        self._waiting = waiting
        self._patience = patience
        self._grow = wait_exponential(multiplier=_FIRST_WAIT, max=_LONGEST_WAIT) + wait_random(0, _FIRST_WAIT)
        self._pool = urllib3.PoolManager(
            maxsize=_CONNECTIONS,
            retries=False,
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=timeout),
            blocksize=PIECE_BYTES,
            ca_certs=ca_file,
        )

    def close(self) -> None:
        """Close the connections. The next request makes new ones."""
        self._pool.clear()

    def json(self, request: Request) -> Answer:
        """The answer of a route that speaks JSON. Raises :class:`ClientError`."""
        return self._repeated(request, lambda: read_json(self._once(request)))

    def stream(self, request: Request) -> urllib3.BaseHTTPResponse:
        """A successful answer whose body is still to be read, and which must be released. Raises
        :class:`ClientError`."""
        return self._repeated(request, lambda: successful(self._once(request)))

    def headers(self, request: Request) -> Mapping[str, str]:
        """The headers of a successful answer, whatever its body. Raises :class:`ClientError`."""

        def attempt() -> Mapping[str, str]:
            response = successful(self._once(request))
            response.drain_conn()
            response.release_conn()
            return response.headers

        return self._repeated(request, attempt)

    def health(self) -> Any:
        """The data of the master's health, be it good or bad. Asked once. Raises :class:`ClientError`."""
        response = self._once(Request("GET", "/health"))
        document = _document(response)
        if not isinstance(document, dict) or not isinstance(document.get("data"), dict):
            raise UnexpectedAnswer("What answered is not EchoFS; check the address.", status=response.status)
        return document["data"]

    def _repeated(self, request: Request, attempt: Callable[[], T]) -> T:
        arrived = False

        def worth_repeating(error: BaseException) -> bool:
            nonlocal arrived
            if not isinstance(error, Unavailable) or (not request.repeatable and _may_be_done(error)):
                return False
            arrived = arrived or (error.sent if isinstance(error, Unreachable) else not isinstance(error, RateLimited))
            return True

        retrying = Retrying(
            stop=stop_before_delay(self._patience),
            wait=self._wait,
            retry=retry_if_exception(worth_repeating),
            before_sleep=self._tell,
            sleep=sleep,
            reraise=True,
        )
        try:
            return retrying(attempt)
        except ClientError as error:
            error.repeated = arrived and retrying.statistics["attempt_number"] > 1
            raise

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after if isinstance(error, ClientError) else None
        return max(asked or 0.0, self._grow(state))

    def _tell(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if self._waiting and isinstance(error, ClientError):
            self._waiting(error, state.upcoming_sleep)

    def _once(self, request: Request) -> urllib3.BaseHTTPResponse:
        address = _checked(request, f"{self.url}{API}{request.path}")
        try:
            return self._pool.request(
                request.method,
                address,
                body=request.body() if request.body else None,
                headers=dict(request.headers),
                preload_content=False,
                redirect=False,
                decode_content=False,
            )
        except (HTTPError, OSError) as error:
            raise _no_answer(error, self.url) from error


def base_url(url: str) -> str:
    """The address of a master without a slash at its end or the API's own prefix. Raises :class:`Refused`."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise Refused(f"{url!r} is no address of EchoFS; write http://HOST:PORT or https://HOST.", field="url")
    if parts.username or parts.password:
        raise Refused("Leave the user name and the password out of the address.", field="url")
    return url.rstrip("/").removesuffix(API)


def successful(response: urllib3.BaseHTTPResponse) -> urllib3.BaseHTTPResponse:
    """The same answer if it is a success. Raises :class:`ClientError` as the answer says otherwise."""
    if response.status < 300:
        return response
    raise _refusal(response)


def read_json(response: urllib3.BaseHTTPResponse) -> Answer:
    """A whole answer in the envelope. Raises :class:`ClientError`."""
    document = _document(successful(response))
    if not isinstance(document, dict) or "data" not in document:
        raise UnexpectedAnswer("What answered is not EchoFS; check the address.", status=response.status)
    return Answer(response.status, response.headers, document["data"], document.get("consistency") or {})


def _document(response: urllib3.BaseHTTPResponse) -> Any:
    try:
        body = response.read()
        return json.loads(body) if body else None
    except ValueError:
        return None
    except (HTTPError, OSError) as error:
        raise Unreachable("The connection broke before the whole answer came.", sent=True) from error
    finally:
        response.release_conn()


def _refusal(response: urllib3.BaseHTTPResponse) -> ClientError:
    document = _document(response)
    told = document.get("error") if isinstance(document, dict) else None
    if 300 <= response.status < 400:
        told = {"message": f"It is elsewhere; use the address {response.headers.get('Location', '')!r} leads to."}
    elif not isinstance(told, dict):
        told = {"message": f"{response.status} was answered, without a reason; check the address if that goes on."}
    return error_of(
        response.status,
        str(told.get("message") or f"The master answered {response.status}."),
        code=str(told.get("code") or ""),
        field=told.get("field"),
        request_id=str(told.get("request_id") or ""),
        retry_after=_seconds(response.headers.get("Retry-After")),
    )


def _checked(request: Request, address: str) -> str:
    """The whole address of a request whose names and headers HTTP can carry. Raises :class:`Refused`."""
    if any(not value.isprintable() or not value.isascii() for value in request.headers.values()):
        raise Refused("An option holds what no header can, such as the end of a line.")
    try:
        return f"{address}?{urlencode(request.query, quote_via=quote, safe='')}" if request.query else address
    except UnicodeEncodeError as error:
        raise Refused("A name is not valid Unicode; rename it first.") from error


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isascii() and text.isdigit() else None


def _may_be_done(error: ClientError) -> bool:
    """Whether the request may have been done although this came of it; what was turned away was not."""
    return error.sent if isinstance(error, Unreachable) else not isinstance(error, RateLimited) and error.status != 503


def _no_answer(error: Exception, url: str) -> ClientError:
    if isinstance(error, LocationParseError):
        return Refused(f"{url} is no address; write http://HOST:PORT.", field="url")
    if isinstance(error, SSLError):
        return UnexpectedAnswer(f"The certificate of {url} is not trusted, or it does not speak TLS: {error}.")
    if isinstance(error, NameResolutionError):
        return Unreachable(f"{urlsplit(url).hostname} is not known: check the address and the network.")
    if isinstance(error, NewConnectionError | ConnectTimeoutError):
        return Unreachable(f"Nobody answers at {url}: check that EchoFS runs there.")
    if isinstance(error, ReadTimeoutError):
        return Unreachable(f"{url} did not answer in time.", sent=True)
    return Unreachable(f"The connection to {url} broke.", sent=True)
