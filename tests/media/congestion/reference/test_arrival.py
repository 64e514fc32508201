from media.congestion.reference.arrival import CLOCK_JUMP, ArrivalGroups


def test_packets_sent_within_five_milliseconds_are_one_group():
    groups = ArrivalGroups()
    for sent, arrived in ((0.0, 1.0), (0.004, 1.004), (0.020, 1.020), (0.024, 1.030)):
        assert groups.add(sent, arrived, now=arrived) is None
    delta = groups.add(0.040, 1.060, now=1.060)
    assert delta is not None
    assert round(delta.send, 6) == 0.020
    assert round(delta.arrival, 6) == 0.026


def test_packets_that_the_network_let_go_together_are_one_group():
    groups = ArrivalGroups()
    groups.add(0.00, 1.000, now=1.0)
    groups.add(0.02, 1.100, now=1.1)
    assert groups.add(0.04, 1.101, now=1.1) is None
    assert groups.add(0.06, 1.102, now=1.1) is None
    delta = groups.add(0.12, 1.140, now=1.2)
    assert delta is not None
    assert round(delta.send, 6) == 0.06
    assert round(delta.arrival, 6) == 0.102


def test_a_packet_sent_before_its_group_is_ignored():
    groups = ArrivalGroups()
    groups.add(0.02, 1.02, now=1.02)
    assert groups.add(0.00, 1.03, now=1.03) is None
    assert groups.add(0.04, 1.04, now=1.04) is None
    delta = groups.add(0.06, 1.06, now=1.06)
    assert delta is not None and round(delta.arrival, 6) == 0.02


def test_a_leap_of_the_receivers_clock_starts_over():
    groups = ArrivalGroups()
    groups.add(0.00, 1.00, now=1.00)
    groups.add(0.02, 1.02, now=1.02)
    groups.add(0.04, 1.04 + CLOCK_JUMP, now=1.04)
    assert groups.add(0.06, 1.06 + CLOCK_JUMP, now=1.06) is None
    assert groups.add(0.08, 1.08 + CLOCK_JUMP, now=1.08) is None
    assert groups.add(0.10, 1.10 + CLOCK_JUMP, now=1.10) is None
    assert groups.add(0.12, 1.12 + CLOCK_JUMP, now=1.12) is not None
