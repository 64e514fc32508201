"""Both controllers, one fact at a time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.congestion.base import PacketResult, Phase
from media.congestion.reference.gcc import Gcc
from media.congestion.roomtone import FLOOR, MAX_BITRATE, START_BITRATE, Roomtone
from media.congestion.sent import SentPackets


class Path:
    """A sender and the far end of a path: sends at a rate, says what came of it 10 times a second."""

    def __init__(self, controller=Roomtone) -> None:
        self.sent = SentPackets()
        self.controller = controller(self.sent, now=0.0)
        self.now = 0.0
        self._number = 0

    def run(self, seconds: float, rate: float | None = None, *, queue=0.0, growth=0.0, lost=0.0) -> None:
        """`queue` is the standing delay, `growth` what each second adds to it."""
        for _ in range(round(seconds / 0.1)):
            bitrate = rate if rate is not None else self.controller.estimate
            count = max(2, int(bitrate * 0.1 / 8000))
            results = []
            for i in range(count):
                at = self.now + i * 0.1 / count
                self.sent.stamp(1000, now=at)
                self._number += 1
                queue += growth * 0.1 / count
                gone = lost and self._number % round(1 / lost) == 0
                arrived = None if gone else 700.0 + at + 0.05 + queue
                results.append(PacketResult(self._number, at, arrived, 1000, None))
            self.now += 0.1
            self.sent.reset_in_flight()
            self.controller.on_feedback(results, now=self.now)
            self.tick()

    def silence(self, seconds: float) -> None:
        for _ in range(round(seconds / 0.1)):
            self.now += 0.1
            self.sent.stamp(110, now=self.now)
            self.tick()

    def tick(self) -> None:
        due = self.controller.next_timeout()
        assert due is not None
        while due <= self.now:
            self.controller.on_timeout(now=self.now)
            due = self.controller.next_timeout()
            assert due is not None


@pytest.mark.parametrize("make", [Gcc, Roomtone])
def test_the_estimate_starts_at_its_start_and_grows_while_all_is_well(make):
    path = Path(make)
    assert path.controller.estimate == START_BITRATE
    path.run(5.0)
    assert path.controller.estimate > 1.2 * START_BITRATE


@pytest.mark.parametrize("make", [Gcc, Roomtone])
def test_an_empty_report_changes_nothing(make):
    path = Path(make)
    path.run(1.0)
    before = path.controller.estimate
    path.controller.on_feedback([], now=path.now)
    assert path.controller.estimate == before


def test_a_standing_queue_is_drained_even_when_it_does_not_grow():
    path = Path()
    path.run(3.0, 1_000_000)
    path.run(0.3, 1_000_000, queue=0.2)
    assert path.controller.state.phase is Phase.DRAINING
    assert path.controller.estimate < 0.6 * 1_000_000
    assert path.controller.state.queue_delay == pytest.approx(0.2, abs=0.01)


def test_after_a_drain_the_rate_is_just_below_what_arrived():
    path = Path()
    for _ in range(60):
        path.run(0.1)
    path.run(0.5, 500_000, queue=0.1)
    path.run(0.2, 500_000)
    assert 0.8 * 500_000 <= path.controller.estimate <= 500_000


def test_a_queue_that_does_not_yield_is_somebody_elses():
    path = Path()
    path.run(3.0, 1_000_000)
    before = path.controller.estimate
    path.run(5.0, queue=0.2)
    assert path.controller.state.phase is Phase.HOLDING
    assert path.controller.estimate > 0.7 * before


def test_in_competition_a_loss_costs_a_fifth_and_calm_gains():
    path = Path()
    path.run(3.0, 1_000_000)
    path.run(4.0, queue=0.2)
    assert path.controller.state.phase is Phase.HOLDING
    before = path.controller.estimate
    path.run(0.1, queue=0.2, lost=0.5)
    assert path.controller.estimate == pytest.approx(0.8 * before)
    low = path.controller.estimate
    path.run(2.0, queue=0.2)
    assert path.controller.estimate > low


def test_random_loss_costs_nothing_in_the_long_run():
    path = Path()
    path.run(3.0, 1_000_000)
    before = path.controller.estimate
    path.run(20.0, lost=0.2)
    assert path.controller.estimate > 0.9 * before
    assert path.controller.state.loss == pytest.approx(0.2, abs=0.05)


def test_silence_halves_the_rate_down_to_what_sound_needs_and_no_further():
    path = Path()
    path.run(3.0, 2_000_000)
    path.silence(1.5)
    assert path.controller.state.phase is Phase.STARVED
    assert path.controller.estimate <= START_BITRATE
    path.silence(20.0)
    assert path.controller.estimate == FLOOR


def test_when_we_send_nothing_silence_means_nothing():
    path = Path()
    path.run(3.0, 1_000_000)
    before = path.controller.estimate
    path.now += 30.0
    path.tick()
    assert path.controller.estimate == before


def test_the_next_layer_is_probed_while_the_media_is_far_below_the_estimate():
    path = Path()
    path.run(2.0, 100_000)
    path.controller.on_demand(400_000, 100_000, 2_000_000, now=path.now)
    probe = path.controller.poll_probe(now=path.now)
    assert probe is not None and probe.bitrate == pytest.approx(440_000)
    assert probe.bytes == pytest.approx(440_000 * 0.020 / 8, abs=1)
    assert path.controller.poll_probe(now=path.now) is None


def test_a_probe_that_passes_raises_the_estimate_at_once():
    path = Path()
    path.run(2.0, 100_000)
    path.controller.on_demand(400_000, 100_000, 2_000_000, now=path.now)
    probe = path.controller.poll_probe(now=path.now)
    assert probe is not None
    gap = 8 * 220 / probe.bitrate
    results = [
        PacketResult(9000 + i, path.now + i * gap, 700.05 + path.now + i * gap, 220, probe.id)
        for i in range(7)
    ]
    path.controller.on_feedback(results, now=path.now + 0.1)
    assert path.controller.estimate >= 400_000


def test_nothing_is_probed_into_a_queue():
    path = Path()
    path.run(2.0, 100_000)
    path.run(0.1, 100_000, queue=0.040)
    path.controller.on_demand(400_000, 100_000, 2_000_000, now=path.now)
    assert path.controller.poll_probe(now=path.now) is None


def test_a_new_route_starts_no_higher_than_the_start_and_forgets_the_old_delay():
    path = Path()
    path.run(3.0, 2_000_000)
    path.controller.on_route_change(now=path.now)
    assert path.controller.estimate <= START_BITRATE
    path.run(1.0, queue=0.3)
    assert path.controller.state.phase is Phase.INCREASING
    assert path.controller.state.queue_delay < 0.001


def test_late_news_of_the_old_route_are_ignored():
    path = Path()
    path.run(1.0, 1_000_000)
    old = [PacketResult(1, path.now - 0.05, 700.0 + path.now - 0.3, 1000, None)]
    path.controller.on_route_change(now=path.now)
    path.controller.on_feedback(old, now=path.now + 0.05)
    path.run(1.0)
    assert path.controller.state.queue_delay < 0.001


@pytest.mark.parametrize("make", [Gcc, Roomtone])
def test_without_feedback_reports_and_remb_govern(make):
    path = Path(make)
    for second in range(1, 6):
        path.controller.on_receiver_report(0.0, 0.1, now=float(second))
    assert path.controller.estimate > START_BITRATE
    path.controller.on_receiver_report(0.4, 0.1, now=6.0)
    path.controller.on_remb(150_000, now=6.1)
    assert path.controller.estimate == 150_000


def test_reports_are_not_believed_beside_feedback():
    path = Path()
    path.run(2.0, 1_000_000)
    before = path.controller.estimate
    path.controller.on_receiver_report(0.5, 0.1, now=path.now)
    assert path.controller.estimate == before


def test_the_flight_is_capped_near_the_bandwidth_delay_product():
    path = Path()
    path.run(5.0, 1_000_000)
    cap = path.controller.in_flight_cap
    assert cap is not None
    assert 1.0 < 8 * cap / path.controller.estimate / 0.1 < 4.0


RESULTS = st.lists(
    st.builds(
        PacketResult,
        st.integers(0, 1 << 20),
        st.floats(0, 100),
        st.one_of(st.none(), st.floats(-1e6, 1e6)),
        st.integers(1, 1500),
        st.one_of(st.none(), st.integers(1, 4)),
    ),
    max_size=30,
)


@pytest.mark.parametrize("make", [Gcc, Roomtone])
@given(reports=st.lists(RESULTS, max_size=20))
def test_no_report_can_push_the_estimate_out_of_its_bounds(make, reports):
    sent = SentPackets()
    controller = make(sent, now=0.0)
    now = 100.0
    for results in reports:
        now += 0.05
        sent.stamp(1000, now=now)
        controller.on_feedback(results, now=now)
        controller.on_demand(1_000_000, 300_000, 2_000_000, now=now)
        controller.on_timeout(now=now)
        controller.poll_probe(now=now)
        assert 5_000 <= controller.estimate <= MAX_BITRATE
        assert controller.pacing_rate > 0


def test_the_first_packet_after_a_pause_does_not_pass_for_starvation():
    path = Path()
    path.run(3.0)
    before = path.controller.estimate
    for _ in range(50):
        path.now += 0.1
        path.tick()
    path.silence(0.2)
    assert path.controller.state.phase is not Phase.STARVED
    assert path.controller.estimate == before


def test_packets_that_nobody_answers_after_a_pause_are_starvation():
    path = Path()
    path.run(3.0)
    for _ in range(50):
        path.now += 0.1
        path.tick()
    path.silence(2.0)
    assert path.controller.state.phase is Phase.STARVED
