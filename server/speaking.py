"""Who speaks, from how loud each microphone is, without flicker.

A pause between two words is not the end of a turn, and a cough is not the start of one: somebody speaks once
they were loud for START seconds, and stops once they were quiet for HOLD seconds. The order changes only when
the louder one is louder by MARGIN.

Whose picture is to be the best one changes more slowly still: a switch costs a keyframe and a blur."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LOUD = 0.35  # speech level (0 silent .. 1 loud) at which a turn starts
QUIET = 0.20  # below it a turn starts to end
START = 0.4  # seconds
HOLD = 1.5  # seconds; pauses within a turn are mostly shorter
MARGIN = 0.15  # of speech level
MOST = 3  # speakers named at a time
LINGER = 3.0  # seconds after a turn in which the picture of who spoke still goes before others'


@dataclass(slots=True)
class _Voice:
    level: float = 0.0
    loud_since: float | None = None
    heard_at: float = 0.0
    speaking: bool = False


class ActiveSpeakers:
    """Feed it the levels a few times a second; it says who speaks, loudest first."""

    def __init__(self) -> None:
        self._voices: dict[str, _Voice] = {}
        self._order: tuple[str, ...] = ()

    def update(self, levels: Mapping[str, float], *, now: float) -> tuple[str, ...]:
        """`levels` by participant, of those whose microphone flows; whoever is absent is silent at once."""
        self._voices = {name: self._voices.get(name, _Voice()) for name in levels}
        for name, voice in self._voices.items():
            _hear(voice, levels[name], now)
        self._order = self._sorted()
        return self._order

    def _sorted(self) -> tuple[str, ...]:
        speaking = {name: voice.level for name, voice in self._voices.items() if voice.speaking}
        order = [name for name in self._order if name in speaking]
        newcomers = sorted(speaking.keys() - set(order))
        order += sorted(newcomers, key=lambda name: -speaking[name])
        # Insertion sort with a margin: neighbours change places only for a clear difference.
        for end in range(1, len(order)):
            at = end
            while at > 0 and speaking[order[at]] > speaking[order[at - 1]] + MARGIN:
                order[at - 1], order[at] = order[at], order[at - 1]
                at -= 1
        return tuple(order[:MOST])


def _hear(voice: _Voice, level: float, now: float) -> None:
    voice.level = level
    if level >= LOUD:
        voice.loud_since = now if voice.loud_since is None else voice.loud_since
        if now - voice.loud_since >= START:
            voice.speaking = True
    else:
        voice.loud_since = None
    if level >= QUIET:
        voice.heard_at = now
    elif voice.speaking and now - voice.heard_at >= HOLD:
        voice.speaking = False


class Floor:
    """Who has the floor: whoever speaks or has just spoken, in the order in which they took it. A word in
    between takes it from nobody."""

    def __init__(self) -> None:
        self._spoke_at: dict[str, float] = {}

    def update(self, speaking: Sequence[str], *, now: float) -> tuple[str, ...]:
        """`speaking`: as `ActiveSpeakers` says."""
        for name in speaking:
            self._spoke_at[name] = now
        self._spoke_at = {name: at for name, at in self._spoke_at.items() if now - at < LINGER}
        return tuple(self._spoke_at)
