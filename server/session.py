"""One WebSocket, from its hello to its bye."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import WSMsgType, web
from pydantic import ValidationError

from server.bucket import TokenBucket
from server.messages import Bye, FromPage, Hello, Offer, ToPage, bye, error, from_page
from server.rooms import Rooms, Visit
from server.words import Refusal

CLOSE_GRACE = 2.0  # seconds for the last messages to leave
OFFERS_PER_SECOND = 0.5  # an offer costs the most of all messages
OFFER_BURST = 10

log = logging.getLogger("roomtone")


@dataclass(frozen=True, slots=True)
class SessionLimits:
    hello_seconds: float = 10.0
    messages_per_second: float = 20.0
    message_burst: int = 100
    bad_messages: int = 10
    queued_bytes: int = 2_000_000


class Session:
    """What a page says is checked here (size, rate, form, order) and then passed on to its room. Implements
    server.live.Connection. `counts` counts messages by type and drops by reason, for the metrics."""

    def __init__(
        self,
        number: int,
        rooms: Rooms,
        limits: SessionLimits,
        counts: Counter[tuple[str, str]],
        clock: Callable[[], float],
        *,
        crowded: Callable[[], bool] = lambda: False,
        greeted: Callable[[], None] = lambda: None,
    ) -> None:
        self.number = number
        self.closing = False  # a bye is on its way; nothing is read any more
        self._rooms = rooms
        self._limits = limits
        self._counts = counts
        self._clock = clock
        self._crowded = crowded  # then only somebody who comes back may have this connection
        self._greeted = greeted  # called when somebody has it
        self._visit: Visit | None = None
        self._rate = TokenBucket(limits.messages_per_second, limits.message_burst, now=clock())
        self._offers = TokenBucket(OFFERS_PER_SECOND, OFFER_BURST, now=clock())
        self._bad = 0
        self._too_fast = 0
        self._abort: Callable[[], None] = lambda: None
        self._queue: deque[str] = deque()
        self._queued_bytes = 0
        self._news = asyncio.Event()

    # --- to the page ----------------------------------------------------------------------------------------

    def send(self, message: ToPage) -> None:
        """Queue a message; never waits. After a bye nothing more is sent."""
        if self.closing:
            return
        text = message.json_text
        self._queue.append(text)
        self._queued_bytes += len(text)
        if isinstance(message, Bye):
            self.closing = True
        elif self._queued_bytes > self._limits.queued_bytes:
            # Its network is stuck: a page that reconnects gets the state anew, so nothing is lost by hanging
            # up.
            self._counts["drop", "too-slow"] += 1
            self.closing = True
            self._queue.clear()
            self._abort()
        self._news.set()

    # --- from the page --------------------------------------------------------------------------------------

    def receive(self, text: str) -> None:
        """Act on one message, whatever it is."""
        if self.closing or not self._in_time():
            return
        try:
            message = from_page.validate_json(text)
        except (ValidationError, ValueError, RecursionError):
            self._unreadable()
            return
        self._counts["message", message.type] += 1
        if self._visit is None:
            self._greet(message)
        elif isinstance(message, Offer) and not self._offers.take(now=self._clock()):
            self._counts["drop", "too-fast"] += 1
            self.send(error("too-fast", message.type))
        else:
            self._visit.live.receive(self._visit.participant, message, self)
            self._rooms.sweep(self._visit.live)

    def receive_binary(self) -> None:
        """Nothing binary belongs here."""
        if not self.closing:
            self._unreadable()

    def hang_up(self, code: str, *, retry: bool = False) -> None:
        self.send(bye(code, retry=retry))

    def disconnected(self) -> None:
        """The WebSocket is closed, from whichever side."""
        self.closing = True
        if self._visit is not None:
            self._visit.live.disconnect(self)
            self._rooms.sweep(self._visit.live)

    def _in_time(self) -> bool:
        if self._rate.take(now=self._clock()):
            return True
        self._counts["drop", "too-fast"] += 1
        self._too_fast += 1
        if self._too_fast > self._limits.message_burst:
            self.hang_up("too-fast", retry=False)
        elif self._too_fast == 1 or self._too_fast % 10 == 0:
            self.send(error("too-fast"))
        return False

    def _unreadable(self) -> None:
        self._counts["drop", "bad-message"] += 1
        self._bad += 1
        if self._visit is None or self._bad > self._limits.bad_messages:
            self.hang_up("bad-message")
        else:
            self.send(error("bad-message"))

    def _greet(self, message: FromPage) -> None:
        if not isinstance(message, Hello):
            self._unreadable()
            return
        try:
            if message.leave:
                self._rooms.give_up(message)
                self.hang_up("left")
            else:
                self._visit = self._rooms.greet(message, self, crowded=self._crowded())
                self._greeted()
        except Refusal as refusal:
            self.hang_up(refusal.code)

    # --- the socket -----------------------------------------------------------------------------------------

    async def run(self, socket: web.WebSocketResponse, abort: Callable[[], None]) -> None:
        """Serve an open WebSocket until it closes. `abort` ends it at once, whatever is still unsent."""
        self._abort = abort
        writer = asyncio.create_task(self._write(socket))
        silence = asyncio.get_running_loop().call_later(self._limits.hello_seconds, self._check_greeted)
        try:
            async for frame in socket:
                if frame.type is WSMsgType.TEXT:
                    self.receive(frame.data)
                elif frame.type is WSMsgType.BINARY:
                    self.receive_binary()
        except Exception:
            log.exception("A session failed")
            self.hang_up("internal", retry=True)
        finally:
            silence.cancel()
            self.disconnected()
            self._news.set()
            done, _ = await asyncio.wait({writer}, timeout=CLOSE_GRACE)
            if not done:
                writer.cancel()
                abort()

    def _check_greeted(self) -> None:
        if self._visit is None and not self.closing:
            self._counts["drop", "hello-timeout"] += 1
            self.hang_up("hello-timeout", retry=True)

    async def _write(self, socket: web.WebSocketResponse) -> None:
        """Send what is queued, in order, then close if that was the last."""
        loop = asyncio.get_running_loop()
        deadline: asyncio.TimerHandle | None = None
        try:
            while True:
                if self.closing and deadline is None:
                    deadline = loop.call_later(CLOSE_GRACE, self._abort)
                while self._queue:
                    text = self._queue.popleft()
                    await socket.send_str(text)
                    self._queued_bytes -= len(text)
                if self.closing:
                    break
                self._news.clear()
                await self._news.wait()
            await socket.close()
        except ConnectionError:
            pass  # the reader notices too
        finally:
            if deadline is not None:
                deadline.cancel()
