"""What one receiver's path carries, and what is sent over it: estimate, allocation, probes and pacing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from media import allocation
from media.allocation import OFF, Allocation, Wish
from media.catching_up import WAITING
from media.congestion.base import CongestionController, Phase
from media.congestion.roomtone import Roomtone
from media.congestion.sent import SentPackets
from media.ladder import ladder
from media.quality import Grade, downlink_grade
from media.rtp.twcc import TransportFeedback
from media.slots import Slot
from media.sound import Sound
from media.stream.outlet import Outlet
from media.subscription import STILLS, Layer

ALLOCATION_INTERVAL: Final = 0.25  # seconds between two allocations while nothing presses
HASTE: Final = 0.02  # seconds between two allocations at least, however fast the estimate falls
PRESSING_DELAY: Final = 0.02  # seconds of standing queue, the first sign of a limit
PRESSING_LOSS: Final = 0.02
ROOMY: Final = 1.3  # times all that is wanted: a path that carries so much needs no pacing
ROOMY_AT_LEAST: Final = 1_000_000.0  # bit/s: below, a single keyframe unpaced is a queue
STILLS_SHARE: Final = 0.6  # of what sound leaves: a still may take its time, sound not
AMPLE: Final = 3.0  # times what the least motion takes: so much more than it had is another path, not a waver
RECOVERY: Final = 3.0  # seconds after a path was dead in which the estimate finds its way back
CAUTION: Final = 5.0  # seconds after a drain
STALE: Final = 0.1  # seconds that a picture too dear by now may wait before it is dropped
START_WITHOUT_FEEDBACK: Final = 2_500_000.0  # bit/s, for receivers without transport-wide feedback


class Downlink:
    """Joins the controller of one receiver's path with the slots that share it."""

    def __init__(
        self, slots: Sequence[Slot], send: Callable[[bytes, bytes], None], wake: Callable[[float], None]
    ) -> None:
        self.sent = SentPackets()
        self.outlet = Outlet(self.sent, send)
        self.outlet.pad = self._pad
        self.outlet.wake = wake
        self.outlet.on_overflow = self._overflow
        self.feedback_received = 0  # TWCC reports on what we sent
        self.allocation = Allocation((), 0.0, 0.0, None, None)
        self.sound = Sound(slots)
        self._slots = slots
        self._controller: CongestionController | None = None
        self._allocate_at = 0.0
        self._shared = float("inf")  # bit/s: the estimate that was shared out last
        self._cap: int | None = None
        self._moves = False  # some picture is in motion
        self._drained_at = float("-inf")  # when a queue last was
        self._starved = False  # no feedback comes: the path is dead
        self._starved_at = float("-inf")  # when it last was
        self._waited_at = float("-inf")  # when something last waited on the path
        self._pressed = False  # the path has shown a limit: pictures are paced, and motion has to be earned

    @property
    def estimate(self) -> float | None:
        """bit/s on the wire; None before anything was negotiated."""
        return None if self._controller is None else self._controller.estimate

    @property
    def controller(self) -> CongestionController | None:
        return self._controller

    @property
    def grade(self) -> Grade:
        """How the path does, for people."""
        if self._controller is None:
            return Grade.GOOD
        return downlink_grade(self._slots, self.sound, self._controller.state, pressed=self._pressed)

    def prefer(self, *, sound_only: bool, save_data: bool, now: float) -> None:
        """What the person wants: no pictures, or small ones."""
        self._cap = OFF if sound_only else 0 if save_data else None
        for slot in self._slots:
            slot.cap = self._cap
            slot.apply_wish(now=now)
        self.allocate(now=now)

    def on_buffered(self, slot: int, buffered: float, *, now: float) -> None:
        """The receiver says for how many seconds the sound of a slot waits in its buffer."""
        if slot < len(self._slots):
            calm = now - max(self._waited_at, self._starved_at)
            self._slots[slot].on_buffered(buffered, calm=calm, now=now)

    def configure(self, *, feedback: bool, now: float) -> None:
        """The receiver does or does not report on every packet."""
        for slot in self._slots:
            slot.cap = self._cap
        if self._controller is None and self._slots:
            if feedback:
                self._controller = Roomtone(self.sent, now=now)
            else:
                self._controller = Roomtone(self.sent, start_bitrate=START_WITHOUT_FEEDBACK, now=now)
            self._allocate_at = now

    def on_feedback(self, feedback: TransportFeedback, *, now: float) -> None:
        self.feedback_received += 1
        results = self.sent.on_feedback(
            feedback.base_sequence, feedback.reference_time, feedback.arrivals, now=now
        )
        if self._controller is None:
            return
        self._controller.on_feedback(results, now=now)
        state = self._controller.state
        if state.phase is Phase.DRAINING:
            self._drained_at = now
        if state.queue_delay > WAITING:
            self._waited_at = now
        if self._starved and state.phase is not Phase.STARVED:
            self._starved = False
            # Else it was only the reports that did not come through.
            if 2 * sum(result.received_at is None for result in results) > len(results):
                self._begin_anew(now)
        self.sound.on_feedback(results, state)
        self._apply(now)

    def on_receiver_report(self, loss: float, rtt: float | None, *, now: float) -> None:
        if self._controller is not None and not self.feedback_received:
            self._controller.on_receiver_report(loss, rtt, now=now)
            self.sound.on_receiver_report(loss)
            self._apply(now)

    def on_remb(self, bitrate: float, *, now: float) -> None:
        if self._controller is not None:
            self._controller.on_remb(bitrate, now=now)
            self._apply(now)

    def on_reconnected(self) -> None:
        """The receiver is reached over another TCP connection on the same route."""
        self.sent.reset_in_flight()

    def on_route_change(self, *, now: float) -> None:
        """The receiver is reached over another path. What it is to carry is chosen at once, and pictures
        begin anew: what still followed of those that the old path carried, sound would have to wait for."""
        self.sent.reset_in_flight()
        self.sound.on_route_change()
        for slot in self._slots:
            slot.on_route_change()
        self._pressed = False
        if self._controller is not None:
            self._controller.on_route_change(now=now)
            self.allocate(now=now)
            self._begin_anew(now)
            self._apply(now)

    def next_timeout(self) -> float:
        if self._controller is None:
            return float("inf")
        at = self._controller.next_timeout()
        earliest = min(self._allocate_at, self.outlet.next_timeout(), self.sound.next_timeout())
        return earliest if at is None else min(earliest, at)

    def on_timeout(self, *, now: float) -> None:
        self.sound.on_timeout(now=now)
        self.outlet.on_timeout(now=now)
        if self._controller is None:
            return
        at = self._controller.next_timeout()
        if at is not None and now >= at:
            self._controller.on_timeout(now=now)
            self._starved = self._controller.state.phase is Phase.STARVED
            if self._starved:
                self._starved_at = now
            self._apply(now)
        if now >= self._allocate_at:
            self.allocate(now=now)

    def allocate(self, *, now: float) -> None:
        """Shares the estimate out anew: sound first, then pictures."""
        if self._controller is None:
            return
        self._allocate_at = now + ALLOCATION_INTERVAL
        controller = self._controller
        self._shared = controller.estimate
        self.sound.pack(controller.estimate, controller.state, pressed=self._pressed, now=now)
        shown = [slot for slot in self._slots if slot.video_subscription is not None]
        wishes = [self._wish(slot, now) for slot in shown]
        available = controller.estimate - self.sound.cost
        # A drain is over in half a second: pictures slow down for it, but none stops that would have to rest,
        # nor a still that takes longer than that.
        held = sum(
            wish.ladder[min(wish.held, wish.motion)].bitrate
            for slot, wish in zip(shown, wishes, strict=True)
            if OFF < wish.held < len(wish.ladder) and (wish.held >= wish.motion or slot.is_behind)
        )
        available = max(available, min(held, controller.sustained - self.sound.cost))
        if not self._pressed:
            # At the start the estimate is a guess. Motion is worth trying before the first sign of a queue.
            available = max(
                available, sum(w.ladder[w.motion].bitrate * 1.2 for w in wishes if w.ladder[w.motion :])
            )
        self.allocation = result = allocation.allocate(available, wishes)
        self._moves = any(rung >= wish.motion for wish, rung in zip(wishes, result.rungs, strict=True))
        for slot, wish, rung in zip(shown, wishes, result.rungs, strict=True):
            self._drop_stale(slot, wish, rung)
            self._allot(slot, wish, rung, now)
        self._tell_demand(result, controller, now)

    def _allot(self, slot: Slot, wish: Wish, rung: int, now: float) -> None:
        """Gives a slot a rung of its ladder."""
        dead = now - self._starved_at < RECOVERY
        if not wish.ladder:
            slot.apply_wish(now=now)  # nothing arrives yet: whatever comes first is welcome
        elif rung < 0:
            slot.allot(None, rung, moves=False, limited=True, dead=dead, now=now)
        else:
            chosen = wish.ladder[rung]
            top = rung == len(wish.ladder) - 1
            moves = chosen.temporal != STILLS
            wished = slot.wished_layer()
            temporal = wished.temporal if top and moves and wished is not None else chosen.temporal
            layer = Layer(chosen.spatial, temporal)
            slot.allot(layer, rung, moves=moves, limited=not top, dead=dead, now=now)
        if slot.video_subscription is not None:
            slot.video_subscription.resume(at_once=not self._pressed, now=now)

    def _tell_demand(self, result: Allocation, controller: CongestionController, now: float) -> None:
        """What pictures and sound together would take of the path, for the controller's probes."""
        # One rung of one of many pictures is next to nothing: asked for that, a path takes half a minute to
        # say that it carries all of them. Where it has just shown its limit it is asked for no more.
        cautious = now - self._drained_at < CAUTION
        step = result.next_step if cautious else result.next_round
        if step is not None:
            step += self.sound.cost
        elif controller.estimate < self.sound.wanted:
            step = self.sound.wanted
        controller.on_demand(
            step,
            result.spent + self.sound.cost,
            max(result.wanted * allocation.HEADROOM + self.sound.cost, self.sound.wanted),
            now=now,
        )

    def _apply(self, now: float) -> None:
        """Takes the controller's answers over: rates at once, layers at once if they have become too much."""
        controller = self._controller
        assert controller is not None
        budget = controller.estimate
        wanted = self.allocation.wanted + self.sound.cost
        if budget >= max(ROOMY * wanted, ROOMY_AT_LEAST):
            self._pressed = False
        elif not self._pressed and self._is_pressed():
            self._pressed = True
            self._shared = float("inf")  # more than there was: a guess
        # Only what has fallen is shared out anew at once: a path too narrow for sound would else have it
        # done for each report, and for each REMB of thousands in a second.
        too_much = budget < min(self.allocation.spent + self.sound.cost, self._shared)
        if too_much and now >= self._allocate_at - ALLOCATION_INTERVAL + HASTE:
            self.allocate(now=now)
        rate = controller.pacing_rate
        if not self._moves:
            rate -= (1 - STILLS_SHARE) * max(rate - self.sound.cost, 0.0)
        self.outlet.set_rates(rate, controller.in_flight_cap, constrained=self._pressed, now=now)
        cluster = controller.poll_probe(now=now)
        if cluster is not None:
            self.outlet.probe(cluster, now=now)

    def _is_pressed(self) -> bool:
        assert self._controller is not None
        state = self._controller.state
        return state.queue_delay > PRESSING_DELAY or state.loss > PRESSING_LOSS

    def _wish(self, slot: Slot, now: float) -> Wish:
        subscription = slot.video_subscription
        assert subscription is not None
        highest = slot.wished_layer()
        rungs = () if highest is None else ladder(subscription.publication, highest)
        motion = next((place for place, rung in enumerate(rungs) if rung.temporal != STILLS), len(rungs))
        cost = sum(rung.bitrate for rung in rungs[motion : motion + 1])
        ample = self._controller is not None and self._controller.estimate > self.sound.cost + AMPLE * cost
        top = motion - 1 if slot.rests(ample=ample, now=now) else len(rungs) - 1
        return Wish(slot.priority, rungs, slot.rung, top, motion)

    def _pad(self, size: int, probe: int, now: float) -> int:
        streams = [slot.video for slot in self._slots if slot.video is not None]
        streams.sort(key=lambda stream: stream.last_sent_at, reverse=True)
        return next((sent for stream in streams if (sent := stream.pad(size, probe, now=now))), 0)

    def _begin_anew(self, now: float) -> None:
        """All pictures go on with a keyframe, without what waits or could be asked for again: after a dead
        spot that is a second of all of them at once, ahead of the sound."""
        for slot in self._slots:
            self._restart(slot)
            if slot.video_subscription is not None:
                slot.video_subscription.begin_anew(now=now)

    def _overflow(self, ssrc: int, now: float) -> None:
        """What follows of this stream is undecodable until a keyframe. One that is on its way goes on: it may
        be all that the receiver sees for a while."""
        for slot in self._slots:
            if slot.video is None or slot.video.ssrc != ssrc:
                continue
            if slot.is_behind:
                self.outlet.drop_rest(ssrc)
            else:
                self._restart(slot)
            if slot.video_subscription is not None:
                slot.video_subscription.pause(now=now)
                slot.video_subscription.resume(now=now)

    def _drop_stale(self, slot: Slot, wish: Wish, rung: int) -> None:
        """A picture that has become too dear must not stand in the way of the smaller one."""
        subscription = slot.video_subscription
        if rung >= slot.rung or subscription is None:
            return
        if self.outlet.queue_delay < STALE and not slot.is_behind:
            return
        before = subscription.target
        if rung >= 0 and (before is None or wish.ladder[rung].spatial >= before.spatial):
            return
        self._restart(slot)

    def _restart(self, slot: Slot) -> None:
        """What waits of a picture goes, and so does what would still follow of it."""
        if slot.video is None:
            return
        for ssrc in (slot.video.ssrc, slot.video.rtx_ssrc):
            if ssrc is not None:
                self.outlet.drop(ssrc)
        slot.video.forget()
        if slot.video_subscription is not None:
            slot.video_subscription.restart()
