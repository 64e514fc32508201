"""The cases: RFC 8867 sections 5.1 to 5.8 as ns3-rmcat has them, and our own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.adapt.simulation import MakeController, MediaFlow, Simulation, make_rng
from benchmarks.adapt.sources import ElasticSource, LayeredSource
from benchmarks.adapt.tcp import ShortTcpFlows, TcpFlow
from media.testing.link import Link, LinkSettings

MBIT = 1e6
RMCAT_DELAY = ((0.0, 0.050),)  # one way; RFC 8867 section 4.2
RMCAT_BITRATE = (150_000.0, 1_500_000.0)
OWN_BITRATE = (30_000.0, 2_500_000.0)
FREE = LinkSettings()


@dataclass(slots=True)
class Run:
    """What a case leaves behind."""

    duration: float
    flows: list[MediaFlow]
    capacity: tuple[tuple[float, float], ...]
    tcp: list[tuple[float, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    about: str
    run: Callable[[MakeController, int], Run]
    rmcat: bool = False


def rmcat(
    rate: tuple[tuple[float, float], ...],
    duration: float,
    *,
    starts: tuple[float, ...] = (0.0,),
    delays: tuple[float, ...] = (),
    pauses: tuple[tuple[float, float], ...] = (),
    long_tcp: bool = False,
    short_tcp: int = 0,
    queue_time: float = 0.3,
    jitter: float = 0.0,
) -> Callable[[MakeController, int], Run]:
    def run(make: MakeController, seed: int) -> Run:
        sim = Simulation()
        settings = LinkSettings(rate=rate, queue_time=queue_time, delay=((0.0, 0.0),))
        bottleneck = Link(settings, make_rng(seed, "forward"))
        back = Link(LinkSettings(delay=((0.0, 0.0),)), make_rng(seed, "back"))
        flows = []
        for index, start in enumerate(starts):
            delay = ((0.0, delays[index] if delays else 0.050),)
            ahead = Link(LinkSettings(delay=delay, jitter=jitter), make_rng(seed, "ahead", index))
            behind = Link(LinkSettings(delay=delay, jitter=jitter), make_rng(seed, "behind", index))
            low, high = RMCAT_BITRATE
            source = ElasticSource(make_rng(seed, "source", index), min_bitrate=low, max_bitrate=high)
            flows.append(
                MediaFlow(
                    sim,
                    make,
                    source,
                    [bottleneck, ahead],
                    [back, behind],
                    start=start,
                    audio=False,
                    pauses=pauses if not index else (),
                )
            )
        tcp = _tcp(sim, bottleneck, back, seed, long_tcp, short_tcp)
        sim.run(duration)
        return Run(duration, flows, rate, tcp)

    return run


def _tcp(
    sim: Simulation, bottleneck: Link, back: Link, seed: int, long_tcp: bool, short_tcp: int
) -> list[tuple[float, int]]:
    arrived: list[tuple[float, int]] = []
    for index in range(short_tcp + long_tcp):
        ways = [Link(LinkSettings(delay=RMCAT_DELAY), make_rng(seed, "tcp", index, way)) for way in (0, 1)]
        forward, backward = [bottleneck, ways[0]], [back, ways[1]]
        if index < short_tcp:
            short = ShortTcpFlows(sim, forward, backward, make_rng(seed, "short", index), start=0.0)
            short.arrived = arrived
        else:
            TcpFlow(sim, forward, backward, start=0.0).arrived = arrived
    return arrived


def both_ways(make: MakeController, seed: int) -> Run:
    """5.3: media in both directions, so that each one's feedback shares the other's queue."""
    sim = Simulation()
    there = ((0.0, 2 * MBIT), (20.0, 1 * MBIT), (40.0, 0.5 * MBIT), (60.0, 2 * MBIT))
    back = ((0.0, 2 * MBIT), (35.0, 0.8 * MBIT), (70.0, 2 * MBIT))
    links = [
        Link(LinkSettings(rate=rate, delay=RMCAT_DELAY), make_rng(seed, way))
        for way, rate in enumerate((there, back))
    ]
    low, high = RMCAT_BITRATE
    flows = [
        MediaFlow(
            sim,
            make,
            ElasticSource(make_rng(seed, "source", way), min_bitrate=low, max_bitrate=high),
            [links[way]],
            [links[1 - way]],
            audio=False,
        )
        for way in (0, 1)
    ]
    sim.run(100.0)
    # What both ways together can carry of at most 1.5 Mbit/s each.
    usable = ((0.0, 3.0), (20.0, 2.5), (35.0, 1.8), (40.0, 1.3), (60.0, 2.3), (70.0, 3.0))
    return Run(100.0, flows, tuple((at, rate * MBIT) for at, rate in usable))


def own(
    settings: LinkSettings,
    duration: float,
    *,
    back: LinkSettings = FREE,
    layered: bool = False,
    route_change: float | None = None,
    feedback: bool = True,
) -> Callable[[MakeController, int], Run]:
    def run(make: MakeController, seed: int) -> Run:
        sim = Simulation()
        source: ElasticSource | LayeredSource
        if layered:
            source = LayeredSource(make_rng(seed, "source"))
        else:
            low, high = OWN_BITRATE
            rng = make_rng(seed, "source")
            source = ElasticSource(rng, min_bitrate=low, max_bitrate=high, stops=True)
        flow = MediaFlow(
            sim,
            make,
            source,
            [Link(settings, make_rng(seed, "forward"))],
            [Link(back, make_rng(seed, "back"))],
            route_change=route_change,
            feedback=feedback,
        )
        sim.run(duration)
        capacity = settings.rate or ((0.0, settings.capacity),)
        return Run(duration, [flow], capacity)

    return run


def drop(
    low: float,
    *,
    start: float = 30.0,
    length: float = 30.0,
    after: float = 40.0,
    queue_bytes: int | None = None,
) -> tuple[LinkSettings, float]:
    rate = ((0.0, 3 * MBIT), (start, low), (start + length, 3 * MBIT))
    settings = LinkSettings(
        rate=rate, queue_bytes=queue_bytes, queue_time=None if queue_bytes is not None else 0.3
    )
    return settings, start + length + after


SPIKES = tuple(
    point for at in range(5, 60, 5) for point in ((float(at), 0.0), (at + 0.2, 2 * MBIT))
)  # a Wi-Fi scan: nothing passes for 200 ms, every 5 s


# Opportunities of a synthetic cellular link, 20 s, between 0.3 and 6 Mbit/s; an assumption, not a recording.
def cellular_trace() -> tuple[int, ...]:
    rng = make_rng(7, "cellular")
    trace: list[int] = []
    rate = 2.0 * MBIT
    credit = 0.0
    for ms in range(1, 20_001):
        if ms % 100 == 0:
            rate = min(max(rate * rng.lognormvariate(0.0, 0.25), 0.3 * MBIT), 6 * MBIT)
        credit += rate / 1000 / 8
        while credit >= 1500:
            credit -= 1500
            trace.append(ms)
    return tuple(trace)


SLOW_BACK = LinkSettings(rate=((0.0, 60_000.0),), queue_time=1.0)

CASES = (
    Case(
        "5.1",
        "variable capacity, one flow",
        rmcat(((0.0, 1.0 * MBIT), (40.0, 2.5 * MBIT), (60.0, 0.6 * MBIT), (80.0, 1.0 * MBIT)), 100.0),
        rmcat=True,
    ),
    Case(
        "5.1 jitter",
        "the same with up to 30 ms of jitter",
        rmcat(
            ((0.0, 1.0 * MBIT), (40.0, 2.5 * MBIT), (60.0, 0.6 * MBIT), (80.0, 1.0 * MBIT)),
            100.0,
            jitter=0.01,
        ),
        rmcat=True,
    ),
    Case(
        "5.2",
        "variable capacity, two flows",
        rmcat(
            ((0.0, 4 * MBIT), (25.0, 2 * MBIT), (50.0, 3.5 * MBIT), (75.0, 1 * MBIT), (100.0, 2 * MBIT)),
            125.0,
            starts=(0.0, 0.0),
        ),
        rmcat=True,
    ),
    Case("5.3", "congested feedback, both ways", both_ways, rmcat=True),
    Case(
        "5.4",
        "three flows of one kind",
        rmcat(((0.0, 3.5 * MBIT),), 120.0, starts=(0.0, 20.0, 40.0)),
        rmcat=True,
    ),
    Case(
        "5.5",
        "five flows with different round trips",
        rmcat(
            ((0.0, 4 * MBIT),),
            300.0,
            starts=(0.0, 10.0, 20.0, 30.0, 40.0),
            delays=(0.010, 0.025, 0.050, 0.100, 0.150),
        ),
        rmcat=True,
    ),
    Case(
        "5.6",
        "beside a long TCP flow, queue 300 ms",
        rmcat(((0.0, 2 * MBIT),), 120.0, starts=(5.0,), long_tcp=True),
        rmcat=True,
    ),
    Case(
        "5.6 deep",
        "beside a long TCP flow, queue 1 s",
        rmcat(((0.0, 2 * MBIT),), 120.0, starts=(5.0,), long_tcp=True, queue_time=1.0),
        rmcat=True,
    ),
    Case(
        "5.7",
        "two flows beside ten short TCP flows",
        rmcat(((0.0, 2 * MBIT),), 300.0, starts=(5.0, 5.0), short_tcp=10),
        rmcat=True,
    ),
    Case(
        "5.8",
        "three flows, one pauses",
        rmcat(((0.0, 3.5 * MBIT),), 120.0, starts=(0.0, 0.0, 0.0), pauses=((40.0, 60.0),)),
        rmcat=True,
    ),
    Case("3-0.2-3", "3 Mbit/s, 200 kbit/s for 30 s, and back", own(*drop(0.2 * MBIT))),
    Case(
        "3-0.2-3 buffer", "the same with a fixed 112 KB buffer", own(*drop(0.2 * MBIT, queue_bytes=112_000))
    ),
    Case("3-0.5-3", "3 Mbit/s, 500 kbit/s for 30 s, and back", own(*drop(0.5 * MBIT))),
    Case("3-1-3", "3 Mbit/s, 1 Mbit/s for 30 s, and back", own(*drop(1 * MBIT))),
    Case("3-0.04-3", "3 Mbit/s, 40 kbit/s for 30 s, and back", own(*drop(0.04 * MBIT))),
    Case("layers", "simulcast through 3 Mbit/s, 200 kbit/s, and back", own(*drop(0.2 * MBIT), layered=True)),
    Case(
        "outage 1 s",
        "nothing passes for 1 s",
        own(
            LinkSettings(rate=((0.0, 2 * MBIT),), outages=((20.0, 21.0),)),
            40.0,
            back=LinkSettings(outages=((20.0, 21.0),)),
        ),
    ),
    Case(
        "outage 3 s",
        "nothing passes for 3 s",
        own(
            LinkSettings(rate=((0.0, 2 * MBIT),), outages=((20.0, 23.0),)),
            40.0,
            back=LinkSettings(outages=((20.0, 23.0),)),
        ),
    ),
    Case(
        "loss 20 %",
        "2 Mbit/s with 20 % independent loss",
        own(LinkSettings(rate=((0.0, 2 * MBIT),), loss=0.2), 60.0),
    ),
    Case(
        "loss 30 %",
        "2 Mbit/s with 30 % independent loss",
        own(LinkSettings(rate=((0.0, 2 * MBIT),), loss=0.3), 60.0),
    ),
    Case(
        "loss 30 % bursts",
        "2 Mbit/s with 30 % loss in bursts of 3",
        own(LinkSettings(rate=((0.0, 2 * MBIT),), loss=0.3, burst=3.0), 60.0),
    ),
    Case(
        "bufferbloat",
        "500 kbit/s with a queue of 2 s",
        own(LinkSettings(rate=((0.0, 3 * MBIT), (20.0, 0.5 * MBIT)), queue_time=2.0), 60.0),
    ),
    Case(
        "policer",
        "1 Mbit/s with no queue: the excess is dropped",
        own(LinkSettings(rate=((0.0, 1 * MBIT),), queue_time=0.01), 60.0),
    ),
    Case(
        "Wi-Fi scans",
        "200 ms of standstill every 5 s",
        own(LinkSettings(rate=((0.0, 2 * MBIT), *SPIKES), queue_time=None, queue_bytes=200_000), 60.0),
    ),
    Case(
        "feedback starved",
        "the way back carries 60 kbit/s and is half full",
        own(LinkSettings(rate=((0.0, 2 * MBIT),)), 60.0, back=SLOW_BACK),
    ),
    Case(
        "address change",
        "another path: 800 kbit/s, 60 ms longer",
        own(
            LinkSettings(rate=((0.0, 2 * MBIT), (30.0, 0.8 * MBIT)), delay=((0.0, 0.025), (30.0, 0.085))),
            60.0,
            route_change=30.0,
        ),
    ),
    Case(
        "reorder",
        "2 % of packets overtaken by 20 ms",
        own(LinkSettings(rate=((0.0, 2 * MBIT),), reorder=0.02), 60.0),
    ),
    Case(
        "cellular",
        "a varying link, 0.3 to 6 Mbit/s",
        own(LinkSettings(trace=cellular_trace(), queue_time=1.0), 60.0),
    ),
    *(
        Case(f"steady {rate:g}", f"{rate:g} Mbit/s", own(LinkSettings(rate=((0.0, rate * MBIT),)), 60.0))
        for rate in (0.1, 0.2, 0.5, 2.0)
    ),
)
