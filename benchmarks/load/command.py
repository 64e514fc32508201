"""`python -m benchmarks load`: the command line."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path

from benchmarks.load import janus, report, sandbox
from benchmarks.load.baseline import direct
from benchmarks.load.connection import ConnectError
from benchmarks.load.janus import JanusServer
from benchmarks.load.participant import Shape
from benchmarks.load.roomtone import RoomtoneServer
from benchmarks.load.rounds import Server, calibrate, interleave
from benchmarks.load.scenario import STANDARD, Scenario, bars, ratios
from benchmarks.load.settings import LoadSettings
from benchmarks.load.traffic import simulcast
from benchmarks.terminal import positive
from media.edge.srtp import SrtpProfile

PRIORITY = 1  # the lowest of real time: what the kernel itself does there still comes first


def main(argv: list[str]) -> int:
    options = _parser().parse_args(argv)
    try:
        if options.against == "janus" or options.only == "janus":
            janus.install()  # while there still is a network to install from
        sandbox.enter("benchmarks", ["load", *argv])
        return asyncio.run(_run(options))
    except (sandbox.SandboxError, ConnectError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


async def _run(options: argparse.Namespace) -> int:
    cores = sorted(os.sched_getaffinity(0))
    pinned = options.pin and len(cores) > 1
    settings = LoadSettings(
        host=sandbox.ADDRESS,
        encodings=simulcast(options.video_kbps, options.encodings),
        profiles=tuple(SrtpProfile) if options.srtp is None else (SrtpProfile[options.srtp],),
        warm_up=options.warm_up,
        duration=options.duration,
        server_core=cores[-1] if pinned else None,
    )
    servers: list[Server] = [RoomtoneServer, JanusServer] if options.against else [RoomtoneServer]
    if options.only:
        servers = [JanusServer if options.only == "janus" else RoomtoneServer]
    if pinned:
        os.sched_setaffinity(0, {cores[0]})
    preferred = _prefer()
    scenarios = _scenarios(options)
    baseline = direct(settings.host)
    if RoomtoneServer in servers:
        scenarios = [await calibrate(s, settings) if s.calibrated else s for s in scenarios]
    runs = await interleave(servers, scenarios, settings, options.rounds)
    result = report.Result(
        machine=report.machine(),
        options={name: value for name, value in vars(options).items() if not isinstance(value, Path)},
        pinned=pinned,
        preferred=preferred,
        direct=baseline,
        scenarios=tuple(scenarios),
        runs=tuple(runs),
        ratios=tuple(ratios(runs)),
        bars=tuple(bars(scenarios, runs, baseline)),
    )
    print(report.text(result))
    if options.json:
        options.json.write_text(report.as_json(result))
    if options.html:
        options.html.write_text(report.as_html(result))
    return 0


def _prefer() -> bool:
    """Run this process and the servers that it starts before all others, where that is allowed: on a busy
    machine latency would otherwise tell of its other work."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(PRIORITY))
    except PermissionError:
        return False
    return True


def _scenarios(options: argparse.Namespace) -> list[Scenario]:
    """The rooms asked for, or the standard scenarios."""
    rooms = options.rooms
    if options.participants or options.publishers or options.receivers:
        shape = Shape(options.participants, options.publishers, options.receivers)
        receivers = shape.everybody + shape.receivers
        title = f"{rooms or 1} rooms of {shape.sources} publishers and {receivers} receivers"
        return [Scenario("custom", title, rooms or 1, shape)]
    chosen = [scenario for scenario in STANDARD if scenario.name in (options.scenario or (scenario.name,))]
    return [scenario.with_rooms(rooms) if rooms else scenario for scenario in chosen]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks load",
        description="Drives rooms with synthetic VP8 and Opus over real ICE and DTLS-SRTP, in a network "
        "namespace of its own, and says what forwarding costs the server. Without --participants, "
        "--publishers or --receivers it runs the standard scenarios.",
    )
    add = parser.add_argument
    names = [scenario.name for scenario in STANDARD]
    add("--against", choices=["janus"], help="run this server too, in turn; installs Debian's package")
    add("--only", choices=["roomtone", "janus"], help="run this server alone")
    add("--scenario", action="append", choices=names, help="of the standard ones; may be repeated")
    add("--rooms", type=positive, help="rooms at a time")
    add("--participants", type=_natural, default=0, help="in each room, who publish and receive all others")
    add("--publishers", type=_natural, default=0, help="in each room, who only publish")
    add("--receivers", type=_natural, default=0, help="in each room, who only receive, from all")
    add("--video-kbps", type=positive, default=1500, help="of the largest encoding (1500)")
    add("--encodings", type=int, choices=[1, 2, 3], default=3, help="simulcast streams of a camera (3)")
    add("--srtp", choices=[profile.name for profile in SrtpProfile], help="offer only this SRTP profile")
    add("--duration", type=float, default=10.0, help="seconds measured in each round (10)")
    add("--warm-up", type=float, default=3.0, help="seconds of traffic before (3)")
    add("--rounds", type=positive, default=3, help="rounds of each server (3)")
    add("--no-pin", dest="pin", action="store_false", help="let servers and load generator share cores")
    add("--json", type=Path, metavar="FILE", help="write all figures")
    add("--html", type=Path, metavar="FILE", help="write one page with tables and plots")
    return parser


def _natural(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("must not be negative")
    return number
