"""All runs as a table, as JSON, and as one self-contained page."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from html import escape
from itertools import groupby
from statistics import median

from benchmarks.document import to_json
from benchmarks.link import plots, profiles
from benchmarks.link.bars import Verdict
from benchmarks.link.measures import Measures, Run, as_dict
from benchmarks.page import html_page

DEFINITIONS = (
    "Speech concealed: samples that the receiver made up, of all that it played, silence included (speech "
    "has no pause in it that would count), and time without any connection counted as concealed; from the "
    "moment that the conditions set in to the end. Later: from 5 s after that on.",
    "Longest gap: the longest time over which speech was said and nothing was heard. Mouth to ear: from the "
    "microphone's track to the loudspeaker's, by correlation of each second that was heard with what was "
    "said. Prompt: from the return until speech comes within 0.2 s of its usual delay before the drop.",
    "Picture age: now less the moment at which the camera took the picture on the screen. Frozen: as the "
    "browser counts it, which takes no account of stills once it has got used to them. Stalled: times over "
    "1 s without a new picture, stills included. A picture moves in a second with more than two new ones; "
    "fps says how well.",
    "Shed: from the drop until what is sent into the link stays below its capacity over a second. Restored: "
    "from the return until the width of before, and 80 % of its frame rate, are back.",
    "Bad sound: the longest time of moving picture while over 10 % of the last second's sound was concealed.",
)


@dataclass(frozen=True, slots=True)
class Result:
    machine: dict[str, str]
    options: dict[str, object]
    titles: dict[str, str]  # of cases
    remarks: tuple[str, ...]
    verdicts: tuple[Verdict, ...]
    runs: tuple[Run, ...]


def line(measures: Measures) -> str:
    """One run in a line, for while the others run."""
    row = dict(zip(_HEADER, _row([measures]), strict=True))
    chosen = (
        "concealed %",
        "gap s",
        "ear ms",
        "fps",
        "width",
        "age s",
        "shed s",
        "restored s",
        "sound back s",
        "prompt s",
    )
    return f"{measures.case} · round {measures.round} · {measures.server} to {measures.hearer}: " + ", ".join(
        f"{name} {row[name]}" for name in chosen if row[name]
    )


def text(result: Result) -> str:
    rows = [_HEADER, *(_row(group) for group in _groups(result.runs))]
    lines = ["", *_columns(rows), ""]
    lines += result.remarks
    lines += _doubts(result.runs)
    lines.append("")
    for verdict, beside in zip(result.verdicts, _beside(result.verdicts), strict=True):
        remarks = f" (Janus: {beside})" if beside else ""
        remarks += " (doubtful)" if verdict.doubtful else ""
        lines.append(
            f"{'met    ' if verdict.met else 'NOT MET'}  {verdict.server}, {verdict.case}: {verdict.about} "
            f"{verdict.measured}, {verdict.demanded}{remarks}"
        )
    return "\n".join(lines)


def profile_table() -> str:
    return "\n".join(_columns([profiles.HEADER, *profiles.parameters()]))


def document(result: Result) -> str:
    return to_json(
        {
            "machine": result.machine,
            "options": result.options,
            "definitions": DEFINITIONS,
            "profiles": [dict(zip(profiles.HEADER, row, strict=True)) for row in profiles.parameters()],
            "bars": [asdict(verdict) for verdict in result.verdicts],
            "runs": [as_dict(run) for run in result.runs],
        }
    )


def page(result: Result) -> str:
    bars = _table(
        ("server", "case", "bar", "demanded", "measured", "Janus", "machine", ""),
        [
            (
                *(v.server, v.case, v.about, v.demanded, v.measured, beside),
                "too slow" if v.doubtful else "",
                "met" if v.met else "not met",
            )
            for v, beside in zip(result.verdicts, _beside(result.verdicts), strict=True)
        ],
        last_is_verdict=True,
    )
    figures = _table(_HEADER, [_row(group) for group in _groups(result.runs)])
    sections = []
    for case, found in groupby(sorted(result.runs, key=_case_of), key=_case_of):
        runs = list(found)
        names = [f"{r.measures.server} to {r.measures.hearer}, {r.measures.round}" for r in runs]
        sections.append(
            f"<section><h2>{escape(case)}</h2><p>{escape(result.titles.get(case, ''))}</p>"
            f"<figure>{plots.plot(runs, names)}</figure></section>"
        )
    remarks = "".join(f"<p>{escape(line)}</p>" for line in [*result.remarks, *_doubts(result.runs)])
    definitions = "".join(f"<p>{escape(line)}</p>" for line in DEFINITIONS)
    facts = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in result.machine.items())
    assumed = _table(profiles.HEADER, list(profiles.parameters()))
    body = _BODY.format(
        bars=bars,
        figures=figures,
        remarks=remarks,
        definitions=definitions,
        sections="".join(sections),
        profiles=assumed,
        facts=facts,
    )
    return html_page("Roomtone over bad links", body, _STYLE)


def _beside(verdicts: Sequence[Verdict]) -> list[str]:
    """For each verdict on Roomtone, what Janus was measured to do in this run, where it took part."""
    janus = {(v.case, v.about): v.measured for v in verdicts if v.server == "Janus"}
    return ["" if v.server == "Janus" else janus.get((v.case, v.about), "") for v in verdicts]


def _case_of(run: Run) -> str:
    return run.measures.case


def _groups(runs: Sequence[Run]) -> Iterator[list[Measures]]:
    """Rounds of the same case, server and hearer, in the order in which they first came."""
    groups: dict[tuple[str, str, str], list[Measures]] = {}
    for measures in (run.measures for run in runs):
        groups.setdefault((measures.case, measures.server, measures.hearer), []).append(measures)
    yield from groups.values()


def _middle(value: Callable[[Measures], float], digits: int = 0) -> Callable[[list[Measures]], str]:
    def show(runs: list[Measures]) -> str:
        values = [value(run) for run in runs]
        if all(math.isnan(v) for v in values):
            return ""
        middle = median(values)
        return "never" if middle == math.inf else f"{middle:,.{digits}f}"

    return show


_COLUMNS: tuple[tuple[str, Callable[[list[Measures]], str]], ...] = (
    ("case", lambda runs: runs[0].case),
    ("server", lambda runs: runs[0].server),
    ("hearer", lambda runs: runs[0].hearer),
    ("rounds", lambda runs: str(len(runs))),
    ("concealed %", _middle(lambda m: m.concealed * 100, 1)),
    ("later %", _middle(lambda m: m.concealed_later * 100, 1)),
    ("gap s", _middle(lambda m: m.longest_gap, 2)),
    ("ear ms", _middle(lambda m: m.delay_p50 * 1000)),
    ("ear p95", _middle(lambda m: m.delay_p95 * 1000)),
    ("buffer ms", _middle(lambda m: m.buffered * 1000)),
    ("fps", _middle(lambda m: m.rate, 1)),
    ("width", lambda runs: f"{_middle(lambda m: m.width_before)(runs)}>{_middle(lambda m: m.width)(runs)}"),
    ("freezes", _middle(lambda m: m.freezes)),
    ("frozen s", _middle(lambda m: m.frozen, 1)),
    ("stalled s", _middle(lambda m: m.stalled, 1)),
    ("age s", _middle(lambda m: m.age_p50, 2)),
    ("oldest s", _middle(lambda m: m.age_max, 1)),
    ("shed s", _middle(lambda m: m.shed, 1)),
    ("smaller s", _middle(lambda m: m.smaller, 1)),
    ("restored s", _middle(lambda m: m.restored, 1)),
    ("sound back s", _middle(lambda m: m.sound_back, 2)),
    ("prompt s", _middle(lambda m: m.prompt, 1)),
    ("bad sound s", _middle(lambda m: m.picture_beside_broken_sound, 1)),
    ("kB down", _middle(lambda m: m.bytes_down / 1000)),
    ("kB up", _middle(lambda m: m.bytes_up / 1000)),
    ("CPU %", _middle(lambda m: m.machine.load.busy * 100)),
    ("waiting %", _middle(lambda m: m.machine.load.waiting * 100)),
)
_HEADER = tuple(name for name, _ in _COLUMNS)


def _row(group: list[Measures]) -> tuple[str, ...]:
    return tuple(show(group) for _, show in _COLUMNS)


def _doubts(runs: Sequence[Run]) -> list[str]:
    return [
        f"Doubtful, {m.case}, {m.server}, round {m.round}: {doubt}."
        for m in (run.measures for run in runs)
        for doubt in m.machine.doubts()
    ]


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], *, last_is_verdict: bool = False) -> str:
    parts = ["<tr>" + "".join(f"<th>{escape(cell)}</th>" for cell in header) + "</tr>"]
    for row in rows:
        kind = f' class="{row[-1].replace(" ", "-")}"' if last_is_verdict else ""
        parts.append(f"<tr{kind}>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>")
    return f'<div class="wide"><table>{"".join(parts)}</table></div>'


_STYLE = """
.met td:last-child { color: #17803d; } .not-met td:last-child { color: #c2410c; font-weight: 600; }
section { display: inline-block; vertical-align: top; margin-right: 1rem; }
figure { margin: 0; }
"""

_BODY = """<p>Written by <code>python -m benchmarks link</code>: two Chromiums in a call, one of them behind
an emulated link. Figures are medians over the rounds.</p>
{bars}
<h2>Figures</h2>
{figures}
{remarks}
{definitions}
{sections}
<h2>Profiles</h2>
<p>Assumptions: plausible numbers that nobody measured.</p>
{profiles}
<h2>Where</h2>
<dl>{facts}</dl>"""
