import random

import pytest

from benchmarks.link.cases import CASES
from benchmarks.link.profiles import PROFILES
from benchmarks.link.road import Conditions, Direction, Road, decode, encode
from media.testing.link import LinkSettings

PLAIN = LinkSettings(delay=((0.0, 0.1),))


def packet(size=1000, protocol=17):
    return bytes([0x45, *[0] * 8, protocol]) + bytes(size - 10)


def road(down=PLAIN, up=PLAIN, **more):
    return Road(Conditions(down, up, **more), random.Random(1), now=100.0)


def arrivals(a_road, until):
    """(when, direction) of all that arrives."""
    seen = []
    while (due := a_road.next_due()) is not None and due <= until:
        seen += [(due, way) for way, _ in a_road.due(now=due)]
    return seen


def test_a_packet_arrives_after_the_delay_and_no_sooner():
    a_road = road()
    a_road.take(Direction.DOWN, packet(), now=100.0)
    assert list(a_road.due(now=100.09)) == []
    assert list(a_road.due(now=100.11)) == [(Direction.DOWN, packet())]


def test_directions_do_not_share_a_queue():
    slow = LinkSettings(rate=((0.0, 8000.0),), queue_time=10.0, delay=((0.0, 0.0),))
    a_road = road(down=slow)
    a_road.take(Direction.DOWN, packet(), now=100.0)
    a_road.take(Direction.DOWN, packet(), now=100.0)
    a_road.take(Direction.UP, packet(), now=100.0)
    seen = arrivals(a_road, 110.0)
    assert [way for _, way in seen] == [Direction.UP, Direction.DOWN, Direction.DOWN]
    assert [at for at, _ in seen] == pytest.approx([100.1, 101.0, 102.0])


def test_blocked_udp_does_not_stop_tcp():
    a_road = road(udp_blocked=((1.0, 2.0),))
    for at in (100.5, 101.5, 102.5):
        a_road.take(Direction.UP, packet(protocol=17), now=at)
        a_road.take(Direction.UP, packet(protocol=6), now=at)
    assert len(arrivals(a_road, 110.0)) == 5
    report = a_road.report(now=110.0)["up"]
    assert (report["blocked"], report["delivered"], report["delivered_tcp"]) == (1, 5000, 3000)


def test_times_of_conditions_count_from_when_they_set_in():
    a_road = road()
    outage = LinkSettings(outages=((1.0, 2.0),))
    a_road.impose(Conditions(outage, outage), now=150.0)
    for at in (150.5, 151.5, 152.5):
        a_road.take(Direction.DOWN, packet(), now=at)
    assert len(arrivals(a_road, 200.0)) == 2


def test_what_is_under_way_survives_new_conditions():
    a_road = road()
    a_road.take(Direction.DOWN, packet(), now=100.0)
    a_road.impose(Conditions(LinkSettings(loss=0.999), PLAIN), now=100.01)
    assert [at for at, _ in arrivals(a_road, 101.0)] == pytest.approx([100.1])


def test_counters_survive_new_conditions():
    lossy = LinkSettings(outages=((0.0, 10.0),))
    a_road = road(down=lossy)
    a_road.take(Direction.DOWN, packet(), now=100.0)
    a_road.impose(Conditions(lossy, PLAIN), now=101.0)
    a_road.take(Direction.DOWN, packet(), now=102.0)
    assert a_road.report(now=103.0)["down"]["lost"] == 2


def test_lateness_is_told_once():
    a_road = road()
    a_road.take(Direction.DOWN, packet(), now=100.0)
    list(a_road.due(now=100.15))
    assert a_road.report(now=100.2)["down"]["late_ms"] == pytest.approx(50.0)
    assert a_road.report(now=100.3)["down"]["late_ms"] == 0.0


@pytest.mark.parametrize("case", [*CASES, *(p.case() for p in PROFILES)], ids=lambda case: case.name)
def test_conditions_reach_the_other_process_whole(case):
    assert decode(encode(case.conditions)) == case.conditions
