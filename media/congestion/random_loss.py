"""Tells loss that sending causes from loss that is simply there.

Loss behind a queue shows as delay first and is not judged here. Loss without a queue is either a radio's (it
stays when we send less) or a policer's (it goes away). Which one is found by experiment: send what arrived
and look again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import Enum
from typing import Final

from media.congestion.base import PacketResult

WINDOW: Final = 0.5  # seconds of send time
PACKETS: Final = 30  # at least
EXPERIMENT_PACKETS: Final = 60  # at least, to judge an experiment by
EXCESS: Final = 0.05  # of loss above the known, before it is worth an experiment
DEVIATIONS: Final = 2.5  # of chance on top, reckoned at
CHANCE_LOSS: Final = 0.02  # of loss at least
RANDOM_IF_LEFT: Final = 0.5  # of the loss, when less is sent
RETRY: Final = 2.0  # seconds after an experiment; doubles while loss turns out random
RETRY_AT_MOST: Final = 16.0
FORGET: Final = 0.1  # weight of a window with less loss than known


class Verdict(Enum):
    EXPERIMENT = "send less and look"
    RANDOM = "not ours"
    CONGESTION = "ours"


class RandomLoss:
    def __init__(self) -> None:
        self.ratio = 0.0  # smoothed, of everything
        self.inherent = 0.0  # the part that is simply there
        self._packets = self._lost = 0
        self._since: float | None = None
        self._suspected: float | None = None  # the loss that started an experiment
        self._count_from = -math.inf  # send time
        self._retry = RETRY
        self._not_before = -math.inf

    @property
    def experimenting(self) -> bool:
        return self._suspected is not None

    def abort(self, count_from: float | None = None) -> None:
        """A queue has appeared and will say more; or what was sent before `count_from` met a dead path, whose
        loss says nothing about this one."""
        self._suspected = None
        self._restart(count_from)

    def add(self, results: Sequence[PacketResult], *, now: float) -> Verdict | None:
        """Takes results from a time without a queue, oldest first."""
        if results and results[0].sent_at < self._count_from:
            results = [result for result in results if result.sent_at >= self._count_from]
        latest = self._count_from
        if results:
            latest = results[-1].sent_at
            if self._since is None:
                self._since = results[0].sent_at
            self._packets += len(results)
            self._lost += [result.received_at for result in results].count(None)
        enough = PACKETS if self._suspected is None else EXPERIMENT_PACKETS
        if self._since is None or self._packets < enough or latest - self._since < WINDOW:
            return None
        count = self._packets
        ratio = self._lost / count
        self._restart(None)
        self.ratio += (ratio - self.ratio) / 4
        if self._suspected is not None:
            return self._conclude(ratio, now)
        usual = max(self.inherent, CHANCE_LOSS)
        chance = DEVIATIONS * math.sqrt(usual * (1 - usual) / count)
        if ratio > self.inherent + EXCESS + chance and now >= self._not_before:
            self._suspected = ratio
            self._restart(now)
            return Verdict.EXPERIMENT
        if ratio < self.inherent:
            self.inherent += FORGET * (ratio - self.inherent)
        elif self.inherent:
            self.inherent += FORGET / 2 * (ratio - self.inherent)
        return None

    def _conclude(self, ratio: float, now: float) -> Verdict:
        assert self._suspected is not None
        before, self._suspected = self._suspected, None
        # Where some loss is always there, a window of more was most likely chance.
        usual = self.inherent if self.inherent >= EXCESS else before
        if ratio >= RANDOM_IF_LEFT * min(before, usual):
            self.inherent = max(self.inherent, (before + ratio) / 2)
            self._not_before = now + self._retry
            self._retry = min(self._retry * 2, RETRY_AT_MOST)
            return Verdict.RANDOM
        self._retry = RETRY
        self._not_before = now + self._retry
        return Verdict.CONGESTION

    def _restart(self, count_from: float | None) -> None:
        """Begins a window; `count_from` leaves out what was sent before."""
        self._packets = self._lost = 0
        self._since = None
        if count_from is not None:
            self._count_from = count_from
