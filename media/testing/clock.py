"""Virtual time: an event loop that doesn't wait for a moment but goes to it.

Whole calls, aiortc's peer connections included, run as fast as the machine computes, and repeat; what is
due at the same moment runs in the order in which it was asked for. What does not repeat: ICE credentials,
keys and certificates, on whose values no timing depends, and the flights of DTLS. Their lengths vary by a few
bytes, and OpenSSL's timer reads the real clock: a machine that stands still for a second sends a flight
twice, and one that is lost is not sent again in virtual time. So impair links after the handshake. aiohttp
and TCP stay outside.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import heapq
import os
import queue
import random
import selectors
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextvars import Context
from types import SimpleNamespace
from typing import Any, Protocol, TypeVar
from unittest.mock import patch

import aiortc.clock
import aiortc.rtcrtpreceiver
from aioice import stun
from aiortc.codecs import get_decoder
from av import FFmpegError

T = TypeVar("T")

STUN_FIRST_BYTE = b"\x03"  # at most (RFC 7983 section 7)

# What `time.time()` says at virtual second 0.
EPOCH = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def run_virtual(main: Coroutine[Any, Any, T], *, seed: int = 1, decode: bool = False) -> T:
    """Runs a coroutine in virtual time, which begins at 0 and is what `time.time()` and aiortc go by as well.

    `decode`: whether aiortc's receivers decode what they get; counting packets needs no pictures. Raises
    `StandstillError` when everything waits for something that nothing will bring about.
    """
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        loop = runner.get_loop()
        with _virtual_surroundings(loop.time, seed, decode):
            return runner.run(main)


class StandstillError(RuntimeError):
    """No task can run and no timer is set."""


class DatagramNetwork(Protocol):
    """What carries datagrams in virtual time: `media.testing.network.Network`."""

    def create_endpoint(
        self, protocol: asyncio.DatagramProtocol, local: tuple[str, int]
    ) -> asyncio.DatagramTransport: ...

    def watch(self, socket: Any, callback: Callable[[], None] | None) -> None: ...


class VirtualLoop(asyncio.SelectorEventLoop):
    """Sockets are those of `network`; executors run at once, in place."""

    network: DatagramNetwork | None = None

    def __init__(self) -> None:
        self._now = 0.0
        self._asked = 0
        super().__init__(_Selector(self._advance))

    def time(self) -> float:
        return self._now

    def _advance(self, seconds: float) -> None:
        self._now += seconds

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """As asyncio's own, but for what is due at the same moment: there the order would depend on all other
        timers in its heap, on cancelled ones of the real clock too."""
        self._asked += 1
        handle = _OrderedHandle(self._asked, when, callback, args, self, context)
        heapq.heappush(self._scheduled, handle)  # type: ignore[attr-defined]
        handle._scheduled = True  # type: ignore[attr-defined]
        return handle

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    async def create_datagram_endpoint(  # type: ignore[override]
        self,
        protocol_factory: Callable[[], asyncio.DatagramProtocol],
        local_addr: tuple[str, int],
        **options: Any,
    ) -> tuple[asyncio.DatagramTransport, asyncio.DatagramProtocol]:
        assert self.network is not None, "make a Network first"
        protocol = protocol_factory()
        transport = self.network.create_endpoint(protocol, local_addr)
        protocol.connection_made(transport)
        return transport, protocol

    def add_reader(  # type: ignore[override]
        self, fd: Any, callback: Callable[..., Any], *args: Any
    ) -> None:
        assert self.network is not None, "make a Network first"
        self.network.watch(fd, lambda: callback(*args))

    def remove_reader(self, fd: Any) -> bool:
        assert self.network is not None
        self.network.watch(fd, None)
        return True


class _OrderedHandle(asyncio.TimerHandle):
    def __init__(self, number: int, when: float, *rest: Any) -> None:
        super().__init__(when, *rest)
        self._key = (when, number)

    def __lt__(self, other: object) -> bool:
        return isinstance(other, _OrderedHandle) and self._key < other._key


class _Selector(selectors.SelectSelector):
    """Instead of waiting it moves the clock. It watches nothing but asyncio's own wake-up pipe."""

    def __init__(self, advance: Callable[[float], None]) -> None:
        super().__init__()
        self._advance = advance

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise StandstillError("nothing is left to happen, and yet something waits")
        if timeout > 0:
            self._advance(timeout)
        return []


@contextlib.contextmanager
def _virtual_surroundings(now: Callable[[], float], seed: int, decode: bool) -> Iterator[None]:
    """Puts the virtual clock, seeded randomness and in-place decoding where aiortc and aioice look for time,
    randomness and threads."""
    seeded = random.Random(seed)
    before = random.getstate()
    random.seed(seed)  # noqa: TID251 - aiortc and aioice use the global generator

    parse_stun = stun.parse_message

    def parse_message(data: bytes, *rest: Any, **options: Any) -> stun.Message:
        # aioice reads any datagram whose third and fourth byte give its length, RTP with that sequence number
        # too, and fails or not by how its ciphertext, which does not repeat, looks as attributes.
        if data[:1] > STUN_FIRST_BYTE:
            raise ValueError("not STUN")
        return parse_stun(data, *rest, **options)

    def thread(**options: Any) -> _InPlaceDecoder:
        return _InPlaceDecoder(options["args"], decode)

    try:
        with (
            patch.object(time, "time", lambda: EPOCH.timestamp() + now()),
            patch.object(os, "urandom", seeded.randbytes),
            patch.object(stun, "parse_message", parse_message),
            patch.object(aiortc.clock, "current_datetime", lambda: EPOCH + datetime.timedelta(seconds=now())),
            patch.object(
                aiortc.rtcrtpreceiver, "threading", SimpleNamespace(Thread=thread, Event=threading.Event)
            ),
        ):
            yield
    finally:
        random.setstate(before)


class _InPlaceDecoder:
    """Stands for the decoder thread of an aiortc receiver: what is put into its queue is decoded there and
    then."""

    def __init__(
        self, args: tuple[Any, queue.Queue[Any], asyncio.Queue[Any], *tuple[Any, ...]], decode: bool
    ) -> None:
        self._tasks, self._frames = args[1], args[2]
        self._decode = decode
        self._decoder: Any = None

    def start(self) -> None:
        self._tasks.put = self._put  # type: ignore[method-assign]

    def join(self) -> None:
        pass

    def _put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        if item is None:
            self._frames.put_nowait(None)
        elif self._decode:
            codec, encoded = item
            self._decoder = self._decoder or get_decoder(codec)
            # Synthetic media needn't be decodable.
            with contextlib.suppress(FFmpegError):
                for frame in self._decoder.decode(encoded):
                    self._frames.put_nowait(frame)
