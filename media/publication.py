"""One source that a peer sends: microphone, camera or screen."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal

from media.encoding import Encoding, Packet
from media.keyframes import KeyframeRequests
from media.payload.formats import VP8
from media.rtp.rtcp import PictureLoss
from media.speech import SpeechLevel
from media.stream.clock import SenderClock

if TYPE_CHECKING:
    from media.subscription import Subscription

MEASURE_INTERVAL: Final = 0.5  # seconds between looks at liveness and bitrates
LINGER: Final = 8.0  # seconds that an encoding goes on although nobody gets it
START_TIME: Final = 2.0  # seconds from an order until an encoding that does not come can't be had
# Seconds between two stills: one schedule for all receivers, as each costs a keyframe on all rids.
STILL_INTERVAL: Final = 4.0
SOONER: Final = 0.9  # of that time: none comes to the tick


class Publication:
    """A source, its encodings from small to large, and the subscriptions that are fed from it."""

    def __init__(
        self,
        source: str,
        kind: Literal["audio", "video"],
        mid: str,
        rids: tuple[str, ...],
        clock: SenderClock,
        *,
        format: str = VP8,
        send_rtcp: Callable[[PictureLoss], None],
        on_changed: Callable[[Publication], None],
        wake: Callable[[float], None],
    ) -> None:
        self.source = source
        self.kind = kind
        self.mid = mid
        self.rids = rids  # from small to large; () without simulcast
        self.clock = clock
        self.format = format  # one for all encodings; see `media.payload.formats`
        self.speech = SpeechLevel()
        self.live = False  # packets arrived lately
        self.encodings: list[Encoding] = []
        self.subscriptions: list[Subscription] = []
        # Encodings, from the smallest up ...
        self.needed = 0  # that somebody can use; 0: nobody looks
        self.bearable = max(len(rids), 1)  # that the publisher's uplink bears; 0: no picture
        self.overdue = 0  # that have been ordered for so long that whatever does not come is not sent
        self._muted = False
        self._needed_at: list[float] = []  # when each was last of use
        self._ordered_at: list[float] = []  # since when each has been ordered
        self._keyframes = KeyframeRequests()
        self._measure_at = 0.0
        self._send_rtcp = send_rtcp
        self._on_changed = on_changed
        self._wake = wake  # `on_timeout` is due at this time, earlier than `next_timeout` has said before

    @property
    def muted(self) -> bool:
        """True: the relay forwards nothing of it, whatever the publisher sends."""
        return self._muted

    @muted.setter
    def muted(self, muted: bool) -> None:
        if muted != self._muted:
            self._muted = muted
            self.restart()

    def restart(self, encoding: Encoding | None = None) -> None:
        """What follows (of one encoding, or of all) is no continuation of what was before; for the streams
        that it feeds it is to be one."""
        for subscription in self.subscriptions:
            if encoding is None or subscription.is_fed_from(encoding):
                subscription.restart()
        for heard in self.encodings:
            if heard.voice is not None and (encoding is None or heard is encoding):
                heard.voice.restart()
        if self.kind == "video":
            self._keyframes.want()
            self._wake(self.next_timeout())

    def add_encoding(self, encoding: Encoding, *, now: float) -> None:
        """A stream of it was heard of for the first time."""
        self.encodings.append(encoding)
        self.encodings.sort(key=lambda e: self.rids.index(e.rid) if e.rid in self.rids else 0)
        for subscription in self.subscriptions:
            subscription.on_encodings_changed(now=now)

    def remove_encoding(self, encoding: Encoding) -> None:
        """A stream of it ended; those who got it wait for a keyframe of another."""
        self.encodings.remove(encoding)

    def on_packet(self, encoding: Encoding, packet: Packet, *, now: float) -> None:
        """A packet of `encoding` to all who are to get it."""
        if not self.live and packet.payload:
            self.live = True
            self._on_changed(self)
        if not self._muted:
            # A start that is late begins nothing: what follows it has gone by already.
            starts = packet.keyframe and packet.start and packet.sequence >= encoding.stream.highest
            if starts and now - encoding.still_at >= STILL_INTERVAL * SOONER:
                packet.still = True
                encoding.still_at = now
            if self.kind == "audio":
                encoding.read_audio(packet, now=now)
            for subscription in self.subscriptions:
                subscription.forward(encoding, packet, now=now)
        if packet.keyframe and packet.start and not any(s.waiting for s in self.subscriptions):
            self._keyframes.arrived()

    def want_keyframe(self, *, now: float) -> None:
        """A receiver needs a keyframe; asked for at once, or as soon as the rate limit allows."""
        self._keyframes.want()
        self._request_keyframe(now)
        self._wake(self.next_timeout())

    def next_timeout(self) -> float:
        keyframe_at = self._keyframes.next_timeout()
        if keyframe_at is None or self._muted or not self.encodings:
            return self._measure_at
        return min(keyframe_at, self._measure_at)

    def on_timeout(self, *, now: float) -> None:
        if now >= self._measure_at:
            self._measure_at = now + MEASURE_INTERVAL
            self._measure(now)
        self._request_keyframe(now)

    def _measure(self, now: float) -> None:
        changed = False
        newest = max((encoding.stream.last_packet_at for encoding in self.encodings), default=0.0)
        for encoding in self.encodings:
            changed |= encoding.measure(newest, now=now)
            holes = encoding.stream.take_unrepaired()
            moved = (s for s in self.subscriptions if s.is_fed_from(encoding) and not s.wants_stills)
            if holes and self.kind == "video" and any(moved):
                self._keyframes.want()
        if any(s.wants_stills and self._owes_still(s, now) for s in self.subscriptions):
            self._keyframes.want()
        self._order_rids()
        live = any(encoding.live for encoding in self.encodings)
        if live != self.live:
            self.live = live
            self._on_changed(self)
        if changed:
            for subscription in self.subscriptions:
                subscription.on_encodings_changed(now=now)

    def _owes_still(self, subscription: Subscription, now: float) -> bool:
        """Not of keyframes that came in between for others' sake: those were nobody's still. Who has not got
        the last one yet needs no other."""
        if subscription.is_behind:
            return False
        begins = subscription.waiting
        # The newest, as there never is another of an encoding that is off.
        last = [e.still_at for e in self.encodings if begins or subscription.is_fed_from(e)]
        return bool(last) and max(last) <= now - STILL_INTERVAL

    def detach(self, subscription: Subscription) -> None:
        """It is fed no more. Harmless when it was not."""
        if subscription in self.subscriptions:
            self.subscriptions.remove(subscription)

    def close(self) -> None:
        """The source is gone; so are its subscriptions."""
        for subscription in tuple(self.subscriptions):
            subscription.close()
        self.encodings.clear()
        if self.live:
            self.live = False
            self._on_changed(self)

    def count_needed(self, *, now: float) -> None:
        """Brings `needed` up to date. More at once, less after a while: an encoding that starts anew costs a
        keyframe and a ramp."""
        places = [layer.spatial for s in self.subscriptions if (layer := s.wanted_layer) is not None]
        needed = min(max(places, default=-1) + 1, max(len(self.rids), 1))
        self._needed_at[:needed] = [now] * needed
        while self._needed_at and now - self._needed_at[-1] >= LINGER:
            self._needed_at.pop()
        self.needed = len(self._needed_at)

    def on_ordered(self, encodings: int, *, now: float) -> None:
        """The publisher is asked for so many. Called again and again: `overdue` follows with time."""
        held = self.held
        del self._ordered_at[encodings:]
        self._ordered_at += [now] * (encodings - len(self._ordered_at))
        self.overdue = sum(now - since >= START_TIME for since in self._ordered_at)
        if self.held != held:
            self._on_changed(self)

    @property
    def held(self) -> bool:
        """Is a picture off only because it was not ordered, or only just?"""
        return self.kind == "video" and bool(self.encodings) and not self.live and not self.overdue

    def _order_rids(self) -> None:
        """Rids are taken to be told from small to large, until their pictures say otherwise."""
        by_size = sorted(self.encodings, key=lambda encoding: encoding.width)
        complete = bool(by_size) and len(by_size) == len(self.rids) and by_size[0].width > 0
        if complete and by_size != self.encodings:
            self.encodings = by_size
            self.rids = tuple(encoding.rid for encoding in by_size)

    def _request_keyframe(self, now: float) -> None:
        if self._muted or not self.encodings:
            return
        if any(encoding.stream.highest < 0 for encoding in self.encodings):
            return  # its first packet is being looked at, and most likely begins a keyframe
        if self._keyframes.due(now=now):
            # A browser answers a request on one encoding with a keyframe on all of them.
            self._send_rtcp(PictureLoss(0, self.encodings[0].stream.ssrc))
