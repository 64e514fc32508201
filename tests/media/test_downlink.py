"""When the estimate of a path is shared out anew."""

from collections.abc import Callable

from media.congestion.base import IP_UDP_OVERHEAD
from media.downlink import Downlink
from media.rtp.twcc import TransportFeedback
from media.slots import Slot
from media.testing.microphone import MicrophoneLine


def hears(voices: int) -> Downlink:
    """A receiver of so many voices, one second into its call."""
    slots = []
    for index in range(voices):
        line, slot = MicrophoneLine(), Slot(index)
        slot.audio, slot.audio_subscription = line.stream, line.subscription
        slots.append(slot)
    downlink = Downlink(slots, lambda header, payload: None, lambda at: None)
    downlink.configure(feedback=False, now=0.0)
    downlink.on_timeout(now=1.0)
    return downlink


def allocations(downlink: Downlink, times: int, step: Callable[[int, float], None]) -> int:
    """How often it is shared out while something comes every millisecond."""
    kept = [downlink.allocation]
    for number in range(times):
        step(number, 1.001 + 0.001 * number)
        if downlink.allocation is not kept[-1]:
            kept.append(downlink.allocation)
    return len(kept) - 1


def test_a_rate_that_is_too_little_for_sound_alone_is_shared_out_once() -> None:
    downlink = hears(2)
    told = allocations(downlink, 200, lambda number, now: downlink.on_remb(1, now=now))
    assert downlink.estimate is not None and downlink.estimate < downlink.sound.cost
    assert told == 1
    assert allocations(downlink, 200, lambda number, now: downlink.on_receiver_report(0.5, 0.1, now=now)) == 0


def test_a_rate_that_falls_all_the_time_is_shared_out_now_and_then() -> None:
    downlink = hears(2)
    downlink.on_remb(100_000, now=1.0)
    count = allocations(downlink, 200, lambda number, now: downlink.on_remb(90_000 - 200 * number, now=now))
    assert 2 <= count <= 20


def test_reports_are_no_cause_beside_feedback() -> None:
    downlink = hears(2)
    for number in range(20):
        downlink.sent.stamp(100 + IP_UDP_OVERHEAD, now=1.0 + 0.02 * number)
    downlink.on_feedback(TransportFeedback(1, 1, 0, 10, 0, tuple(range(100, 2100, 100))), now=1.5)
    estimate = downlink.estimate
    assert allocations(downlink, 200, lambda number, now: downlink.on_receiver_report(0.9, 0.1, now=now)) == 0
    assert downlink.estimate == estimate
