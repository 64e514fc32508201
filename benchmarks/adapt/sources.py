"""What is sent: an encoder that follows the estimate, and simulcast layers that an allocation picks."""

from __future__ import annotations

import random
from dataclasses import dataclass

AUDIO_INTERVAL = 0.020  # seconds
AUDIO_PACKET = 110  # bytes on the wire: 44 kbit/s
THIN_AUDIO_INTERVAL = 0.060  # seconds, three frames merged where the estimate is low
THIN_AUDIO_PACKET = 186  # bytes on the wire: 25 kbit/s
THIN_AUDIO_BELOW = 90_000.0  # bit/s of the estimate
PACKET = 1000  # bytes on the wire; RFC 8867 section 4.4
FRAME_INTERVAL = 1 / 30
FRAME_SPREAD = 0.1  # standard deviation of a frame's size over its mean
SKIP_ABOVE = 0.3  # seconds in the pacer, above which an encoder skips a frame


class ElasticSource:
    """An encoder at the estimate's rate, within bounds."""

    interval = FRAME_INTERVAL

    def __init__(
        self, rng: random.Random, *, min_bitrate: float, max_bitrate: float, stops: bool = False
    ) -> None:
        """`stops`: sends nothing below `min_bitrate`, as an allocation would have it; otherwise that much."""
        self._stops = stops
        self.min_bitrate = min_bitrate
        self.max_bitrate = max_bitrate
        self.bitrate = min_bitrate
        self._rng = rng

    def on_estimate(self, bitrate: float, *, now: float) -> None:
        if self._stops and bitrate < self.min_bitrate:
            self.bitrate = 0.0
        else:
            self.bitrate = min(max(bitrate, self.min_bitrate), self.max_bitrate)

    def next_bitrate(self, *, now: float) -> float | None:
        return self.max_bitrate if self.bitrate < self.max_bitrate else None

    def frame(self, *, queue_delay: float, now: float) -> list[int]:
        if queue_delay > SKIP_ABOVE or not self.bitrate:
            return []
        factor = min(max(self._rng.gauss(1.0, FRAME_SPREAD), 0.5), 1.5)
        return split(self.bitrate * self.interval / 8 * factor)

    def on_drop(self, *, now: float) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Step:
    """One rung of the ladder."""

    name: str
    bitrate: float  # bit/s on the wire
    fps: int


LADDER = (
    Step("sound alone", 0, 30),
    Step("low, 7 fps", 50_000, 7),
    Step("low, 15 fps", 75_000, 15),
    Step("low", 110_000, 30),
    Step("middle, 15 fps", 280_000, 15),
    Step("middle", 420_000, 30),
    Step("high, 15 fps", 1_000_000, 15),
    Step("high", 1_600_000, 30),
)


class LayeredSource:
    """Simulcast through an allocation: down at once, up when the estimate has room."""

    def __init__(self, rng: random.Random, *, step: int = 0) -> None:
        self.step = step
        self.max_bitrate = LADDER[-1].bitrate
        self._rng = rng
        self._frames = 0

    @property
    def bitrate(self) -> float:
        return LADDER[self.step].bitrate

    @property
    def interval(self) -> float:
        return 1 / LADDER[self.step].fps

    def on_estimate(self, bitrate: float, *, now: float) -> None:
        self.step = max(index for index, step in enumerate(LADDER) if step.bitrate <= max(bitrate, 0))

    def next_bitrate(self, *, now: float) -> float | None:
        return LADDER[self.step + 1].bitrate if self.step + 1 < len(LADDER) else None

    def frame(self, *, queue_delay: float, now: float) -> list[int]:
        if queue_delay > SKIP_ABOVE or not self.bitrate:
            return []
        factor = min(max(self._rng.gauss(1.0, FRAME_SPREAD), 0.5), 1.5)
        return split(self.bitrate * self.interval / 8 * factor)

    def on_drop(self, *, now: float) -> None:
        pass


def split(size: float) -> list[int]:
    """About equal packets, as libwebrtc makes them."""
    count = max(1, -(-int(size) // PACKET))
    return [max(60, int(size / count))] * count
