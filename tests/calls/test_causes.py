"""Whose way is to blame: what people are told, from links that are poor in one place."""

from __future__ import annotations

from statistics import mean

import pytest

from media.quality import Grade, picture_of, uplink_grade
from media.testing.call import Call
from media.testing.client import Client
from media.testing.link import LinkSettings
from media.testing.traffic import CAMERA
from server.conditions import Link, conditions

Rows = dict[str, tuple[str, str]]  # by person: quality and cause

GOOD = LinkSettings(delay=((0.0, 0.02),))
NARROW = LinkSettings(rate=((0.0, 3e6), (4.0, 150e3)), delay=((0.0, 0.02),))  # below what all encodings take
TIGHT = LinkSettings(rate=((0.0, 800e3),), delay=((0.0, 0.02),))  # below what the largest encoding takes
LOSSY = LinkSettings(delay=((0.0, 0.02),), loss=0.12)


def meeting(up: dict[str, LinkSettings], down: dict[str, LinkSettings]) -> tuple[Call, dict[str, Client]]:
    """A host and a guest who see and hear each other."""
    call = Call(seed=7)
    people = {
        name: call.join(
            name,
            microphone=True,
            camera=CAMERA,
            slots=1,
            up=up.get(name, GOOD),
            down=down.get(name, GOOD),
        )
        for name in ("host", "guest")
    }
    call.bind(people["host"], 0, people["guest"])
    call.bind(people["guest"], 0, people["host"])
    return call, people


@pytest.mark.parametrize(
    ("down", "grade"),
    [
        (GOOD, Grade.GOOD),
        (LOSSY, Grade.FAIR),
        (LinkSettings(rate=((0.0, 60e3),), delay=((0.0, 0.02),)), Grade.FAIR),
        (LinkSettings(loss=0.6, burst=8.0, delay=((0.0, 0.02),)), Grade.POOR),
    ],
)
def test_sound_alone_is_graded_too(down: LinkSettings, grade: Grade) -> None:
    call = Call(seed=3)
    alice = call.join("alice", microphone=True)
    bob = call.join("bob", slots=1, down=down)
    call.bind(bob, 0, alice)
    call.run(20.0)
    assert call.core(bob).downlink.grade is grade


def told(up: dict[str, LinkSettings], down: dict[str, LinkSettings]) -> dict[str, Rows]:
    """What host and guest are told after ten seconds of a poor link, by viewer."""
    call, people = meeting(up, down)
    for _ in range(140):
        call.run(0.1)
        for client in people.values():
            obey(call, client)
    links = {}
    for name, other in (("host", "guest"), ("guest", "host")):
        core = call.core(people[name])
        links[name] = Link(
            True, uplink_grade(core.uplink), core.downlink.grade, {other: picture_of(core.slots[0])}
        )
    return {
        viewer: {
            row.participant: (row.quality, row.cause) for row in conditions(viewer, links, (0.0, ())).people
        }
        for viewer in links
    }


def obey(call: Call, client: Client) -> None:
    ordered = call.core(client).order.encodings.get("camera", 3)
    assert client.camera is not None
    client.camera.enabled = [place < ordered for place in range(len(CAMERA))]


def test_nobody_is_blamed_on_good_links() -> None:
    fine = ("good", "none")
    assert told({}, {}) == {
        "host": {"host": fine, "guest": fine},
        "guest": {"host": fine, "guest": fine},
    }


@pytest.mark.parametrize(("link", "grade"), [(GOOD, Grade.GOOD), (TIGHT, Grade.FAIR)])
def test_a_picture_that_still_grows_is_no_fault_of_the_way_until_the_way_shows_a_limit(
    link: LinkSettings, grade: Grade
) -> None:
    call, people = meeting({}, {"guest": link})
    downlink = call.core(people["guest"]).downlink
    slot = call.core(people["guest"]).slots[0]
    grades = set()
    for _ in range(60):
        call.run(0.1)
        for client in people.values():
            obey(call, client)
        if picture_of(slot) == "motion" and slot.is_limited:
            grades.add(downlink.grade)
    assert grades == {grade}


@pytest.mark.parametrize("link", [NARROW, LOSSY])
@pytest.mark.parametrize(("poor", "fine"), [("host", "guest"), ("guest", "host")])
def test_a_poor_uplink_is_blamed_on_its_owner_and_on_nobody_else(
    link: LinkSettings, poor: str, fine: str
) -> None:
    rows = told({poor: link}, {})
    assert rows[poor][poor][1] == "your-uplink"
    assert rows[fine][poor][1] == "their-uplink"
    assert rows[poor][fine][1] == "your-uplink", "that they can't be heard there is no fault of theirs"
    assert rows[fine][fine] == ("good", "none")


@pytest.mark.parametrize("link", [NARROW, LOSSY])
@pytest.mark.parametrize(("poor", "fine"), [("host", "guest"), ("guest", "host")])
def test_a_poor_downlink_is_blamed_on_its_owner_and_on_nobody_else(
    link: LinkSettings, poor: str, fine: str
) -> None:
    rows = told({}, {poor: link})
    assert rows[poor][poor][1] == "your-downlink"
    assert rows[poor][fine][1] == "your-downlink"
    assert rows[fine][poor][1] == "their-downlink"
    assert rows[fine][fine] == ("good", "none")


@pytest.mark.parametrize(
    ("up", "down", "loses"), [(LOSSY, GOOD, False), (GOOD, LOSSY, True), (LOSSY, LOSSY, True)]
)
def test_reports_of_a_receiver_without_feedback_say_what_its_own_way_lost(
    up: LinkSettings, down: LinkSettings, *, loses: bool
) -> None:
    call = Call(seed=5)
    alice = call.join("alice", microphone=True, camera=CAMERA, up=up, rtx=False)
    bob = call.join("bob", slots=1, down=down, feedback=False, rtx=False)
    call.bind(bob, 0, alice)
    core = call.core(bob)
    picture = core.slots[0].video
    assert picture is not None
    reported = []
    for _ in range(20):
        call.run(1.0)
        reported.append(picture.loss)
    assert bob.video[0].holes(), "nothing was lost that could be blamed on anybody"
    assert mean(reported) == (pytest.approx(LOSSY.loss, abs=0.04) if loses else 0.0)
    estimate = core.downlink.estimate
    assert estimate is not None
    assert (estimate < 2e6) is loses
