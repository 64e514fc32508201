"""Is a publisher's sound starving, and what should it stop sending?

A browser shares its uplink between sound and picture by its own estimate, which follows a queue with seconds
of delay. Its sound tells us sooner: packets that come ever later than their timestamps, or not at all. Then
the picture has to give way at the source. Down at once, up by waiting, longer after each relapse. Last, and
at once where there is no picture, sound sheds bits of its own: it is to be thin.

Loss alone, without a queue, may not be the picture's doing: crowded Wi-Fi loses whatever is sent. Where it
stays the same although the picture steps down, the picture comes back and the loss is lived with.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Final

from media.hold import LOOK, Hold
from media.inherent_loss import BEARABLE_LOSS, InherentLoss
from media.retries import REST_AT_MOST, Retries
from media.sound_delivery import SoundDelivery
from media.stream.receive import ReceiveStream

STARVING_DELAY: Final = 0.15  # seconds that sound lags behind its best
# Browsers give way to loss themselves from 2 to 10 % on (libwebrtc loss_based_bwe_v2.cc), and redundancy
# bears less.
STARVING_LOSS: Final = 0.10
STANDING_DELAY: Final = 0.05  # seconds that sound lags on average behind a picture that fills the uplink
SEVERE_DELAY: Final = 0.5
SEVERE_LOSS: Final = 0.25
THIN_REST: Final = 15.0  # seconds without a cause for thin sound before it is fuller: it is negotiated
NARROW: Final = 200_000  # bit/s; sound that is not thin takes half of it, with redundancy and all heads
STEP_DOWN_INTERVAL: Final = 0.75  # seconds between two steps down: an order takes a round trip and a frame


class Level(IntEnum):
    """What a publisher may send, from everything to sound alone."""

    FULL = 0
    REDUCED = 1  # without the largest encoding
    SMALL = 2  # the smallest encoding alone
    SLOW = 3  # at 7 pictures a second
    STILLS = 4  # a picture every few seconds
    SOUND = 5  # no picture


class Uplink:
    """Watches one publisher's sound and steps its picture down and up."""

    def __init__(self) -> None:
        self.level = Level.FULL
        self.thin = False  # sound has to be thin: beside no motion, or where there is nothing else to shed
        self.inherent = InherentLoss()
        self._hold = Hold()
        self._sound = SoundDelivery()
        self._retries = Retries()
        self._fuller = Retries(THIN_REST)  # of sound that is not thin
        self._thin_until = float("-inf")  # there was a reason for it
        self._waited_at = float("-inf")  # sound last did, on average, while thin
        self._level_before = Level.FULL  # sound began to starve
        self._stepped_at = float("-inf")
        self._clean_since = float("-inf")
        self._check_at = 0.0

    @property
    def delay(self) -> float:
        """Seconds that sound lags behind its best."""
        return self._sound.delay

    @property
    def loss(self) -> float:
        """0..1, of sound, lately."""
        return self._sound.loss

    @property
    def starving(self) -> bool:
        return self.queued or self.loss > max(STARVING_LOSS, self.inherent.exceeded_by)

    @property
    def queued(self) -> bool:
        """Does sound wait behind something?"""
        return self.delay > STARVING_DELAY

    @property
    def drains(self) -> bool:
        """Is that queue on its way out?"""
        return self.queued and self._sound.shrinks

    @property
    def held(self) -> bool:
        """Is the picture to stand still for a moment?"""
        return self._hold.held

    def next_timeout(self) -> float:
        return min(self._check_at, self._hold.next_timeout())

    def on_route_change(self, *, now: float) -> None:
        """The publisher sends over another path: a small picture is worth a try there, and what it can bear
        is learnt anew, from a small picture up. Thin sound stays for its while."""
        self.level = min(self.level, Level.SMALL)
        self._clean_since = now  # of this path, nothing was heard before
        self._retries, self._fuller = Retries(), Retries(THIN_REST)
        self._waited_at = float("-inf")
        self._sound.forget()
        self.inherent = InherentLoss()
        self._hold = Hold()

    def on_timeout(
        self,
        stream: ReceiveStream | None,
        pictures: Sequence[ReceiveStream] = (),
        *,
        encodings: int,
        now: float,
    ) -> bool:
        """Looks at the sound's stream, and at the pictures' where that is silent. `encodings` of a picture
        arrive at most. False: it was not time to look at more than whether anything comes."""
        streams = pictures if stream is None else (stream, *pictures)
        moves = bool(encodings) and self.level < Level.STILLS
        self._hold.on_timeout(streams, moves=moves, now=now)
        if now < self._check_at:
            return False
        self._check_at = now + LOOK
        before, was_starving = self.level, self.starving
        self._sound.look(stream, pictures, now=now)
        self._hold.look(streams, queued=self.queued, moves=moves, now=now)
        if self.starving and not was_starving:
            self._level_before = self.level
            self._retries.on_starving(now=now)
            if self._fuller.on_starving(now=now):
                self.thin, self._thin_until = True, now
        self._find_other_causes(stream, now)
        if self.starving:
            self._clean_since = now
            if (encodings or self.level) and self._is_due(now):
                self._step_down(encodings, now)
                if self.level != before and not self.queued:
                    self.inherent.begin(self.loss, anew=not was_starving, now=now)
        elif self.level:
            better = Level(self.level - 1)
            if now - max(self._clean_since, self._stepped_at) >= self._retries.rest(better):
                self.level, self._stepped_at = better, now
                self._retries.on_raised(better, now=now)
        else:
            self._retries.on_best(now=now)
        self._choose_sound(encodings, now)
        return True

    def _choose_sound(self, encodings: int, now: float) -> None:
        """Thin where the picture does not move, where without one there is a queue all the same, and where
        what comes through a queue leaves no room for more."""
        alone = not encodings and self.queued
        carried = self._hold.carried
        if self.level >= Level.STILLS or alone or (carried is not None and carried < NARROW):
            self.thin, self._thin_until = True, now
        elif self.thin and self._may_be_fuller(now):
            self.thin = False
            self._fuller.on_raised(0, now=now)
        elif not self.thin:
            self._fuller.on_best(now=now)

    def _may_be_fuller(self, now: float) -> bool:
        """Where sound waits a little most of the time, the picture takes all that the uplink carries: fuller
        sound would be too much, and is tried as seldom as if it had been."""
        if self._sound.usual_delay > STANDING_DELAY:
            self._waited_at = now
        clean_since = max(self._thin_until, self._clean_since)
        rest = self._fuller.rest(0)
        return now - clean_since >= (rest if now - self._waited_at >= rest else REST_AT_MOST)

    def _find_other_causes(self, stream: ReceiveStream | None, now: float) -> None:
        """What has turned out not to be the picture's doing, the picture is not held back for."""
        if self.queued:
            self.inherent.abort()
        elif stream is not None and self.inherent.look(stream, self.loss, starving=self.starving, now=now):
            self.level = min(self.level, self._level_before)
            self._retries.forgive()
        if self.queued and self._sound.lags_steadily():
            self._sound.accept_lag()
            self.level = min(self.level, self._level_before)

    def _is_due(self, now: float) -> bool:
        """Has the last step down had its time? A queue that drains needs none."""
        # Back where it was before it is good again, once the queue is gone.
        patience = 2 if self._retries.relapsed_before(self._stepped_at, now=now) else 1
        return now - self._stepped_at >= patience * STEP_DOWN_INTERVAL and not self.drains

    def _step_down(self, encodings: int, now: float) -> None:
        severe = self.delay > SEVERE_DELAY or self.loss > SEVERE_LOSS
        level = self.level + (2 if severe else 1)
        if not self.queued and self.loss <= BEARABLE_LOSS:  # enough to learn what the loss comes from
            level = min(level, max(self.level, Level.SMALL))
        if encodings <= 1:  # to leave larger ones out would change nothing
            level = max(level, Level.SLOW)
        self.level = Level(min(level, Level.SOUND))
        self._stepped_at = now
