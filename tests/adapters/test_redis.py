"""Redis may go away, hang, come back empty or be none at all: nothing fails, little time is lost, and the log says so
once."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import redis

from echofs.adapters.redis_counters import SharedCounters
from echofs.adapters.redis_heads import MAX_HEAD_BYTES, RedisHeads
from echofs.adapters.redis_link import PREFIX, RedisLink
from echofs.adapters.redis_sessions import RedisSessionNews
from echofs.adapters.system import SystemClock, Uuid7Ids
from echofs.core.errors import Unavailable
from echofs.ports.sessions import Ended
from tests.adapters.scripted_server import ScriptedServer
from tests.contracts.test_head_caches import a_file, keep, next_of
from tests.fakes.clock import FakeClock
from tests.fakes.meters import FakeMeters
from tests.servers.valkey_process import ValkeyProcess

LIFE = 0.5
NOBODY = "redis://127.0.0.1:1/0"


@pytest.fixture(scope="module")
def process() -> Iterator[ValkeyProcess]:
    process = ValkeyProcess()
    yield process
    process.kill()


@pytest.fixture
def server(process: ValkeyProcess) -> ValkeyProcess:
    """An empty server, which the test may kill."""
    if not process.alive:
        process.start()
    with process.client() as client:
        client.flushall()
    return process


@pytest.fixture
def own_server() -> Iterator[ValkeyProcess]:
    """A server whose configuration the test changes."""
    process = ValkeyProcess().start()
    yield process
    process.kill()


@contextmanager
def link_to(addr: str, clock: FakeClock | None = None) -> Iterator[RedisLink]:
    """A link that has been checked once."""
    link = RedisLink(addr if "://" in addr else f"redis://{addr}", clock or FakeClock(), FakeMeters())
    link.check()
    yield link
    link.close()


def ping(link: RedisLink) -> bool:
    return link.call(lambda client: bool(client.ping()))


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [str(record.__dict__["why"]) for record in caplog.records if record.levelno == logging.WARNING]


def test_a_link_opens_nothing_until_it_is_checked(valkey_addr: str) -> None:
    link = RedisLink(f"redis://{valkey_addr}", FakeClock(), FakeMeters())
    with pytest.raises(Unavailable):
        ping(link)
    link.check()
    assert ping(link)
    link.close()


def test_a_server_that_is_not_there_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    with link_to(NOBODY) as link:
        link.check()
        assert not link.here
    assert warnings(caplog) == ["There is no connection to Redis at 127.0.0.1:1, or it broke."]


def test_a_wrong_password_is_told_without_repeating_it(
    own_server: ValkeyProcess, caplog: pytest.LogCaptureFixture
) -> None:
    with own_server.client() as client:
        client.config_set("requirepass", "the right one")
    with link_to(f"redis://:guessed-wrong@{own_server.addr}/0") as link:
        assert not link.here
    assert warnings(caplog) == [f"Redis at {own_server.addr} refuses the user or password in REDIS_ADDR."]
    assert "guessed" not in caplog.text
    with link_to(f"redis://:the%20right%20one@{own_server.addr}/0") as link:
        assert link.here


def test_a_restricted_user_is_enough(server: ValkeyProcess) -> None:
    with server.client() as client:
        client.execute_command("ACL SETUSER", "me", "on", ">secret", "~{echofs}:*", "&{echofs}:*", "+@all", "-@admin")
    clock = FakeClock()
    with link_to(f"redis://me:secret@{server.addr}", clock) as link:
        heads, news = RedisHeads(link), RedisSessionNews(link, SystemClock(), Uuid7Ids())
        clock.advance(10)
        file = a_file()
        keep(heads, file)
        assert heads.find(file.id).file == file
        assert heads.supersede(next_of(file))
        news.listen([].append)
        news.announce(Ended(sid="s"))
        assert SharedCounters("", link=link).incr("key", 60) == 1
        assert link.here


def test_a_server_that_is_no_redis_is_told(caplog: pytest.LogCaptureFixture) -> None:
    stranger = ScriptedServer(lambda peer: peer.raw(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    with link_to(f"127.0.0.1:{stranger.port}") as link:
        assert not link.here
    stranger.stop()
    assert warnings(caplog) == [f"What answers at 127.0.0.1:{stranger.port} is no Redis."]


def test_a_server_that_may_not_write_is_away(own_server: ValkeyProcess, caplog: pytest.LogCaptureFixture) -> None:
    with own_server.client() as client:
        client.config_set("maxmemory", 1)
    with link_to(own_server.addr) as link:
        assert not link.here
    assert warnings(caplog) == [f"Redis at {own_server.addr} refuses to write: it is full, read-only or in trouble."]


def test_only_the_first_question_waits_for_a_server_that_hangs(server: ValkeyProcess) -> None:
    with link_to(server.addr) as link:
        server.pause()
        with pytest.raises(Unavailable, match="did not answer"):
            ping(link)
        for _ in range(100):
            with pytest.raises(Unavailable, match="away"):
                ping(link)
        server.resume()
        link.check()
        assert ping(link)


def test_a_server_that_comes_back_is_used_again(server: ValkeyProcess, caplog: pytest.LogCaptureFixture) -> None:
    with link_to(server.addr) as link:
        before = link.generation
        server.kill()
        link.check()
        assert not link.here
        server.start()
        link.check()
        assert ping(link)
        assert link.generation > before
    assert len(warnings(caplog)) == 1


def test_a_restart_that_nobody_saw_counts_as_an_outage(server: ValkeyProcess) -> None:
    with link_to(server.addr) as link:
        assert ping(link)
        before = link.generation
        server.kill()
        server.start()
        with pytest.raises(Unavailable):
            ping(link)
        link.check()
        assert ping(link)
        assert link.generation > before


def test_without_redis_no_head_is_found_or_kept_and_commits_say_so() -> None:
    with link_to(NOBODY) as link:
        heads = RedisHeads(link)
        file = a_file()
        lookup = heads.find(file.id)
        assert (lookup.file, lookup.ticket) == (None, None)
        heads.keep(file, lookup)
        assert not heads.supersede(file)


def test_heads_are_not_used_for_their_life_after_an_outage(server: ValkeyProcess) -> None:
    clock = FakeClock()
    with link_to(server.addr, clock) as link:
        heads = RedisHeads(link, life=LIFE)
        assert heads.find("a").ticket is None
        clock.advance(LIFE)
        assert heads.find("a").ticket is not None
        server.kill()
        link.check()
        server.start()
        link.check()
        assert heads.find("a").ticket is None
        assert heads.supersede(a_file())
        clock.advance(LIFE)
        assert heads.find("a").ticket is not None


def test_a_lookup_from_before_an_outage_keeps_nothing(server: ValkeyProcess) -> None:
    clock = FakeClock()
    with link_to(server.addr, clock) as link:
        heads = RedisHeads(link)
        clock.advance(10)
        file = a_file()
        lookup = heads.find(file.id)
        server.kill()
        server.start()
        link.check()
        link.check()
        clock.advance(10)
        assert link.here
        heads.keep(file, lookup)
        assert heads.find(file.id).file is None


def test_a_head_ages_while_it_waits_in_a_hanging_server(server: ValkeyProcess) -> None:
    clock = FakeClock()
    with link_to(server.addr, clock) as link:
        heads = RedisHeads(link, life=LIFE)
        clock.advance(LIFE)
        file = a_file()
        lookup = heads.find(file.id)
        server.pause()
        heads.keep(file, lookup)
        time.sleep(LIFE)
        server.resume()
        with server.client() as client:
            assert client.hget(f"{PREFIX}head:{file.id}", "head") is None


def test_everything_in_redis_expires(server: ValkeyProcess) -> None:
    clock = FakeClock()
    with link_to(server.addr, clock) as link, server.client() as client:
        heads = RedisHeads(link)
        clock.advance(10)
        keep(heads, a_file())
        heads.supersede(next_of(a_file()))
        SharedCounters("", link=link).incr("login", 60)
        lives = {key: client.pttl(key) for key in client.scan_iter()}
    assert len(lives) == 5
    assert all(0 < life <= 60_000 for life in lives.values())


def test_a_very_large_head_is_not_cached_but_bars_the_one_before(server: ValkeyProcess) -> None:
    clock = FakeClock()
    with link_to(server.addr, clock) as link:
        heads = RedisHeads(link)
        clock.advance(10)
        old = a_file()
        lookup = heads.find(old.id)
        new = next_of(old)
        large = replace(new.head, content=replace(new.head.content, inline=b"\0" * MAX_HEAD_BYTES))
        keep(heads, replace(new, head=large))
        heads.keep(old, lookup)
        assert heads.find(old.id).file is None


@pytest.mark.parametrize("head", [b"no json", b"{}", b'{"head": 7}', b"[]"])
def test_a_head_that_cannot_be_read_is_a_miss(server: ValkeyProcess, head: bytes) -> None:
    clock = FakeClock()
    with link_to(server.addr, clock) as link, server.client() as client:
        heads = RedisHeads(link)
        clock.advance(10)
        file = a_file()
        keep(heads, file)
        client.hset(f"{PREFIX}head:{file.id}", "head", head)
        lookup = heads.find(file.id)
        assert lookup.file is None
        assert lookup.ticket is not None


class Listener:
    """A master that hears news in a thread of its own."""

    def __init__(self, addr: str) -> None:
        self.link = RedisLink(f"redis://{addr}", SystemClock(), FakeMeters())
        self.news = RedisSessionNews(self.link, SystemClock(), Uuid7Ids())
        self.heard: list[Ended] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.link.check()

    def __enter__(self) -> Listener:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self.link.close()

    def _run(self) -> None:
        while not self._ended.is_set():
            self.news.listen(self.heard.append)


def listeners(client: redis.Redis) -> int:
    ((_, number),) = client.pubsub_numsub(f"{PREFIX}ended-sessions")
    return int(number)


def wait_for_listeners(server: ValkeyProcess, number: int) -> None:
    deadline = time.monotonic() + 20
    with server.client() as client:
        while listeners(client) != number:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_news_have_been_heard_everywhere_when_they_are_announced(server: ValkeyProcess) -> None:
    with Listener(server.addr) as one, Listener(server.addr) as two:
        wait_for_listeners(server, 2)
        one.news.announce(Ended(sid="s"))
        assert (one.heard, two.heard) == ([Ended(sid="s")], [Ended(sid="s")])
        two.news.announce(Ended(user_id="u"))
        assert one.heard[1:] == two.heard[1:] == [Ended(user_id="u")]


def test_what_no_master_wrote_is_not_heard(server: ValkeyProcess) -> None:
    with Listener(server.addr) as one:
        wait_for_listeners(server, 1)
        with server.client() as client:
            for forged in ("x", "[]", "{}", '{"sid": "s", "user_id": "", "answers": "catalog"}'):
                client.publish(f"{PREFIX}ended-sessions", forged)
        one.news.announce(Ended(sid="s"))
        assert one.heard == [Ended(sid="s")]


def test_listeners_are_back_after_a_restart(server: ValkeyProcess) -> None:
    with Listener(server.addr) as one:
        wait_for_listeners(server, 1)
        server.kill()
        one.news.announce(Ended(sid="lost"))
        server.start()
        one.link.check()
        one.link.check()
        wait_for_listeners(server, 1)
        one.news.announce(Ended(sid="s"))
        assert one.heard == [Ended(sid="s")]


def test_an_announcement_ends_also_when_a_listener_hangs(server: ValkeyProcess) -> None:
    with Listener(server.addr) as one, server.client() as deaf:
        channel = deaf.pubsub()
        channel.subscribe(f"{PREFIX}ended-sessions")
        wait_for_listeners(server, 2)
        one.news.announce(Ended(sid="s"))
        assert one.link.here
        channel.close()


def test_without_redis_news_are_nobodys() -> None:
    with link_to(NOBODY) as link:
        news = RedisSessionNews(link, SystemClock(), Uuid7Ids())
        news.announce(Ended(sid="s"))
        heard: list[Ended] = []
        news.listen(heard.append)
        assert heard == []


def test_counters_are_shared(server: ValkeyProcess) -> None:
    with link_to(server.addr) as link, link_to(server.addr) as another:
        one, two = SharedCounters("", link=link), SharedCounters("", link=another)
        assert [one.incr("key", 60), two.incr("key", 60), one.get("key")] == [1, 2, 2]
        assert two.get_expiry("key") > time.time()
        one.clear("key")
        assert two.get("key") == 0
        two.incr("key", 60)
        one.reset()
        assert two.get("key") == 0


def test_without_redis_each_counts_alone_and_goes_on_where_it_was_afterwards(server: ValkeyProcess) -> None:
    with link_to(server.addr) as link:
        counters = SharedCounters("", link=link)
        assert [counters.incr("key", 600) for _ in range(3)] == [1, 2, 3]
        server.pause()
        assert [counters.incr("key", 600) for _ in range(2)] == [1, 2]
        server.resume()
        link.check()
        # The question that hung was answered after all.
        assert counters.incr("key", 600) == 5


def test_nothing_is_given_back_that_was_charged_elsewhere() -> None:
    with link_to(NOBODY) as link:
        counters = SharedCounters("", link=link)
        assert counters.incr("key", 60, -1) == 0
        assert counters.incr("key", 60) == 1
        assert counters.incr("key", 60, -1) == 0
