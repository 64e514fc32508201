"""The log of sent packets, and what feedback makes of it."""

from hypothesis import given
from hypothesis import strategies as st

from media.congestion.sent import HISTORY, SentPackets


def stamp(sent: SentPackets, count: int, *, size: int = 1000, now: float = 10.0) -> list[int]:
    return [sent.stamp(size, now=now + 0.001 * index) for index in range(count)]


def test_numbers_count_up_and_wrap_at_16_bits():
    sent = SentPackets()
    numbers = stamp(sent, 65538)
    assert numbers[:3] == [0, 1, 2]
    assert numbers[-3:] == [65535, 0, 1]


def test_feedback_gives_back_what_was_sent_and_when_it_arrived():
    sent = SentPackets()
    sent.stamp(1200, now=10.0)
    sent.stamp(300, 7, now=10.02)
    first, second = sent.on_feedback(0, 100, [4, None], now=10.1)
    assert (first.sequence, first.sent_at, first.size) == (0, 10.0, 1200)
    assert first.received_at == 100 * 0.064 + 0.001
    assert first.probe_cluster is None
    assert (second.sequence, second.received_at, second.probe_cluster) == (1, None, 7)


def test_feedback_across_the_wrap_finds_its_packets():
    sent = SentPackets()
    stamp(sent, 65534)
    for index in range(4):
        sent.stamp(500, now=20.0 + index)
    results = sent.on_feedback(65534, 5, [0, 1, 2, 3], now=24.0)
    assert [result.sequence for result in results] == [65534, 65535, 65536, 65537]
    assert [result.sent_at for result in results] == [20.0, 21.0, 22.0, 23.0]


def test_the_reference_time_unwraps_in_both_directions():
    sent = SentPackets()
    stamp(sent, 3)
    last = (1 << 24) - 1
    before = sent.on_feedback(0, last, [0], now=11.0)[0]
    after = sent.on_feedback(1, 0, [0], now=11.1)[0]
    again = sent.on_feedback(2, last, [0], now=11.2)[0]
    assert before.received_at is not None and after.received_at is not None
    assert round(after.received_at - before.received_at, 6) == 0.064
    assert again.received_at == before.received_at


def test_a_packet_is_received_once_and_lost_once():
    sent = SentPackets()
    stamp(sent, 2)
    assert len(sent.on_feedback(0, 1, [0, None], now=11.0)) == 2
    assert sent.on_feedback(0, 1, [0, None], now=11.1) == []
    late = sent.on_feedback(1, 2, [0], now=11.2)
    assert [result.received_at is not None for result in late] == [True]
    assert sent.on_feedback(1, 2, [0], now=11.3) == []


def test_numbers_never_sent_are_ignored():
    sent = SentPackets()
    assert sent.on_feedback(0, 1, [0, 1, 2], now=1.0) == []
    stamp(sent, 1)
    assert [r.sequence for r in sent.on_feedback(0, 1, [0, 1, 2], now=1.0)] == [0]
    assert sent.on_feedback(40000, 1, [0] * 100, now=1.0) == []
    assert sent.unknown == 3 + 2 + 100


def test_packets_whose_feedback_was_lost_leave_the_flight_without_a_verdict():
    sent = SentPackets()
    stamp(sent, 10)
    assert sent.bytes_in_flight == 10_000
    results = sent.on_feedback(6, 1, [0], now=11.0)
    assert len(results) == 1
    assert sent.bytes_in_flight == 3_000


def test_the_log_forgets_what_is_older_than_its_history():
    sent = SentPackets()
    stamp(sent, HISTORY + 100)
    assert sent.bytes_in_flight == HISTORY * 1000
    assert sent.on_feedback(99, 1, [0], now=20.0) == []
    assert len(sent.on_feedback(100, 1, [0], now=20.0)) == 1


def test_a_dead_path_can_be_written_off():
    sent = SentPackets()
    stamp(sent, 5)
    sent.reset_in_flight()
    assert sent.bytes_in_flight == 0
    assert len(sent.on_feedback(0, 1, [0] * 5, now=11.0)) == 5
    assert sent.bytes_in_flight == 0


REPORTS = st.tuples(
    st.integers(0, 65535),
    st.integers(0, (1 << 24) - 1),
    st.lists(st.one_of(st.none(), st.integers(-1000, 100_000)), max_size=60),
)


@given(st.lists(st.one_of(st.integers(40, 1500), REPORTS), max_size=80), st.integers(0, 70_000))
def test_no_feedback_can_unbalance_the_flight(steps, already_sent):
    """Whatever a receiver claims: what is in flight is what was sent and has not left, never negative."""
    sent = SentPackets()
    stamp(sent, already_sent % 300, size=100)
    told: dict[int, int] = {}
    now = 50.0
    for step in steps:
        now += 0.01
        if isinstance(step, int):
            sent.stamp(step, now=now)
            continue
        for result in sent.on_feedback(*step, now=now):
            told[result.sequence] = told.get(result.sequence, 0) + 1
        assert 0 <= sent.bytes_in_flight <= sent.bytes_sent
    assert all(times <= 2 for times in told.values())
    sent.reset_in_flight()
    assert sent.bytes_in_flight == 0


@given(st.lists(st.booleans(), min_size=1, max_size=200), st.integers(0, 200), st.integers(1, 40))
def test_honest_feedback_accounts_for_every_packet(fates, lead, report_length):
    sent = SentPackets()
    stamp(sent, lead, size=10)
    numbers = stamp(sent, len(fates), size=100, now=30.0)
    received = lost = 0
    for start in range(0, len(fates), report_length):
        arrivals = [4 * i if ok else None for i, ok in enumerate(fates[start : start + report_length])]
        for result in sent.on_feedback(numbers[start], 9, arrivals, now=31.0):
            received += result.received_at is not None
            lost += result.received_at is None
    assert received == sum(fates)
    assert lost == len(fates) - received
    assert sent.bytes_in_flight == 0
