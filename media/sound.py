"""The sound of all slots of one receiver: how it is packed, and what that costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from media.audio import AudioSubscription
from media.congestion.base import ControllerState, PacketResult, Phase
from media.loss_pattern import LossPattern
from media.packing import USUAL, Packing, Redundancy
from media.protection import PACKINGS, Path, Protection, residual_loss
from media.slots import Slot

POOR: Final = 100_000.0  # bit/s for each who may talk: below, publishers should send less
FINE: Final = 160_000.0  # above, they need not
ENOUGH: Final = 300_000.0  # with so much, sound is packed no better with more
ENOUGH_APART: Final = 600_000.0  # the same where what is repeated has headers of its own
DEFAULT_RTT: Final = 0.1  # seconds, until the controller knows
REPORT_WEIGHT: Final = 0.5  # of a new receiver report
QUEUE: Final = 0.020  # seconds; a longer one is a sign that the path is full
DOUBT: Final = 2.0  # seconds for which an estimate that fell without a queue is not believed


class Sound:
    """Learns how the path loses and has every voice packed accordingly, all alike."""

    def __init__(self, slots: Sequence[Slot]) -> None:
        self.packing = USUAL
        self.cost = 0.0  # bit/s on the wire, of all voices
        self.wanted = 0.0  # bit/s of the path from which on more of it is of no use to them
        self.poor = False  # the path is short even for sound alone
        self._slots = slots
        self._pattern = LossPattern()
        self._reported_loss: float | None = None  # where there is no transport-wide feedback
        self._protection = Protection()
        self._believed = 0.0  # bit/s
        self._believed_at = float("-inf")

    @property
    def loss(self) -> float:
        """0..1, that sound has to live with: measured apart from full queues."""
        return self._pattern.loss if self._reported_loss is None else self._reported_loss

    @property
    def left(self) -> float:
        """0..1: of sound, what stays lost after all that is repeated."""
        voices, packing = self._voices(), self.packing
        if not voices:
            return 0.0
        distances = packing.distances if _redundancy(voices) is not Redundancy.NONE else ()
        return residual_loss(distances, packing.frames, self.loss, self._pattern.burst)

    def on_feedback(self, results: Sequence[PacketResult], state: ControllerState) -> None:
        """What became of packets. While a queue is being drained losses are its doing, and go with it."""
        self._reported_loss = None
        if state.phase is not Phase.DRAINING:
            self._pattern.add(results)

    def on_receiver_report(self, loss: float) -> None:
        """For receivers without transport-wide feedback."""
        known = self._reported_loss
        self._reported_loss = loss if known is None else known + (loss - known) * REPORT_WEIGHT

    def on_route_change(self) -> None:
        """Neither loss nor width of the old path says anything of the new one."""
        self._pattern = LossPattern()
        self._protection.on_route_change()
        self._believed, self._believed_at = 0.0, float("-inf")

    def pack(self, estimate: float, state: ControllerState, *, pressed: bool, now: float) -> None:
        """Brings `packing`, `cost`, `wanted` and `poor` up to date, a few times a second. `pressed`: the path
        has shown a limit; before, the estimate is a guess."""
        voices = self._voices()
        if not voices:
            self.cost = self.wanted = 0.0
            self.poor = False
            return
        talkers = max(sum(voice.activity(now=now) for voice in voices), 1.0)
        costs, redundancy = _costs(voices, now), _redundancy(voices)
        path = Path(
            self._believe(estimate, state, now),
            costs,
            loss=self.loss,
            burst=self._pattern.burst,
            rtt=DEFAULT_RTT if state.rtt is None else state.rtt,
            congested=state.phase is Phase.DRAINING,
            repeats=redundancy is not Redundancy.NONE,
        )
        self.packing = self._protection.update(path, now=now)
        self.cost = costs[self.packing]
        self.wanted = talkers * (ENOUGH_APART if redundancy is Redundancy.APART else ENOUGH)
        self.poor = pressed and estimate < talkers * (FINE if self.poor else POOR)
        for slot in self._slots:
            slot.pack(self.packing, poor=self.poor, now=now)

    def next_timeout(self) -> float:
        earliest = float("inf")
        for slot in self._slots:
            voice = slot.audio_subscription
            if voice is not None and voice.next_timeout() < earliest:
                earliest = voice.next_timeout()
        return earliest

    def on_timeout(self, *, now: float) -> None:
        for voice in self._voices():
            voice.on_timeout(now=now)

    def _believe(self, estimate: float, state: ControllerState, now: float) -> float:
        """A controller that meets loss without a queue sends less for a moment, to see whether the loss goes.
        Redundancy is what sound needs just then; pictures make room for the experiment."""
        full = state.queue_delay > QUEUE or state.phase in (Phase.DRAINING, Phase.STARVED)
        if full or estimate >= self._believed or now - self._believed_at > DOUBT:
            self._believed, self._believed_at = estimate, now
        return self._believed

    def _voices(self) -> list[AudioSubscription]:
        return [slot.audio_subscription for slot in self._slots if slot.audio_subscription is not None]


def _redundancy(voices: Sequence[AudioSubscription]) -> Redundancy:
    """That all of them have; in practice they are alike."""
    found = {voice.redundancy for voice in voices}
    return next(way for way in (Redundancy.NONE, Redundancy.APART, Redundancy.RED) if way in found)


def _costs(voices: Sequence[AudioSubscription], now: float) -> dict[Packing, float]:
    """bit/s of all voices, by packing. They seldom talk all at once, but one may begin any moment."""
    shares = [voice.activity(now=now) for voice in voices]
    talking = [voice.costs(PACKINGS) for voice in voices]
    costs = {}
    for place, packing in enumerate(PACKINGS):
        expected = dearest = 0.0
        for voice, share in enumerate(shares):
            cost = talking[voice][place]
            expected += cost * share
            if share and cost > dearest:
                dearest = cost
        costs[packing] = max(expected, dearest)
    return costs
