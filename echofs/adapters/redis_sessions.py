"""News of ended sessions over Redis' channels, with an answer from everybody who heard them.

A channel costs the requests nothing, where a key that each of them checks would cost a question to Redis every time.
The price is that news arrive a moment later; so whoever announces waits until all listeners say that they have heard.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict

import redis
from redis.client import PubSub

from echofs.adapters.redis_link import PREFIX, TIMEOUT_SECONDS, RedisLink
from echofs.core.errors import Unavailable
from echofs.ports.runtime import Clock, Ids
from echofs.ports.sessions import Ended, SessionNews

_CHANNEL = f"{PREFIX}ended-sessions"
_ANSWERS = f"{PREFIX}heard:"
_LISTEN_SECONDS = 0.5
_STEP_SECONDS = 0.1
"""Less than the link's own patience: waiting for a slow master must not look like a Redis that hangs."""
_ANSWERS_KEPT_MS = 5000


class RedisSessionNews(SessionNews):
    """:meth:`announce` is thread-safe; :meth:`listen` belongs to one thread.

    News carry no authority: whoever hears them asks the user directory. Forged ones do no harm, and lost ones cost the
    second for which a directory's answer is remembered.
    """

    def __init__(self, link: RedisLink, clock: Clock, ids: Ids) -> None:
        self._link = link
        self._clock = clock
        self._ids = ids
        self._channel: PubSub | None = None
        self._generation = 0

    def announce(self, ended: Ended) -> None:
        answers = _ANSWERS + self._ids.new()
        news = json.dumps({**asdict(ended), "answers": answers})
        until = self._clock.monotonic() + TIMEOUT_SECONDS
        try:
            missing = self._link.call(lambda client: int(client.publish(_CHANNEL, news)))
            while missing > 0 and self._clock.monotonic() < until:
                missing -= self._link.call(lambda client: bool(client.blpop([answers], timeout=_STEP_SECONDS)))
        except Unavailable:
            return

    def listen(self, forget: Callable[[Ended], None]) -> None:
        """Wait half a second for news and hand the first on to ``forget``: the action of a loop without pauses. Never
        raises for a Redis that is away."""
        if not self._link.wait(_LISTEN_SECONDS) or self._generation != self._link.generation:
            self._hang_up()
        try:
            message = self._link.call(self._next)
            ended, answers = _parse(message) if message is not None else (None, "")
            if ended is not None:
                forget(ended)
                self._link.call(lambda client: _answer(client, answers))
        except Unavailable:
            self._hang_up()

    def _next(self, client: redis.Redis) -> bytes | None:
        if self._channel is None:
            self._generation = self._link.generation
            self._channel = client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
            self._channel.subscribe(_CHANNEL)
        message = self._channel.get_message(timeout=_LISTEN_SECONDS)
        return message["data"] if message else None

    def _hang_up(self) -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None


def _answer(client: redis.Redis, answers: str) -> None:
    with client.pipeline(transaction=False) as pipeline:
        pipeline.rpush(answers, "heard")
        pipeline.pexpire(answers, _ANSWERS_KEPT_MS)
        pipeline.execute()


def _parse(message: bytes) -> tuple[Ended | None, str]:
    """What has ended, and the key under which to answer; nothing for what no master wrote."""
    try:
        news = json.loads(message)
        ended, answers = Ended(str(news["sid"]), str(news["user_id"])), str(news["answers"])
    except (KeyError, TypeError, ValueError):
        return None, ""
    return (ended, answers) if answers.startswith(_ANSWERS) else (None, "")
