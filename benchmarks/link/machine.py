"""Whether the machine, rather than the link, sets the limit: how busy it is, and how long the processes of
a run wait for a core."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
QUIET = 0.15  # share of all CPUs that others may use before a run
LOOK_INTERVAL = 2.0  # s
PRIORITY = -10  # nice value of everything in a run: the machine's other work should not look like the link


@dataclass(frozen=True, slots=True)
class Load:
    """Of a time between two snapshots. Shares are 0..1."""

    busy: float  # of all CPUs, by everything on the machine
    waiting: float  # of the time in which threads of the run could have run, what they waited for a core
    own: float  # CPUs that the run kept busy


@dataclass(frozen=True, slots=True)
class Snapshot:
    busy: int  # ticks of all CPUs (proc(5), stat)
    ticks: int
    ran: dict[str, tuple[int, int]]  # by thread: ns on a core, ns waiting for one (sched-stats.rst)

    @classmethod
    def take(cls) -> Snapshot:
        """Of the machine, and of all descendants of this process."""
        ticks = [int(field) for field in (_PROC / "stat").read_text().split("\n", 1)[0].split()[1:9]]
        return cls(sum(ticks) - ticks[3] - ticks[4], sum(ticks), _threads())

    def until(self, later: Snapshot, seconds: float) -> Load:
        ran = waited = 0
        for thread, (on, off) in later.ran.items():
            on_before, off_before = self.ran.get(thread, (0, 0))
            ran += on - on_before
            waited += off - off_before
        return Load(
            busy=(later.busy - self.busy) / max(later.ticks - self.ticks, 1),
            waiting=waited / max(ran + waited, 1),
            own=ran / 1e9 / seconds,
        )


async def quiet(patience: float) -> None:
    """Wait until other work leaves the machine to the run, but no longer than `patience` seconds."""
    end = time.monotonic() + patience
    then = Snapshot.take()
    while time.monotonic() < end:
        await asyncio.sleep(LOOK_INTERVAL)
        now = Snapshot.take()
        if then.until(now, LOOK_INTERVAL).busy <= QUIET:
            return
        then = now


def prefer() -> bool:
    """Give this process, and those that it will start, PRIORITY. False where that is not allowed."""
    try:
        os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)
    except PermissionError:
        return False
    return True


def _threads() -> dict[str, tuple[int, int]]:
    parents: dict[int, int] = {}
    for path in _PROC.glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except (OSError, ProcessLookupError):
            continue  # it ended meanwhile
    ours = os.getpid()
    threads = {}
    for pid in parents:
        above: int | None = pid
        while above not in (None, 0, ours):
            above = parents.get(above)
        if above != ours:
            continue
        for path in (_PROC / str(pid) / "task").glob("*/schedstat"):
            try:
                on, off, _ = path.read_text().split()
            except (OSError, ProcessLookupError):
                continue
            threads[f"{pid}/{path.parent.name}"] = int(on), int(off)
    return threads
