from media.congestion.base import ProbeCluster
from media.congestion.pacer import Pacer


class Wire:
    """Records what a pacer sends and when."""

    def __init__(self, rate: float = 800_000) -> None:
        self.now = 0.0
        self.sent: list[tuple[float, str, int]] = []
        self.flying = 0
        self.padding = 0
        self.pacer: Pacer[str] = Pacer(self._send, self._pad, lambda: self.flying, rate=rate)

    def _send(self, packet: str, probe: int) -> None:
        self.sent.append((round(self.now, 4), packet, probe))

    def _pad(self, size: int, probe: int) -> int:
        self.sent.append((round(self.now, 4), "padding", probe))
        self.padding += size
        return size

    def enqueue(self, *packets: str, size: int = 1000) -> list[bool]:
        return [self.pacer.enqueue(packet, size, ord(packet[0]), now=self.now) for packet in packets]

    def run(self, until: float) -> None:
        for _ in range(1000):
            due = self.pacer.next_timeout()
            if due is None or due > until:
                break
            assert due >= self.now - 1e-9
            self.now = max(due, self.now)
            self.pacer.on_timeout(now=self.now)
        else:
            raise AssertionError("the pacer's timer does not come to rest")
        self.now = until

    def times(self) -> list[float]:
        return [at for at, _, _ in self.sent]


def test_a_burst_is_spread_at_the_pacing_rate():
    wire = Wire(rate=800_000)
    wire.enqueue("a", "b", "c", "d")
    wire.run(1.0)
    assert [packet for _, packet, _ in wire.sent] == ["a", "b", "c", "d"]
    gaps = [b - a for a, b in zip(wire.times()[1:], wire.times()[2:], strict=False)]
    assert all(abs(gap - 0.010) < 1e-3 for gap in gaps)
    assert 0.020 < wire.times()[-1] < 0.031


def test_five_milliseconds_of_the_rate_may_leave_at_once():
    wire = Wire(rate=8_000_000)
    wire.enqueue(*(str(i) for i in range(10)))
    assert 5 <= len(wire.sent) <= 6


def test_audio_never_waits_but_video_waits_for_it():
    quiet, busy = Wire(), Wire()
    for wire in (quiet, busy):
        wire.enqueue("a")
    busy.pacer.pass_audio(500, now=0.0)
    for wire in (quiet, busy):
        wire.enqueue("b")
        wire.run(1.0)
    assert busy.times()[-1] - quiet.times()[-1] == 0.005


def test_media_waits_while_too_much_is_in_flight_and_goes_when_feedback_frees_it():
    wire = Wire()
    wire.flying = 5_000
    wire.pacer.set_rates(800_000, 5_500, now=0.0)
    wire.enqueue("a")
    assert wire.sent == [] and wire.pacer.next_timeout() is None
    wire.flying = 1_000
    wire.now = 0.2
    wire.pacer.set_rates(800_000, 5_500, now=0.2)
    assert wire.sent == [(0.2, "a", 0)]


def test_a_queue_older_than_its_limit_takes_no_more():
    wire = Wire(rate=800_000)
    taken = wire.enqueue(*(str(i) for i in range(60)))
    assert taken == [True] * 51 + [False] * 9
    assert wire.pacer.dropped == 9


def test_a_small_keyframe_fits_into_the_queue_however_slow_the_path_is():
    wire = Wire(rate=30_000)
    assert wire.enqueue(*(str(i) for i in range(12))) == [True] * 12


def test_what_is_no_longer_wanted_is_dropped_and_the_rest_goes_on_in_order():
    wire = Wire(rate=80_000)
    wire.enqueue("a", "b1", "c", "b2", "d")
    wire.pacer.drop(ord("b"))
    assert wire.pacer.dropped == 2
    wire.run(5.0)
    assert [packet for _, packet, _ in wire.sent] == ["a", "c", "d"]
    assert wire.times()[1] - wire.times()[0] < 0.11, "what was dropped takes no time of the wire"


def test_a_probe_is_media_first_and_padding_for_the_rest():
    wire = Wire(rate=80_000)
    wire.enqueue("a", "b")
    wire.pacer.start_probe(ProbeCluster(7, 800_000, 2_000, 5), now=0.0)
    wire.run(0.5)
    probe = [(at, packet) for at, packet, cluster in wire.sent if cluster == 7]
    assert probe[0] == (0.0, "b")
    assert [packet for _, packet in probe[1:]] == ["padding"] * (len(probe) - 1)
    assert len(probe) >= 5
    sent = 1000 + wire.padding
    assert sent >= 2_000
    span = probe[-1][0] - probe[0][0]
    assert abs(8 * (sent - 500) / span - 800_000) < 80_000


def test_a_probe_that_comes_late_is_given_up():
    wire = Wire(rate=80_000)
    wire.pacer.start_probe(ProbeCluster(7, 800_000, 4_000, 5), now=0.0)
    before = len(wire.sent)
    wire.now = 0.5
    wire.pacer.on_timeout(now=0.5)
    assert len(wire.sent) == before
    assert wire.pacer.next_timeout() is None


def test_a_receiver_that_cannot_be_padded_ends_the_probe():
    pacer: Pacer[str] = Pacer(lambda packet, probe: None, lambda size, probe: 0, lambda: 0, rate=80_000)
    pacer.start_probe(ProbeCluster(1, 800_000, 2_000, 5), now=0.0)
    assert pacer.next_timeout() is None
