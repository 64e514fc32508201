"""A run's figures as a table, as JSON, and as one self-contained page."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from statistics import median

from benchmarks.document import to_json
from benchmarks.load import plots
from benchmarks.load.measure import CURVE, Delay, Figures
from benchmarks.load.scenario import Bar, Ratio, Scenario
from benchmarks.page import html_page
from media import peer

_VERDICTS = {True: "met", False: "not met", None: "not judged"}

Column = tuple[str, Callable[[list[Figures]], str]]


@dataclass(frozen=True, slots=True)
class Result:
    """Everything of one run of the benchmark. `direct`: latency with no server in between."""

    machine: dict[str, str]
    options: dict[str, object]
    pinned: bool  # server and load generator on cores apart
    preferred: bool  # both before all other processes
    direct: Delay
    scenarios: tuple[Scenario, ...]
    runs: tuple[Figures, ...]
    ratios: tuple[Ratio, ...]
    bars: tuple[Bar, ...]


def machine() -> dict[str, str]:
    """Where it ran and how busy that place was."""
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.machine(),
    )
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": f"{model}, {os.cpu_count()} cores",
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load average": " ".join(f"{load:.2f}" for load in os.getloadavg()),
    }


def text(result: Result) -> str:
    """The table, the ratios and the bars, for a terminal."""
    lines = [""]
    rows = list(_rows(result))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        lines.append("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))
    lines += ["", *_remarks(result)]
    for bar in result.bars:
        doubtful = " (doubtful)" if bar.doubtful else ""
        verdict = "NOT MET" if bar.met is False else _VERDICTS[bar.met]
        lines.append(f"{verdict:10}  {bar.text}: {bar.measured}{doubtful}")
    return "\n".join(lines)


def as_json(result: Result) -> str:
    document = asdict(result)
    document["percentiles"] = CURVE
    for run, figures in zip(document["runs"], result.runs, strict=True):
        run["cpu_us_per_packet"] = figures.cpu_us_per_packet
        run["rate"] = figures.rate
        run["doubts"] = figures.doubts()
    return to_json(document)


def as_html(result: Result) -> str:
    rows = list(_rows(result))
    cells = ["".join(f"<th>{escape(cell)}</th>" for cell in rows[0])]
    cells += ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows[1:]]
    table = "<table>" + "".join(f"<tr>{row}</tr>" for row in cells) + "</table>"
    judged = "".join(
        f'<li class="{_VERDICTS[bar.met].replace(" ", "-")}"><b>{_VERDICTS[bar.met]}</b> '
        f"{escape(bar.text)}: {escape(bar.measured)}{' (doubtful)' if bar.doubtful else ''}</li>"
        for bar in result.bars
    )
    figures = "".join(
        f"<figure>{svg}<figcaption>{escape(caption)}</figcaption></figure>"
        for caption, svg in plots.all_plots(result.scenarios, result.runs, result.direct)
    )
    remarks = "".join(f"<p>{escape(line)}</p>" for line in _remarks(result))
    facts = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in result.machine.items())
    body = _BODY.format(bars=judged, table=table, remarks=remarks, figures=figures, facts=facts)
    return html_page("Roomtone under load", body, _STYLE)


def _rows(result: Result) -> Iterator[list[str]]:
    yield [name for name, _ in _COLUMNS]
    for scenario in result.scenarios:
        for server in dict.fromkeys(run.server for run in result.runs):
            runs = [r for r in result.runs if (r.scenario, r.server) == (scenario.name, server)]
            if runs:
                yield [show(runs) for _, show in _COLUMNS]


def _spread(value: Callable[[Figures], float], digits: int) -> Callable[[list[Figures]], str]:
    """Median (lowest-highest) over the rounds."""

    def show(runs: list[Figures]) -> str:
        values = [value(run) for run in runs]
        middle = f"{median(values):,.{digits}f}"
        if len(values) == 1:
            return middle
        return f"{middle} ({min(values):,.{digits}f}-{max(values):,.{digits}f})"

    return show


_COLUMNS: tuple[Column, ...] = (
    ("scenario", lambda runs: runs[0].scenario),
    ("server", lambda runs: runs[0].server),
    ("people", lambda runs: str(runs[0].participants)),
    ("streams", lambda runs: str(2 * runs[0].subscriptions)),
    ("packets/s", _spread(lambda run: run.rate, 0)),
    ("us CPU/packet", _spread(lambda run: run.cpu_us_per_packet, 1)),
    ("core %", _spread(lambda run: run.cpu_share * 100, 0)),
    ("lost %", _spread(lambda run: run.lost / max(run.forwarded, 1) * 100, 2)),
    ("p50 ms", _spread(lambda run: run.all.p50 / 1e3, 2)),
    ("p99 ms", _spread(lambda run: run.all.p99 / 1e3, 2)),
    ("max ms", _spread(lambda run: run.all.max / 1e3, 1)),
    ("stalls", _spread(lambda run: run.stalls, 0)),
    ("join ms", _spread(lambda run: run.join_p50 * 1e3, 0)),
    ("MB/person", _spread(lambda run: run.memory_per_participant / 1e6, 2)),
    ("generator %", _spread(lambda run: run.generator_cpu * 100, 0)),
)


def _remarks(result: Result) -> list[str]:
    p50, p99 = result.direct.p50 / 1e3, result.direct.p99 / 1e3
    remarks = [
        "Figures are medians over the rounds (lowest-highest). Latency is from the sender's stamp, taken "
        "before it encrypts, to the kernel's receipt at the receiver; with no server in between it is p50 "
        f"{p50:.3f}, p99 {p99:.3f} ms. A stall is latency over 10 ms."
    ]
    for server in dict.fromkeys(run.server for run in result.runs):
        profiles = sorted({run.profile for run in result.runs if run.server == server})
        remarks.append(f"{server} negotiated {', '.join(profiles)}.")
    compiled = not str(peer.__file__).endswith(".py")
    remarks.append(
        "Roomtone's media plane was compiled (`make compiled`)."
        if compiled
        else "Roomtone's media plane ran as plain Python; `make load` measures it compiled, as in the image."
    )
    remarks.append(
        "Server and load generator were kept on cores apart."
        if result.pinned
        else "Server and load generator shared the cores: figures are rough."
    )
    if not result.preferred:
        remarks.append("Both had the priority of any other process, for want of rights: latency is rough.")
    for run in result.runs:
        remarks += [
            f"Doubtful: {run.scenario}, {run.server}, round {run.round}: {doubt}." for doubt in run.doubts()
        ]
    for ratio in result.ratios:
        rounds = ", ".join(f"{value:.2f}" for value in ratio.rounds)
        remarks.append(
            f"{ratio.scenario}: Roomtone uses {ratio.median:.2f} of Janus's CPU a packet (rounds {rounds})."
        )
    return remarks


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


_STYLE = """
.met b { color: #17803d; } .not-met b { color: #c2410c; }
figure { display: inline-block; margin: 1rem 1rem 1rem 0; }
"""

_BODY = """<ul>{bars}</ul>
<div class="wide">{table}</div>
{remarks}
{figures}
<h2>Where</h2>
<dl>{facts}</dl>"""
