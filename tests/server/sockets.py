"""A page's WebSocket, by hand."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
from aiohttp.test_utils import TestClient

from server.auth import Tokens
from tests.server.fakes import SECRET


def link(role: str = "host", room: str = "room", **more: Any) -> str:
    import time

    return Tokens(SECRET).link(room, role, lifetime=3600, now=time.time(), **more)  # type: ignore[arg-type]


async def hello(client: TestClient[Any, Any], token: str, **more: Any) -> aiohttp.ClientWebSocketResponse:
    socket = await client.ws_connect("/ws")
    await socket.send_json({"type": "hello", "version": 1, "token": token, **more})
    return socket


async def receive(socket: aiohttp.ClientWebSocketResponse, kind: str) -> Any:
    """The next message of a type; what comes before it is skipped."""
    async with asyncio.timeout(5):
        while True:
            message = json.loads(await socket.receive_str())
            if message["type"] == kind:
                return message
