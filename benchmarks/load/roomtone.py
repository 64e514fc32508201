"""Roomtone as the server under load: real tokens, the page's WebSocket signalling, one connection a
participant."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.load.connection import ConnectError, Connection
from benchmarks.load.description import accepted_extensions, offer, remote
from benchmarks.load.participant import Participant, Role, Shape
from benchmarks.load.receiver import Receiver
from benchmarks.load.sender import Sender
from benchmarks.load.settings import LoadSettings
from benchmarks.process import ServerProcess
from benchmarks.roomtone import RoomtoneProcess
from media import sdp
from media.rtp import extensions
from server.messages import PROTOCOL_VERSION

PORT, MEDIA_PORT = 8080, 3478
ANSWER_TIMEOUT = 10.0  # s
TILE = (1280, 720)  # device pixels: asks for the largest encoding


class RoomtoneServer:
    """`start` it, `wait_until_up`, `fill` rooms; `close` lets go of what the clients shared."""

    name = "Roomtone"

    def __init__(self, settings: LoadSettings) -> None:
        self._settings = settings
        self._http = aiohttp.ClientSession()
        self._process: RoomtoneProcess

    def start(self, directory: Path, core: int | None) -> ServerProcess:
        host = self._settings.host
        self._process = RoomtoneProcess(
            directory,
            host=host,
            port=PORT,
            media_port=MEDIA_PORT,
            core=core,
            settings={"ROOMTONE_MAX_PARTICIPANTS": "25"},  # the most that can be set
        )
        return self._process

    async def wait_until_up(self) -> None:
        await self._process.wait_until_up()

    async def fill(self, room: int, shape: Shape) -> list[Participant]:
        """Let a room's participants join, publishers first."""
        participants = []
        for index, role in enumerate(shape.roles()):
            token = self._process.tokens.link(
                f"load-{room}",
                "guest",
                lifetime=3600,
                now=time.time(),
                identity=f"member-{index}",
                may=("join", "publish", "subscribe"),
            )
            member = _Member(self._http, self._settings, role)
            await member.join(token, index + 1000 * room)
            participants.append(member.participant)
        return participants

    async def close(self) -> None:
        await self._http.close()


class _Member:
    """One participant: a WebSocket and one connection for everything."""

    def __init__(self, http: aiohttp.ClientSession, settings: LoadSettings, role: Role) -> None:
        self._http = http
        self._settings = settings
        self._role = role
        self._socket: aiohttp.ClientWebSocketResponse
        self._said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._reader: asyncio.Task[None]
        self.participant = Participant(role.audience, 0.0, self._leave)

    async def join(self, token: str, seed: int) -> None:
        settings, role = self._settings, self._role
        start = time.monotonic()
        self._socket = await self._http.ws_connect(
            f"ws://{settings.host}:{PORT}/ws", origin=f"http://{settings.host}:{PORT}"
        )
        self._reader = asyncio.ensure_future(self._read())
        await self._say({"type": "hello", "version": PROTOCOL_VERSION, "token": token, "name": "Load"})
        await self._hear("welcome")
        await self._say(
            {"type": "media", "microphone": role.publishes, "camera": role.publishes, "screen": False}
        )

        connection = Connection(settings.host, settings.profiles)
        offered = offer(connection, settings.encodings, publish=role.publishes, slots=role.subscriptions)
        await self._say(
            {
                "type": "offer",
                "connection": secrets.token_hex(4),
                "sdp": sdp.serialize(offered),
                "sources": {"0": "microphone", "1": "camera"} if role.publishes else {},
            }
        )
        answered = sdp.parse((await self._hear("answer"))["sdp"])
        await connection.connect(remote(answered))
        sender = receiver = None
        if role.publishes:
            ids = accepted_extensions(answered, "0"), accepted_extensions(answered, "1")
            sender = Sender(connection, settings.encodings, mids=("0", "1"), ids=ids, seed=seed)
        if role.subscriptions:
            video = answered.media[-1].mid
            transport_id = accepted_extensions(answered, video).get(extensions.TRANSPORT_CC)
            receiver = Receiver(connection, transport_id)
            await self._say(
                {"type": "wish", "tiles": [self._tile(slot) for slot in range(role.subscriptions)]}
            )
        self.participant.attach(connection, sender, receiver)
        self.participant.join_seconds = time.monotonic() - start

    def _tile(self, slot: int) -> dict[str, int]:
        return {"slot": slot, "width": TILE[0], "height": TILE[1]}

    async def _say(self, message: dict[str, Any]) -> None:
        await self._socket.send_json(message)

    async def _hear(self, kind: str) -> dict[str, Any]:
        """The next message of that type. Raises ConnectError for an error or a bye."""
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                while True:
                    said = await self._said.get()
                    if said["type"] == kind:
                        return said
                    if said["type"] in ("error", "bye"):
                        raise ConnectError(f"Roomtone said {said['type']}: {said['code']}, {said['message']}")
        except TimeoutError:
            raise ConnectError(f"Roomtone sent no {kind} within {ANSWER_TIMEOUT:.0f} s") from None

    async def _read(self) -> None:
        async for message in self._socket:
            self._said.put_nowait(message.json())

    async def _leave(self) -> None:
        with contextlib.suppress(ConnectionError):
            await self._say({"type": "leave"})
        self._reader.cancel()
        await self._socket.close()
        for connection in self.participant.connections:
            await connection.close()
