"""Orders to a publisher: what somebody can use and its uplink bears, without flaps and deadlocks."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from media.publication import LINGER, START_TIME
from media.quality import picture_at_most
from media.retries import REST, REST_AT_MOST
from media.sending import bearable, order
from media.stream.receive import ReceiveStream
from media.subscription import Layer
from media.uplink import Level, Uplink
from tests.media.publishing import new_publication

LOOK = 0.25  # seconds
CLEAN = 0.02  # seconds that sound takes
QUEUE_SWING = 0.06  # seconds between a queue that has just been fed and one that has drained


class Receiver:
    """All that a publication asks of a subscription when it counts who needs what."""

    def __init__(self) -> None:
        self.wanted_layer: Layer | None = None


class Publisher:
    """Obeys its orders half a second later, and has sound that takes as long as the network says."""

    def __init__(self) -> None:
        self.camera = new_publication("camera", "q", "h", "f")
        self.receiver = Receiver()
        self.camera.subscriptions.append(self.receiver)  # type: ignore[arg-type]
        self.uplink = Uplink()
        self.sound = ReceiveStream(1, 48_000, nacks=False)
        self.now = 10.0
        self.packets = 0
        self.needs: list[int] = []  # at each look
        self.needed: list[int] = []
        self.orders: list[int] = []
        self.levels: list[Level] = []

    def run(self, seconds: float, need: int, delay: float = CLEAN) -> None:
        """`need`: encodings that the receiver can use."""
        self.receiver.wanted_layer = Layer(need - 1) if need else None
        for _ in range(round(seconds / LOOK)):
            self.now += LOOK
            while self.packets * 0.02 < self.now - 10.0:
                at = 10.0 + self.packets * 0.02
                queued = delay if delay == CLEAN else delay + QUEUE_SWING * (self.packets % 50) / 50
                self.sound.receive(self.packets & 0xFFFF, self.packets * 960, 80, now=at + queued)
                self.packets += 1
            arriving = self.orders[-2] if len(self.orders) > 2 else 3
            self.uplink.on_timeout(self.sound, encodings=arriving, now=self.now)
            self.camera.count_needed(now=self.now)
            wanted = order([self.camera], self.uplink, thin=False, now=self.now)
            self.needs.append(need)
            self.needed.append(self.camera.needed)
            self.orders.append(wanted.encodings["camera"])
            self.levels.append(wanted.level)


phases = st.lists(
    st.tuples(
        st.floats(0.5, 30.0),
        st.integers(0, 3),
        st.sampled_from([CLEAN, CLEAN, 0.1, 0.3, 0.9]),
    ),
    min_size=1,
    max_size=12,
)


def run(some: list[tuple[float, int, float]]) -> Publisher:
    publisher = Publisher()
    for seconds, need, delay in some:
        publisher.run(seconds, need, delay)
    return publisher


@settings(max_examples=60, deadline=None)
@given(phases, st.integers(0, 3))
def test_what_is_of_use_and_borne_is_ordered_in_the_end(
    some: list[tuple[float, int, float]], need: int
) -> None:
    publisher = run(some)
    publisher.run(len(Level) * (REST_AT_MOST + 1) + LINGER, need)
    assert publisher.orders[-1] == need
    assert publisher.levels[-1] is Level.FULL


@settings(max_examples=100, deadline=None)
@given(phases)
def test_orders_neither_deny_what_is_borne_nor_flap(some: list[tuple[float, int, float]]) -> None:
    publisher = run(some)
    for need, level, ordered in zip(publisher.needs, publisher.levels, publisher.orders, strict=True):
        borne = bearable(3, level)
        assert min(need, borne) <= ordered <= borne, "all that is of use, and no more than is borne"
    lingers = round(LINGER / LOOK)
    for at, (before, after) in enumerate(pairwise(publisher.needed), 1):
        if after < before:
            lately = publisher.needs[max(0, at - lingers + 1) : at + 1]
            assert max(lately) <= after, "nothing is let go that was of use a moment ago"
    calm = round(REST / LOOK)
    for at, (before_level, after_level) in enumerate(pairwise(publisher.levels), 1):
        if after_level < before_level:
            assert max(publisher.levels[max(0, at - calm + 1) : at]) == before_level
            assert len(set(publisher.levels[max(0, at - calm + 1) : at])) == 1, "no step up soon after a step"


def test_need_that_comes_and_goes_keeps_what_was_needed_lately() -> None:
    publisher = Publisher()
    publisher.run(1, 3)
    publisher.run(LINGER - 1, 1)
    publisher.run(0.5, 2)
    publisher.run(2, 1)
    assert publisher.orders[-1] == 2


def test_the_first_need_is_ordered_without_a_picture_having_flowed() -> None:
    publisher = Publisher()
    publisher.run(60, 0)
    assert set(publisher.orders) == {0}
    publisher.run(LOOK, 2)
    assert publisher.orders[-1] == 2 and not publisher.camera.live


def test_a_picture_that_was_not_ordered_is_held_and_one_that_does_not_come_is_not() -> None:
    publisher = Publisher()
    camera = publisher.camera
    publisher.run(START_TIME + 1, 1)
    assert not camera.held, "it never flowed"
    camera.encodings.append(object())  # type: ignore[arg-type]
    assert not camera.held, "it is ordered and does not come: its owner has switched it off"
    publisher.run(LINGER + 1, 0)
    assert publisher.orders[-1] == 0 and camera.held
    publisher.run(START_TIME - LOOK, 1)
    assert camera.held, "the order is on its way"
    publisher.run(2 * LOOK, 1)
    assert not camera.held


def test_what_an_uplink_lets_others_see_is_said_in_their_words() -> None:
    assert [picture_at_most(level) for level in Level] == [
        "motion",
        "motion",
        "motion",
        "motion",
        "stills",
        "sound",
    ]
