"""One call to S3, tried again while that may help and time is left."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from tenacity import RetryCallState, Retrying, wait_random_exponential
from urllib3.exceptions import HTTPError

from echofs.adapters.stores.breaker import Breaker
from echofs.adapters.stores.s3_errors import TRANSIENT, Fault, Garbled, fault_of, translated
from echofs.core.errors import EchoError, StoreFull, StoreUnavailable

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0
GARBLED_ATTEMPTS = 3
"""A value that is damaged where it lies stays so: it must not hold up those asked for with it."""
_VENDOR = (BotoCoreError, ClientError, HTTPError, OSError, Garbled)

T = TypeVar("T")


class S3Calls:
    """Attempts with pauses that double and are drawn at random below that ("full jitter", M. Brooker), until an instant
    after which none is begun; and a breaker for an endpoint that keeps failing. Thread-safe.

    ``attempt_seconds`` is how long an attempt may take: none is begun later than that before the deadline.
    """

    def __init__(self, *, deadline_seconds: float, attempt_seconds: float, breaker: Breaker | None = None) -> None:
        self.breaker = breaker or Breaker()
        self._deadline_seconds = deadline_seconds
        self._attempt_seconds = attempt_seconds

    def deadline(self) -> float:
        """The instant, on the monotonic clock, by which a call begun now must be over."""
        return time.monotonic() + self._deadline_seconds

    def run(self, action: str, attempt: Callable[[], T], until: float) -> T:
        """What ``attempt`` returns; ``action`` completes "S3 could not …".

        Raises :class:`NotFound`, :class:`PreconditionFailed`, and :class:`StoreUnavailable` at once while the breaker
        is open, else when attempts or time are used up.
        """
        if not self.breaker.admit():
            raise StoreUnavailable(f"S3 could not {action}: it has not answered lately. Try again later.")
        try:
            result = self._retrying(until)(attempt)
        except _VENDOR as error:
            found = translated(error, action)
            self._note(found)
            raise found from error
        self.breaker.succeeded()
        return result

    def _note(self, error: EchoError) -> None:
        if isinstance(error, StoreUnavailable) and not isinstance(error, StoreFull):
            self.breaker.failed()
        else:
            self.breaker.succeeded()

    def _retrying(self, until: float) -> Retrying:
        last_start = until - self._attempt_seconds

        def is_over(state: RetryCallState) -> bool:
            return time.monotonic() + state.upcoming_sleep > last_start

        return Retrying(
            stop=is_over,
            wait=wait_random_exponential(multiplier=FIRST_PAUSE_SECONDS, max=LONGEST_PAUSE_SECONDS),
            retry=_worth_another,
            reraise=True,
        )


def _worth_another(state: RetryCallState) -> bool:
    error = state.outcome.exception() if state.outcome is not None else None
    if error is None or not isinstance(error, _VENDOR):
        return False
    fault = fault_of(error)
    return fault in TRANSIENT and (fault is not Fault.GARBLED or state.attempt_number < GARBLED_ATTEMPTS)
