"""A place on a receiver's connection: audio and video streams under one msid, fed from any publication."""

from __future__ import annotations

from typing import Final

from media.allocation import OFF
from media.audio import AudioSubscription
from media.catching_up import CatchingUp
from media.packing import USUAL, Packing
from media.publication import Publication
from media.stream.send import SendStream
from media.subscription import BEST, Layer, VideoSubscription

FLAP: Final = 20.0  # seconds: a picture that stops again within them rests for as long before it moves again
OUTRANKED: Final = 2.0  # seconds after others came to the fore in which a picture that stops stops for them
LONGEST_REST: Final = 60.0  # seconds, unless the path has become ample meanwhile

SLOW: Final = Layer(0, 0)  # the lowest frame rate

ENOUGH: Final = 0.8  # an encoding of this share of a tile's height looks as good as one of all of it


class Slot:
    """Both halves of one slot. Binding one to another publication needs no negotiation."""

    def __init__(self, index: int, *, open: bool = True) -> None:
        self.index = index
        self.open = open  # the connection is up; before, a keyframe would be wasted
        self.audio: SendStream | None = None
        self.video: SendStream | None = None
        self.audio_subscription: AudioSubscription | None = None
        self.video_subscription: VideoSubscription | None = None
        self.priority = index  # the lowest number is served first
        self._claim = 0  # why, as last said: the lowest is the strongest
        self._ranked_at = float("-inf")  # when others last came to the fore, or it did
        self.rung = OFF  # of the ladder, as allotted
        self.is_limited = False  # the path carries less than the tile could show
        self.is_unsupported = False  # there is a picture, of a format that the receiver can't show
        self.cap: int | None = None  # the largest encoding wanted on this device; OFF: no pictures
        self._packing = USUAL  # of sound
        self._catching_up = CatchingUp()
        self._size: tuple[int, int] | None = None  # the tile's, in pixels; None: nobody said
        self._moved_since: float | None = None
        self._rest = FLAP
        self._rest_from = self._rest_until = float("-inf")

    @property
    def streams(self) -> tuple[SendStream, ...]:
        return tuple(stream for stream in (self.audio, self.video) if stream is not None)

    @property
    def is_behind(self) -> bool:
        """Does its picture wait because of a keyframe that takes the path long?"""
        return self.video is not None and self.video.is_behind

    def kind_of(self, stream: SendStream) -> str:
        return "audio" if stream is self.audio else "video"

    @property
    def audio_mid(self) -> str | None:
        return None if self.audio is None else self.audio.mid

    @property
    def video_mid(self) -> str | None:
        return None if self.video is None else self.video.mid

    def bind(self, audio: Publication | None, video: Publication | None, *, now: float) -> None:
        """Feeds the halves from these publications; None silences a half, and so does a picture of a format
        that the receiver can't show. Idempotent."""
        stream = self.video
        self.is_unsupported = video is not None and stream is not None and not stream.takes(video.format)
        if stream is None or self.is_unsupported:
            video = None
        old_audio, old_video = self.audio_subscription, self.video_subscription
        if audio is not (old_audio and old_audio.publication):
            if old_audio is not None:
                old_audio.close()
            self.audio_subscription = None
            if audio is not None and self.audio is not None:
                self.audio_subscription = AudioSubscription(audio, self.audio, self._packing, now=now)
        if video is not (old_video and old_video.publication):
            if old_video is not None:
                old_video.close()
            self.video_subscription = None
            if video is not None and stream is not None:
                # Whoever is shown in a tile, its size stays until another is wished for.
                self.rung = OFF
                self.video_subscription = VideoSubscription(video, stream, self._wished(video), now=now)

    def wish(self, width: int, height: int, *, now: float) -> None:
        """The tile's size in device pixels; 0 x 0: it can't be seen."""
        self._size = (width, height)
        self.apply_wish(now=now)

    def apply_wish(self, *, now: float) -> None:
        """Sets the target again: the sizes of a publication's encodings become known as they arrive."""
        subscription = self.video_subscription
        if subscription is not None:
            subscription.set_target(self.wished_layer(), now=now)

    def wished_layer(self) -> Layer | None:
        """The layer that fills the tile; None: it can't be seen."""
        subscription = self.video_subscription
        return None if subscription is None else self._wished(subscription.publication)

    def allot(
        self, layer: Layer | None, rung: int, *, moves: bool, limited: bool, dead: bool = False, now: float
    ) -> None:
        """What the path carries for this slot. A picture that stopped soon after it began to move rests, but
        not where the path was `dead` or others came to the fore: of what it carries that says nothing."""
        if dead and not moves:
            pass
        elif moves:
            if self._moved_since is None:
                self._moved_since = now
        elif now - self._ranked_at < OUTRANKED:
            self._moved_since = None
        elif self._moved_since is not None:
            self._rest_from = now
            if now - self._moved_since < FLAP and self._rest_until > float("-inf"):
                self._rest_until = now + self._rest
                self._rest = min(2 * self._rest, LONGEST_REST)
            else:
                self._rest_until = now
                self._rest = FLAP
            self._moved_since = None
        self.rung = rung
        self.is_limited = limited
        if self.video_subscription is not None:
            # A browser sends its largest encoding once it trusts its uplink. Until then that has to stay
            # ordered: once left out it would never come, nor be missed.
            wished = self.wished_layer()
            short = wished is not None and layer is not None and layer.spatial < wished.spatial
            missing = wished if short and not limited else None
            self.video_subscription.set_target(layer, missing=missing, now=now)

    def pack(self, packing: Packing, *, poor: bool, now: float) -> None:
        """How the sound is packed, whoever is heard. `poor`: the path is short even for sound alone."""
        self._packing = packing
        if self.audio_subscription is not None:
            self.audio_subscription.poor = poor
            self.audio_subscription.set_packing(packing, now=now)

    def rank(self, priority: int, claim: int, *, now: float) -> None:
        """The lowest number is served first, because of a claim, of which the lowest is the strongest. Who
        comes to the fore by a stronger one has not stopped for want of the path, and does not rest for it.
        Who only moves up, since another's claim is gone, keeps what was learnt: else nobody would rest where
        people take turns."""
        raised = claim < self._claim
        if raised:
            self._forgive()
        if raised or priority > self.priority:
            self._ranked_at = now
        self.priority, self._claim = priority, claim

    def on_buffered(self, buffered: float, *, calm: float, now: float) -> None:
        """The receiver says for how many seconds sound waits in its buffer. `calm`: for how long none has
        waited on the way there."""
        voice = self.audio_subscription
        if voice is None:
            return
        silence = voice.publication.speech.silence(now=now)
        if voice.lags:
            calm = 0.0
        if self._catching_up.is_due(buffered, calm=calm, silence=silence, now=now):
            voice.begin_anew()

    def rests(self, *, ample: bool = False, now: float) -> bool:
        """Must the picture not move yet? `ample`: the path carries far more than motion takes."""
        until = min(self._rest_until, self._rest_from + FLAP) if ample else self._rest_until
        return now < until

    def on_route_change(self) -> None:
        """The receiver is reached over another path, which owes nothing to what the old one bore."""
        self._moved_since = None
        self._forgive()

    def silence(self, stream: SendStream, *, now: float) -> None:
        """Nothing feeds this half any more, until `bind`."""
        audio, video = self.audio_subscription, self.video_subscription
        self.bind(
            None if stream is self.audio or audio is None else audio.publication,
            None if stream is self.video or video is None else video.publication,
            now=now,
        )

    def remove(self, stream: SendStream, *, now: float) -> None:
        """This half is gone for good."""
        self.silence(stream, now=now)
        if stream is self.audio:
            self.audio = None
        else:
            self.video = None

    def close(self, *, now: float) -> None:
        self.bind(None, None, now=now)

    def _forgive(self) -> None:
        self._rest, self._rest_from, self._rest_until = FLAP, float("-inf"), float("-inf")

    def _wished(self, publication: Publication) -> Layer | None:
        if self.cap == OFF or not self.open:
            return None
        layer = _layer(publication, self._size)
        if layer is None or self.cap is None:
            return layer
        # A shared screen has to be read: it becomes slower, not smaller.
        return SLOW if publication.source == "screen" else Layer(min(layer.spatial, self.cap))


def _layer(publication: Publication, size: tuple[int, int] | None) -> Layer | None:
    """The smallest encoding that fills a tile of `size`."""
    if size is None:
        return BEST
    width, height = size
    if not width or not height:
        return None
    for place, encoding in enumerate(publication.encodings):
        # The tile may be cropped or letterboxed: it is full when either side is.
        if encoding.height >= ENOUGH * height or encoding.width >= ENOUGH * width:
            rids = publication.rids
            return Layer(rids.index(encoding.rid) if encoding.rid in rids else place)
    return BEST
