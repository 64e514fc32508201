"""WHIP and WHEP with real media on real sockets: one plain RTCPeerConnection of aiortc sends, one watches."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiortc import (
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpCodecCapability,
    RTCRtpSender,
    RTCSessionDescription,
)
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack

from media import sdp
from media.sfu import Sfu, SfuSettings
from server.app import create_app
from server.auth import Tokens
from server.settings import Settings
from tests.server.fakes import SECRET

PATIENCE = 20  # seconds; a guard against hanging, no bar for speed


@pytest.fixture
async def client(
    make_settings: Callable[..., Settings], static: Any, aiohttp_client: Callable[..., Any]
) -> AsyncIterator[Any]:
    sfu = Sfu(SfuSettings(host="127.0.0.1", public_addresses=("127.0.0.1",)))
    await sfu.start()
    yield await aiohttp_client(create_app(make_settings(), sfu, SECRET, static))
    await sfu.close()


def bearer(*may: Any) -> dict[str, str]:
    token = Tokens(SECRET).link("room", "guest", lifetime=60, now=time.time(), may=("join", *may))
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/sdp"}


async def exchange(client: Any, path: str, peer: RTCPeerConnection, headers: dict[str, str]) -> Any:
    await peer.setLocalDescription(await peer.createOffer())
    response = await client.post(path, data=peer.localDescription.sdp, headers=headers)
    assert response.status == 201, await response.text()
    await peer.setRemoteDescription(RTCSessionDescription(await response.text(), "answer"))
    return response


def codecs(name: str) -> list[RTCRtpCodecCapability]:
    """Of aiortc's, those that carry this format of pictures, and RTX."""
    known = RTCRtpSender.getCapabilities("video").codecs
    return [codec for codec in known if codec.mimeType in (f"video/{name}", "video/rtx")]


@pytest.mark.parametrize("format", ["VP8", "H264"])
async def test_what_one_standard_client_sends_another_one_sees_and_hears(client: Any, format: str) -> None:
    sender = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    sender.addTransceiver(AudioStreamTrack(), "sendonly")
    sender.addTransceiver(VideoStreamTrack(), "sendonly").setCodecPreferences(codecs(format))
    viewer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    tracks: dict[str, Any] = {}
    viewer.on("track", lambda track: tracks.__setitem__(track.kind, track))
    viewer.addTransceiver("audio", "recvonly")
    viewer.addTransceiver("video", "recvonly")
    try:
        async with asyncio.timeout(PATIENCE):
            sending = await exchange(client, "/whip/room", sender, bearer("publish"))
            watching = await exchange(client, "/whep/room", viewer, bearer("subscribe"))
            picture = await tracks["video"].recv()
            sound = await tracks["audio"].recv()
        assert (picture.width, picture.height) == (640, 480)
        assert sound.sample_rate == 48000
        for response, headers in ((sending, bearer("publish")), (watching, bearer("subscribe"))):
            stranger = await client.delete(response.headers["Location"], headers=headers)
            assert stranger.status == 403
    finally:
        await sender.close()
        await viewer.close()


OFFERS = Path(__file__).parents[1] / "media/sdp/offers"


@pytest.mark.parametrize("name", ["obs", "obs-simulcast", "gstreamer"])
async def test_the_offers_of_encoders_are_taken_whole(client: Any, name: str) -> None:
    offer = (OFFERS / f"{name}.sdp").read_text()
    response = await client.post("/whip/room", data=offer, headers=bearer("publish"))
    assert response.status == 201, await response.text()
    answer = sdp.parse(await response.text())
    assert [
        (media.kind, media.direction) for media in sorted(answer.media, key=lambda media: media.kind)
    ] == [
        ("audio", "recvonly"),
        ("video", "recvonly"),
    ]


async def test_who_cannot_show_h264_hears_it_all_the_same(client: Any) -> None:
    sender = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    sender.addTransceiver(AudioStreamTrack(), "sendonly")
    sender.addTransceiver(VideoStreamTrack(), "sendonly").setCodecPreferences(codecs("H264"))
    viewer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    tracks: dict[str, Any] = {}
    viewer.on("track", lambda track: tracks.__setitem__(track.kind, track))
    viewer.addTransceiver("audio", "recvonly")
    viewer.addTransceiver("video", "recvonly").setCodecPreferences(codecs("VP8"))
    try:
        async with asyncio.timeout(PATIENCE):
            await exchange(client, "/whip/room", sender, bearer("publish"))
            await exchange(client, "/whep/room", viewer, bearer("subscribe"))
            for _ in range(50):
                await tracks["audio"].recv()
        pictures = viewer.getTransceivers()[1].receiver._RTCRtpReceiver__remote_streams
        assert not pictures
    finally:
        await sender.close()
        await viewer.close()
