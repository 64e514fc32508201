"""`python -m benchmarks adapt`: the congestion controller on poor networks, in virtual time, beside the
reference.

Every number repeats to the bit: links, sources and cross traffic are seeded and nothing reads a clock.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from benchmarks.adapt import bars as bar
from benchmarks.adapt.cases import CASES, MBIT, Case, Run
from benchmarks.adapt.measures import Measures, measure
from benchmarks.adapt.page import page
from benchmarks.document import to_json
from media.congestion.base import CongestionController
from media.congestion.reference.gcc import Gcc
from media.congestion.roomtone import Roomtone
from media.congestion.sent import SentPackets

QUICK = ("5.1", "5.6", "3-0.5-3", "layers", "loss 20 %")
OUT = Path("build/adapt")
HEADER = (
    "case", "util.", "ours", "p50 ms", "ours", "p95 ms", "ours", "frame p95", "ours", "loss %", "ours",
    "queue>0.1", "ours", "audio p95", "ours", "missed %", "ours", "fair", "ours", "kbit/s", "ours",
    "TCP", "ours",
)  # fmt: skip


def reference(sent: SentPackets, now: float) -> CongestionController:
    return Gcc(sent, now=now)


def ours(sent: SentPackets, now: float) -> CongestionController:
    return Roomtone(sent, now=now)


def main(argv: list[str]) -> int:
    options = _parse(argv)
    known = {case.name for case in CASES}
    if unknown := set(options.case) - known:
        print(
            f"no such case: {', '.join(sorted(unknown))}; there are: {', '.join(case.name for case in CASES)}"
        )
        return 2
    names = set(options.case) or (set(QUICK) if options.quick else known)
    chosen = [case for case in CASES if case.name in names]
    runs: list[tuple[Case, Run, Run]] = []
    measured: dict[str, tuple[Measures, Measures]] = {}
    rows = []
    print(_line(HEADER))
    for case in chosen:
        pair = case.run(reference, options.seed), case.run(ours, options.seed)
        runs.append((case, *pair))
        measured[case.name] = measure(pair[0]), measure(pair[1])
        rows.append(_row(case.name, *measured[case.name]))
        print(_line(rows[-1]), flush=True)
    restores = 6 if options.quick else bar.RESTORE_RUNS
    verdicts = [] if options.case else _bars(measured, chosen, restores)
    for verdict in verdicts:
        print(
            f"{'met   ' if verdict.met else 'MISSED'} {verdict.about}: {verdict.demanded}; "
            f"reference {verdict.reference or '-'}, ours {verdict.ours}"
        )
    seeds: dict[str, object] = {"cases": options.seed}
    if verdicts:
        seeds |= {"drop": bar.DROP_SEED, "restore": [bar.RESTORE_SEED + index for index in range(restores)]}
    _write(options.out, seeds, verdicts, rows, runs, measured)
    return 0


def _bars(measured: dict[str, tuple[Measures, Measures]], chosen: list[Case], restores: int) -> list[bar.Bar]:
    verdicts = bar.drop_bars(reference, ours) + bar.restore_bars(reference, ours, restores)
    if "loss 20 %" in measured:
        verdicts.append(bar.loss_bar(*measured["loss 20 %"]))
    verdicts += [bar.fairness_bar(n, 2 * MBIT, *measured[n]) for n in ("5.6", "5.6 deep") if n in measured]
    compared = [bar.compare(case.name, *measured[case.name]) for case in chosen if case.rmcat]
    return verdicts + bar.rmcat_bars(compared)


def _row(name: str, theirs: Measures, mine: Measures) -> list[str]:
    cells = [name]
    for attribute, factor, form in (
        ("utilisation", 1, ".2f"), ("delay_p50", 1e3, ".0f"), ("delay_p95", 1e3, ".0f"),
        ("frame_delay_p95", 1e3, ".0f"), ("loss", 100, ".1f"), ("queue_high", 1, ".1f"),
        ("audio_p95", 1e3, ".0f"), ("audio_missed", 100, ".1f"), ("fairness", 1, ".2f"),
        ("bitrate", 1e-3, ".0f"), ("tcp_bitrate", 1e-3, ".0f"),
    ):  # fmt: skip
        for measures in (theirs, mine):
            value = getattr(measures, attribute) * factor
            cells.append("-" if math.isnan(value) else format(value, form))
    return cells


def _line(cells: tuple[str, ...] | list[str]) -> str:
    return f"{cells[0]:17}" + " ".join(f"{cell:>{9 if len(cells[1]) > 4 else 7}}"[-9:] for cell in cells[1:])


def _write(
    out: Path,
    seeds: dict[str, object],
    verdicts: list[bar.Bar],
    rows: list[list[str]],
    runs: list[tuple[Case, Run, Run]],
    measured: dict[str, tuple[Measures, Measures]],
) -> None:
    out.mkdir(parents=True, exist_ok=True)
    (out / "adapt.html").write_text(page(verdicts, HEADER, rows, runs), encoding="utf-8")
    figures = {
        "seeds": seeds,
        "bars": [
            {"about": v.about, "demanded": v.demanded, "reference": v.reference, "ours": v.ours, "met": v.met}
            for v in verdicts
        ],
        "cases": {
            name: {"reference": theirs.as_dict(), "ours": mine.as_dict()}
            for name, (theirs, mine) in measured.items()
        },
    }
    (out / "adapt.json").write_text(to_json(figures), encoding="utf-8")
    print(f"{out / 'adapt.html'} and {out / 'adapt.json'} written")


def _parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks adapt", description=__doc__)
    parser.add_argument("--case", action="append", default=[], help="only this case; may be given again")
    parser.add_argument("--quick", action="store_true", help="a few cases and fewer runs")
    parser.add_argument(
        "--seed",
        type=int,
        default=1,
        help="of the cases (1); the bars for a drop and for a return of capacity have seeds of their own",
    )
    parser.add_argument("--out", type=Path, default=OUT, help=f"folder for adapt.html and adapt.json ({OUT})")
    return parser.parse_args(argv)
