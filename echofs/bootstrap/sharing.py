"""What masters share through Redis: limits, news of ended sessions, and heads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from echofs.adapters.redis_counters import SCHEME
from echofs.adapters.redis_heads import RedisHeads
from echofs.adapters.redis_link import RedisLink
from echofs.adapters.redis_sessions import RedisSessionNews
from echofs.bootstrap.application import BEAT_SECONDS
from echofs.bootstrap.basics import Basics
from echofs.ports.runtime import Meters
from echofs.ports.sessions import Ended
from echofs.services.loops import Loop


@dataclass(frozen=True, slots=True)
class Sharing:
    """Everything that needs Redis. Nothing connects before the loops run."""

    link: RedisLink
    heads: RedisHeads
    news: RedisSessionNews

    def counters(self) -> tuple[str, dict[str, object]]:
        """The address and options by which the limits find their store."""
        return f"{SCHEME}://", {"link": self.link}

    def loops(self, forget: Callable[[Ended], None]) -> tuple[Loop, Loop]:
        """Keep an eye on Redis; hand what other masters announce on to ``forget``."""
        return (
            Loop("redis", BEAT_SECONDS, self.link.check),
            Loop("session news", 0, partial(self.news.listen, forget)),
        )


def open_sharing(url: str, basics: Basics, meters: Meters) -> Sharing:
    """Redis need not be there: everything goes on without it."""
    link = RedisLink(url, basics.clock, meters)
    return Sharing(link, RedisHeads(link), RedisSessionNews(link, basics.clock, basics.ids))
