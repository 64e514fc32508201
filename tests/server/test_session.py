"""One connection: what it may send, how fast, how wrong; and that nothing a page says breaks anything."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.session import SessionLimits
from server.words import WORDS
from tests.server.fakes import House, Page

VALID: list[dict[str, Any]] = [
    {"type": "hello", "version": 1, "token": "t", "name": "Sam"},
    {"type": "offer", "connection": "a", "sdp": "v=0\r\na=slots:2\r\n", "sources": {"0": "microphone"}},
    {"type": "media", "microphone": True, "camera": False, "screen": False},
    {"type": "wish", "tiles": [{"slot": 0, "width": 640, "height": 360, "pinned": True}]},
    {"type": "chat", "text": "hello"},
    {"type": "admit", "participant": "x"},
    {"type": "decline", "participant": "x"},
    {"type": "mute", "participant": "x"},
    {"type": "remove", "participant": "x"},
    {"type": "lock", "locked": True},
    {"type": "end"},
    {"type": "leave"},
    {"type": "ping", "id": 1},
]


class TestOrder:
    def test_anything_before_hello_ends_the_connection(self, house: House) -> None:
        page = house.page()
        page.say(type="chat", text="hello")
        assert page.last("bye").code == "bad-message" and page.session.closing

    def test_a_second_hello_is_refused(self, house: House) -> None:
        host = house.host()
        host.hello(house.token("host"))
        assert host.last("error").code == "not-allowed" and len(host.all("welcome")) == 1

    def test_after_a_bye_nothing_is_heard_any_more(self, house: House) -> None:
        host, guest = house.host(), house.knocking()
        guest.say(type="leave")
        before = len(host.sent)
        guest.say(type="hello", version=1, token=house.token())
        assert len(host.sent) == before and guest.sent[-1].type == "bye"

    def test_a_hello_without_any_token_is_refused(self, house: House) -> None:
        page = house.page()
        page.hello()
        assert page.last("bye").code == "token-invalid"

    def test_a_broken_resume_token_falls_back_to_the_link(self, house: House) -> None:
        page = house.page()
        page.hello(house.token(), resume="nonsense", name="Sam")
        assert page.last("welcome").state == "waiting"


class TestForm:
    @pytest.mark.parametrize(
        "text",
        [
            "",
            "null",
            "[]",
            "{",
            '"hello"',
            '{"type": "nothing"}',
            '{"type": "ping"}',
            '{"type": "ping", "id": 1, "more": 1}',
            '{"type": "chat", "text": ""}',
            '{"type": "chat", "text": "   "}',
            '{"type": "chat", "text": "\\ud800"}',
            json.dumps({"type": "chat", "text": "x" * 2001}),
            json.dumps({"type": "offer", "connection": "a", "sdp": "x" * 200_001}),
            json.dumps({"type": "offer", "connection": "a b", "sdp": ""}),
            json.dumps({"type": "wish", "tiles": [{"slot": 0, "width": 1, "height": 1}] * 33}),
            "[" * 100_000,
        ],
        ids=range(16),
    )
    def test_what_is_no_message_is_an_error_and_the_connection_goes_on(self, house: House, text: str) -> None:
        host = house.host()
        host.session.receive(text)
        assert host.last("error").code == "bad-message"
        host.say(type="ping", id=3)
        assert host.last("pong").id == 3

    def test_too_many_unreadable_messages_end_it(self) -> None:
        house = House(session_limits=SessionLimits(bad_messages=3))
        host = house.host()
        for _ in range(4):
            host.session.receive("?")
        assert len(host.all("error")) == 3 and host.last("bye").code == "bad-message"
        assert house.counts["drop", "bad-message"] == 4

    def test_binary_is_unreadable(self, house: House) -> None:
        host = house.host()
        host.session.receive_binary()
        assert host.last("error").code == "bad-message"


class TestRate:
    def test_a_burst_is_fine_and_a_flood_is_not(self) -> None:
        house = House(session_limits=SessionLimits(messages_per_second=10, message_burst=20))
        host = house.host()
        for number in range(19):
            host.say(type="ping", id=number)
        assert len(host.all("pong")) == 19 and not host.all("error")
        host.say(type="ping", id=99)
        assert host.last("error").code == "too-fast"
        house.now += 0.5
        for number in range(5):
            host.say(type="ping", id=number)
        assert len(host.all("pong")) == 24

    def test_a_flood_that_goes_on_ends_the_connection_and_is_not_answered_one_by_one(self) -> None:
        house = House(session_limits=SessionLimits(messages_per_second=10, message_burst=20))
        host = house.host()
        for number in range(100):
            host.say(type="ping", id=number)
        assert host.last("bye").code == "too-fast" and not host.last("bye").retry
        assert len(host.all("error")) <= 4

    def test_offers_cost_more(self, house: House) -> None:
        host = house.host()
        for _ in range(12):
            host.offer()
        assert len(host.all("answer")) == 10 and host.last("error").code == "too-fast"
        assert host.last("error").about == "offer"


class TestWords:
    def test_every_text_is_for_people(self) -> None:
        for code, text in WORDS.items():
            assert text[0].isupper() and text[-1] in ".?", code
            assert len(text) < 110, f"{code} is too long for a phone"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    """A valid message with a field changed, left out or added."""
    message = dict(draw(st.sampled_from(VALID)))
    for _ in range(draw(st.integers(0, 3))):
        name = draw(st.sampled_from([*message, "token", "participant", "more"]))
        if draw(st.booleans()):
            message.pop(name, None)
        else:
            message[name] = draw(json_values)
    return message


anything = st.one_of(
    mutated().map(lambda message: json.dumps(message)),
    json_values.map(lambda value: json.dumps(value)),
    st.text(max_size=50),
    st.sampled_from([json.dumps(message) for message in VALID]),
)


def check_room(house: House) -> None:
    for live in house.rooms.rooms.values():
        room = live.room
        assert len(room.admitted) + len(room.waiting) == len(room.participants) > 0
        connections = [p.connection for p in room.participants.values() if p.connection is not None]
        assert len(connections) == len(set(connections))
    names = {peer.name for peer in house.sfu.peers}
    people = {id for live in house.rooms.rooms.values() for id in live.room.participants}
    assert names <= people, "media of somebody who is gone"
    assert len(house.sfu.peers) == len(names), "two media connections of one person"


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 3), anything), max_size=25))
def test_nothing_that_pages_say_breaks_a_room(said: list[tuple[int, str]]) -> None:
    house = House()
    host = house.host()
    pages: list[Page] = [host, house.guest(host), house.knocking("Kim"), house.page()]
    ids = [page.id for page in pages[:3]]
    for number, (who, text) in enumerate(said):
        page = pages[who]
        # Let some of the mutated messages name real people, so that they get past the first check.
        page.session.receive(text.replace('"x"', f'"{ids[number % 3]}"'))
        house.settle()
        check_room(house)
        if page.session.closing:
            page.drop()
            assert page.sent[-1].type == "bye"
    house.wait(301)
    for page in pages:
        page.drop()
    house.wait(301)
    assert not house.rooms.rooms and not house.sfu.peers


@given(st.lists(anything, max_size=10))
def test_nothing_that_is_said_before_a_hello_gets_in(said: list[str]) -> None:
    house = House()
    page = house.page()
    for text in said:
        page.session.receive(text)
    assert not house.rooms.rooms and not house.sfu.peers
    assert not said or page.sent[-1].type == "bye"
