"""The plots of a run, as SVG."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.drawing import svg
from benchmarks.load.measure import CURVE, Delay, Figures
from benchmarks.load.scenario import Scenario

COLOURS = {"Roomtone": "#2a6f97", "Janus": "#c77d2e"}
SIZE = (6.4, 3.8)  # inches


def all_plots(
    scenarios: Sequence[Scenario], runs: Sequence[Figures], direct: Delay
) -> Iterator[tuple[str, str]]:
    """(caption, SVG) of each."""
    titles = {scenario.name: scenario.title for scenario in scenarios}
    if not runs:
        return
    yield (
        "CPU of the server for one forwarded packet; dots are rounds.",
        _bars(titles, runs, "cpu_us_per_packet", "us CPU a packet"),
    )
    yield "Forwarded packets.", _bars(titles, runs, "rate", "packets/s")
    for scenario in scenarios:
        of_scenario = [run for run in runs if run.scenario == scenario.name]
        if of_scenario:
            yield (
                f"Latency, {scenario.title}: sound and picture through the server, one line a round.",
                _latency(of_scenario, direct),
            )


def _bars(titles: dict[str, str], runs: Sequence[Figures], attribute: str, label: str) -> str:
    figure, axes = _figure()
    servers = list(dict.fromkeys(run.server for run in runs))
    width = 0.8 / len(servers)
    for index, server in enumerate(servers):
        entry: str | None = server  # of the legend
        for place, scenario in enumerate(titles):
            values = [getattr(r, attribute) for r in runs if (r.server, r.scenario) == (server, scenario)]
            if not values:
                continue
            at = place + (index - (len(servers) - 1) / 2) * width
            axes.bar(at, median(values), width * 0.9, color=COLOURS[server], label=entry)
            axes.plot([at] * len(values), values, "o", color="#222", markersize=3)
            entry = None
    axes.set_xticks(range(len(titles)), list(titles.values()), fontsize=8)
    axes.set_ylabel(label)
    axes.legend()
    return svg(figure)


def _latency(runs: Sequence[Figures], direct: Delay) -> str:
    figure, axes = _figure()
    seen: set[str] = set()
    for run in runs:
        if run.all.curve:
            label = None if run.server in seen else run.server
            seen.add(run.server)
            axes.plot([us / 1e3 for us in run.all.curve], CURVE, color=COLOURS[run.server], label=label)
    axes.plot([us / 1e3 for us in direct.curve], CURVE, color="#888", linestyle=":", label="no server")
    axes.set_xscale("log")
    axes.set_xlabel("ms")
    axes.set_ylabel("percentile")
    axes.legend()
    return svg(figure)


def _figure() -> tuple[Figure, Axes]:
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    return figure, axes
