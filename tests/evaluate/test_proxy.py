"""The fault proxy of the evaluation does to a link what its faults say."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from bench.evaluate.faults import CUT, DEAF, HEALTHY, REFUSED, Dice, Fault, Luck, bad_network
from bench.evaluate.proxies import Proxies
from bench.evaluate.proxy import Link

PATIENCE = 10.0


@dataclass
class Echo:
    """Answers every piece with itself, and keeps what came."""

    port: int
    received: asyncio.Queue[bytes]


@dataclass
class Peer:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def hear(self, length: int) -> bytes:
        return await asyncio.wait_for(self.reader.readexactly(length), PATIENCE)


async def call(port: int) -> Peer:
    return Peer(*await asyncio.open_connection("127.0.0.1", port))


def through_a_link(body: Callable[[Link, Echo], Awaitable[None]]) -> None:
    """Run ``body`` with a link to an echo."""

    async def run() -> None:
        received: asyncio.Queue[bytes] = asyncio.Queue()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while data := await reader.read(65536):
                received.put_nowait(data)
                writer.write(data)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        echo = Echo(server.sockets[0].getsockname()[1], received)
        link = Link(("127.0.0.1", echo.port), "seed")
        await link.open()
        try:
            await body(link, echo)
        finally:
            link.close()
            server.close()

    asyncio.run(run())


class TestLink:
    def test_a_healthy_one_passes_everything_and_the_end_too(self) -> None:
        async def body(link: Link, echo: Echo) -> None:
            peer = await call(link.port)
            content = bytes(range(256)) * 8192
            sending = asyncio.create_task(peer.say(content))
            assert await peer.hear(len(content)) == content
            await sending
            peer.writer.write_eof()
            assert await asyncio.wait_for(peer.reader.read(), PATIENCE) == b""

        through_a_link(body)

    def test_a_cut_one_holds_bytes_and_delivers_them_when_it_heals(self) -> None:
        async def body(link: Link, echo: Echo) -> None:
            peer = await call(link.port)
            await peer.say(b"before")
            assert await peer.hear(6) == b"before"
            await link.set(CUT)
            await peer.say(b"during")
            other = await call(echo.port)
            await other.say(b"marker")
            await other.hear(6)
            assert [echo.received.get_nowait() for _ in range(2)] == [b"before", b"marker"]
            assert echo.received.empty()
            await link.set(HEALTHY)
            assert await peer.hear(6) == b"during"

        through_a_link(body)

    def test_a_new_connection_into_a_cut_waits_too(self) -> None:
        async def body(link: Link, echo: Echo) -> None:
            await link.set(CUT)
            peer = await call(link.port)
            await peer.say(b"hello")
            assert echo.received.empty()
            await link.set(HEALTHY)
            assert await peer.hear(5) == b"hello"

        through_a_link(body)

    def test_one_way_cut_lets_requests_arrive_and_holds_answers(self) -> None:
        async def body(link: Link, echo: Echo) -> None:
            peer = await call(link.port)
            await link.set(DEAF)
            await peer.say(b"ask")
            assert await asyncio.wait_for(echo.received.get(), PATIENCE) == b"ask"
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(peer.reader.read(1), 0.01)
            await link.set(HEALTHY)
            assert await peer.hear(3) == b"ask"

        through_a_link(body)

    def test_refused_ends_connections_and_takes_no_new_ones_until_healed(self) -> None:
        async def body(link: Link, echo: Echo) -> None:
            peer = await call(link.port)
            await peer.say(b"x")
            await peer.hear(1)
            await link.set(REFUSED)
            with pytest.raises(ConnectionResetError):
                await peer.reader.readexactly(1)
            with pytest.raises(ConnectionRefusedError):
                await call(link.port)
            await link.set(HEALTHY)
            again = await call(link.port)
            await again.say(b"y")
            assert await again.hear(1) == b"y"

        through_a_link(body)

    def test_resets_hit_every_connection(self) -> None:
        async def body(link: Link, echo: Echo) -> None:
            await link.set(Fault(reset=True))
            peer = await call(link.port)
            with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                await peer.hear(1)

        through_a_link(body)

    def test_a_request_with_bad_luck_is_reset_alone(self) -> None:
        async def body(link: Link, echo: Echo) -> None:
            peer = await call(link.port)
            await link.set(Fault(resets=1.0))
            await peer.say(b"x")
            with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                await peer.hear(1)
            await link.set(HEALTHY)
            assert (await call(link.port)).reader is not None

        through_a_link(body)

    @pytest.mark.parametrize(
        "slow",
        [Fault(delay=0.05), Fault(rate=40.0), Fault(stalls=1.0, stall_seconds=0.05)],
        ids=["delay", "rate", "stall"],
    )
    def test_slow_ones_answer_after_quick_ones_and_lose_nothing(self, slow: Fault) -> None:
        async def body(link: Link, echo: Echo) -> None:
            await link.set(slow)
            delayed, direct = await call(link.port), await call(echo.port)
            order: list[str] = []

            async def ask(peer: Peer, name: str) -> None:
                for _ in range(3):
                    await peer.say(b"ab")
                    assert await peer.hear(2) == b"ab"
                order.append(name)

            await asyncio.gather(ask(delayed, "delayed"), ask(direct, "direct"))
            assert order == ["direct", "delayed"]

        through_a_link(body)


class TestDice:
    def test_the_same_seed_throws_the_same(self) -> None:
        fault = bad_network(0.2, 0.5)
        throws = [[Dice("7").throw(fault) for _ in range(1)] for _ in range(2)]
        assert throws[0] == throws[1]
        one, other = Dice("7"), Dice("8")
        assert [one.throw(fault) for _ in range(50)] != [other.throw(fault) for _ in range(50)]

    def test_shares_are_kept(self) -> None:
        dice, fault = Dice("3"), bad_network(0.2, 0.1)
        thrown = [dice.throw(fault) for _ in range(20_000)]
        assert 0.045 < thrown.count(Luck.RESET) / len(thrown) < 0.055
        assert 0.045 < thrown.count(Luck.STALL) / len(thrown) < 0.055

    def test_a_healthy_link_never_has_bad_luck(self) -> None:
        dice = Dice("1")
        assert {dice.throw(HEALTHY) for _ in range(100)} == {Luck.PASS}


def test_links_in_a_process_of_their_own_obey_and_end_with_it() -> None:
    async def body(link: Link, echo: Echo) -> None:
        proxies = Proxies()
        try:
            ports = await asyncio.to_thread(proxies.open, {"a": ("127.0.0.1", echo.port)}, 1)
            peer = await call(ports["a"])
            await peer.say(b"hi")
            assert await peer.hear(2) == b"hi"
            await asyncio.to_thread(proxies.set, ["a"], REFUSED)
            with pytest.raises(ConnectionRefusedError):
                await call(ports["a"])
        finally:
            await asyncio.to_thread(proxies.close)

    through_a_link(body)
