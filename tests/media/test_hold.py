"""A picture that is held back for a moment, where nothing comes or what comes is late."""

from __future__ import annotations

from collections.abc import Iterable

from media.hold import GAP, LONGEST, LONGEST_GAP, LOOK, REMEMBERED, Hold
from media.stream.receive import ReceiveStream

TICK = 0.005  # seconds by which a timer may be late
STARVING = 0.15  # seconds of delay that count as a queue


class Publisher:
    """Sound every 20 ms and three packets of picture every 33, which arrive when a test says."""

    def __init__(self) -> None:
        self.hold = Hold()
        self.sound, self.picture = (
            ReceiveStream(1, 48_000, nacks=False),
            ReceiveStream(2, 90_000, nacks=False),
        )
        self.now = 10.0
        self.moves = True
        self.held: list[tuple[float, float]] = []  # from, until
        self._look_at = self.now
        self._held_at: float | None = None
        self._pending: list[tuple[float, ReceiveStream, float, int]] = []  # arrival, of what, sent at, bytes
        self._numbers = {1: 0, 2: 0}
        self._sent_until = {1: self.now, 2: self.now}

    def send(
        self, seconds: float, *, sound: float = 0.02, picture: float = 0.033, delay: float = 0.02
    ) -> None:
        """Something of each at such intervals from now on, all of it as late."""
        for stream, interval, packets in ((self.sound, sound, 1), (self.picture, picture, 3)):
            at = max(self._sent_until[stream.ssrc], self.now)
            while at < self.now + seconds:
                self._pending += [(at + delay, stream, at, 1000 // packets)] * packets
                at += interval
            self._sent_until[stream.ssrc] = at

    def arrive(self, arrivals: Iterable[tuple[float, float]]) -> None:
        """Packets of sound of 200 bytes: (seconds from now, seconds late)."""
        for after, late in arrivals:
            self._pending.append((self.now + after, self.sound, self.now + after - late, 200))

    def run(self, seconds: float, *, late: float = 0.0) -> None:
        """`late`: seconds that the machine sleeps first."""
        end = self.now + seconds
        self.now += late
        while self.now < end:
            self.now += TICK
            self._pending.sort(key=lambda pending: pending[0])
            while self._pending and self._pending[0][0] <= self.now:
                at, stream, sent_at, size = self._pending.pop(0)
                number = self._numbers[stream.ssrc] = self._numbers[stream.ssrc] + 1
                stream.receive(
                    number & 0xFFFF, round(sent_at * stream.clock_rate), size, now=max(at, self.now - TICK)
                )
            streams = (self.sound, self.picture)
            self.hold.on_timeout(streams, moves=self.moves, now=self.now)
            if self.now >= self._look_at:
                self._look_at = self.now + LOOK
                self.hold.look(streams, queued=self.sound.behind > STARVING, moves=self.moves, now=self.now)
            if self.hold.held and self._held_at is None:
                self._held_at = self.now
            elif not self.hold.held and self._held_at is not None:
                self.held.append((self._held_at, self.now))
                self._held_at = None

    def flow(self, seconds: float, **how: float) -> None:
        self.send(seconds, **how)
        self.run(seconds)


def test_what_comes_all_the_time_is_never_held_back() -> None:
    publisher = Publisher()
    publisher.flow(60)
    assert not publisher.held and not publisher.hold.held


def test_where_nothing_comes_the_picture_is_held_back_at_once_and_let_go_when_something_does() -> None:
    publisher = Publisher()
    publisher.flow(5)
    silent_from = publisher.now
    publisher.run(0.2)
    assert publisher.hold.held
    publisher.flow(1)
    ((begin, end),) = publisher.held
    assert GAP <= begin - silent_from <= GAP + 0.03
    assert end - silent_from < 0.2 + LOOK + 0.03


def test_a_queue_holds_it_back_until_it_is_gone_and_tells_what_the_uplink_carries() -> None:
    publisher = Publisher()
    publisher.flow(5)
    # A packet every 20 ms of 200 bytes, 80 kbit/s, through a queue that drains.
    publisher.arrive((0.1 + 0.02 * n, max(0.3 - 0.005 * n, 0.02)) for n in range(100))
    publisher.run(0.5)
    assert publisher.hold.held
    assert publisher.hold.carried is not None and 60e3 < publisher.hold.carried < 100e3
    publisher.run(1.5)
    ((begin, end),) = publisher.held
    assert begin < 15.1 and 15.75 < end < 16.0, "when less than 0.1 s is left of it"
    assert publisher.hold.carried is None


def test_a_path_that_has_become_longer_does_not_hold_it_back_for_good() -> None:
    publisher = Publisher()
    publisher.flow(5)
    publisher.flow(10, delay=0.4)
    ((begin, end),) = publisher.held
    assert end - begin <= LONGEST + LOOK + 2 * TICK


def test_gaps_that_mean_nothing_have_to_be_longer_from_then_on() -> None:
    publisher = Publisher()
    publisher.flow(5)
    for _ in range(20):
        publisher.run(0.1)  # a scan for other access points, each half second
        publisher.flow(0.4)
    assert 1 <= len(publisher.held) <= 2
    publisher.flow(REMEMBERED)
    publisher.run(0.1)
    assert publisher.hold.held, "which is forgotten after a minute"


def test_however_many_meant_nothing_a_long_one_counts() -> None:
    publisher = Publisher()
    publisher.flow(5)
    for _ in range(8):
        publisher.run(LONGEST_GAP + 0.1)
        publisher.flow(1.0)
    assert len(publisher.held) == 8


def test_where_little_is_sent_a_gap_means_nothing() -> None:
    """A slide, and nobody speaks."""
    publisher = Publisher()
    publisher.flow(60, sound=0.4, picture=0.2)
    assert not publisher.held and not publisher.hold.held


def test_a_machine_that_slept_takes_what_came_meanwhile_for_nothing_late() -> None:
    publisher = Publisher()
    publisher.flow(5)
    for _ in range(10):
        publisher.send(1.0)
        publisher.run(1.0, late=0.1)
    assert not publisher.held and not publisher.hold.held


def test_where_the_publisher_switches_everything_off_nothing_stays_held_back() -> None:
    publisher = Publisher()
    publisher.flow(5)
    publisher.run(1.0)
    assert publisher.hold.held, "it may still come"
    publisher.moves = False
    publisher.run(LOOK + TICK)
    assert not publisher.hold.held
