"""`python -m benchmarks link`: the command line."""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.link import measures, sources
from benchmarks.link.cases import CASES, CASES_BY_NAME
from benchmarks.link.person import ChromiumError
from benchmarks.link.roomtone import RoomtoneCall
from benchmarks.link.run import RunError, run
from benchmarks.link.tun import TunError
from benchmarks.load import sandbox

INSTALLER = Path(__file__).parents[2] / ".ci" / "debian-install"


def main(argv: list[str]) -> int:
    options = _parser().parse_args(argv)
    if options.list:
        for case in CASES:
            print(f"{case.name:12} {case.title}")
        return 0
    try:
        if shutil.which("espeak-ng") is None:
            subprocess.run([str(INSTALLER), "espeak-ng"])  # there is a substitute
        sandbox.enter("benchmarks", ["link", *argv])
        return asyncio.run(_run(options))
    except (sandbox.SandboxError, TunError, ChromiumError, RunError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


async def _run(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="roomtone-sources-") as directory:
        made = sources.make(Path(directory))
        runs = []
        for name in options.case:
            case = CASES_BY_NAME[name]
            if options.duration:
                case = case.lasting(options.duration)
            for number in range(1, options.rounds + 1):
                result = await run(RoomtoneCall, case, made, number)
                runs.append(result)
                for key, value in measures.as_json(result)["measures"].items():
                    print(f"  {key:28} {value}")
    if options.json:
        options.json.write_text(json.dumps([measures.as_json(r) for r in runs], indent=1))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks link", description="")
    add = parser.add_argument
    add("--case", action="append", choices=list(CASES_BY_NAME))
    add("--list", action="store_true")
    add("--rounds", type=int, default=1)
    add("--duration", type=float)
    add("--json", type=Path, metavar="FILE", help="write all figures")
    return parser
