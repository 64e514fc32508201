"""Calls of peers' cores in virtual time: no crypto, socket or event loop, and the same to the bit each time.

call = Call(seed=1)
alice = call.join("alice", camera=CAMERA)
bob = call.join("bob", slots=1, down=LinkSettings(loss=0.05))
call.bind(bob, 0, alice)
call.run(5.0)
bob.video[0].shown
"""

from __future__ import annotations

import hashlib
import heapq
import itertools
import random
import struct
from collections.abc import Callable, Iterable

from media import negotiation, sdp
from media.congestion.base import IP_UDP_OVERHEAD
from media.peer import PeerCore
from media.publication import Publication
from media.rtp.packet import header_length
from media.stream.outlet import SRTP_TAG
from media.testing.client import Client
from media.testing.link import Link, LinkSettings
from media.testing.traffic import EncodingSettings

GOOD_LINK = LinkSettings(delay=((0.0, 0.01),))
TRANSPORT = negotiation.TransportParameters(
    "relay",
    "passwordOfTheRelayItself",
    ("sha-256", ":".join(["AA"] * 32)),
    ("1 1 udp 1 192.0.2.1 9 typ host",),
)
MAX_LINES = 44
MAX_ACTS = 10_000  # at one moment


class Scheduler:
    """Things to do, in order of time and of having been planned."""

    def __init__(self) -> None:
        self.now = 0.0
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def at(self, when: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._heap, (max(when, self.now), next(self._order), act))

    def run(self, until: float) -> None:
        acts = 0
        while self._heap and self._heap[0][0] <= until:
            when, _, act = heapq.heappop(self._heap)
            acts = acts + 1 if when == self.now else 0
            assert acts < MAX_ACTS, "time stands still: a timer is due again and again"
            self.now = when
            act()
        self.now = until


class Call:
    """A relay and its clients."""

    def __init__(self, *, seed: int = 1) -> None:
        self.scheduler = Scheduler()
        self.rng = random.Random(seed)
        self.peers: dict[str, RelayedPeer] = {}
        self._trace = hashlib.blake2b(digest_size=16)

    @property
    def now(self) -> float:
        return self.scheduler.now

    def join(
        self,
        name: str,
        *,
        up: LinkSettings = GOOD_LINK,
        down: LinkSettings = GOOD_LINK,
        microphone: bool = False,
        camera: tuple[EncodingSettings, ...] = (),
        slots: int = 0,
        descriptor: bool = False,
        redundant: bool = True,
        rtx: bool = True,
        feedback: bool = True,
        takes_orders: bool = True,
        takes_repeats: bool = False,
    ) -> Client:
        """A client, connected at once. Without `feedback` the relay knows nothing of its path, and takes it
        to carry 2.5 Mbit/s. Who `takes_orders` reads them from its core; others are capped by REMB.
        `takes_repeats`: see `SendStream`."""
        rng = random.Random(self.rng.getrandbits(64))
        client = Client(
            name,
            rng,
            microphone=microphone,
            camera=camera,
            slots=slots,
            descriptor=descriptor,
            redundant=redundant,
            rtx=rtx,
            feedback=feedback,
        )
        self.peers[name] = RelayedPeer(
            self, client, up, down, rng, takes_orders=takes_orders, takes_repeats=takes_repeats
        )
        self.negotiate(client)
        self._tick(client)
        return client

    def core(self, client: Client) -> PeerCore:
        return self.peers[client.name].core

    def negotiate(self, client: Client) -> None:
        """The client's offer to the relay and the answer back, through their texts."""
        offer = sdp.parse(client.offer())
        lines = negotiation.agree(offer, client.sources, max_lines=MAX_LINES)
        streams = self.core(client).configure(lines, now=self.now)
        answer = negotiation.answer(offer, lines, TRANSPORT, streams, version=1)
        client.on_answer(sdp.serialize(answer), now=self.now)

    def publication(self, client: Client, source: str) -> Publication:
        return self.core(client).publications[source]

    def bind(self, receiver: Client, slot: int, publisher: Client | None) -> None:
        """Shows `publisher` in a slot of `receiver`."""
        sources = {} if publisher is None else self.core(publisher).publications
        self.core(receiver).slots[slot].bind(sources.get("microphone"), sources.get("camera"), now=self.now)

    def wish(self, receiver: Client, slot: int, width: int, height: int) -> None:
        self.core(receiver).slots[slot].wish(width, height, now=self.now)

    def impair(
        self, client: Client, *, up: LinkSettings | None = None, down: LinkSettings | None = None
    ) -> None:
        """Replaces the links of a client from now on."""
        self.peers[client.name].impair(up, down)

    def run(self, seconds: float) -> None:
        self.scheduler.run(self.now + seconds)

    def trace(self, name: str, data: Iterable[bytes]) -> None:
        self._trace.update(struct.pack("!d", self.now) + name.encode())
        for part in data:
            self._trace.update(part)

    def digest(self) -> str:
        """Of all that was received by anybody, and when."""
        return self._trace.hexdigest()

    def _tick(self, client: Client) -> None:
        client.on_timeout(now=self.now)
        self.peers[client.name].flush()
        self.scheduler.at(client.next_timeout(), lambda: self._tick(client))


class RelayedPeer:
    """A client, its core in the relay, the timer of that, and the links between them."""

    def __init__(
        self,
        call: Call,
        client: Client,
        up: LinkSettings,
        down: LinkSettings,
        rng: random.Random,
        *,
        takes_orders: bool,
        takes_repeats: bool,
    ) -> None:
        self.client = client
        self._call = call
        self._rng = rng
        self.up, self._down = Link(up, rng), Link(down, rng)
        self._armed = float("inf")
        self.core = PeerCore(
            rng=rng,
            send_rtp=lambda header, payload: self._send_down(header + payload),
            send_rtcp=self._send_down,
            on_publication=lambda publication: None,
            on_order=(lambda order: None) if takes_orders else None,
            wake=self._arm,
            takes_repeats=takes_repeats,
        )

    def impair(self, up: LinkSettings | None, down: LinkSettings | None) -> None:
        if up is not None:
            self.up = Link(up, self._rng)
        if down is not None:
            self._down = Link(down, self._rng)

    def flush(self) -> None:
        """Puts on the way what the client has to send."""
        for packet in self.client.take_packets():
            self._send(self.up, packet, self._receive_up)

    def _send_down(self, packet: bytes) -> None:
        self._send(self._down, packet, self._receive_down)

    def _send(self, link: Link, packet: bytes, receive: Callable[[bytes], None]) -> None:
        scheduler = self._call.scheduler
        for arrival in link.send(len(packet) + SRTP_TAG + IP_UDP_OVERHEAD, now=scheduler.now):
            scheduler.at(arrival, lambda: receive(packet))

    def _receive_up(self, packet: bytes) -> None:
        now = self._call.now
        self._call.trace(f"up {self.client.name}", (packet,))
        if 192 <= packet[1] <= 223:
            self.core.receive_rtcp(packet, now=now)
        else:
            length = header_length(packet)
            assert length is not None
            self.core.receive_rtp(packet[:length], packet[length:], now=now)
        self._arm(self.core.next_timeout())

    def _receive_down(self, packet: bytes) -> None:
        self._call.trace(f"down {self.client.name}", (packet,))
        if 192 <= packet[1] <= 223:
            self.client.receive_rtcp(packet, now=self._call.now)
        else:
            self.client.receive_rtp(packet, now=self._call.now)
        self.flush()

    def _arm(self, when: float | None) -> None:
        if when is not None and when < self._armed:
            self._armed = max(when, self._call.now)
            self._call.scheduler.at(self._armed, self._fire)

    def _fire(self) -> None:
        if self._call.now < self._armed:  # armed anew for later
            return
        self._armed = float("inf")
        self.core.on_timeout(now=self._call.now)
        self._arm(self.core.next_timeout())
