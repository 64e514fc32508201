"""Whole calls in virtual time: aiortc's peer connections over our edge and relay."""

import asyncio
import fractions
import math
import random
from collections.abc import Callable, Coroutine
from typing import Any

import av
import pytest
from aiortc import (
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)

from media.edge.port import MediaPort
from media.events import PeerEvent
from media.sfu import Peer, Sfu, SfuSettings
from media.testing.clock import run_virtual
from media.testing.network import Network

RELAY = ("10.0.0.1", 5000)
WIDTH, HEIGHT, PICTURES = 160, 120, 15
SOUND = 0.020  # seconds
# With "balanced", aiortc leaves the second video line behind on a transport of its own.
CONFIGURATION = RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)


class Pictures(MediaStreamTrack):
    """A grey that says when it was taken."""

    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    async def recv(self) -> av.VideoFrame:
        await asyncio.sleep(1 / PICTURES)
        frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
        for plane, level in zip(frame.planes, (grey(self.count), 128, 128), strict=True):
            plane.update(bytes((level,)) * plane.buffer_size)
        frame.pts, frame.time_base = self.count * 90_000 // PICTURES, fractions.Fraction(1, 90_000)
        self.count += 1
        return frame


class Tone(MediaStreamTrack):
    """440 Hz."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        samples = [round(8000 * math.sin(2 * math.pi * 440 * n / 48_000)) for n in range(48_000)]
        self._second = b"".join(sample.to_bytes(2, "little", signed=True) for sample in samples)

    async def recv(self) -> av.AudioFrame:
        await asyncio.sleep(SOUND)
        frame = av.AudioFrame("s16", "mono", 960)
        at = self.count % 50 * 1920
        frame.planes[0].update(self._second[at : at + 1920])
        frame.sample_rate = 48_000
        frame.pts, frame.time_base = self.count * 960, fractions.Fraction(1, 48_000)
        self.count += 1
        return frame


def grey(number: int) -> int:
    """Of picture `number`: goes round every 40 pictures."""
    return 40 + number % 40 * 4


class Person:
    """An aiortc client and its peer at the relay."""

    def __init__(self, world: "World", name: str, address: str) -> None:
        self.events: list[PeerEvent] = []
        self.address = address
        self.pictures: list[int] = []  # greys
        self.loudness: list[int] = []  # peaks of 20 ms
        self.peer: Peer = world.sfu.open_peer(name, self.events.append)
        self.connection = RTCPeerConnection(CONFIGURATION)
        self.connection.on("track", self._on_track)
        self._world = world
        self._tasks: set[asyncio.Task[None]] = set()

    async def offer(self) -> str:
        with self._world.network.host(self.address):
            await self.connection.setLocalDescription(await self.connection.createOffer())
        return self.connection.localDescription.sdp

    async def connect(self, sources: dict[str, str] | None = None) -> None:
        answer = self.peer.accept_offer(await self.offer(), sources)
        await self.connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        await until(lambda: self.peer.connected and self.connection.connectionState == "connected")

    async def close(self) -> None:
        await self.connection.close()
        self.peer.close()
        for task in self._tasks:
            task.cancel()

    def received(self, kind: str) -> int:
        """RTP packets of sound or picture that aiortc has taken."""
        streams = [
            counter
            for receiver in self.connection.getReceivers()
            if receiver.track is not None and receiver.track.kind == kind
            for counter in receiver._RTCRtpReceiver__remote_streams.values()
        ]
        return sum(stream.packets_received for stream in streams)

    def _on_track(self, track: MediaStreamTrack) -> None:
        task = asyncio.ensure_future(self._consume(track))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _consume(self, track: MediaStreamTrack) -> None:
        while True:
            try:
                frame: Any = await track.recv()
            except Exception:  # aiortc's MediaStreamError: the track has ended
                return
            if track.kind == "video":
                plane = frame.planes[0]
                self.pictures.append(bytes(plane)[plane.line_size * (HEIGHT // 2) + WIDTH // 2])
            else:
                data = bytes(frame.planes[0])
                self.loudness.append(
                    max(
                        abs(int.from_bytes(data[at : at + 2], "little", signed=True))
                        for at in range(0, 400, 4)
                    )
                )


class World:
    """A relay in an in-memory network."""

    def __init__(self, seed: int) -> None:
        self.network = Network(seed=seed)
        self.sfu = Sfu(SfuSettings(host=RELAY[0], media_port=RELAY[1]))
        self.sfu.rng = random.Random(seed)
        self.sfu.port = MediaPort(open_udp=self.network.open_udp, tcp=False, rng=random.Random(seed))
        self.people: list[Person] = []

    def person(self, name: str) -> Person:
        person = Person(self, name, f"10.0.1.{len(self.people) + 1}")
        self.people.append(person)
        return person

    async def sender(self, name: str, *, picture: bool = True) -> Person:
        """Somebody whose sound, and picture, the relay gets."""
        person = self.person(name)
        person.connection.addTransceiver(Tone(), "sendonly")
        if picture:
            person.connection.addTransceiver(Pictures(), "sendonly")
        await person.connect()
        return person

    async def watcher(self, name: str, of: Person) -> Person:
        """Somebody who receives what another sends, in one slot."""
        person = self.person(name)
        person.connection.addTransceiver("audio", "recvonly")
        person.connection.addTransceiver("video", "recvonly")
        await person.connect()
        sources = of.peer.publications
        person.peer.bind(0, sources.get("microphone"), sources.get("camera"))
        return person

    async def two(self) -> tuple[Person, Person]:
        """Two people who send and receive, as in a session."""
        people = [self.person("alice"), self.person("bob")]
        for person in people:
            connection = person.connection
            connection.addTransceiver(Tone(), "sendonly")
            connection.addTransceiver(Pictures(), "sendonly")
            connection.addTransceiver("audio", "recvonly")
            connection.addTransceiver("video", "recvonly")
            await person.connect({"0": "microphone", "1": "camera"})
        for person, other in (people, people[::-1]):
            sources = other.peer.publications
            person.peer.bind(0, sources["microphone"], sources["camera"])
        return people[0], people[1]


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.fixture
def in_world() -> Callable[..., Any]:
    """Runs `scenario(world)` in virtual time."""

    def run(
        scenario: Callable[[World], Coroutine[Any, Any, Any]], *, seed: int = 1, decode: bool = False
    ) -> Any:
        async def main() -> Any:
            world = World(seed)
            await world.sfu.start()
            try:
                return await scenario(world)
            finally:
                for person in world.people:
                    await person.close()
                await world.sfu.close()

        return run_virtual(main(), seed=seed, decode=decode)

    return run
