import json
import math

from benchmarks.load import report
from benchmarks.load.measure import CURVE, Delay
from benchmarks.load.scenario import FANOUT, bars, ratios

DIRECT = Delay(20.0, 40.0, 60.0, 10, tuple(float(p) for p in CURVE))
CURVED = Delay(300.0, 900.0, 2000.0, 100, tuple(100.0 + p for p in CURVE))


def result(*runs):
    return report.Result(
        machine={"processor": "<b>fast</b>"},
        options={"rounds": 1},
        pinned=True,
        preferred=True,
        direct=DIRECT,
        scenarios=(FANOUT,),
        runs=runs,
        ratios=tuple(ratios(runs)),
        bars=tuple(bars((FANOUT,), runs, DIRECT)),
    )


def test_the_table_has_a_row_for_each_server_and_each_bar_is_judged(figures):
    said = report.text(result(figures(), figures(server="Janus", cpu_seconds=2.0)))
    assert "Roomtone  " in said and "Janus  " in said
    assert "met         4 publishers, 8 receivers each: at most 0.5 of Janus's CPU per packet: 0.25" in said


def test_the_json_is_valid_where_nothing_was_sampled(figures):
    empty = Delay.of([])
    document = json.loads(report.as_json(result(figures(audio=empty, forwarded=0))))
    assert document["runs"][0]["audio"]["p50"] is None
    assert document["runs"][0]["cpu_us_per_packet"] is None
    assert math.isclose(document["direct"]["p50"], 20.0)


def test_the_page_is_whole_by_itself_and_escapes_what_it_shows(figures):
    page = report.as_html(result(figures(all=CURVED), figures(all=CURVED, server="Janus")))
    assert page.count("<svg") == 3
    assert "<b>fast</b>" not in page
    assert "http://" not in page.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons.org", ""
    )


def test_what_was_not_judged_or_is_doubtful_is_shown_as_such(figures):
    said = report.text(result(figures(generator_cpu=0.95)))
    assert "\nnot judged  Added latency p50 at most 0.5 ms: " in said
    assert "\nmet         At most 1 MB a participant: 0.50 MB (doubtful)" in said
    page = report.as_html(result(figures(generator_cpu=0.95)))
    assert '<li class="not-judged"><b>not judged</b> Added latency p50' in page
