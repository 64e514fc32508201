"""What people are told of how they reach each other: in words that are true, because packets said so."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from server import messages

WINDOW = 3.0  # seconds of speech that "they missed" speaks of
WORTH_SAYING = 0.4  # seconds missed of them: a short word
MAX_REPORTS = 16  # of one listener about one speaker, kept
GRADES: tuple[messages.Grade, ...] = ("good", "fair", "poor")


@dataclass(frozen=True, slots=True)
class Link:
    """How one participant is connected. Grades 0 good, 1 fair, 2 poor."""

    connected: bool
    uplink: int
    downlink: int
    # By participant, as this one is shown them; of itself, what others can be shown at most.
    pictures: Mapping[str, messages.Picture]
    sound_only: bool = False  # by choice
    # Of shared screens the same; of its own, as whoever sees the least of it is shown it.
    screens: Mapping[str, messages.Picture] = field(default_factory=dict)


class Missed:
    """Who missed how much of whose speech, as the listeners' own decoders say."""

    def __init__(self) -> None:
        self._reports: dict[str, dict[str, deque[tuple[float, float]]]] = {}  # by speaker, then listener

    def report(self, listener: str, speaker: str, seconds: float, *, now: float) -> None:
        """`listener` had to do without this much of what `speaker` said since the last report."""
        reports = self._reports.setdefault(speaker, {}).setdefault(listener, deque(maxlen=MAX_REPORTS))
        reports.append((now, seconds))

    def of(self, speaker: str, *, now: float) -> tuple[float, tuple[str, ...]]:
        """(the most seconds that somebody missed lately, by whom)."""
        heard = self._reports.get(speaker, {})
        for listener in [who for who, reports in heard.items() if now - reports[-1][0] > WINDOW]:
            del heard[listener]
        worst, by = 0.0, []
        for listener, reports in heard.items():
            missed = sum(seconds for at, seconds in reports if now - at <= WINDOW)
            if missed >= WORTH_SAYING:
                worst = max(worst, missed)
                by.append(listener)
        return round(min(worst, WINDOW), 1), tuple(by)

    def keep(self, participants: Iterable[str]) -> None:
        """Forgets everybody else."""
        present = set(participants)
        self._reports = {
            speaker: {who: reports for who, reports in heard.items() if who in present}
            for speaker, heard in self._reports.items()
            if speaker in present
        }


def conditions(
    viewer: str, links: Mapping[str, Link], missed: tuple[float, tuple[str, ...]], *, apart: bool = False
) -> messages.Conditions:
    """What `viewer` is told of everybody, themselves included. `apart`: with uplinks and downlinks each for
    itself, which concern hosts alone."""
    mine = links[viewer]
    return messages.Conditions(
        people=tuple(_condition(who, link, viewer, mine, apart) for who, link in links.items()),
        missed=missed[0],
        missed_by=missed[1],
    )


def _condition(who: str, link: Link, viewer: str, mine: Link, apart: bool) -> messages.Condition:
    picture, screen = mine.pictures.get(who, "off"), mine.screens.get(who, "off")
    if not link.connected:
        return messages.Condition(
            participant=who,
            quality="lost",
            cause="none" if who == viewer else "their-connection",
            picture=picture,
            screen=screen,
            sound_only=link.sound_only,
        )
    # Where two are equally poor, the first is named: sound that does not get away is missed by everybody.
    ways: list[tuple[int, messages.Cause]] = []
    if who != viewer:
        ways = [(link.uplink, "their-uplink"), (link.downlink, "their-downlink")]
    ways += [(mine.uplink, "your-uplink"), (mine.downlink, "your-downlink")]
    grade, cause = max(ways, key=lambda way: way[0])
    return messages.Condition(
        participant=who,
        quality=GRADES[grade],
        cause=cause if grade else "none",
        picture=picture,
        screen=screen,
        sound_only=link.sound_only,
        uplink=GRADES[link.uplink] if apart else None,
        downlink=GRADES[link.downlink] if apart else None,
    )
