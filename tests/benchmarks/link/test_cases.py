import argparse

import pytest

from benchmarks.link import custom
from benchmarks.link.bars import BARS
from benchmarks.link.cases import CASES, FAR, NEAR
from benchmarks.link.profiles import HEADER, PROFILES, parameters


@pytest.fixture
def given():
    parser = argparse.ArgumentParser()
    custom.add_options(parser)
    return lambda text: parser.parse_args(text.split())


def test_every_bar_is_about_a_case():
    assert {bar.case for bar in BARS} <= {case.name for case in CASES}


@pytest.mark.parametrize("case", [*CASES, *(p.case() for p in PROFILES)], ids=lambda case: case.name)
def test_whoever_is_judged_has_somebody_to_watch_or_none_at_all(case):
    assert set(case.hearers) <= {NEAR, FAR}
    assert all(case.cameras - {hearer} for hearer in case.hearers)
    last = max(case.drop_at or 0.0, case.return_at or 0.0, case.back_from or 0.0)
    assert last + 5.0 <= case.duration


def test_a_shorter_run_still_holds_what_happens_in_it():
    drop = next(case for case in CASES if case.name == "drop")
    assert drop.lasting(10.0).duration == 45.0


def test_every_profile_is_in_the_table():
    rows = list(parameters())
    assert {row[0] for row in rows} == {profile.name for profile in PROFILES}
    assert all(len(row) == len(HEADER) for row in rows)


def test_no_option_is_no_case(given):
    assert not custom.wanted(given(""))
    assert custom.wanted(given("--down-kbps 100"))


def test_options_make_a_link(given):
    case = custom.case(
        given("--down-kbps 100 --up-loss 5 --burst 2 --delay-ms 80 --outage 3-4.5 --no-udp 9-10")
    )
    down, up = case.conditions.down, case.conditions.up
    assert down.rate == ((0.0, 100_000.0),)
    assert (down.loss, up.loss, up.burst) == (0.0, 0.05, 2.0)
    assert up.delay == ((0.0, 0.08),)
    assert down.outages == ((3.0, 4.5),)
    assert case.conditions.udp_blocked == ((9.0, 10.0),)


def test_a_queue_by_size_is_not_bounded_by_time_too(given):
    down = custom.case(given("--down-kbps 100 --queue-kb 112")).conditions.down
    assert (down.queue_time, down.queue_bytes) == (None, 112_000)


def test_a_trace_takes_the_place_of_a_rate(given, tmp_path):
    trace = tmp_path / "lte.down"
    trace.write_text("1\n1\n5\n9\n")
    down = custom.case(given(f"--down-trace {trace}")).conditions.down
    assert (down.trace, down.rate) == ((1, 1, 5, 9), ())


@pytest.mark.parametrize("text", ["", "5\n3\n", "a\n", "-1\n2\n", "0\n"])
def test_what_is_no_trace_is_refused(tmp_path, text):
    trace = tmp_path / "bad"
    trace.write_text(text)
    with pytest.raises(ValueError, match="no Mahimahi trace"):
        custom.read_trace(trace)


@pytest.mark.parametrize("text", ["--outage 5", "--outage 5-4", "--no-udp x-y"])
def test_what_is_no_span_is_refused(given, text, capsys):
    with pytest.raises(SystemExit):
        given(text)
    assert "span of seconds" in capsys.readouterr().err
