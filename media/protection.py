"""Which packing serves a receiver best: a pure function of its path, and the patience to stick to an answer.

Each packing is judged on one scale, the E-model's R (ITU-T G.107), which weighs lost sound against delay:
what stays lost after redundancy on a path with such losses, and how long sound waits to be merged or
repaired. Off goes a price for the share of the path that the sound takes, steep near the whole: what it takes
pictures don't get, and what does not fit waits in a queue. So a lossy path with room gets redundancy, spaced
by its bursts; a narrow one sheds it, then packs 40 and then 60 ms; a narrow lossy one repeats long packets,
which costs less than repeating short ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from media.packing import USUAL, Packing

# From cheap and quick to dear and slow: of equals the first is taken.
PACKINGS = (
    *(Packing((), frames) for frames in (1, 2, 3)),
    *(Packing((distance,)) for distance in (1, 2, 3)),
    *(Packing(distances) for distances in ((1, 2), (1, 3), (2, 4), (3, 6), (1, 2, 3), (2, 4, 6))),
    *(Packing(distances, 2) for distances in ((1,), (2,), (1, 2), (1, 3))),
    *(Packing(distances, 3) for distances in ((1,), (2,), (1, 2))),
)
UNSEEN_LOSS: Final = 0.005  # of packets, on every path: the first loss is heard before it is measured

# ITU-T G.107; delay as Cole and Rosenbluth (2001) approximate it. G.113 has no Bpl of Opus; 10 lies below
# G.729A's 19, because we would rather hear every word.
BPL: Final = 10.0
R_LOSS: Final = 95.0
DELAY: Final = 24.0  # R per second of delay, and 110 more per second from here on
DELAY_FROM: Final = 0.1773
DELAY_STEEP: Final = 110.0
# Seconds mouth to ear without the path: capture, encoder, jitter buffer, publisher's way.
BASE_DELAY: Final = 0.110

PRICE: Final = 5.0  # R for half the path
FULL: Final = 0.98  # of the path, beyond which the price only grows in proportion

DULL: Final = 0.5  # R that are not worth a change
SOON: Final = 5.0  # R times seconds that make a pressed path change to a cheaper packing or a roomy one
LATER: Final = 30.0
# to shorter packets, and that make any other change
PRESSED: Final = 0.4  # of the path taken by sound
ROOMY: Final = 0.1  # the same, at most: long packets spare nothing that anybody misses
STEP: Final = 1.0  # seconds that one look counts for at most


@dataclass(frozen=True, slots=True)
class Path:
    """What is known of the way to a receiver."""

    estimate: float  # bit/s on the wire
    costs: Mapping[Packing, float]  # of all its voices together, bit/s on the wire
    loss: float = 0.0  # 0..1, that is simply there (`LossPattern`)
    burst: float = 1.0  # mean run of losses, frames of 20 ms
    rtt: float = 0.0  # seconds
    congested: bool = False  # a queue is being drained
    repeats: bool = True  # the receiver can get sound again, in one way or another


def choose(path: Path, packings: tuple[Packing, ...] = PACKINGS) -> Packing:
    """The best of `packings`."""
    return max(packings, key=lambda packing: score(packing, path))


def score(packing: Packing, path: Path) -> float:
    """R lost to the network and the price of the bits, negative."""
    loss = max(path.loss, UNSEEN_LOSS)
    distances = packing.distances if path.repeats else ()
    left = 100 * residual_loss(distances, packing.frames, loss, path.burst)
    delay = BASE_DELAY + path.rtt / 2 + packing.hold + (packing.recovery if distances else 0.0)
    lost = R_LOSS * left / (left + BPL)
    late = DELAY * delay + DELAY_STEEP * max(delay - DELAY_FROM, 0.0)
    share = path.costs[packing] / path.estimate
    return -(lost + late + PRICE * share / (1 - min(share, FULL)))


def residual_loss(distances: tuple[int, ...], frames: int, loss: float, burst: float) -> float:
    """What share of sound stays lost on a path that loses `loss` of its packets in runs of `burst` frames on
    average (a two-state Markov chain, one step per frame): the packet and all that repeat it are lost."""
    if loss <= 0:
        return 0.0
    if loss >= 1:
        return 1.0
    recover = min(1 / burst, 1 - loss)  # runs are never shorter than chance makes them
    memory = 1 - recover - recover * loss / (1 - loss)
    left, before = loss, 0
    for distance in distances:
        left *= loss + (1 - loss) * memory ** ((distance - before) * frames)
        before = distance
    return left


class Protection:
    """Follows `choose` with hysteresis: how much better the best is than what is in use adds up over time, so
    that a path that closes sheds at once, a loss that sets in is met within a second, a path that opens wide
    soon gets short packets again, and other small gains wait.
    While a queue is being drained nothing becomes dearer."""

    def __init__(self) -> None:
        self.packing = USUAL
        self._regret = 0.0  # R times seconds
        self._looked_at: float | None = None

    def on_route_change(self) -> None:
        """What was regretted on another path tells nothing of this one."""
        self._regret = 0.0

    def update(self, path: Path, *, now: float) -> Packing:
        """The packing to use from now on."""
        elapsed = 0.0 if self._looked_at is None else min(now - self._looked_at, STEP)
        self._looked_at = now
        if self.packing.distances and not path.repeats:
            self.packing = Packing((), self.packing.frames)
        current = path.costs[self.packing]
        allowed = tuple(p for p in PACKINGS if not path.congested or path.costs[p] <= current)
        best = choose(path, allowed)
        gain = score(best, path) - score(self.packing, path)
        self._regret = self._regret + gain * elapsed if gain > DULL else 0.0
        sheds = path.costs[best] < current and current > PRESSED * path.estimate
        shortens = best.frames < self.packing.frames and path.costs[best] < ROOMY * path.estimate
        if self._regret > (SOON if sheds or shortens else LATER):
            self.packing = best
            self._regret = 0.0
        return self.packing
