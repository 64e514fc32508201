"""What the browser itself counts (W3C webrtc-stats), from polls every 250 ms.

Counters belong to one stream of one connection and begin anew with another: what is summed are their growths.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

SAMPLES = 48_000  # a second of Opus
BROKEN = 0.1  # concealed share above which sound counts as broken
BROKEN_OVER = 1.0  # s over which that is judged
MOVING = 2.0  # decoded frames a second above which a picture moves: stills are slower


@dataclass(frozen=True, slots=True)
class Sound:
    """Of one interval between two polls."""

    at: float  # its end
    took: float  # s
    played: float  # samples, those that never came for want of a connection included
    concealed: float  # samples of them
    buffered: float  # s that a sample waited in the jitter buffer, mean; 0 if none came out


@dataclass(frozen=True, slots=True)
class Growth:
    """Of one interval: growths of the named counters, over all streams of a kind."""

    at: float
    took: float
    counters: dict[str, float]


def growths(polls: Sequence[dict[str, Any]], type_: str, kind: str, names: Iterable[str]) -> list[Growth]:
    names = tuple(names)
    before: dict[tuple[int, int], dict[str, Any]] = {}
    result = []
    last: float | None = None
    for poll in polls:
        counters = dict.fromkeys(names, 0.0)
        for stream in poll["streams"]:
            if stream["type"] != type_ or stream["kind"] != kind:
                continue
            key = (stream["peer"], stream["ssrc"])
            then = before.get(key)
            before[key] = stream
            if then is None and last is None:
                continue  # what was before the first poll
            for name in names:
                grown = stream.get(name, 0.0) - (then or {}).get(name, 0.0)
                counters[name] += max(0.0, grown)
        if last is not None:
            result.append(Growth(poll["at"], poll["at"] - last, counters))
        last = poll["at"]
    return result


def sound(polls: Sequence[dict[str, Any]]) -> list[Sound]:
    """Concealed samples include silent ones: where bars are set for them, the speech has no pause long enough
    for Opus's DTX, so that silence made up by the receiver always stands for speech. Samples that were not
    even made up, because there was no connection to play from, count as concealed."""
    names = ("totalSamplesReceived", "concealedSamples", "jitterBufferDelay", "jitterBufferEmittedCount")
    result = []
    for growth in growths(polls, "inbound-rtp", "audio", names):
        made, concealed, waited, emitted = (growth.counters[name] for name in names)
        expected = growth.took * SAMPLES
        missing = expected - made if made < expected / 2 else 0.0
        result.append(
            Sound(
                growth.at,
                growth.took,
                made + missing,
                min(made, concealed) + missing,
                waited / emitted if emitted else 0.0,
            )
        )
    return result


def concealed_share(sounds: Iterable[Sound], start: float, end: float) -> float:
    chosen = [s for s in sounds if start < s.at <= end]
    played = sum(s.played for s in chosen)
    return sum(s.concealed for s in chosen) / played if played else 1.0


def picture_beside_broken_sound(polls: Sequence[dict[str, Any]], start: float, end: float) -> float:
    """The longest time in seconds over which a picture moved while more than BROKEN of the sound was
    concealed, both over the second before."""
    sounds = sound(polls)
    frames = growths(polls, "inbound-rtp", "video", ("framesDecoded",))
    longest = run = 0.0
    for this in sounds:
        if not start < this.at <= end:
            continue
        since = this.at - BROKEN_OVER
        broken = concealed_share(sounds, since, this.at) > BROKEN
        moved = sum(f.counters["framesDecoded"] for f in frames if since < f.at <= this.at) / BROKEN_OVER
        run = run + this.took if broken and moved > MOVING else 0.0
        longest = max(longest, run)
    return longest
