"""What became of the speech, from recordings at both ends.

Speech is its own mark: each second that was heard is looked for in what was said. Times are seconds;
recordings are mono at RATE.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

RATE = 8000  # Hz, of probe.js
WINDOW = 1.0  # s of what was heard that is looked for at a time
STEP = 0.25  # s from one look to the next
FARTHEST = 4.0  # s that sound may be late
ALIKE = 0.4  # least correlation of what passes for the same speech
FRAME = 0.02  # s
SPEAKING = 0.02  # RMS of full scale: a frame that counts as speech
SILENCED = 0.1  # of the level that was said: below it a frame was not heard
SLACK = 2  # frames that stretching by the jitter buffer may move sound

Recording = NDArray[np.float32]
Chunks = Sequence[tuple[float, NDArray[np.int16]]]


@dataclass(frozen=True, slots=True)
class Heard:
    """The speech of one window. `frames`: (when, whether it was heard) of each 20 ms that somebody spoke."""

    delays: tuple[tuple[float, float], ...]  # when, mouth-to-ear delay
    frames: tuple[tuple[float, bool], ...]

    @property
    def longest_gap(self) -> float:
        """The longest time over which nothing was heard of what was said."""
        longest, since = 0.0, None
        for at, heard in self.frames:
            if heard:
                since = None
                continue
            since = at if since is None else since
            longest = max(longest, at + FRAME - since)
        return longest

    def prompt_after(self, moment: float, *, before: float, more: float = 0.2) -> float:
        """How long after `moment` speech is heard that comes at most `more` later than it did until `before`.
        Infinite if never."""
        usual = [delay for at, delay in self.delays if at <= before]
        if not usual:
            return float("inf")
        bound = median(usual) + more
        times = (float(at - moment) for at, delay in self.delays if at > moment + WINDOW and delay <= bound)
        return next(times, float("inf"))

    def back_after(self, moment: float, *, share: float = 0.8, over: float = 0.5) -> float:
        """How long after `moment` speech is heard again: from then on, `share` of the frames of the next
        `over` seconds. Infinite if never."""
        times = np.array([at for at, _ in self.frames])
        heard = np.array([ok for _, ok in self.frames])
        for index in range(int(np.searchsorted(times, moment)), len(times)):
            if heard[index] and heard[index : np.searchsorted(times, times[index] + over)].mean() >= share:
                return float(times[index] - moment)
        return float("inf")


def compare(said: Chunks, heard: Chunks, start: float, end: float) -> Heard:
    """Of what was heard from `start` to `end`."""
    first = start - FARTHEST
    mouth, ear = _recording(said, first, end), _recording(heard, first, end)
    delays = [
        (at, delay)
        for at in np.arange(start + WINDOW, end, STEP)
        if (delay := _delay(mouth, ear, at - first)) is not None
    ]
    return Heard(tuple(delays), tuple(_frames(mouth, ear, delays, first, start, end)))


def _recording(chunks: Chunks, start: float, end: float) -> Recording:
    """Chunks in their places on a common timeline; what is missing is silence."""
    length = int((end - start) * RATE)
    recording = np.zeros(length, np.float32)
    due = -np.inf
    for at, samples in chunks:
        # Stamps waver by a millisecond or two; the samples themselves do not.
        at = due if abs(at - due) < 0.03 else at
        due = at + len(samples) / RATE
        place = round((at - start) * RATE)
        if place < 0 or place + len(samples) > length:
            continue
        recording[place : place + len(samples)] = samples / np.float32(32768)
    return recording


def _delay(mouth: Recording, ear: Recording, at: float) -> float | None:
    """Of the speech heard in the WINDOW before `at`, None if there was none, or none that was said."""
    stop = int(at * RATE)
    heard = ear[max(0, stop - int(WINDOW * RATE)) : stop]
    said = mouth[max(0, stop - int((WINDOW + FARTHEST) * RATE)) : stop]
    power = float((heard**2).sum())
    if len(said) <= len(heard) or power / len(heard) < SPEAKING**2 / 4:
        return None
    size = 1 << int(np.ceil(np.log2(len(said) + len(heard))))
    product = np.fft.rfft(said, size) * np.conj(np.fft.rfft(heard, size))
    matches = np.fft.irfft(product, size)[: len(said) - len(heard) + 1]
    sums = np.concatenate(([0.0], np.cumsum(said.astype(np.float64) ** 2)))
    powers = sums[len(heard) :] - sums[: len(matches)]
    likeness = matches / np.sqrt(np.maximum(powers * power, 1e-9))
    best = int(np.argmax(likeness))
    if likeness[best] < ALIKE:
        return None
    return (len(said) - len(heard) - best) / RATE


def _frames(
    mouth: Recording,
    ear: Recording,
    delays: Sequence[tuple[float, float]],
    first: float,
    start: float,
    end: float,
) -> list[tuple[float, bool]]:
    if not delays:
        delays = [(start, 0.0)]
    levels = _levels(mouth), _levels(ear)
    times, values = zip(*delays, strict=True)
    frames = []
    for at in np.arange(start, end, FRAME):
        # The delay of the last second that was recognised up to and around this moment.
        index = min(int(np.searchsorted(times, at)), len(values) - 1)
        here = round((at - first) / FRAME)
        there = round((at - values[index] - first) / FRAME)
        if not (0 <= there < len(levels[0]) and here < len(levels[1])):
            continue
        if levels[0][there] < SPEAKING:
            continue
        level = levels[1][max(0, here - SLACK) : here + SLACK + 1].max()
        frames.append((float(at), bool(level >= SILENCED * levels[0][there])))
    return frames


def _levels(recording: Recording) -> Recording:
    size = int(FRAME * RATE)
    count = len(recording) // size
    levels: Recording = np.sqrt((recording[: count * size].reshape(count, size) ** 2).mean(axis=1))
    return levels
