import json
import math
from dataclasses import fields, replace

import pytest

from benchmarks.link import report
from benchmarks.link.bars import judge
from benchmarks.link.machine import Load
from benchmarks.link.measures import Machine, Measures, Run, Series, percentile

FAST = Machine(Load(0.5, 0.1, 0.8), 0.2, 30.0, 30.0, 0.0, 0.0)
SLOW = replace(FAST, load=Load(1.0, 0.9, 0.8))


def measures(case="down-120", **said):
    facts = {
        field.name: {"str": "", "int": 0, "float": 0.0}.get(str(field.type)) for field in fields(Measures)
    }
    return Measures(**{**facts, "case": case, "server": "Roomtone", "round": 1, "machine": FAST, **said})


def verdict(*rounds, about="speech concealed"):
    (found,) = [v for v in judge(rounds) if v.about == about]
    return found


def test_a_bar_is_met_up_to_its_bound():
    assert verdict(measures(concealed=0.02)).met
    assert not verdict(measures(concealed=0.021)).met


def test_the_middle_round_counts():
    assert verdict(*(measures(concealed=share) for share in (0.0, 0.01, 0.5))).met


def test_rounds_that_the_machine_spoiled_do_not_count():
    found = verdict(measures(concealed=0.0), *[measures(concealed=0.5, machine=SLOW)] * 2)
    assert found.met
    assert not found.doubtful
    assert found.rounds == (0.0,)


def test_where_the_machine_spoiled_all_rounds_the_verdict_is_doubtful():
    found = verdict(measures(concealed=0.5, machine=SLOW))
    assert found.doubtful
    assert not found.met


@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_what_never_came_or_was_not_measured_meets_no_bar(value):
    assert not verdict(measures("udp-dies", sound_back=value), about="sound back over TCP").met


def test_how_many_rounds_were_left_out_is_said():
    found = verdict(measures(concealed=0.01), measures(concealed=0.5, machine=SLOW))
    assert found.measured == "1.0 % (without 1 of 2 rounds, in which the machine was the limit)"


def test_a_call_that_never_came_about_meets_no_bar():
    found = judge([], [("Roomtone", "down-120"), ("Roomtone", "down-120")])
    assert len(found) == 3 and not any(v.met for v in found)
    assert {v.measured for v in found} == {"no call"}
    assert all(v.met for v in judge([measures()], [("Roomtone", "down-120")])), "another round did"


def test_servers_are_judged_apart():
    found = judge([measures(concealed=0.0), measures(concealed=0.5, server="Janus")])
    assert {v.server: v.met for v in found if v.about == "speech concealed"} == {
        "Roomtone": True,
        "Janus": False,
    }


def test_every_case_is_judged_by_the_picture_beside_broken_sound():
    found = judge([measures("gym", picture_beside_broken_sound=2.5)])
    assert [v.met for v in found] == [False]


def test_percentiles_are_of_what_was_seen():
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([1.0, 2.0], 0.95) == 2.0
    assert math.isnan(percentile([], 0.5))


def test_a_report_holds_every_run_and_is_valid_json():
    series = Series(((0.0, 1e5),), ((0.0, 2e5), (1.0, 9e4)), (), ((0.5, 0.1),), (), (), (), (), ((0.0, 960),))
    runs = [
        Run(measures(restored=math.inf, sound_back=math.nan, server=s), series)
        for s in ("Roomtone", "<Janus>")
    ]
    result = report.Result(
        machine={"processor": "<b>"},
        options={},
        titles={"down-120": "narrow & slow"},
        remarks=(),
        verdicts=tuple(judge([run.measures for run in runs])),
        runs=tuple(runs),
    )
    said = json.loads(report.document(result))
    assert [run["measures"]["restored"] for run in said["runs"]] == ["never", "never"]
    assert said["runs"][0]["measures"]["sound_back"] is None
    page = report.page(result)
    assert "narrow &amp; slow" in page
    assert "<Janus>" not in page
    assert page.count("<svg") == 1
    assert "<Janus>" in report.text(result)


def judged(*runs):
    return report.text(report.Result({}, {}, {}, (), tuple(judge(runs)), ())).splitlines()


def test_a_verdict_on_roomtone_says_what_janus_did_in_the_same_run():
    lines = judged(measures(concealed=0.01), measures(concealed=0.81, server="Janus"))
    (own,) = [line for line in lines if "Roomtone, down-120: speech" in line]
    (theirs,) = [line for line in lines if "Janus, down-120: speech" in line]
    assert own == "met      Roomtone, down-120: speech concealed 1.0 %, at most 2.0 % (Janus: 81.0 %)"
    assert theirs == "NOT MET  Janus, down-120: speech concealed 81.0 %, at most 2.0 %"


def test_without_janus_nothing_is_said_of_it():
    assert not any("Janus" in line for line in judged(measures(concealed=0.01)))
