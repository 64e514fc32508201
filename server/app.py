"""The aiohttp application: pages, the WebSocket, health and metrics, and what they hang on."""

from __future__ import annotations

import asyncio
import hmac
import itertools
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from aiohttp import web

from media.sfu import Sfu
from server import metrics
from server.assets import Assets
from server.auth import Tokens
from server.clients import Clients
from server.headers import may_open_websocket, protect
from server.live import Surroundings
from server.messages import MAX_MESSAGE
from server.participant import Participant
from server.problem import RETRY_AFTER, guard
from server.room import Credentials, Room, RoomLimits
from server.rooms import TICK, Rooms
from server.session import CLOSE_GRACE, Session, SessionLimits
from server.settings import Settings
from server.whip import WhipApi
from server.words import WORDS

STATIC = Path(__file__).resolve().parent.parent / "static"
MAX_BODY = 256 * 1024  # bytes of an HTTP request; an SDP offer is at most 200 KB

log = logging.getLogger("roomtone")


class Roomtone:
    """Everything that one process serves. The application keeps it under `ROOMTONE`."""

    def __init__(self, settings: Settings, sfu: Sfu, secret: bytes, static: Path = STATIC) -> None:
        self.settings = settings
        self.sfu = sfu
        self.tokens = Tokens(secret)
        self.assets = Assets(static)
        self.counts: Counter[tuple[str, str]] = Counter()
        self.sessions: set[Session] = set()
        # Of these, who has not said hello yet, with what hangs up on them; the oldest first.
        self.silent: dict[Session, Callable[[], None]] = {}
        self.numbers = itertools.count(1)
        self.clock = time.monotonic
        self.wall = time.time
        self.rooms = Rooms(
            self.tokens,
            Surroundings(
                sfu=sfu,
                clock=self.clock,
                wall=self.wall,
                soon=lambda function: asyncio.get_running_loop().call_soon(function),
                credentials=self._credentials,
                limits=RoomLimits(settings.max_participants, settings.max_waiting, settings.lease_seconds),
            ),
            max_rooms=settings.max_rooms,
        )
        self.registry = metrics.registry(self.rooms, sfu, self.counts)
        self.lateness = metrics.lateness(self.registry)

    def _credentials(self, room: Room, person: Participant) -> Credentials:
        now = self.wall()
        resume = self.tokens.resume(
            room.name, room.session, person.id, lifetime=self.settings.session_hours * 3600, now=now
        )
        if not person.moderates:
            return Credentials(resume)
        guest = self.tokens.link(room.name, "guest", lifetime=self.settings.link_hours * 3600, now=now)
        return Credentials(resume, f"/r/{room.name}#{guest}")

    @property
    def crowded(self) -> bool:
        """Are all places taken but those for people who come back?"""
        return len(self.sessions) - len(self.silent) >= self.settings.max_connections

    def has_place(self) -> bool:
        """Is there one for a WebSocket more? Where not, whoever has been silent for the longest gives theirs
        up: else who only connects would lock out those who come back."""
        if len(self.sessions) < self.settings.max_websockets:
            return True
        for session, abort in self.silent.items():
            self.counts["drop", "silent"] += 1
            session.hang_up("hello-timeout", retry=True)
            abort()
            self.forget(session)
            return True
        return False

    def greeted(self, session: Session) -> None:
        del self.silent[session]

    def forget(self, session: Session) -> None:
        self.sessions.discard(session)
        self.silent.pop(session, None)

    def session_limits(self) -> SessionLimits:
        settings = self.settings
        return SessionLimits(
            hello_seconds=settings.hello_seconds,
            messages_per_second=settings.messages_per_second,
            message_burst=settings.message_burst,
            bad_messages=settings.max_bad_messages,
            queued_bytes=settings.max_queued_bytes,
        )


ROOMTONE = web.AppKey("ROOMTONE", Roomtone)


def create_app(settings: Settings, sfu: Sfu, secret: bytes, static: Path = STATIC) -> web.Application:
    """The application. `sfu` is started and closed by whoever made it."""
    app = web.Application(client_max_size=MAX_BODY, middlewares=[guard])
    app[ROOMTONE] = Roomtone(settings, sfu, secret, static)
    api = WhipApi(Clients(app[ROOMTONE].rooms, app[ROOMTONE].clock))
    app.on_response_prepare.append(protect(tls=settings.tls))
    app.on_shutdown.append(_say_goodbye)
    app.cleanup_ctx.append(_ticking)
    app.add_routes(
        [
            web.get("/", _page),
            web.get("/r/{room:[A-Za-z0-9_-]{1,64}}", _page),
            web.get("/static/{path:.+}", _static),
            web.get("/ws", _websocket),
            web.get("/healthz", _health),
            web.get("/metrics", _metrics),
            *api.routes(),
            web.get("/{anything:.*}", _nowhere),
        ]
    )
    return app


async def _page(request: web.Request) -> web.Response:
    return request.app[ROOMTONE].assets.respond(request, "index.html")


async def _nowhere(request: web.Request) -> web.Response:
    """An address that was copied in part: the page says what to do, and takes the link."""
    return request.app[ROOMTONE].assets.respond(request, "index.html", status=404)


async def _static(request: web.Request) -> web.Response:
    return request.app[ROOMTONE].assets.respond(request, request.match_info["path"])


async def _health(request: web.Request) -> web.Response:
    return web.Response(text="ok")


async def _metrics(request: web.Request) -> web.Response:
    """Only with the token: behind a proxy on the same machine every visitor would look local."""
    roomtone = request.app[ROOMTONE]
    token = roomtone.settings.metrics_token
    if token is None:
        raise web.HTTPNotFound
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    # Bytes that are no UTF-8 come as surrogates.
    if not hmac.compare_digest(given.encode("utf-8", "surrogateescape"), token.get_secret_value().encode()):
        raise web.HTTPUnauthorized(headers={"WWW-Authenticate": "Bearer"})
    return web.Response(
        body=metrics.render(roomtone.registry),
        headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
    )


async def _websocket(request: web.Request) -> web.StreamResponse:
    roomtone = request.app[ROOMTONE]
    settings = roomtone.settings
    host = request.headers.get("Host", "")
    if not may_open_websocket(request.headers.get("Origin"), host, settings.allowed_origins):
        roomtone.counts["drop", "origin"] += 1
        raise web.HTTPForbidden(text="This page may not connect from another site.")
    if not roomtone.has_place():
        roomtone.rooms.full["max_connections"] += 1
        raise web.HTTPServiceUnavailable(text=WORDS["server-full"], headers={"Retry-After": RETRY_AFTER})
    socket = web.WebSocketResponse(
        timeout=CLOSE_GRACE, heartbeat=settings.heartbeat_seconds, max_msg_size=MAX_MESSAGE
    )
    session = Session(
        next(roomtone.numbers),
        roomtone.rooms,
        roomtone.session_limits(),
        roomtone.counts,
        roomtone.clock,
        crowded=lambda: roomtone.crowded,
        greeted=lambda: roomtone.greeted(session),
    )
    roomtone.sessions.add(session)
    roomtone.silent[session] = abort = lambda: _abort(request)
    try:
        await socket.prepare(request)
        await session.run(socket, abort)
    finally:
        roomtone.forget(session)
    return socket


def _abort(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


async def _ticking(app: web.Application) -> AsyncIterator[None]:
    roomtone = app[ROOMTONE]

    async def tick() -> None:
        due = roomtone.clock()
        while True:
            roomtone.rooms.tick()
            now = roomtone.clock()
            roomtone.lateness.observe(max(now - due, 0.0))
            due = max(due + TICK, now)
            await asyncio.sleep(due - now)

    task = asyncio.create_task(tick())
    yield
    task.cancel()


async def _say_goodbye(app: web.Application) -> None:
    """Tell everybody that it goes on in a moment."""
    roomtone = app[ROOMTONE]
    roomtone.rooms.close("restart", retry=True)
    for session in list(roomtone.sessions):
        session.hang_up("restart", retry=True)
    deadline = roomtone.clock() + CLOSE_GRACE
    while roomtone.sessions and roomtone.clock() < deadline:
        await asyncio.sleep(0.02)
