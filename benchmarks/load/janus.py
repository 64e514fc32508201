"""Janus, Debian's package, as the server under load: the VideoRoom plugin over its WebSocket API.

A participant publishes on one handle and receives everybody on one more (multistream: one PeerConnection for
all feeds), which is Janus's best arrangement. Janus runs one event loop: here it spends least that way.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.load.connection import ConnectError, Connection
from benchmarks.load.description import accepted_extensions, answer, offer, remote
from benchmarks.load.participant import Participant, Role, Shape
from benchmarks.load.receiver import Receiver
from benchmarks.load.sender import Sender
from benchmarks.load.settings import LoadSettings
from benchmarks.process import ServerProcess
from media import sdp
from media.rtp import extensions

PORT = 8188
RTP_PORTS = "20000-39999"
INSTALLER = Path(__file__).parents[2] / ".ci" / "debian-install"
PLUGINS = Path("/usr/lib")  # Debian: /usr/lib/ARCHITECTURE/janus
ANSWER_TIMEOUT = 10.0  # s
KEEPALIVE_INTERVAL = 20.0  # s; sessions end after 60 without

_CORE = """
general: {{
    configs_folder = "{directory}"
    plugins_folder = "{libraries}/plugins"
    transports_folder = "{libraries}/transports"
    events_folder = "{libraries}/events"
    loggers_folder = "{libraries}/loggers"
    log_to_stdout = true
    debug_level = 2
    debug_timestamps = false
    debug_colors = false
    event_loops = 1
}}
certificates: {{
    dtls_accept_selfsigned = true
}}
media: {{
    ipv6 = false
    rtp_port_range = "{ports}"
}}
nat: {{
    ice_lite = true
    nice_debug = false
    ice_enforce_list = "{host}"
}}
plugins: {{ {plugins} }}
transports: {{ {transports} }}
"""

_WEBSOCKETS = """
general: {{
    json = "compact"
    ws = true
    ws_port = {port}
    ws_ip = "{host}"
    wss = false
}}
admin: {{
    admin_ws = false
    admin_wss = false
}}
"""


class JanusServer:
    """`start` it, `wait_until_up`, `fill` rooms; `close` lets go of what the clients shared."""

    name = "Janus"

    def __init__(self, settings: LoadSettings) -> None:
        self._settings = settings
        self._http = aiohttp.ClientSession()
        self._process: ServerProcess

    def start(self, directory: Path, core: int | None) -> ServerProcess:
        settings = self._settings
        libraries = next(PLUGINS.glob("*/janus"))
        disabled = {
            kind: ", ".join(
                path.name.split(".so")[0] + ".so"
                for path in sorted((libraries / kind).glob("*.so"))
                if path.name.split(".so")[0] not in ("libjanus_videoroom", "libjanus_websockets")
            )
            for kind in ("plugins", "transports")
        }
        config = _CORE.format(
            directory=directory,
            libraries=libraries,
            host=settings.host,
            ports=RTP_PORTS,
            **{kind: f'disable = "{names.replace(" ", "")}"' for kind, names in disabled.items()},
        )
        (directory / "janus.jcfg").write_text(config)
        websockets = _WEBSOCKETS.format(port=PORT, host=settings.host)
        (directory / "janus.transport.websockets.jcfg").write_text(websockets)
        (directory / "janus.plugin.videoroom.jcfg").write_text("general: { string_ids = false }\n")
        self._process = ServerProcess(
            ["janus", "--configs-folder", str(directory), "--config", str(directory / "janus.jcfg")],
            log=directory / "janus.log",
            core=core,
        )
        return self._process

    async def fill(self, room: int, shape: Shape) -> list[Participant]:
        """Let a room's participants join: all publish before anybody subscribes."""
        members = [await _Member.open(self._http, self._settings, room, role) for role in shape.roles()]
        await members[0].create_room(shape)
        for seed, member in enumerate(members):
            await member.publish(seed + 1000 * room)
        feeds = [member.feed for member in members if member.feed is not None]
        for member, role in zip(members, shape.roles(), strict=True):
            if role.subscriptions:
                await member.subscribe([feed for feed in feeds if feed != member.feed])
        return [member.participant for member in members]

    async def close(self) -> None:
        await self._http.close()

    async def wait_until_up(self) -> None:
        deadline = time.monotonic() + ANSWER_TIMEOUT
        while True:
            self._process.check()
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection(self._settings.host, PORT)
                writer.close()
                return
            if time.monotonic() > deadline:
                raise RuntimeError(f"Janus did not open its port:\n{self._process.said()}")
            await asyncio.sleep(0.1)


def install() -> None:
    """Install Debian's package if there is no Janus. Raises RuntimeError with words that say what to do."""
    if shutil.which("janus") is None and subprocess.run([str(INSTALLER), "janus"]).returncode != 0:
        raise RuntimeError(
            "Janus is not installed. Install it yourself, then run this again: apt-get install janus"
        )


def version() -> str:
    said = subprocess.run(["janus", "--version"], capture_output=True, text=True)
    return (said.stdout + said.stderr).strip().splitlines()[0] if said.stdout or said.stderr else "unknown"


class _Member:
    """One participant: a WebSocket with a session, a publisher handle, and a subscriber handle."""

    def __init__(
        self, socket: aiohttp.ClientWebSocketResponse, settings: LoadSettings, room: int, role: Role
    ) -> None:
        self._socket = socket
        self._settings = settings
        self._room = room
        self._publishes = role.publishes
        self._session = 0
        self._answers: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._handles_up: set[int] = set()
        self._news = asyncio.Event()
        self._tasks = [asyncio.ensure_future(self._read()), asyncio.ensure_future(self._keep_alive())]
        self.feed: int | None = None
        self.participant = Participant(role.audience, 0.0, self._leave)

    @classmethod
    async def open(
        cls, http: aiohttp.ClientSession, settings: LoadSettings, room: int, role: Role
    ) -> _Member:
        start = time.monotonic()
        socket = await http.ws_connect(f"ws://{settings.host}:{PORT}", protocols=["janus-protocol"])
        member = cls(socket, settings, room, role)
        created = await member._ask({"janus": "create"})
        member._session = created["data"]["id"]
        member.participant.join_seconds = time.monotonic() - start
        return member

    async def create_room(self, shape: Shape) -> None:
        handle = await self._attach()
        body = {
            "request": "create",
            "room": self._room,
            "publishers": max(shape.sources, 1),
            "bitrate": 0,
            "fir_freq": 0,
            "audiocodec": "opus",
            "videocodec": "vp8",
        }
        await self._message(handle, body)
        await self._ask({"janus": "detach", "handle_id": handle})

    async def publish(self, seed: int) -> None:
        if not self._publishes:
            return
        start = time.monotonic()
        settings = self._settings
        connection = Connection(settings.host, settings.profiles)
        handle = await self._attach()
        joined = await self._message(handle, {"request": "join", "ptype": "publisher", "room": self._room})
        offered = offer(connection, settings.encodings, publish=True, slots=0)
        configured = await self._message(handle, {"request": "publish"}, offered, "offer")
        answered = sdp.parse(configured["jsep"]["sdp"])
        await connection.connect(remote(answered))
        await self._up(handle)
        ids = accepted_extensions(answered, "0"), accepted_extensions(answered, "1")
        sender = Sender(connection, settings.encodings, mids=("0", "1"), ids=ids, seed=seed)
        self.participant.attach(connection, sender, None)
        self.participant.join_seconds += time.monotonic() - start
        self.feed = joined["plugindata"]["data"]["id"]

    async def subscribe(self, feeds: list[int]) -> None:
        start = time.monotonic()
        connection = Connection(self._settings.host, self._settings.profiles)
        handle = await self._attach()
        streams = [{"feed": feed} for feed in feeds]
        body = {"request": "join", "ptype": "subscriber", "room": self._room, "streams": streams}
        attached = await self._message(handle, body)
        offered = sdp.parse(attached["jsep"]["sdp"])
        await self._message(handle, {"request": "start"}, answer(connection, offered), "answer")
        await connection.connect(remote(offered))
        video = next(line.mid for line in offered.media if line.kind == "video")
        transport_id = accepted_extensions(offered, video).get(extensions.TRANSPORT_CC)
        self.participant.attach(connection, None, Receiver(connection, transport_id))
        self.participant.join_seconds += time.monotonic() - start

    async def _up(self, handle: int) -> None:
        """Wait until Janus says that a handle's media path is up: others can subscribe to it only then."""
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                while handle not in self._handles_up:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise ConnectError("Janus never said that the media path is up") from None

    async def _attach(self) -> int:
        attached = await self._ask({"janus": "attach", "plugin": "janus.plugin.videoroom"})
        handle: int = attached["data"]["id"]
        return handle

    async def _message(
        self,
        handle: int,
        body: dict[str, Any],
        description: sdp.SessionDescription | None = None,
        kind: str = "",
    ) -> dict[str, Any]:
        request: dict[str, Any] = {"janus": "message", "handle_id": handle, "body": body}
        if description is not None:
            request["jsep"] = {"type": kind, "sdp": sdp.serialize(description)}
        said = await self._ask(request)
        data = said.get("plugindata", {}).get("data", {})
        if "error" in data:
            raise ConnectError(f"Janus refused {body['request']}: {data['error']}")
        return said

    async def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        transaction = secrets.token_hex(8)
        future = self._answers[transaction] = asyncio.get_running_loop().create_future()
        if self._session:
            request["session_id"] = self._session
        await self._socket.send_json({**request, "transaction": transaction})
        try:
            said: dict[str, Any] = await asyncio.wait_for(future, ANSWER_TIMEOUT)
        except TimeoutError:
            raise ConnectError(f"Janus did not answer to {request['janus']}") from None
        finally:
            del self._answers[transaction]
        if said["janus"] == "error":
            raise ConnectError(f"Janus refused {request['janus']}: {said['error']['reason']}")
        return said

    async def _read(self) -> None:
        async for message in self._socket:
            said = message.json()
            if said["janus"] == "webrtcup":
                self._handles_up.add(said["sender"])
                self._news.set()
            future = self._answers.get(said.get("transaction", ""))
            # An "ack" says that the answer comes later.
            if future is not None and said["janus"] != "ack" and not future.done():
                future.set_result(said)

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(KEEPALIVE_INTERVAL)
            await self._socket.send_json(
                {"janus": "keepalive", "session_id": self._session, "transaction": "keepalive"}
            )

    async def _leave(self) -> None:
        for task in self._tasks:
            task.cancel()
        await self._socket.close()
        for connection in self.participant.connections:
            await connection.close()
