"""A standard client: its offers, its token, and the session that it has."""

from __future__ import annotations

import time
from typing import Any

from aiohttp import ClientResponse

from server import whip
from server.auth import Tokens
from tests.server.fakes import SECRET

UFRAG, PWD = "abcd", "0123456789abcdef01234567"


def offer(*lines: tuple[str, str], codec: str = "VP8", ufrag: str = UFRAG) -> str:
    """An offer with these (kind, direction) lines. `a=slots:` tells FakePeer of places to receive in."""
    text = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
    text += f"a=ice-ufrag:{ufrag}\r\na=ice-pwd:{PWD}\r\n"
    text += "a=slots:1\r\n" if any("recv" in direction for _, direction in lines) else ""
    text += f"a=group:BUNDLE {' '.join(map(str, range(len(lines))))}\r\n"
    for mid, (kind, direction) in enumerate(lines):
        number, name = (111, "opus/48000/2") if kind == "audio" else (96, f"{codec}/90000")
        text += f"m={kind} 9 UDP/TLS/RTP/SAVPF {number}\r\na=mid:{mid}\r\na={direction}\r\n"
        text += f"a=rtpmap:{number} {name}\r\n"
    return text


SENDING = offer(("audio", "sendonly"), ("video", "sendonly"))
WATCHING = offer(("audio", "recvonly"), ("video", "recvonly"))


def token(*may: Any, room: str = "room", lifetime: float = 3600, identity: str | None = None) -> str:
    return Tokens(SECRET).link(
        room, "guest", lifetime=lifetime, now=time.time(), may=("join", *may), identity=identity
    )


def headers(bearer: str, content_type: str = "application/sdp", **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {bearer}", "Content-Type": content_type, **more}


async def check_problem(response: ClientResponse, status: int, code: str) -> None:
    assert response.status == status, await response.text()
    assert response.content_type == "application/problem+json"
    body = await response.json()
    assert body["code"] == code and body["status"] == status and body["title"] and body["detail"]
    assert response.headers["Access-Control-Allow-Origin"] == "*"


class Session:
    """One started session, as its client knows it."""

    def __init__(self, client: Any, response: ClientResponse, bearer: str) -> None:
        self.client = client
        self.url = response.headers["Location"]
        self.etag = response.headers["ETag"]
        self.bearer = bearer

    async def patch(self, body: str, *, if_match: str | None, **more: Any) -> ClientResponse:
        content_type = more.pop("content_type", whip.FRAGMENT)
        extra = {} if if_match is None else {"If-Match": if_match}
        response: ClientResponse = await self.client.patch(
            self.url, data=body, headers=headers(more.pop("bearer", self.bearer), content_type, **extra)
        )
        return response

    async def delete(self) -> ClientResponse:
        response: ClientResponse = await self.client.delete(self.url, headers=headers(self.bearer))
        return response


async def start(client: Any, protocol: str = "whip", **more: Any) -> Session:
    bearer = more.pop("bearer", None) or token("publish" if protocol == "whip" else "subscribe")
    body = SENDING if protocol == "whip" else WATCHING
    response = await client.post(
        f"/{protocol}/room{more.pop('query', '')}", data=body, headers=headers(bearer)
    )
    assert response.status == 201, await response.text()
    return Session(client, response, bearer)
