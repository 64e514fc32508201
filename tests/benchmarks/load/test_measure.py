import math

from benchmarks.load.measure import CURVE, Delay, stalls, udp_drops

MS = 1_000_000  # ns

TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt uid time inode ref pointer drops
  10: 01004D0A:0D96 00000000:0000 07 00000000:00000000 00:00000000 00000000   0    0 111 2 0000000000000000 7
  11: 01004D0A:9C41 01004D0A:0D96 01 00000000:00000000 00:00000000 00000000   0    0 112 2 0000000000000000 2
  12: 01004D0A:9C42 01004D0A:0D96 01 00000000:00000000 00:00000000 00000000   0    0 113 2 0000000000000000 3
"""


def test_late_packets_close_together_are_one_stall():
    times = [at * MS for at in (0, 100, 101, 104, 300)]
    assert stalls(times, [1 * MS, 20 * MS, 19 * MS, 16 * MS, 11 * MS]) == 2


def test_punctual_packets_are_no_stall():
    assert stalls([0, MS], [MS, 9 * MS]) == 0
    assert stalls([], []) == 0


def test_samples_of_several_receivers_need_no_order():
    assert stalls([104 * MS, 100 * MS, 102 * MS], [20 * MS] * 3) == 1


def test_drops_are_told_apart_by_port():
    assert udp_drops(TABLE, {0x9C41, 0x9C42}) == (7, 5)


def test_a_delay_has_its_percentiles_in_microseconds():
    delay = Delay.of([1000 * us for us in range(1, 101)])
    assert (delay.p50, delay.max, delay.samples) == (50.5, 100.0, 100)
    assert len(delay.curve) == len(CURVE)


def test_no_sample_is_no_delay():
    assert math.isnan(Delay.of([]).p50)
