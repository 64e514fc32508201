"""One source that a peer sends: microphone, camera or screen."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from media.encoding import Encoding, Packet
from media.keyframes import KeyframeRequests
from media.rtp.rtcp import PictureLoss
from media.speech import SpeechLevel
from media.stream.clock import SenderClock

if TYPE_CHECKING:
    from media.subscription import Subscription

MEASURE_INTERVAL = 0.5  # seconds between looks at liveness and bitrates


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
        send_rtcp: Callable[[PictureLoss], None],
        on_changed: Callable[[Publication], None],
    ) -> None:
        self.source = source
        self.kind = kind
        self.mid = mid
        self.rids = rids  # from small to large; () without simulcast
        self.clock = clock
        self.speech = SpeechLevel()
        self.live = False  # packets arrived lately
        self.encodings: list[Encoding] = []
        self.subscriptions: list[Subscription] = []
        self._muted = False
        self._keyframes = KeyframeRequests()
        self._measure_at = 0.0
        self._send_rtcp = send_rtcp
        self._on_changed = on_changed

    @property
    def muted(self) -> bool:
        """True: the relay forwards nothing of it, whatever the publisher sends."""
        return self._muted

    @muted.setter
    def muted(self, muted: bool) -> None:
        if muted != self._muted:
            self._muted = muted
            for subscription in self.subscriptions:
                subscription.restart()
            if not muted and self.kind == "video":
                self._keyframes.want()

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
        if packet.keyframe and packet.start:
            self._keyframes.arrived()
        if not self.live and packet.payload:
            self.live = encoding.live = True
            self._on_changed(self)
        if not self._muted:
            for subscription in self.subscriptions:
                subscription.forward(encoding, packet, now=now)

    def want_keyframe(self, *, now: float) -> None:
        """A receiver needs a keyframe; asked for at once, or as soon as the rate limit allows."""
        self._keyframes.want()
        self._request_keyframe(now)

    def next_timeout(self) -> float:
        keyframe_at = self._keyframes.next_timeout()
        return self._measure_at if keyframe_at is None else min(keyframe_at, self._measure_at)

    def on_timeout(self, *, now: float) -> None:
        self._request_keyframe(now)
        if now < self._measure_at:
            return
        self._measure_at = now + MEASURE_INTERVAL
        changed = False
        for encoding in self.encodings:
            changed |= encoding.measure(now=now)
            if encoding.stream.take_unrepaired() and self.kind == "video":
                self._keyframes.want()
        self._order_rids()
        live = any(encoding.live for encoding in self.encodings)
        if live != self.live:
            self.live = live
            self._on_changed(self)
        if changed:
            for subscription in self.subscriptions:
                subscription.on_encodings_changed(now=now)

    def close(self) -> None:
        """The source is gone; so are its subscriptions."""
        for subscription in tuple(self.subscriptions):
            subscription.close()
        self.encodings.clear()
        if self.live:
            self.live = False
            self._on_changed(self)

    def _order_rids(self) -> None:
        """Rids are taken to be told from small to large, until their pictures say otherwise."""
        by_size = sorted(self.encodings, key=lambda encoding: encoding.width)
        complete = bool(by_size) and len(by_size) == len(self.rids) and by_size[0].width > 0
        if complete and by_size != self.encodings:
            self.encodings = by_size
            self.rids = tuple(encoding.rid for encoding in by_size)

    def _request_keyframe(self, now: float) -> None:
        # A browser answers a request on one encoding with a keyframe on all of them.
        if self.encodings and self._keyframes.due(now=now):
            self._send_rtcp(PictureLoss(0, self.encodings[0].stream.ssrc))
