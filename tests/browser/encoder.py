"""A standard client that is no browser: aiortc, which sends H.264 by WHIP, as OBS does."""

from __future__ import annotations

import asyncio
import fractions

import av
from aiohttp import ClientSession
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)
from aiortc.mediastreams import AudioStreamTrack

WIDTH, HEIGHT, PICTURES = 480, 270, 15


class Encoder:
    """One session of it."""

    def __init__(self) -> None:
        self._peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._session = ""
        self._headers: dict[str, str] = {}

    async def start(self, address: str, token: str) -> str:
        """Sends to a WHIP endpoint; the answer."""
        codecs = [c for c in RTCRtpSender.getCapabilities("video").codecs if "VP8" not in c.mimeType]
        self._peer.addTransceiver(AudioStreamTrack(), "sendonly")
        self._peer.addTransceiver(_Fade(), "sendonly").setCodecPreferences(codecs)
        await self._peer.setLocalDescription(await self._peer.createOffer())
        self._headers = {"Authorization": f"Bearer {token}"}
        async with (
            ClientSession() as http,
            http.post(
                address,
                data=self._peer.localDescription.sdp,
                headers={**self._headers, "Content-Type": "application/sdp"},
            ) as response,
        ):
            answer = await response.text()
            assert response.status == 201, answer
            self._session = address[: address.index("/whip/")] + response.headers["Location"]
        await self._peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        return answer

    async def stop(self) -> None:
        async with ClientSession() as http, http.delete(self._session, headers=self._headers) as response:
            assert response.status == 200
        await self.close()

    async def close(self) -> None:
        await self._peer.close()


class _Fade(MediaStreamTrack):
    """A grey that rises and starts again."""

    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self._count = 0

    async def recv(self) -> av.VideoFrame:
        await asyncio.sleep(1 / PICTURES)
        frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
        for plane, level in zip(frame.planes, (40 + self._count % 40 * 4, 128, 128), strict=True):
            plane.update(bytes((level,)) * plane.buffer_size)
        frame.pts, frame.time_base = self._count * 90_000 // PICTURES, fractions.Fraction(1, 90_000)
        self._count += 1
        return frame
