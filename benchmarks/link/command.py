"""`python -m benchmarks link`: the command line."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.link import bars, custom, report, sources
from benchmarks.link.cases import CASES, Case
from benchmarks.link.janus import JanusCall
from benchmarks.link.machine import prefer, quiet
from benchmarks.link.measures import Run
from benchmarks.link.person import ChromiumError
from benchmarks.link.profiles import PROFILES
from benchmarks.link.roomtone import RoomtoneCall
from benchmarks.link.run import MakeCall, RunError, run
from benchmarks.link.tun import TunError
from benchmarks.load import janus, sandbox
from benchmarks.load.report import machine
from benchmarks.terminal import positive

ROOT = Path(__file__).parents[2]
INSTALLER = ROOT / ".ci" / "debian-install"
ATTEMPTS = 2  # at a call that does not come about, before the run is given up


def main(argv: list[str]) -> int:
    options = _parser().parse_args(argv)
    if options.list:
        print(_list())
        return 0
    try:
        _install(options)
        sandbox.enter("benchmarks", ["link", *argv])
        return asyncio.run(_run(options))
    except (sandbox.SandboxError, TunError, ChromiumError, RuntimeError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


async def _run(options: argparse.Namespace) -> int:
    # A terminated run clears away as an interrupted one does.
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    preferred = prefer()
    cases = _cases(options)
    runs: list[Run] = []
    broken: list[tuple[str, str]] = []  # (server, case) of each round that gave nothing
    with tempfile.TemporaryDirectory(prefix="roomtone-sources-") as directory:
        made = sources.make(Path(directory))
        for case in cases:
            for number in range(1, options.rounds + 1):
                calls = _calls(options)
                for call in calls if number % 2 else reversed(calls):
                    await quiet(options.patience)
                    observed = await _attempt(call, case, made, number, options.keep)
                    if not observed:
                        broken.append((_name(call), case.name))
                    for one in observed:
                        runs.append(one)
                        print(report.line(one.measures), flush=True)
                        for doubt in one.measures.machine.doubts():
                            print(f"    doubtful: {doubt}", flush=True)
    remarks = [f"{case} on {server}: a round broke off, twice." for server, case in broken]
    if made.synthetic:
        remarks.append("espeak-ng is not installed: a synthetic babble took the place of speech.")
    if not preferred:
        remarks.append("The call had the priority of any other process, for want of rights.")
    result = report.Result(
        machine=machine(),
        options={name: str(value) for name, value in vars(options).items() if value not in (None, False)},
        titles={case.name: case.title for case in cases},
        remarks=tuple(remarks),
        verdicts=tuple(bars.judge([one.measures for one in runs], broken)),
        runs=tuple(runs),
    )
    print(report.text(result))
    if options.json:
        options.json.write_text(report.document(result))
    if options.html:
        options.html.write_text(report.page(result))
    return 0


async def _attempt(
    call: MakeCall, case: Case, made: sources.Sources, number: int, keep: Path | None
) -> list[Run]:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return await run(call, case, made, number, keep=keep)
        except RunError as error:
            print(error, file=sys.stderr)
            if attempt == ATTEMPTS:
                print(f"{case.name}, round {number}: given up", file=sys.stderr)
    return []


def _name(call: MakeCall) -> str:
    return "Janus" if call is JanusCall else "Roomtone"


def _calls(options: argparse.Namespace) -> Sequence[MakeCall]:
    roomtone = partial(RoomtoneCall, checkout=options.checkout.resolve())
    if options.only:
        return [JanusCall if options.only == "janus" else roomtone]
    return [roomtone, JanusCall] if options.against else [roomtone]


def _cases(options: argparse.Namespace) -> list[Case]:
    """What was asked for; without a word, all that bars are set for."""
    named = {case.name: case for case in (*CASES, *(profile.case() for profile in PROFILES))}
    chosen = [named[name] for name in (*(options.case or ()), *(options.profile or ()))]
    if custom.wanted(options):
        chosen.append(custom.case(options))
    chosen = chosen or list(CASES)
    return [case.lasting(options.duration) for case in chosen] if options.duration else chosen


def _install(options: argparse.Namespace) -> None:
    """While there still is a network to install from."""
    if options.against == "janus" or options.only == "janus":
        janus.install()
    if shutil.which("espeak-ng") is None:
        subprocess.run([str(INSTALLER), "espeak-ng"])  # sources.py does without, where that fails


def _list() -> str:
    lines = ["Cases:"]
    lines += [f"  {case.name:12} {case.title}" for case in CASES]
    lines.append("Profiles, all of them assumptions:")
    lines += [f"  {profile.name:12} {profile.title}" for profile in PROFILES]
    return "\n".join([*lines, "", report.profile_table()])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks link",
        description="Two headless Chromiums in a call, one of them in a network namespace behind an emulated "
        "link: what the other one says and shows, and what of it is heard and seen. Without --case, "
        "--profile "
        "or options of a link of your own it runs all standard cases. Needs root, or a /dev/net/tun that "
        "users "
        "may open.",
    )
    add = parser.add_argument
    add("--case", action="append", choices=[c.name for c in CASES], metavar="NAME", help="may be repeated")
    add(
        "--profile",
        action="append",
        choices=[p.name for p in PROFILES],
        metavar="NAME",
        help="may be repeated",
    )
    add("--list", action="store_true", help="list cases, and profiles with their numbers")
    add("--duration", type=float, metavar="SECONDS", help="of a run, instead of the case's own")
    add("--rounds", type=positive, default=1, help="of each case (1)")
    add("--patience", type=float, default=60.0, metavar="SECONDS", help="to wait for a quiet machine (60)")
    add("--against", choices=["janus"], help="run this server too, in turn; installs Debian's package")
    add("--only", choices=["roomtone", "janus"], help="run this server alone")
    add("--checkout", type=Path, default=ROOT, metavar="FOLDER", help="run the server of another checkout")
    add("--json", type=Path, metavar="FILE", help="write all figures")
    add("--html", type=Path, metavar="FILE", help="write one page with tables and plots")
    add("--keep", type=Path, metavar="FOLDER", help="write everything that was observed, run by run")
    custom.add_options(parser)
    return parser
