"""A run over time, as SVG."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.drawing import svg
from benchmarks.link.measures import Run

SIZE = (7.2, 7.6)  # inches
COLOURS = ("#2a6f97", "#c77d2e", "#5b8c5a", "#8d5a97")  # of runs
CAPACITY = "#999999"
LOWEST_RATE = 0.01  # Mbit/s


def plot(runs: Sequence[Run], labels: Sequence[str]) -> str:
    """Runs of one case over each other: rate, queue, sound, delay, picture."""
    figure = Figure(figsize=SIZE, layout="constrained")
    panels = figure.subplots(6, 1, sharex=True)
    rate, queue, concealed, delay, age, width = panels
    capacity = runs[0].series.capacity
    last = max(at for run in runs for at, _ in run.series.offered) if runs[0].series.offered else 60.0
    if capacity:
        times = [max(at, -5.0) for at, _ in capacity] + [last]
        values = [value / 1e6 for _, value in capacity]
        rate.step(
            times, [*values, values[-1]], where="post", color=CAPACITY, linestyle="--", label="capacity"
        )
    for index, (run, label) in enumerate(zip(runs, labels, strict=True)):
        colour = COLOURS[index % len(COLOURS)]
        series = run.series
        _line(rate, series.offered, 1e-6, colour, label=label)
        _line(queue, series.queue, 1000, colour)
        _line(concealed, series.concealed, 100, colour)
        _line(delay, series.delay, 1000, colour)
        _line(age, series.age, 1, colour)
        _line(width, series.widths, 1, colour, drawstyle="steps-post")
        if series.widths:
            width.plot([series.widths[-1][0], last], [series.widths[-1][1]] * 2, color=colour, linewidth=1)
        twin_rate = [(at, value) for at, value in series.rate]
        _line(width, twin_rate, 10, colour, linestyle=":")
    for axes, name in (
        (rate, "sent, Mbit/s"),
        (queue, "queue, ms"),
        (concealed, "concealed, %"),
        (delay, "mouth to\near, ms"),
        (age, "age of the\npicture, s"),
        (width, "width, px\n10 x fps (dots)"),
    ):
        axes.set_ylabel(name, fontsize=8)
        axes.tick_params(labelsize=8)
        axes.grid(alpha=0.25)
        axes.axvline(0, color="#222", linewidth=0.6)
        if axes is not rate:
            axes.set_ylim(bottom=0)
    rate.set_yscale("log")
    rate.set_ylim(bottom=LOWEST_RATE)
    width.set_xlabel("seconds since the conditions set in", fontsize=8)
    rate.legend(fontsize=7, loc="upper right", ncols=2)
    return svg(figure)


def _line(axes: Axes, points: Sequence[tuple[float, float]], scale: float, colour: str, **style: str) -> None:
    if points:
        times, values = zip(*points, strict=True)
        axes.plot(times, [value * scale for value in values], color=colour, linewidth=1, **style)  # type: ignore[arg-type]
