"""One HTML page with every case's rate, queue, layers and audio delay over time. No script, nothing
fetched."""

from __future__ import annotations

import html
from collections.abc import Sequence

from benchmarks.adapt.bars import Bar
from benchmarks.adapt.cases import Case, Run
from benchmarks.adapt.simulation import Series
from benchmarks.adapt.sources import LADDER
from benchmarks.page import html_page
from media.testing.link import scheduled

WIDTH, HEIGHT, LEFT, BOTTOM = 560, 150, 46, 18  # pixels
POINTS = 400  # per line at most
REFERENCE, OURS, CAPACITY = "#c05020", "#1060b0", "#999999"
Points = Sequence[tuple[float, float]]

STYLE = """
th, td { text-align: left; }
.no { color: #c2410c; font-weight: 600; }
.plots { display: flex; flex-wrap: wrap; gap: .5rem; }
svg { background: #fafafa; } svg text { font: 11px system-ui, sans-serif; fill: #555; }
"""


def page(
    bars: Sequence[Bar],
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    runs: Sequence[tuple[Case, Run, Run]],
) -> str:
    parts = [
        f"<p>Written by <code>python -m benchmarks adapt</code>. "
        f"<b style='color:{REFERENCE}'>Reference: Google congestion control</b>, "
        f"<b style='color:{OURS}'>ours</b>, capacity in grey.</p>",
        _table(
            ("bar", "demanded", "reference", "ours", "met"),
            [(b.about, b.demanded, b.reference, b.ours, "yes" if b.met else "no") for b in bars],
        ),
        _table(header, rows),
    ]
    for case, reference, ours in runs:
        parts.append(f"<h2>{html.escape(case.name)}</h2><p>{html.escape(case.about)}</p><div class=plots>")
        parts.extend(_plots(reference, ours))
        parts.append("</div>")
    return html_page("Roomtone over simulated links", "\n".join(parts), STYLE)


def _plots(reference: Run, ours: Run) -> list[str]:
    capacity = [(at, scheduled(ours.capacity, at) / 1e6) for at in _times(ours.duration)]
    rates: list[tuple[str, Points]] = [(CAPACITY, capacity)]
    for run, colour in ((reference, REFERENCE), (ours, OURS)):
        rates += [(colour, [(at, v / 1e6) for at, v in flow.series.estimate]) for flow in run.flows]
    both = ((reference, REFERENCE), (ours, OURS))
    first = [(run.flows[0].series, colour) for run, colour in both]
    end = ours.duration
    plots = [
        _plot("estimate, Mbit/s", rates, end, ceiling=max(v for _, v in capacity) * 1.4),
        _plot("queue, s", [(colour, s.queue) for s, colour in first], end),
    ]
    if any(s.layer for s, _ in first):
        layers = [(colour, [(at, float(v)) for at, v in s.layer]) for s, colour in first]
        plots.append(_plot(f"layer, 0 to {len(LADDER) - 1}", layers, end))
    if any(s.audio for s, _ in first):
        plots.append(_plot("audio delay, s", [(colour, _heard(s)) for s, colour in first], end))
    return plots


def _heard(series: Series) -> Points:
    return [(at, delay) for at, delay in series.audio if delay is not None]


def _times(end: float) -> list[float]:
    return [end * step / POINTS for step in range(POINTS + 1)]


def _plot(
    title: str, lines: Sequence[tuple[str, Points]], end: float, *, ceiling: float | None = None
) -> str:
    top = max((value for _, line in lines for _, value in line), default=1.0) or 1.0
    top = min(top, ceiling) if ceiling else top
    out = [f"<svg width={WIDTH} height={HEIGHT} role=img aria-label='{title}'><text x=4 y=12>{title}</text>"]
    inner = HEIGHT - BOTTOM - 16
    for share in (0.0, 0.5, 1.0):
        y = HEIGHT - BOTTOM - share * inner
        out.append(
            f"<path d='M{LEFT} {y:.0f}H{WIDTH}' stroke='#e4e4e4'/>"
            f"<text x=4 y={y + 4:.0f}>{top * share:.3g}</text>"
        )
    for share in (0.0, 0.25, 0.5, 0.75):
        x = LEFT + share * (WIDTH - LEFT)
        out.append(f"<text x={x:.0f} y={HEIGHT - 4}>{end * share:.0f} s</text>")
    for colour, line in lines:
        points = " ".join(
            f"{LEFT + at / end * (WIDTH - LEFT):.1f},{HEIGHT - BOTTOM - min(value / top, 1.05) * inner:.1f}"
            for at, value in _thin(line)
        )
        out.append(f"<polyline points='{points}' fill=none stroke='{colour}' stroke-width=1.2 />")
    return "".join(out) + "</svg>"


def _thin(line: Points) -> Points:
    """The worst of each stretch, so that no spike is lost."""
    step = max(1, len(line) // POINTS)
    return [max(line[i : i + step], key=lambda point: point[1]) for i in range(0, len(line), step)]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    def row(cells: Sequence[str], tag: str) -> str:
        marked = (f"<{tag} class=no>" if cell == "no" else f"<{tag}>" for cell in cells)
        return "<tr>" + "".join(
            f"{mark}{html.escape(cell)}" for mark, cell in zip(marked, cells, strict=True)
        )

    table = row(header, "th") + "".join(row(cells, "td") for cells in rows)
    return f"<div class=wide><table>{table}</table></div>"
