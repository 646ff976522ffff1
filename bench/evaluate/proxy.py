"""A TCP proxy that makes one link fail on demand: delays, cuts, one-way cuts, resets, refusals, a rate, bad luck."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections import deque

from bench.evaluate.faults import HEALTHY, Dice, Fault, Luck, Way

_HELD_BYTES = 1 << 20
"""How much of a direction is kept here before the sender is made to wait, as a full window of TCP would."""
_LINGER = struct.pack("ii", 1, 0)


class Link:
    """Listens on a port of its own and passes everything on to ``upstream``, as its present fault allows."""

    def __init__(self, upstream: tuple[str, int], seed: str) -> None:
        self._upstream = upstream
        self._dice = Dice(seed)
        self._server: asyncio.Server | None = None
        self._conversations: set[Conversation] = set()
        self._passable = {way: asyncio.Event() for way in Way}
        self._free_at = dict.fromkeys(Way, 0.0)
        self.fault = HEALTHY
        self.port = 0
        for event in self._passable.values():
            event.set()

    async def open(self, port: int = 0) -> int:
        """Start to listen on loopback; the port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Caller(Conversation(self)), "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self.port

    async def set(self, fault: Fault) -> None:
        """Let this fault begin, in place of the present one."""
        refused_before, self.fault = self.fault.refuse, fault
        for way, event in self._passable.items():
            if way in fault.stalled:
                event.clear()
            else:
                event.set()
        if fault.refuse and self._server is not None:
            self._server.close()
            self._server = None
        elif refused_before and not fault.refuse:
            await self.open(self.port)
        if fault.breaks:
            self._abort_all()

    def close(self) -> None:
        """End everything. Idempotent."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self._abort_all()

    async def pass_through(self, way: Way, length: int) -> None:
        """Return when bytes may go on in this direction."""
        await self._passable[way].wait()
        if self.fault.rate is not None:
            now = asyncio.get_running_loop().time()
            begin = max(now, self._free_at[way])
            self._free_at[way] = begin + length / self.fault.rate
            await asyncio.sleep(begin - now)

    def throw(self) -> Luck:
        return self._dice.throw(self.fault)

    async def connect(self, conversation: Conversation) -> None:
        """Connect a conversation with the other side, as soon as that can be reached."""
        await self._passable[Way.UP].wait()
        with contextlib.suppress(OSError):
            await asyncio.get_running_loop().create_connection(lambda: _Called(conversation), *self._upstream)
            return
        conversation.abort()

    def began(self, conversation: Conversation) -> None:
        self._conversations.add(conversation)
        if self.fault.breaks:
            conversation.abort()

    def ended(self, conversation: Conversation) -> None:
        self._conversations.discard(conversation)

    def _abort_all(self) -> None:
        for conversation in list(self._conversations):
            conversation.abort()


class Conversation:
    """One connection through a link."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.flows = {way: _Flow(self, way) for way in Way}
        self._ends: list[asyncio.Transport] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._answered = True
        self._over = False

    def called_by(self, caller: asyncio.Transport) -> None:
        """Somebody connected."""
        self._ends.append(caller)
        self.flows[Way.UP].source = caller
        self.flows[Way.DOWN].aim(caller)
        self._tasks.add(asyncio.get_running_loop().create_task(self.link.connect(self)))
        self.link.began(self)

    def connected(self, upstream: asyncio.Transport) -> None:
        """The other side was reached."""
        if self._over:
            _break(upstream)
            return
        self._ends.append(upstream)
        self.flows[Way.DOWN].source = upstream
        self.flows[Way.UP].aim(upstream)

    def arrived(self, way: Way, data: bytes) -> None:
        """Bytes came from one side. The first after an answer are a new request, which may have bad luck."""
        late = 0.0
        if way is Way.DOWN:
            self._answered = True
        elif self._answered:
            self._answered = False
            luck = self.link.throw()
            if luck is Luck.RESET:
                self.abort()
                return
            late = self.link.fault.stall_seconds if luck is Luck.STALL else 0.0
        self.flows[way].push(data, late)

    def finished(self, way: Way, broken: bool) -> None:
        """One side will send no more."""
        if broken and not self.link.fault.stalled:
            self.abort()
        else:
            self.flows[way].push(b"", 0.0)

    def abort(self) -> None:
        """Reset both sides. Idempotent."""
        for end in self._finish():
            _break(end)

    def settled(self) -> None:
        """A direction came to its end; with the second one both sides are closed."""
        if all(flow.done for flow in self.flows.values()):
            for end in self._finish():
                end.close()

    def slow_down(self, way: Way, slow: bool) -> None:
        """Let the sender of one direction wait while its receiver cannot keep up."""
        source = self.flows[way].source
        if source is not None and not source.is_closing():
            (source.pause_reading if slow else source.resume_reading)()

    def _finish(self) -> list[asyncio.Transport]:
        self._over = True
        self.link.ended(self)
        for flow in self.flows.values():
            flow.stop()
        ends, self._ends = self._ends, []
        return ends


class _Flow:
    """One direction of a conversation. Bytes that need not wait are written at once; an empty piece is the end."""

    def __init__(self, conversation: Conversation, way: Way) -> None:
        self._conversation = conversation
        self._link = conversation.link
        self._way = way
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._held = 0
        self._target: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None
        self.source: asyncio.Transport | None = None
        self.done = False

    def aim(self, target: asyncio.Transport) -> None:
        """From now on there is somebody to write to."""
        self._target = target
        if self._waiting:
            self._start()

    def push(self, data: bytes, late: float) -> None:
        fault = self._link.fault
        if self._target is not None and not self._waiting and not late and not fault.hinders(self._way):
            self._write(data)
            return
        self._waiting.append((asyncio.get_running_loop().time() + fault.delay + late, data))
        self._held += len(data)
        if self._held > _HELD_BYTES and self.source is not None and not self.source.is_closing():
            self.source.pause_reading()
        if self._target is not None:
            self._start()

    def stop(self) -> None:
        self.done = True
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()

    def _start(self) -> None:
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._drain())

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            due, data = self._waiting[0]
            await asyncio.sleep(max(due - loop.time(), 0))
            await self._link.pass_through(self._way, len(data))
            self._waiting.popleft()
            self._held -= len(data)
            self._write(data)
            if self._held <= _HELD_BYTES and self.source is not None and not self.source.is_closing():
                self.source.resume_reading()
        self._task = None

    def _write(self, data: bytes) -> None:
        assert self._target is not None
        if data and not self._target.is_closing():
            self._target.write(data)
        elif not data:
            self.done = True
            if not self._target.is_closing():
                self._target.write_eof()
            self._conversation.settled()


class _End(asyncio.Protocol):
    """A socket of a conversation: what comes from it goes ``way``, what is written to it came the way it ``writes``."""

    way: Way
    writes: Way

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation

    def data_received(self, data: bytes) -> None:
        self._conversation.arrived(self.way, data)

    def eof_received(self) -> bool:
        self._conversation.finished(self.way, broken=False)
        return True

    def connection_lost(self, error: Exception | None) -> None:
        if error is not None or not self._conversation.flows[self.way].done:
            self._conversation.finished(self.way, broken=error is not None)

    def pause_writing(self) -> None:
        self._conversation.slow_down(self.writes, True)

    def resume_writing(self) -> None:
        self._conversation.slow_down(self.writes, False)

    def _unhurried(self, transport: asyncio.BaseTransport) -> asyncio.Transport:
        assert isinstance(transport, asyncio.Transport)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return transport


class _Caller(_End):
    way, writes = Way.UP, Way.DOWN

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._conversation.called_by(self._unhurried(transport))


class _Called(_End):
    way, writes = Way.DOWN, Way.UP

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._conversation.connected(self._unhurried(transport))


def _break(transport: asyncio.Transport) -> None:
    """Close with a reset, as a host that knows nothing of the connection answers."""
    handle = transport.get_extra_info("socket")
    if handle is not None and not transport.is_closing():
        with contextlib.suppress(OSError):
            handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
    transport.abort()
