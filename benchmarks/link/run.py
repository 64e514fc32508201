"""One call over one road: sources, networks, server, two people; impair, observe, clear away."""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

from playwright.async_api import Error, async_playwright

from benchmarks.link.cases import CALL_SETUP, FAR, NEAR, Case
from benchmarks.link.machine import Snapshot
from benchmarks.link.measures import Run, measure
from benchmarks.link.network import Network
from benchmarks.link.person import Observations, Person
from benchmarks.link.sources import Sources
from benchmarks.terminal import progress

SETUP_TIMEOUT = 30.0  # s until everybody hears and sees
SETTLE_TIMEOUT = 30.0  # s more for the largest picture to come
GOOD_TIME = 6.0  # s observed before the conditions set in
LARGEST = 960  # px
CLOSE_TIMEOUT = 10.0  # s


class RunError(Exception):
    """A call that did not come about."""


class Call(Protocol):
    """A server, and how two people get into a call on it."""

    name: str
    origin: str

    async def start(self) -> None: ...

    async def join(self, near: Person, far: Person, cameras: frozenset[str]) -> None: ...

    async def stop(self) -> None: ...


class MakeCall(Protocol):
    def __call__(self, directory: Path) -> Call: ...


async def run(
    make: MakeCall, case: Case, sources: Sources, number: int, *, keep: Path | None = None
) -> list[Run]:
    """One for each of the case's hearers. `keep`: a folder for everything that was observed. Raises
    RunError, TunError, ChromiumError, RuntimeError."""
    network = Network()
    async with contextlib.AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="roomtone-link-")))
        stack.push_async_callback(network.stop)
        await network.start(case.conditions if case.from_start else CALL_SETUP, seed=number)
        call = make(directory)
        stack.push_async_callback(call.stop)
        await call.start()
        playwright = await stack.enter_async_context(async_playwright())
        people = []
        for index, name in enumerate((NEAR, FAR)):
            person = await Person.open(
                playwright,
                name,
                speech=(sources.turns if case.turns else sources.speech)[index],
                sources=sources,
                origin=call.origin,
                directory=directory,
                network_of=network.pid if name == FAR else None,
            )
            stack.push_async_callback(_close, person)
            people.append(person)
        try:
            return await _observe(call, case, network, people, number, keep)
        except (Error, TimeoutError) as error:
            said = [f"{p.name}'s page: {complaint}" for p in people for complaint in p.complaints]
            reason = str(error) or "it took too long until both were in the call"
            raise RunError("\n".join([f"{case.name} on {call.name} broke off: {reason}", *said])) from error


async def _observe(
    call: Call, case: Case, network: Network, people: list[Person], number: int, keep: Path | None
) -> list[Run]:
    near, far = people
    async with asyncio.timeout(SETUP_TIMEOUT):
        await call.join(near, far, case.cameras)
        for person in people:
            other = near if person is far else far
            await _until(person.connected)
            if other.name in case.cameras:
                await _until(person.width)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SETTLE_TIMEOUT):
            watchers = [p for p in people if p.name in case.hearers and case.cameras - {p.name}]
            while min([await person.width() for person in watchers], default=LARGEST) < LARGEST:
                await asyncio.sleep(0.25)
    for person in people:
        await person.watch()
    before = time.monotonic()
    await asyncio.sleep(GOOD_TIME)
    then = Snapshot.take()
    start = time.monotonic()
    network.impose(case.conditions)
    moving = asyncio.create_task(_move(network, case, start))
    try:
        while (left := start + case.duration - time.monotonic()) > 0:
            progress(f"{case.name} · round {number} · {call.name} · {left:3.0f} s left")
            await asyncio.sleep(min(1.0, left))
        end = time.monotonic()
        await moving
    finally:
        moving.cancel()
        progress("")
    load = then.until(Snapshot.take(), end - start)
    await asyncio.sleep(0.5)  # for the last polls
    observed = {person.name: await person.take() for person in people}
    if keep:
        await _keep(keep / f"{case.name}-{call.name.lower()}-{number}", people, observed, network, start)
    return [
        measure(
            case,
            hearer,
            call.name,
            number,
            observed,
            network.reports,
            before=before,
            start=start,
            end=end,
            load=load,
        )
        for hearer in case.hearers
    ]


async def _keep(
    folder: Path,
    people: list[Person],
    observed: dict[str, Observations],
    network: Network,
    start: float,
) -> None:
    """Everything but the recordings, for whoever looks for a cause; and the pages as they are now."""
    folder.mkdir(parents=True, exist_ok=True)
    for person in people:
        seen = observed[person.name]
        facts = {"start": start, "polls": seen.polls, "sent": seen.sent, "shown": seen.shown}
        (folder / f"{person.name}.json").write_text(json.dumps(facts))
        await person.page.screenshot(path=folder / f"{person.name}.png")
    (folder / "link.json").write_text(json.dumps({"start": start, "reports": network.reports}))


async def _move(network: Network, case: Case, start: float) -> None:
    if case.move is None:
        return
    await asyncio.sleep(start + case.move.leave - time.monotonic())
    network.disconnect(case.move.old)
    await asyncio.sleep(start + case.move.enter - time.monotonic())
    network.connect(case.move.new)


async def _until(test: Callable[[], Awaitable[object]]) -> None:
    while not await test():
        await asyncio.sleep(0.1)


async def _close(person: Person) -> None:
    with contextlib.suppress(Error, TimeoutError):
        async with asyncio.timeout(CLOSE_TIMEOUT):
            await person.close()
