"""One server, one scenario, one window; and the order in which servers take turns."""

from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

from benchmarks.load.driver import Driver
from benchmarks.load.janus import JanusServer
from benchmarks.load.measure import Figures, Meter
from benchmarks.load.participant import Participant
from benchmarks.load.roomtone import RoomtoneServer
from benchmarks.load.scenario import SHARE_TOLERANCE, TARGET_SHARE, Scenario, next_rooms
from benchmarks.load.settings import LoadSettings
from benchmarks.terminal import progress

Server = type[RoomtoneServer] | type[JanusServer]

SLICE = 0.5  # s between two progress lines
MAX_WARM_UP = 20.0  # s
WARM = 0.98  # share of the expected packets that are forwarded
CALIBRATIONS = 3  # attempts at the number of rooms
CALIBRATION_WINDOW = 3.0  # s


async def measure(
    server_type: Server,
    scenario: Scenario,
    settings: LoadSettings,
    number: int,
    *,
    duration: float | None = None,
) -> Figures:
    """A fresh server, everybody joined, a warm-up, and one window."""
    said = f"{scenario.name} · round {number} · {server_type.name}"
    participants: list[Participant] = []
    async with AsyncExitStack() as cleanup:
        directory = cleanup.enter_context(tempfile.TemporaryDirectory(prefix="roomtone-load-"))
        cleanup.callback(progress, "")
        server = server_type(settings)
        cleanup.push_async_callback(server.close)
        process = server.start(Path(directory), settings.server_core)
        cleanup.callback(process.stop)
        await server.wait_until_up()
        cleanup.push_async_callback(_leave, participants)

        idle_memory = process.memory()
        for room in range(1, scenario.rooms + 1):
            participants += await server.fill(room, scenario.shape)
            progress(f"{said} · {len(participants)} of {scenario.participants} joined")
        driver = Driver(participants)
        meter = Meter(process, participants, driver, idle_memory)
        cleanup.enter_context(_no_garbage_collection())
        progress(f"{said} · warming up")
        await _warm_up(driver, meter, settings.warm_up)
        meter.begin()
        end = time.monotonic() + (duration or settings.duration)
        while (left := end - time.monotonic()) > 0:
            await driver.run(min(SLICE, left))
            rate, share = meter.progress()
            progress(f"{said} · {left:2.0f} s left · {rate:,.0f} packets/s · CPU {share:.0%}")
        return meter.end(
            server=server.name, scenario=scenario.name, number=number, subscriptions=scenario.subscriptions
        )


async def calibrate(scenario: Scenario, settings: LoadSettings) -> Scenario:
    """The scenario with as many rooms as take Roomtone to TARGET_SHARE of a core."""
    for _ in range(CALIBRATIONS):
        figures = await measure(RoomtoneServer, scenario, settings, 0, duration=CALIBRATION_WINDOW)
        rooms = next_rooms(scenario.rooms, figures.cpu_share)
        if abs(figures.cpu_share - TARGET_SHARE) <= SHARE_TOLERANCE / 2 or rooms == scenario.rooms:
            break
        tried = f"{scenario.rooms} rooms take {figures.cpu_share:.0%} of a core"
        print(f"{scenario.name}: {tried}, trying {rooms}")
        scenario = scenario.with_rooms(rooms)
    return scenario


async def interleave(
    servers: Sequence[Server], scenarios: Sequence[Scenario], settings: LoadSettings, rounds: int
) -> list[Figures]:
    """A B A B: noise on the machine then meets both. The order within a round alternates too."""
    runs = []
    for scenario in scenarios:
        for number in range(1, rounds + 1):
            for server in servers if number % 2 else reversed(servers):
                figures = await measure(server, scenario, settings, number)
                runs.append(figures)
                print(
                    f"{scenario.name:8} round {number} {figures.server:9} {figures.rate:8,.0f} packets/s "
                    f"{figures.cpu_us_per_packet:6.1f} us CPU a packet, {figures.cpu_share:4.0%} of a core, "
                    f"p50 {figures.all.p50 / 1e3:.2f} p99 {figures.all.p99 / 1e3:.2f} ms"
                )
                for doubt in figures.doubts():
                    print(f"         doubtful: {doubt}")
    return runs


async def _warm_up(driver: Driver, meter: Meter, least: float) -> None:
    """Let the traffic run for `least` seconds, and then until everything that is expected is forwarded: a
    server that feels its way up to what the path carries is measured at the load that was asked for."""
    end = time.monotonic() + MAX_WARM_UP
    await driver.run(least)
    while meter.delivered() < WARM and time.monotonic() < end:
        await driver.run(1.0)


async def _leave(participants: list[Participant]) -> None:
    for participant in participants:
        await participant.leave()


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """A collection pauses the load generator for milliseconds; a run makes little garbage in cycles."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
