"""From matplotlib's figures to SVG within a page."""

from __future__ import annotations

import io

import matplotlib

matplotlib.use("svg")

from matplotlib.figure import Figure


def svg(figure: Figure) -> str:
    """The drawing alone: no XML head, no date, fonts from the page."""
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "roomtone"}):
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]
