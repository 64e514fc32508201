"""The selective forwarding unit (RFC 7667 section 3.7) as the people's side sees it: peers, and what happens
to them. Sockets, timers and DTLS are joined here with the peers' cores, which know none of them."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from media import negotiation, sdp
from media.edge.port import MediaPort
from media.edge.timer import Timer
from media.edge.transport import Transport
from media.errors import MediaError
from media.events import Connected, Disconnected, PeerEvent, PublicationChanged, SendingOrdered, SlotsChanged
from media.negotiation import TransportParameters
from media.peer import PeerCore
from media.publication import Publication
from media.quality import Grade, Picture, picture_at_most, picture_of, uplink_grade
from media.sending import Order
from media.settings import SfuSettings
from media.slots import Slot
from media.statistics import Figure, Totals, figures

__all__ = [
    "Connected",
    "Disconnected",
    "Figure",
    "Grade",
    "IceParameters",
    "MediaError",
    "Order",
    "Peer",
    "PeerEvent",
    "Picture",
    "Publication",
    "PublicationChanged",
    "SendingOrdered",
    "Sfu",
    "SfuSettings",
    "Slot",
    "SlotsChanged",
    "carries_all",
]

# A path that died is known in 1.5 s where something ought to come all the time: a silent microphone still
# sends every 0.4 s (Opus DTX), a receiver reports every 0.25 s. Else Chrome's check of its pair, every 2.5 s,
# is all there is. Consent (RFC 7675) goes on for longer, so that the path may live again.
DEAD_AFTER: Final = 1.5
DEAD_AFTER_QUIET: Final = 6.0
STEADY: Final = 1.0  # seconds: media at most so much older than the last sign of life did flow then


def carries_all(offer: sdp.SessionDescription, *, sends: bool) -> bool:
    """Would every line of a first offer be carried? `sends`: of a client whose sound and picture are taken,
    else of one that only watches. Raises `MediaError`."""
    lines = negotiation.agree(offer, None if sends else {}, max_lines=len(offer.media))
    return all(line.role != "rejected" for line in lines)


@dataclass(frozen=True, slots=True)
class IceParameters:
    """Our end of ICE; candidates are values of a=candidate without the name."""

    ufrag: str
    pwd: str
    candidates: tuple[str, ...]


class Peer:
    """The handle of one WebRTC connection."""

    def __init__(
        self,
        sfu: Sfu,
        name: str,
        on_event: Callable[[PeerEvent], None],
        *,
        takes_orders: bool,
        takes_repeats: bool,
    ) -> None:
        self.name = name
        self.connected = False
        self._sfu = sfu
        self._on_event: Callable[[PeerEvent], None] | None = on_event
        self._remote: tuple[str, str] | None = None  # ICE credentials of the peer
        self._tcp_host: str | None = None  # that it is reached at, if over TCP
        self._fingerprints: tuple[tuple[str, str], ...] = ()
        self._version = 0
        self._transport: Transport = sfu.port.create_transport(
            on_rtp=self._receive_rtp,
            on_rtcp=self._receive_rtcp,
            on_connected=self._connected,
            on_closed=self._closed,
        )
        self._transport.on_path_change = self._path_changed
        self._timer = Timer(asyncio.get_running_loop(), self._on_timeout)
        self.core = PeerCore(
            rng=sfu.rng,
            send_rtp=self._transport.send_rtp,
            send_rtcp=self._transport.send_rtcp,
            connected=False,
            on_publication=lambda publication: self._emit(PublicationChanged(publication)),
            on_order=(lambda order: self._emit(SendingOrdered(order))) if takes_orders else None,
            wake=self._timer.set,
            takes_repeats=takes_repeats,
        )

    @property
    def path(self) -> str | None:
        """How it is reached: "udp4", "udp6" or "tcp"; None: not at all yet."""
        return self._transport.path

    @property
    def publications(self) -> Mapping[str, Publication]:
        """By source: "microphone", "camera", "screen"."""
        return self.core.publications

    @property
    def slots(self) -> Sequence[Slot]:
        return self.core.slots

    @property
    def speech_level(self) -> float:
        """0.0 silent to 1.0 loud."""
        microphone = self._microphone
        return 0.0 if microphone is None else microphone.speech.level(now=self._sfu.now())

    def spoke_within(self, seconds: float) -> bool:
        """Did it say something lately that the others were to hear?"""
        microphone = self._microphone
        return microphone is not None and microphone.speech.spoke_within(seconds, now=self._sfu.now())

    def is_reached(self, *, sends: bool) -> bool:
        """Connected, and heard of lately. `sends`: it means to send sound or a picture."""
        heard = self._transport.last_heard
        if not self.connected or heard is None:
            return False
        silence = self._sfu.now() - heard
        if silence < DEAD_AFTER or silence >= DEAD_AFTER_QUIET:
            return silence < DEAD_AFTER
        core = self.core
        came = (e.stream.last_packet_at for p in core.publications.values() for e in p.encodings)
        sent = (stream.last_sent_at for slot in core.slots for stream in slot.streams)
        steady = sends and any(at > heard - STEADY for at in came)
        reported = core.downlink.feedback_received and any(at > heard + STEADY for at in sent)
        return not (steady or reported)

    @property
    def order(self) -> Order:
        """What its page is to send."""
        return self.core.order

    @property
    def uplink(self) -> Grade:
        return uplink_grade(self.core.uplink)

    @property
    def downlink(self) -> Grade:
        return self.core.downlink.grade

    @property
    def picture_at_most(self) -> Picture:
        """What its uplink lets others be shown of it, if they look and it has a picture."""
        return picture_at_most(self.core.uplink.level)

    def picture(self, slot: int) -> Picture:
        """What a slot is shown: motion, stills, sound alone, nothing, or nothing for want of the codec."""
        return picture_of(self.core.slots[slot]) if slot < len(self.core.slots) else "off"

    def prefer(self, *, sound_only: bool, save_data: bool) -> None:
        """What the person wants on this device, whatever the path carries."""
        self.core.downlink.prefer(sound_only=sound_only, save_data=save_data, now=self._sfu.now())

    def buffered(self, slot: int, seconds: float) -> None:
        """The person's browser says for how long the sound of a slot waits in its jitter buffer."""
        self.core.downlink.on_buffered(slot, seconds, now=self._sfu.now())

    def accept_offer(self, offer: str, sources: Mapping[str, str] | None = None) -> str:
        """The answer to an offer: the first one, more slots, or an ICE restart. `sources` maps the mid of
        each line that the client sends on; None takes the first audio and video line. Raises `MediaError`."""
        description = sdp.parse(offer)
        lines = negotiation.agree(description, sources, max_lines=self._sfu.settings.max_media_lines)
        remote = negotiation.transport_of(description)
        if self._fingerprints and self._fingerprints != remote.fingerprints:
            raise MediaError(
                "other-connection", "The offer is of another connection. Please reload the page."
            )
        if self._remote is not None and self._remote != (remote.ice_ufrag, remote.ice_pwd):
            self._transport.restart()
        if self._remote != (remote.ice_ufrag, remote.ice_pwd):
            self._transport.set_remote(
                ufrag=remote.ice_ufrag,
                fingerprints=remote.fingerprints,
                setup=remote.setup,
            )
            self._remote = (remote.ice_ufrag, remote.ice_pwd)
            self._fingerprints = remote.fingerprints
        slots_before = self._slot_lines()
        streams = self.core.configure(lines, now=self._sfu.now())
        self._version += 1
        ice = self._ice()
        text = sdp.serialize(
            negotiation.answer(
                description,
                lines,
                TransportParameters(ice.ufrag, ice.pwd, self._transport.fingerprint, ice.candidates),
                streams,
                version=self._version,
                thin=self.core.order.thin,
            )
        )
        if self._slot_lines() != slots_before:
            self._emit(SlotsChanged())
        return text

    def restart_ice(self, ufrag: str, pwd: str) -> IceParameters:
        """An ICE restart without a new description (RFC 9725 section 4.3.3): the peer's new credentials in,
        ours out. The old ones stay valid meanwhile."""
        self._transport.restart()
        self._transport.set_remote(ufrag=ufrag, fingerprints=self._fingerprints, setup="active")
        self._remote = (ufrag, pwd)
        return self._ice()

    def bind(self, slot: int, audio: Publication | None, video: Publication | None) -> None:
        """Feeds a slot from these publications. Idempotent; an unknown slot is ignored."""
        if 0 <= slot < len(self.core.slots):
            self.core.slots[slot].bind(audio, video, now=self._sfu.now())

    def rank(self, slots: Sequence[int], claims: Sequence[int]) -> None:
        """Which pictures come first where the path does not carry all: slots, the most important first, and
        why each of them stands where it does, by slot; the lowest number is the strongest claim."""
        for priority, slot in enumerate(slots):
            self.core.slots[slot].rank(priority, claims[slot], now=self._sfu.now())

    def wish(self, slot: int, width: int, height: int) -> None:
        """The size of a slot's tile in device pixels; 0 x 0: hidden, send no video."""
        if 0 <= slot < len(self.core.slots):
            self.core.slots[slot].wish(width, height, now=self._sfu.now())

    def close(self) -> None:
        """Ends the connection. Idempotent; no event comes afterwards."""
        self._on_event = None
        self._release()
        self._transport.close()

    @property
    def _microphone(self) -> Publication | None:
        """Unless it is muted."""
        microphone = self.core.publications.get("microphone")
        return None if microphone is None or microphone.muted else microphone

    def _slot_lines(self) -> dict[str, str]:
        """What the slots' m-lines are for now: a paused one feeds nothing and has to be bound again."""
        return {
            stream.mid: self.core.lines[stream.mid].role for slot in self.slots for stream in slot.streams
        }

    def _ice(self) -> IceParameters:
        transport = self._transport
        return IceParameters(transport.local_ufrag, transport.local_pwd, self._sfu.candidates())

    def _receive_rtp(self, header: bytes, payload: bytes, now: float) -> None:
        self.core.receive_rtp(header, payload, now=now)

    def _receive_rtcp(self, packet: bytes, now: float) -> None:
        self.core.receive_rtcp(packet, now=now)

    def _on_timeout(self, now: float) -> float | None:
        self.core.on_timeout(now=now)
        return self.core.next_timeout()

    def _connected(self) -> None:
        self.connected = True
        self.core.on_connected(now=self._sfu.now())
        self._emit(Connected())

    def _path_changed(self) -> None:
        """What was learnt of the old path need not hold. A page on TCP connects anew each time that it looks
        whether UDP is back; from the same host, that is the same route."""
        path, before = self._transport.ice.selected, self._tcp_host
        self._tcp_host = path.address[0] if path is not None and path.sender.kind == "tcp" else None
        if not self.connected:
            return
        if before is not None and before == self._tcp_host:
            self.core.downlink.on_reconnected()
        else:
            now = self._sfu.now()
            self.core.downlink.on_route_change(now=now)
            self.core.uplink.on_route_change(now=now)

    def _closed(self, reason: str) -> None:
        self._release()
        self._emit(Disconnected(reason))
        self._on_event = None

    def _release(self) -> None:
        self.connected = False
        self._timer.close()
        self.core.close(now=self._sfu.now())
        self._sfu.forget(self)

    def _emit(self, event: PeerEvent) -> None:
        if self._on_event is not None:
            self._on_event(event)


class Sfu:
    """All peers of this process, on one port."""

    def __init__(self, settings: SfuSettings) -> None:
        self.settings = settings
        self.rng: random.Random = random.SystemRandom()
        self.port = MediaPort()
        self._peers: set[Peer] = set()
        self._totals = Totals()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def media_port(self) -> int:
        """The UDP and TCP port, once started."""
        return self.port.port

    async def start(self) -> None:
        """Binds the port. Raises OSError."""
        self._loop = asyncio.get_running_loop()
        await self.port.open(self.settings.host, self.settings.media_port)

    async def close(self) -> None:
        for peer in tuple(self._peers):
            peer.close()
        await self.port.close()

    def open_peer(
        self,
        name: str,
        on_event: Callable[[PeerEvent], None],
        *,
        takes_orders: bool = True,
        takes_repeats: bool = False,
        replaces: Peer | None = None,
    ) -> Peer:
        """A peer that waits for its offer. `name` is for people who look at metrics, not shown to others.
        `takes_orders`: it is told by events what to send; else it is capped by REMB. `takes_repeats`: sound
        that comes again under another packet number is not played again. `replaces`: one that is closed as
        soon as this one has its answer, so that its place counts as free."""
        if len(self._peers) - (replaces in self._peers) >= self.settings.max_peers:
            raise MediaError(
                "server-full", "The server is full at the moment. Please try again in a few minutes."
            )
        peer = Peer(self, name, on_event, takes_orders=takes_orders, takes_repeats=takes_repeats)
        self._peers.add(peer)
        return peer

    def now(self) -> float:
        assert self._loop is not None, "the relay has not been started"
        return self._loop.time()

    def candidates(self) -> tuple[str, ...]:
        return self.port.candidates(self.settings.public_addresses)

    def forget(self, peer: Peer) -> None:
        """The peer is closed."""
        if peer in self._peers:
            self._peers.discard(peer)
            self._totals.forget(peer.core)

    def metrics(self) -> tuple[Figure, ...]:
        """What an operator may want to watch."""
        cores = [peer.core for peer in self._peers]
        connected = sum(peer.connected for peer in self._peers)
        paths = Counter(peer.path for peer in self._peers if peer.connected and peer.path is not None)
        reached = Figure("paths", "Connected peers by how they are reached.", "gauge", paths, "protocol")
        return (*figures(cores, connected, self._totals, self.port.drops), reached)
