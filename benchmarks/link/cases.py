"""What a road does to a call: the cases that bars are set for.

A case begins when the call is up and good; its times count from the moment at which its conditions set in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from benchmarks.link.road import Conditions
from benchmarks.link.wire import MOBILE, WIFI
from media.testing.link import LinkSettings

KBIT, MBIT = 1e3, 1e6
GOOD = LinkSettings(rate=((0.0, 20 * MBIT),))  # where a case does not narrow a direction; 25 ms each way
CALL_SETUP = Conditions(GOOD, GOOD)
NEAR, FAR = "Ruth", "Ana"  # the far person is behind the road
EVER = 1e9  # s


@dataclass(frozen=True, slots=True)
class Move:
    """The far side changes its network: out of one at `leave`, into the other at `enter`."""

    leave: float
    enter: float
    old: str = WIFI
    new: str = MOBILE


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    title: str
    conditions: Conditions
    hearers: tuple[str, ...]  # whose ears and eyes the figures are about
    cameras: frozenset[str]  # who shows a picture
    duration: float = 60.0
    drop_at: float | None = None  # capacity falls
    return_at: float | None = None  # it comes back
    back_from: float | None = None  # sound is to be back soon after this moment
    move: Move | None = None
    turns: bool = False  # people pause, to let the other one speak
    from_start: bool = False  # the road is like that before the call is up

    def lasting(self, duration: float) -> Case:
        """The same, shorter or longer, but over no sooner than 5 s after the last thing that happens in
        it."""
        last = max(0.0, self.drop_at or 0.0, self.return_at or 0.0, self.back_from or 0.0)
        return replace(self, duration=max(duration, last + 5.0))

    def toward(self, hearer: str) -> LinkSettings:
        """The direction in which that person receives."""
        return self.conditions.down if hearer == FAR else self.conditions.up


def _down(name: str, title: str, settings: LinkSettings, **more: object) -> Case:
    """One camera only, as a second one would cost the machine more than it tells about the downlink."""
    return Case(name, title, Conditions(settings, GOOD), (FAR,), frozenset({NEAR}), **more)  # type: ignore[arg-type]


def _up(name: str, title: str, settings: LinkSettings, **more: object) -> Case:
    return Case(name, title, Conditions(GOOD, settings), (NEAR,), frozenset({FAR}), **more)  # type: ignore[arg-type]


def _rate(value: float) -> LinkSettings:
    return LinkSettings(rate=((0.0, value),))


def _narrow(kbps: int) -> Case:
    return _down(f"down-{kbps}", f"downlink {kbps} kbit/s", _rate(kbps * KBIT), drop_at=0.0)


CASES: tuple[Case, ...] = (
    _down("clear", "nothing in the way: what the machine itself allows", GOOD, duration=30.0),
    _narrow(500),
    _narrow(250),
    _narrow(120),
    _narrow(60),
    _narrow(40),
    _down("loss-20", "20 % random loss, ample bandwidth", replace(GOOD, loss=0.2)),
    _down("burst-30", "30 % loss in bursts of 3 packets", replace(GOOD, loss=0.3, burst=3.0)),
    _down(
        "drop",
        "3 Mbit/s, 200 kbit/s for 30 s, 3 Mbit/s",
        LinkSettings(rate=((0.0, 3 * MBIT), (10.0, 200 * KBIT), (40.0, 3 * MBIT))),
        duration=70.0,
        drop_at=10.0,
        return_at=40.0,
    ),
    _down(
        "late",
        "for 5 s all comes 1 s later; people take turns",
        replace(GOOD, delay=((0.0, 0.025), (5.0, 1.025), (10.0, 0.025))),
        drop_at=5.0,
        return_at=10.0,
        turns=True,
    ),
    _up("up-120", "uplink 120 kbit/s", _rate(120 * KBIT), drop_at=0.0),
    _up("up-loss-10", "10 % random loss on the uplink", replace(GOOD, loss=0.1)),
    _up("up-burst-15", "15 % loss in bursts of 3 packets on the uplink", replace(GOOD, loss=0.15, burst=3.0)),
    _down(
        "address",
        "from Wi-Fi to a mobile network, 0.5 s without either",
        GOOD,
        duration=30.0,
        back_from=5.5,
        move=Move(5.0, 5.5),
    ),
    Case(
        "udp-dies",
        "UDP dies mid-call",
        Conditions(GOOD, GOOD, udp_blocked=((5.0, EVER),)),
        (FAR,),
        frozenset({NEAR}),
        duration=40.0,
        back_from=5.0,
    ),
)
