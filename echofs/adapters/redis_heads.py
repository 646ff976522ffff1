"""Heads of files, cached in Redis for all masters.

Each file has one hash, ``{echofs}:head:ID``:

``number``
    No version below it may be returned again. It is remembered for a head's life after it was last written, so it
    outlives whatever was read from the catalog before it was committed.
``head``, ``at``
    A file as JSON, and when (microseconds on Redis' clock) the lookup was made that led to the question by which the
    catalog named it. Absent where a newer version was committed and nobody has read it since.

Only Redis' clock is used: a head that travels slowly to Redis, or waits in a paused one, ages on the way. A set
``{echofs}:heads`` of the ids that have a head bounds their number.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from echofs.adapters.redis_link import PREFIX, RedisLink
from echofs.core.consistency import STALENESS_SECONDS
from echofs.core.errors import Unavailable
from echofs.core.models import Content, Dot, File, Kind, Version
from echofs.ports.cache import HeadCache, Lookup

MAX_HEADS = 8192
MAX_HEAD_BYTES = 16 << 10
"""Larger ones belong to files of 250 MiB and more, whose reading takes far longer than a question to the catalog."""
_MICROSECONDS = 1_000_000
_INDEX = f"{PREFIX}heads"
_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
"""
_FIND = f"""{_NOW}
local seen = redis.call('HMGET', KEYS[1], 'at', 'head')
return {{string.format('%.0f', now), seen[1], seen[2]}}
"""
_REMEMBER = """
local function remember(number)
  redis.call('HSET', KEYS[1], 'number', number)
  redis.call('PEXPIRE', KEYS[1], math.ceil(life / 1000))
end
local function drop_head()
  redis.call('HDEL', KEYS[1], 'at', 'head')
  redis.call('ZREM', KEYS[2], KEYS[1])
end
"""
# ARGV: number, life, at, the most heads, the head ('': too large, only the number is remembered)
_KEEP = f"""{_NOW}
local number, life, at = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]) {_REMEMBER}
local known = redis.call('HMGET', KEYS[1], 'number', 'at')
local known_number, known_at = tonumber(known[1] or 0), tonumber(known[2] or 0)
if at > now or at + life <= now or known_number > number then return 0 end
if known_number == number and known_at >= at then return 0 end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now))
remember(number)
if ARGV[5] == '' or (known_at == 0 and redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[4])) then
  drop_head()
  return 0
end
redis.call('HSET', KEYS[1], 'at', ARGV[3], 'head', ARGV[5])
redis.call('ZADD', KEYS[2], string.format('%.0f', now + life), KEYS[1])
redis.call('PEXPIRE', KEYS[2], math.ceil(life / 1000))
return 1
"""
# ARGV: number, life
_SUPERSEDE = f"""
local number, life = tonumber(ARGV[1]), tonumber(ARGV[2]) {_REMEMBER}
local known_number = tonumber(redis.call('HGET', KEYS[1], 'number') or 0)
if known_number < number then drop_head() end
remember(math.max(known_number, number))
return 1
"""


@dataclass(frozen=True, slots=True)
class _Ticket:
    """When a lookup was made: on Redis' clock, and in which life of the connection."""

    at: int
    generation: int


class RedisHeads(HeadCache):
    """Thread-safe. ``life`` is how many seconds a head may be returned; at most ``capacity`` of them are cached.

    After every outage, and at the start, the cache is not used for that long: whatever was missed meanwhile, and
    whatever a restarted server brought back from its disk, has expired then.
    """

    def __init__(self, link: RedisLink, *, life: float = STALENESS_SECONDS, capacity: int = MAX_HEADS) -> None:
        self._link = link
        self._life = life
        self._microseconds = round(life * _MICROSECONDS)
        self._capacity = capacity
        self._find = link.client.register_script(_FIND)
        self._keep = link.client.register_script(_KEEP)
        self._supersede = link.client.register_script(_SUPERSEDE)

    def find(self, file_id: str) -> Lookup:
        generation = self._link.generation
        if not self._link.steady_for(self._life):
            return Lookup()
        try:
            now, at, head = self._ask(self._find, [_key(file_id)], [])
        except Unavailable:
            return Lookup()
        # Redis went away and came back while this thread slept.
        if generation != self._link.generation:
            return Lookup()
        ticket = _Ticket(int(now), generation)
        age = (ticket.at - int(at or 0)) / _MICROSECONDS
        # Below zero after the clock was set back: how old the head is cannot be told.
        file = _decode(head) if head and 0 <= age < self._life else None
        return Lookup(file, age if file else 0.0, ticket)

    def keep(self, file: File, lookup: Lookup) -> None:
        ticket = lookup.ticket
        if not isinstance(ticket, _Ticket) or ticket.generation != self._link.generation:
            return
        head = _encode(file)
        if len(head) > MAX_HEAD_BYTES:
            head = b""
        try:
            self._ask(
                self._keep,
                [_key(file.id), _INDEX],
                [file.head.number, self._microseconds, ticket.at, self._capacity, head],
            )
        except Unavailable:
            return

    def supersede(self, file: File) -> bool:
        try:
            self._ask(self._supersede, [_key(file.id), _INDEX], [file.head.number, self._microseconds])
        except Unavailable:
            return False
        return True

    def _ask(self, script: Any, keys: Sequence[str], arguments: Sequence[str | int | bytes]) -> Any:
        return self._link.call(lambda _client: script(keys=keys, args=arguments))


def _key(file_id: str) -> str:
    return f"{PREFIX}head:{file_id}"


def _encode(file: File) -> bytes:
    return json.dumps(asdict(file), default=_text, separators=(",", ":")).encode()


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"{type(value).__name__} does not belong into a head")


def _decode(head: bytes) -> File | None:
    """The file, or None for a head that another version of EchoFS wrote in a way of its own."""
    try:
        file = json.loads(head)
        version = file["head"]
        content = version["content"]
        for name in ("inline", "lists"):
            content[name] = base64.b64decode(content[name])
        version |= {"kind": Kind(version["kind"]), "content": Content(**content), "dot": Dot(**version["dot"])}
        return File(**{**file, "head": Version(**version)})
    except (KeyError, TypeError, ValueError):
        return None
