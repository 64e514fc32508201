"""A case of the caller's own, from the command line."""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

from benchmarks.link.cases import FAR, GOOD, KBIT, NEAR, Case
from benchmarks.link.road import Conditions
from media.testing.link import LinkSettings

NAME = "custom"


def add_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "a case of your own", "Any of these runs it, instead of the standard cases."
    )
    add = group.add_argument
    for way in ("down", "up"):
        add(f"--{way}-kbps", type=float, metavar="RATE", help="bandwidth; enough without it")
        add(f"--{way}-trace", type=Path, metavar="FILE", help="bandwidth as a Mahimahi trace")
        add(f"--{way}-loss", type=float, metavar="PERCENT", help="packets lost after the queue")
    add("--burst", type=float, metavar="PACKETS", help="mean number of packets lost in a row (1)")
    add("--delay-ms", type=float, metavar="MS", help="each way (25)")
    add("--jitter-ms", type=float, metavar="MS", help="standard deviation of added delay (0)")
    add("--queue-ms", type=float, metavar="MS", help="longest wait in the queue (300)")
    add("--queue-kb", type=float, metavar="KB", help="size of the queue, instead of the longest wait")
    add("--reorder", type=float, metavar="PERCENT", help="packets that others overtake")
    add(
        "--outage",
        type=_span,
        action="append",
        metavar="FROM-UNTIL",
        help="s in which all is lost; repeatable",
    )
    add(
        "--no-udp",
        type=_span,
        action="append",
        metavar="FROM-UNTIL",
        help="s in which UDP is blocked; repeatable",
    )
    add("--from-start", action="store_true", help="join the call over that link, too")


def wanted(options: argparse.Namespace) -> bool:
    names = ("down_kbps", "up_kbps", "down_trace", "up_trace", "down_loss", "up_loss", "burst", "delay_ms")
    names += ("jitter_ms", "queue_ms", "queue_kb", "reorder", "outage", "no_udp")
    return options.from_start or any(getattr(options, name) is not None for name in names)


def case(options: argparse.Namespace) -> Case:
    """Both people show a picture. Raises ValueError for a trace that is none."""
    conditions = Conditions(_settings(options, "down"), _settings(options, "up"), tuple(options.no_udp or ()))
    narrowed = options.down_kbps is not None or options.up_kbps is not None
    return Case(
        NAME,
        "as given on the command line",
        conditions,
        (FAR, NEAR),
        frozenset({NEAR, FAR}),
        drop_at=0.0 if narrowed else None,
        from_start=options.from_start,
    )


def read_trace(path: Path) -> tuple[int, ...]:
    """Milliseconds, one a line, never falling. Raises ValueError."""
    try:
        trace = tuple(int(line) for line in path.read_text().split())
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} is no Mahimahi trace: {error}") from None
    if not trace or trace[0] < 0 or trace[-1] <= 0 or any(a > b for a, b in itertools.pairwise(trace)):
        raise ValueError(f"{path} is no Mahimahi trace: it needs milliseconds, one a line, that never fall.")
    return trace


def _settings(options: argparse.Namespace, way: str) -> LinkSettings:
    kbps, trace = getattr(options, f"{way}_kbps"), getattr(options, f"{way}_trace")
    queue_time: float | None = 0.3 if options.queue_ms is None else options.queue_ms / 1000
    if options.queue_kb is not None:
        queue_time = None if options.queue_ms is None else queue_time
    return LinkSettings(
        rate=() if trace else GOOD.rate if kbps is None else ((0.0, kbps * KBIT),),
        trace=read_trace(trace) if trace else (),
        queue_time=queue_time,
        queue_bytes=None if options.queue_kb is None else int(options.queue_kb * 1000),
        delay=((0.0, 0.025 if options.delay_ms is None else options.delay_ms / 1000),),
        jitter=(options.jitter_ms or 0.0) / 1000,
        jitter_at_most=max(0.03, 3 * (options.jitter_ms or 0.0) / 1000),
        loss=(getattr(options, f"{way}_loss") or 0.0) / 100,
        burst=options.burst or 1.0,
        reorder=(options.reorder or 0.0) / 100,
        outages=tuple(options.outage or ()),
    )


def _span(text: str) -> tuple[float, float]:
    start, _, end = text.partition("-")
    try:
        span = float(start), float(end)
    except ValueError:
        span = (0.0, 0.0)
    if span[1] <= span[0]:
        raise argparse.ArgumentTypeError(f"{text!r} is not a span of seconds such as 10-12.5")
    return span
