"""WHIP and WHEP from pages of a few lines on another site, next to people in the room."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, Page

from server.auth import Tokens
from tests.browser.conftest import Invite
from tests.browser.encoder import HEIGHT, WIDTH, Encoder
from tests.browser.patience import PATIENCE_MS, eventually
from tests.browser.person import STATISTICS
from tests.browser.server import SECRET, Server

EXCHANGE = """async ([address, token, sends]) => {
    const connection = new RTCPeerConnection();
    window.peers = [connection];
    connection.ontrack = ({track}) => {
        const player = document.body.appendChild(document.createElement(track.kind));
        Object.assign(player, {srcObject: new MediaStream([track]), muted: true, autoplay: true});
    };
    if (sends) {
        const media = await navigator.mediaDevices.getUserMedia({audio: true, video: true});
        for (const track of media.getTracks()) connection.addTransceiver(track, {direction: "sendonly"});
    } else {
        for (const kind of ["audio", "video"]) connection.addTransceiver(kind, {direction: "recvonly"});
    }
    await connection.setLocalDescription();
    const response = await fetch(address, {
        method: "POST",
        headers: {Authorization: `Bearer ${token}`, "Content-Type": "application/sdp"},
        body: connection.localDescription.sdp,
    });
    if (response.status !== 201) return [response.status, await response.text()];
    await connection.setRemoteDescription({type: "answer", sdp: await response.text()});
    return [201, new URL(response.headers.get("Location"), address).href];
}"""

RESTART = """async ([session, token]) => {
    const connection = window.peers[0];
    const offer = await connection.createOffer({iceRestart: true});
    const credentials = [...offer.sdp.matchAll(/^a=ice-(?:ufrag|pwd):.*$/gm)].slice(0, 2);
    await connection.setLocalDescription(offer);
    const response = await fetch(session, {
        method: "PATCH",
        headers: {
            Authorization: `Bearer ${token}`,
            "Content-Type": "application/trickle-ice-sdpfrag",
            "If-Match": "*",
        },
        body: credentials.join("\\r\\n") + "\\r\\n",
    });
    const fragment = await response.text();
    const found = [...fragment.matchAll(/^a=(ice-ufrag|ice-pwd):(.*)\\r$/gm)];
    const ours = Object.fromEntries(found.map(([, name, value]) => [name, value]));
    const answer = connection.remoteDescription.sdp
        .replace(/^a=ice-ufrag:.*\\r$/gm, `a=ice-ufrag:${ours["ice-ufrag"]}\\r`)
        .replace(/^a=ice-pwd:.*\\r$/gm, `a=ice-pwd:${ours["ice-pwd"]}\\r`);
    await connection.setRemoteDescription({type: "answer", sdp: answer});
    return [response.status, response.headers.get("ETag")];
}"""

DELETE = """async ([session, token]) => (await fetch(session, {
    method: "DELETE",
    headers: {Authorization: `Bearer ${token}`},
})).status"""


# A browser that was built without H.264, as some are for its patents.
WITHOUT_H264 = """{
    const all = RTCRtpReceiver.getCapabilities;
    RTCRtpReceiver.getCapabilities = (kind) => {
        const known = all.call(RTCRtpReceiver, kind);
        return {...known, codecs: known.codecs.filter(({mimeType}) => mimeType !== "video/H264")};
    };
}"""

# What of pictures comes in on the newest connection: the codec, the size, and how many have been decoded.
PICTURE = """async () => {
    const report = await window.peers.at(-1).getStats();
    const streams = [...report.values()].filter(({type, kind, framesDecoded}) =>
        type === "inbound-rtp" && kind === "video" && framesDecoded);
    return streams.map(({codecId, frameWidth, frameHeight, framesDecoded}) =>
        [report.get(codecId)?.mimeType, frameWidth, frameHeight, framesDecoded]);
}"""


@pytest_asyncio.fixture(loop_scope="session")
async def studio(browser: Browser) -> AsyncIterator[Any]:
    """Makes empty pages of another site. A real one: Chromium tells local from intercepted ones."""

    async def empty(request: web.Request) -> web.Response:
        return web.Response(text="<!doctype html><title>Studio</title>", content_type="text/html")

    app = web.Application()
    app.router.add_get("/", empty)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    context = await browser.new_context(permissions=["camera", "microphone"])
    context.set_default_timeout(PATIENCE_MS)

    async def make() -> Page:
        page = await context.new_page()
        await page.goto(f"http://127.0.0.1:{runner.addresses[0][1]}/")
        return page

    yield make
    await context.close()
    await runner.cleanup()


@pytest_asyncio.fixture(loop_scope="session")
async def encoder() -> AsyncIterator[Encoder]:
    made = Encoder()
    yield made
    await made.close()


def token(room: str, identity: str, name: str, *may: Any) -> str:
    return Tokens(SECRET.encode()).link(
        room, "guest", lifetime=600, now=time.time(), identity=identity, name=name, may=("join", *may)
    )


async def test_a_camera_sends_and_a_wall_shows_it(
    server: Server, person: Invite, room: str, studio: Any
) -> None:
    host = await person()
    await host.come(server.link(room, "host"), "Ruth")
    await host.sees("room")

    camera, sending = await studio(), token(room, "camera", "Second camera", "publish")
    status, camera_session = await camera.evaluate(EXCHANGE, [f"{server.url}/whip/{room}", sending, True])
    assert status == 201, camera_session
    await host.watches("Second camera")
    await host.hears()

    wall, watching = await studio(), token(room, "wall", "Wall", "subscribe")
    address = f"{server.url}/whep/{room}"
    status, wall_session = await wall.evaluate(EXCHANGE, [address, watching, False])
    assert status == 201, wall_session
    await eventually(
        lambda: wall.evaluate(STATISTICS),
        # Samples that were not made up by concealment: the sound is there (a muted player has no energy).
        lambda now: now["frames"] > 10 and now["samples"] - now["concealed"] > 48_000,
    )
    await host.press("People")
    await host.reads("Wall")

    status, etag = await camera.evaluate(RESTART, [camera_session, sending])
    assert status == 200 and etag
    await host.watches("Second camera")

    assert await wall.evaluate(DELETE, [wall_session, watching]) == 200
    assert await camera.evaluate(DELETE, [camera_session, sending]) == 200
    await eventually(host.tile("Second camera").count, lambda count: count == 0)


async def test_an_encoder_of_h264_is_seen_by_the_people_in_the_room(
    server: Server, person: Invite, room: str, encoder: Encoder
) -> None:
    host = await person()
    await host.come(server.link(room, "host"), "Ruth")
    await host.sees("room")
    answer = await encoder.start(f"{server.url}/whip/{room}", token(room, "encoder", "Encoder", "publish"))
    assert "H264/90000" in answer and "profile-level-id=42e01f" in answer and "VP8" not in answer
    await host.watches("Encoder")
    ((codec, width, height, _),) = await host.page.evaluate(PICTURE)
    assert (codec, width, height) == ("video/H264", WIDTH, HEIGHT)
    await encoder.stop()
    await eventually(host.tile("Encoder").count, lambda count: count == 0)


async def test_a_browser_without_h264_says_that_it_cannot_show_the_picture(
    server: Server, person: Invite, room: str, encoder: Encoder
) -> None:
    host = await person()
    await host.page.add_init_script(WITHOUT_H264)
    await host.come(server.link(room, "host"), "Ruth")
    await host.sees("room")
    await encoder.start(f"{server.url}/whip/{room}", token(room, "encoder", "Encoder", "publish"))
    await host.reads("This browser can\u2019t show their picture")
    await host.gets(lambda then, now: now["samples"] - then["samples"] > 24_000)
    assert await host.page.evaluate(PICTURE) == []


async def test_a_wall_goes_from_a_camera_of_vp8_to_an_encoder_of_h264_and_back(
    server: Server, room: str, studio: Any, encoder: Encoder
) -> None:
    """All on one m-line: the payload type changes in the middle of the stream."""
    first, wall, second = await studio(), await studio(), await studio()
    sending = [token(room, f"camera-{n}", f"Camera {n}", "publish") for n in (1, 2)]
    address = f"{server.url}/whip/{room}"
    status, session = await first.evaluate(EXCHANGE, [address, sending[0], True])
    assert status == 201, session
    watching = token(room, "wall", "Wall", "subscribe")
    status, answer = await wall.evaluate(EXCHANGE, [f"{server.url}/whep/{room}", watching, False])
    assert status == 201, answer

    async def shows(codec: str, size: tuple[int, int] | None = None) -> None:
        """Thirty more pictures of this codec."""
        before = sum(stream[3] for stream in await wall.evaluate(PICTURE))
        ((_, *shown, _),) = await eventually(
            lambda: wall.evaluate(PICTURE),
            lambda streams: len(streams) == 1 and streams[0][0] == codec and streams[0][3] > before + 30,
        )
        assert size is None or tuple(shown) == size

    await shows("video/VP8")
    await encoder.start(address, token(room, "encoder", "Encoder", "publish"))
    assert await first.evaluate(DELETE, [session, sending[0]]) == 200
    await shows("video/H264", (WIDTH, HEIGHT))
    status, session = await second.evaluate(EXCHANGE, [address, sending[1], True])
    assert status == 201, session
    await encoder.stop()
    await shows("video/VP8")
    assert await second.evaluate(DELETE, [session, sending[1]]) == 200
