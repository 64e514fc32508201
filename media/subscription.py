"""A publication bound to one half of a slot: which packets go on, and under which numbers."""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol

from media.encoding import Encoding, Packet
from media.payload import vp8
from media.publication import Publication
from media.stream.receive import ReceiveStream
from media.stream.rewrite import Rewriter
from media.stream.send import SendStream

MAX_TEMPORAL_LAYER: Final = 7  # "all of them"
STILLS: Final = -1  # below the lowest temporal layer: keyframes alone
# Seconds that a picture pauses which found no room a second time: each beginning costs everybody a keyframe.
# Doubled for each further time behind a large keyframe; a small one is soon there ...
PAUSE: Final = 1.0
PAUSE_AT_MOST: Final = 16.0
CALM: Final = 20.0  # ... and forgotten after so many without one
MIN_STEP: Final = 1  # ticks of the RTP clock that a stream's time moves on at least when its source changes


class Layer(NamedTuple):
    """What a video subscription is to get: the encoding's place from small to large, and the highest
    temporal layer, or STILLS."""

    spatial: int
    temporal: int = MAX_TEMPORAL_LAYER


BEST: Final = Layer(255)


class Subscription(Protocol):
    """What a publication sees of those that it feeds."""

    publication: Publication

    @property
    def waiting(self) -> bool:
        """Does it take a keyframe for what is wanted to be sent?"""

    @property
    def wants_stills(self) -> bool:
        """Is it fed with keyframes alone?"""

    @property
    def is_behind(self) -> bool:
        """Does its stream wait because of a large keyframe, which takes the path long?"""

    @property
    def wanted_layer(self) -> Layer | None:
        """The layer of a picture that it can use, whether it comes or not; None: none."""

    def forward(self, encoding: Encoding, packet: Packet, *, now: float) -> None: ...
    def on_encodings_changed(self, *, now: float) -> None: ...
    def is_fed_from(self, encoding: Encoding) -> bool: ...
    def restart(self) -> None:
        """The publication paused: when it goes on, so does the stream, without a gap."""

    def report_timestamp(self, *, now: float) -> int | None:
        """The stream's RTP timestamp at `now` by the publisher's reports; None until one came."""

    def close(self) -> None: ...


class VideoSubscription:
    """Picture: one encoding at a time, switched on a keyframe, temporal layers up to the target's."""

    def __init__(
        self, publication: Publication, stream: SendStream, target: Layer | None = BEST, *, now: float
    ) -> None:
        self.publication = publication
        self.target = target  # None: nothing is wanted
        self._missing: Layer | None = None  # larger than the target, and of use as soon as it comes
        self.current: Encoding | None = None  # what goes on now
        self._wanted: Encoding | None = None  # the live encoding that serves the target best
        self._stream = stream
        self._rewriter = Rewriter()
        self._shift = 0  # of timestamps
        self._temporal = 0  # highest temporal layer that goes on, or STILLS
        self._still = -1  # timestamp of the still that is being sent
        self._tl0_shift = 0
        self._frame_shift = 0  # of the descriptor's frame numbers
        self._dropped_picture: int | None = None  # picture id or frame number being left out
        self._paused_at: float | None = None  # it found no room, and waits
        self._pause = 0.0  # for so many seconds at least
        self._resumed_at = float("-inf")
        publication.subscriptions.append(self)
        self._choose(now)

    @property
    def waiting(self) -> bool:
        if self.target is None or self._paused_at is not None:
            return False
        stopped = self._temporal == STILLS != self.target.temporal
        return stopped or self.current is None or self.current is not self._wanted

    @property
    def wants_stills(self) -> bool:
        return self.target is not None and self.target.temporal == STILLS

    @property
    def is_behind(self) -> bool:
        return self._stream.is_behind

    @property
    def wanted_layer(self) -> Layer | None:
        return self._missing or self.target

    @property
    def moves(self) -> bool:
        """Is the picture in motion, rather than off or a sequence of stills?"""
        return self.current is not None and self._temporal != STILLS

    def set_target(self, target: Layer | None, *, missing: Layer | None = None, now: float) -> None:
        """The one way to say which layer is to be sent. A larger or smaller encoding starts with its next
        keyframe, which is asked for; until then the one before goes on. `missing`: what could be used, where
        the target is only the best that comes."""
        self._missing = missing
        if target == self.target:
            return
        if target is not None and self.target is not None and target < self.target:
            self._pause = 0.0  # less may find room
        self.target = target
        if target is None:
            self.current = self._wanted = None
            return
        self._choose(now)
        if self.waiting:
            self.publication.want_keyframe(now=now)

    def forward(self, encoding: Encoding, packet: Packet, *, now: float) -> None:
        if encoding is not self.current:
            if not self._may_start(encoding, packet):
                return
            self._switch(encoding, packet, now)
        rewriter = self._rewriter
        stream = self._stream
        sequence = packet.sequence
        newest = rewriter.is_newest(sequence)
        if newest:
            if packet.start:
                self._set_temporal(packet)
            if (packet.temporal > self._temporal and packet.timestamp != self._still) or not packet.payload:
                self._drop(packet)
                return
            out_sequence = rewriter.take(sequence)
            picture_shift = rewriter.picture_offset
        else:
            late = rewriter.take_late(sequence)
            if late is None:
                return
            out_sequence, picture_shift = late
        payload = packet.payload
        head = b""
        header = packet.vp8
        if header is not None and header.picture_id is not None:
            picture = header.picture_id + picture_shift & (0x7FFF if header.wide else 0x7F)
            tl0 = None if header.tl0 is None else header.tl0 + self._tl0_shift & 0xFF
            if newest:
                stream.last_picture = picture
                stream.last_tl0 = tl0 or 0
            if picture_shift or self._tl0_shift:
                head = vp8.rewrite_descriptor(payload, header, picture, tl0)
        descriptor = b""
        if packet.descriptor:
            frame = packet.frame_number + self._frame_shift & 0xFFFF
            if newest:
                stream.last_frame = frame
            if stream.takes_descriptor:
                descriptor = packet.descriptor
                if self._frame_shift:
                    descriptor = descriptor[:1] + frame.to_bytes(2, "big") + descriptor[3:]
        stream.send(
            out_sequence,
            packet.timestamp + self._shift & 0xFFFFFFFF,
            packet.marker,
            stream.payload_type,
            payload,
            descriptor,
            head,
            now=now,
        )

    def on_encodings_changed(self, *, now: float) -> None:
        """Encodings came, went live or silent."""
        self._choose(now)

    def is_fed_from(self, encoding: Encoding) -> bool:
        return encoding is self.current

    def restart(self) -> None:
        self.current = None

    def begin_anew(self, *, now: float) -> None:
        """What was before says nothing of what there is room for now."""
        self.restart()
        self._paused_at, self._pause = None, 0.0
        self.want_keyframe(now=now)

    def pause(self, *, now: float) -> None:
        """There is no room for what follows: the picture begins anew once there may be, see `resume`."""
        self.restart()
        if now - self._resumed_at > CALM:
            self._pause = 0.0
        elif self._paused_at is None:
            most = PAUSE_AT_MOST if self._stream.brings_keyframe(now=now) else PAUSE
            self._pause = min(max(2 * self._pause, PAUSE), most)
        self._paused_at = now

    def resume(self, *, at_once: bool = False, now: float) -> None:
        """Ends a pause that has lasted long enough (`at_once`: any), if what was begun before it has left."""
        if self._paused_at is None or self.is_behind:
            return
        if now - self._paused_at < self._pause and not at_once:
            return
        self._paused_at, self._resumed_at = None, now
        self._stream.forget()
        if self.waiting:
            self.publication.want_keyframe(now=now)

    def report_timestamp(self, *, now: float) -> int | None:
        source = None if self.current is None else self.current.stream
        return reported_timestamp(self.publication, source, self._shift, now)

    def want_keyframe(self, *, now: float) -> None:
        """The receiver asks for one. Unasked-for pictures are not requested on its behalf, nor stills: a
        browser asks three seconds after the last picture, and the next one is on its way by plan. So is one
        that takes the path long."""
        paused = self._paused_at is not None
        if self.target is None or self.wants_stills or paused or self._stream.brings_keyframe(now=now):
            return
        self.publication.want_keyframe(now=now)

    def close(self) -> None:
        self.restart()
        self.publication.detach(self)

    def _choose(self, now: float) -> None:
        """Settles which encoding to aim at: the target's, else the nearest live one below, else above."""
        encodings = self.publication.encodings
        if self.target is None or not encodings:
            return
        rids = self.publication.rids
        place = {rid: index for index, rid in enumerate(rids)}
        live = [encoding for encoding in encodings if encoding.live] or encodings
        below = [encoding for encoding in live if place.get(encoding.rid, 0) <= self.target.spatial]
        wanted = below[-1] if below else live[0]
        if wanted is not self._wanted:
            self._wanted = wanted
            if wanted is not self.current and self._paused_at is None:
                self.publication.want_keyframe(now=now)

    def _may_start(self, encoding: Encoding, packet: Packet) -> bool:
        """May the stream go over to `encoding` with this packet?"""
        if not (packet.keyframe and packet.start) or self.target is None or self._paused_at is not None:
            return False
        if encoding.stream.highest != packet.sequence:  # late: what follows it has gone by already
            return False
        # With nothing to show, a smaller keyframe is better than waiting for the right one.
        return encoding is self._wanted or (self.current is None and not self._exceeds(encoding))

    def _exceeds(self, encoding: Encoding) -> bool:
        """Is it larger than what is wanted?"""
        if self._wanted is None:
            return False
        encodings = self.publication.encodings
        return encodings.index(encoding) > encodings.index(self._wanted)

    def _switch(self, encoding: Encoding, packet: Packet, now: float) -> None:
        stream = self._stream
        stream.carry(self.publication.format)
        self._shift = self._timestamp(encoding, packet, now) - packet.timestamp
        picture_shift = 0
        header = packet.vp8
        if header is not None and header.picture_id is not None and stream.last_picture is not None:
            picture_shift = stream.last_picture + 1 - header.picture_id
            self._tl0_shift = stream.last_tl0 + 1 - (header.tl0 or 0)
        if packet.descriptor and stream.last_frame is not None:
            self._frame_shift = stream.last_frame + 1 - packet.frame_number
        self._rewriter.start(packet.sequence, stream.next_sequence, picture_shift)
        self._temporal = 0 if self.target is None else self.target.temporal
        self._dropped_picture = None
        self._still = -1
        self.current = encoding

    def _timestamp(self, encoding: Encoding, packet: Packet, now: float) -> int:
        """The timestamp that the first packet of `encoding` gets."""
        stream = self._stream
        old = None if self.current is None else self.current.stream
        new = encoding.stream
        if old is None or old.sender_ntp is None or new.sender_ntp is None:
            return continued_timestamp(stream, now=now)
        # Both encodings are of one camera: their reports tell what their clocks differ by.
        apart = (new.sender_ntp - old.sender_ntp) * stream.clock_rate >> 32
        same_moment = old.sender_rtp + apart - new.sender_rtp + packet.timestamp + self._shift
        ahead = (same_moment - stream.last_timestamp) & 0xFFFFFFFF
        return same_moment if 0 < ahead < stream.clock_rate * 2 else continued_timestamp(stream, now=now)

    def _set_temporal(self, packet: Packet) -> None:
        """Settles at the start of a picture what of it goes on."""
        assert self.target is not None
        target = self.target.temporal
        if packet.keyframe:
            too_soon = not packet.still or self._stream.is_behind
            if self._temporal == STILLS == target and self._still >= 0 and too_soon:
                return  # an encoder, or somebody else, wants keyframes more often than stills are paid for
            self._still = packet.timestamp
        if target < self._temporal or packet.keyframe:
            self._temporal = target
        elif self._temporal == STILLS:
            return
        elif packet.switch > self._temporal:
            self._temporal = min(packet.switch, target)
        self._stream.begin_picture(keyframe=packet.keyframe, at_once=self._temporal == STILLS)

    def _drop(self, packet: Packet) -> None:
        header = packet.vp8
        new_picture = False
        if packet.payload and header is not None and header.picture_id is not None:
            new_picture = header.picture_id != self._dropped_picture
            self._dropped_picture = header.picture_id
        self._rewriter.drop(packet.sequence, new_picture=new_picture)


def continued_timestamp(stream: SendStream, least: int = MIN_STEP, *, now: float) -> int:
    """A timestamp that goes on from the last one sent by the time gone by since, `least` ticks at least."""
    if not stream.packets:
        return stream.last_timestamp
    elapsed = int((now - stream.last_sent_at) * stream.clock_rate)
    return stream.last_timestamp + max(elapsed, least)


def reported_timestamp(
    publication: Publication, source: ReceiveStream | None, shift: int, now: float
) -> int | None:
    """What the publisher's reports make of `now`, on the clock of `source` plus `shift`."""
    if source is None or source.sender_ntp is None:
        return None
    since = now - publication.clock.at(source.sender_ntp)
    return source.sender_rtp + shift + int(since * source.clock_rate)
