"""Is a publisher's sound starving, and what should it stop sending?

A browser shares its uplink between sound and picture by its own estimate, which follows a queue with seconds
of delay. Its sound tells us sooner: packets that come ever later than their timestamps, or not at all. Then
the picture has to give way at the source. Down at once, up by waiting, longer after each relapse.

Loss alone, without a queue, may not be the picture's doing: crowded Wi-Fi loses whatever is sent. Where it
stays the same although the picture steps down, the picture comes back and the loss is lived with.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from enum import IntEnum
from typing import Final

from media.inherent_loss import BEARABLE_LOSS, InherentLoss
from media.stream.receive import ReceiveStream

CHECK_INTERVAL: Final = 0.1  # seconds between two looks
STARVING_DELAY: Final = 0.15  # seconds that sound lags behind its best
# Of the sound lost over WINDOW. Browsers give way to loss themselves from 2 to 10 % on (libwebrtc
# loss_based_bwe_v2.cc), and redundancy bears less.
STARVING_LOSS: Final = 0.10
SEVERE_DELAY: Final = 0.5
SEVERE_LOSS: Final = 0.25
WINDOW: Final = 20  # looks over which loss is counted
BASE_WINDOW: Final = 150  # looks after which the best delay is measured anew (clocks drift apart)
STEP_DOWN_INTERVAL: Final = 0.75  # seconds between two steps down: an order takes a round trip and a frame
# Of the longest delay of some looks: below, the queue is on its way out, and no step is needed.
DRAINING: Final = 0.85
DRAIN_LOOKS: Final = 3
STEP_UP_AFTER: Final = 5.0  # seconds of clean sound
STEP_UP_AT_MOST: Final = 60.0
# Looks; a queue of the picture's making has moved by then: the picture has stepped down.
STEADY_LOOKS: Final = 12
STEADY_SPREAD: Final = 0.03  # seconds between the best packets of these looks, at most
# Packets of sound in two looks: a voice, whose silence tells something (DTX sends 2.5 a second).
REGULAR: Final = 3
SILENT_LOOKS: Final = 20  # looks without a packet of sound after which its delay is not known
# Seconds without any packet, of sound or picture: a dead spot, of which nothing but its end can be learnt. A
# queue lets something through, and DTX leaves 0.4 s.
OUTAGE: Final = 0.5
RELAPSE: Final = 10.0  # seconds after a step up within which starving is its fault


class Level(IntEnum):
    """What a publisher may send, from everything to sound alone."""

    FULL = 0
    REDUCED = 1  # without the largest encoding
    SMALL = 2  # the smallest encoding alone
    SLOW = 3  # at 7 pictures a second
    STILLS = 4  # a picture every few seconds
    SOUND = 5  # no picture, thin sound


class Uplink:
    """Watches one publisher's sound and steps its picture down and up."""

    def __init__(self) -> None:
        self.level = Level.FULL
        self.delay = 0.0  # seconds that sound lags behind its best
        self.loss = 0.0  # 0..1, of sound, lately
        self.inherent = InherentLoss()
        self._stream: ReceiveStream | None = None
        self._base: float | None = None
        self._next_base: float | None = None
        self._lows: deque[float] = deque(maxlen=STEADY_LOOKS)  # the best lag of each look
        self._level_before = Level.FULL  # sound began to starve
        self._looks = 0
        self._silent_looks = 0
        self._counts: list[tuple[int, int]] = []  # (highest, received) at the last looks
        self._stepped_at = float("-inf")
        self._raised_at = float("-inf")
        self._raised_to = Level.FULL
        self._relapsed_at = float("-inf")
        self._clean_since = float("-inf")
        self._delays: deque[float] = deque(maxlen=DRAIN_LOOKS)  # of the last looks
        self._wait = STEP_UP_AFTER  # before `_failed` or a better level is tried again
        self._failed = Level.FULL  # that the uplink did not bear
        self._heard: deque[int] = deque(maxlen=2)  # packets of sound in the last looks that had any
        self._received = 0  # packets of sound until the last look
        self._check_at = 0.0
        self._looked_at = 0.0
        self._came_at = 0.0  # when the last packet came, as of the last look

    @property
    def starving(self) -> bool:
        return self.queued or self.loss > max(STARVING_LOSS, self.inherent.exceeded_by)

    @property
    def queued(self) -> bool:
        """Does sound wait behind something?"""
        return self.delay > STARVING_DELAY

    def next_timeout(self) -> float:
        return self._check_at

    def on_route_change(self) -> None:
        """The publisher sends over another path: how long the best packet takes there is not known yet."""
        self._stream = None
        self.delay = self.loss = 0.0
        self.inherent = InherentLoss()

    def on_timeout(
        self,
        stream: ReceiveStream | None,
        pictures: Sequence[ReceiveStream] = (),
        *,
        encodings: int,
        now: float,
    ) -> bool:
        """Looks at the sound's stream, and at the pictures' where that is silent; whether the level changed.
        `encodings` of a picture arrive at most."""
        if now < self._check_at:
            return False
        looked_at, self._looked_at = self._looked_at, now
        self._check_at = now + CHECK_INTERVAL
        before, was_starving = self.level, self.starving
        if stream is None or stream.highest < 0:
            self.delay = self.loss = 0.0
        else:
            came_at, self._came_at = self._came_at, max(s.last_packet_at for s in (stream, *pictures))
            if came_at < looked_at - OUTAGE and self._came_at > looked_at:
                self._counts.clear()
            self._measure(stream, [p for p in pictures if p.last_packet_at > looked_at])
        if self.starving and not was_starving:
            self._level_before = self.level
            if now - self._raised_at < RELAPSE:
                self._wait, self._failed = min(2 * self._wait, STEP_UP_AT_MOST), self._raised_to
                self._raised_at, self._relapsed_at = float("-inf"), now
        if self.queued:
            self.inherent.abort()
        elif stream is not None and self.inherent.look(stream, self.loss, starving=self.starving, now=now):
            self.level, self._wait = min(self.level, self._level_before), STEP_UP_AFTER
        if self._is_no_queue():
            self._base = self._next_base = min(self._lows)
            self.delay, self.level = 0.0, min(self.level, self._level_before)
        drains = self.queued and self.delay < DRAINING * max(self._delays, default=0.0)
        self._delays.append(self.delay)
        if self.starving:
            self._clean_since = now
            # Back where it was before it is good again, once the queue is gone.
            back = self._stepped_at >= self._relapsed_at > now - RELAPSE
            patience = 2 * STEP_DOWN_INTERVAL if back else STEP_DOWN_INTERVAL
            due = now - self._stepped_at >= patience and not drains
            if (encodings or self.level) and due:
                self._step_down(encodings, now)
                if self.level != before and not self.queued:
                    self.inherent.begin(self.loss, anew=not was_starving, now=now)
        elif self.level and now - max(self._clean_since, self._stepped_at) >= self._rest:
            self.level = Level(self.level - 1)
            self._stepped_at = self._raised_at = now
            self._raised_to = self.level
        elif not self.level and now - max(self._raised_at, self._relapsed_at) > STEP_UP_AT_MOST:
            self._wait = STEP_UP_AFTER
        return self.level != before

    @property
    def _rest(self) -> float:
        """Seconds of clean sound before the next better level is tried."""
        return self._wait if self.level - 1 <= self._failed else STEP_UP_AFTER

    def _is_no_queue(self) -> bool:
        """Does sound come that lags by the same all the time, and none is lost, whatever the picture does?
        Then the path has become longer, or the publisher's clock stood still for a while, as its machine
        did."""
        steady = len(self._lows) == STEADY_LOOKS and max(self._lows) - min(self._lows) < STEADY_SPREAD
        return self.queued and steady and not self.loss and not self._silent_looks

    def _step_down(self, encodings: int, now: float) -> None:
        severe = self.delay > SEVERE_DELAY or self.loss > SEVERE_LOSS
        level = self.level + (2 if severe else 1)
        if not self.queued and self.loss <= BEARABLE_LOSS:  # enough to learn what the loss comes from
            level = min(level, max(self.level, Level.SMALL))
        if encodings <= 1:  # to leave larger ones out would change nothing
            level = max(level, Level.SLOW)
        self.level = Level(min(level, Level.SOUND))
        self._stepped_at = now

    def _measure(self, stream: ReceiveStream, pictures: Sequence[ReceiveStream]) -> None:
        lag = stream.take_lag()
        if stream is not self._stream:  # what is in `lag` may be of another path
            self._stream, self._base, self._next_base, self._counts, lag = stream, None, None, [], None
            self._lows.clear()
            self._heard.clear()
        if lag is None:
            self._silent_looks += 1
            if self._silent_looks >= SILENT_LOOKS:
                self.delay = 0.0
            elif pictures and sum(self._heard) >= REGULAR:
                # In a queue without room, sound is lost like all the rest: what came through tells as well.
                self.delay = max(self.delay, min(picture.behind for picture in pictures))
        else:
            self._silent_looks = 0
            self._heard.append(stream.received - self._received)
            lowest, typical = lag
            self._lows.append(lowest)
            self._looks += 1
            self._base = lowest if self._base is None else min(self._base, lowest)
            self._next_base = lowest if self._next_base is None else min(self._next_base, lowest)
            if self._looks % BASE_WINDOW == 0:
                self._base, self._next_base = self._next_base, None
            self.delay = max(typical - self._base, 0.0)
        self._received = stream.received
        self._counts.append((stream.highest, stream.received))
        if len(self._counts) > WINDOW:
            del self._counts[0]
        (first, had), (last, have) = self._counts[0], self._counts[-1]
        expected = last - first
        self.loss = max(1 - (have - had) / expected, 0.0) if expected > 0 else 0.0
