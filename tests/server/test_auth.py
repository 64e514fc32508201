"""Tokens: what is believed, and what is refused with which code."""

from __future__ import annotations

import base64
import json
import os
import stat
from pathlib import Path
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.auth import CLOCK_SKEW, GUEST_MAY, HOST_MAY, TokenError, Tokens, read_or_create_secret
from tests.server.fakes import SECRET

NOW = 1_800_000_000.0
TOKENS = Tokens(SECRET)


def refusal(token: str, *, now: float = NOW, room: str | None = None) -> str:
    with pytest.raises(TokenError) as error:
        TOKENS.read_link(token, now=now, room=room)
    return error.value.code


def forged(key: bytes = SECRET, algorithm: str = "HS256", **changes: Any) -> str:
    claims: dict[str, Any] = {"aud": "link", "iat": NOW, "exp": NOW + 60, "room": "room", "role": "guest"}
    claims |= changes
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, key, algorithm=algorithm)


def test_a_link_says_what_was_put_into_it() -> None:
    token = TOKENS.link("room", "host", lifetime=60, now=NOW, identity="reed", name="Dr. Reed")
    claims = TOKENS.read_link(token, now=NOW, room="room")
    assert (claims.room, claims.role, claims.sub, claims.name) == ("room", "host", "reed", "Dr. Reed")
    assert claims.may == HOST_MAY and claims.allows("moderate")


def test_what_a_role_may_is_the_default() -> None:
    claims = TOKENS.read_link(forged(), now=NOW)
    assert claims.may == GUEST_MAY and not claims.allows("join") and not claims.allows("moderate")


def test_a_link_works_until_it_expires() -> None:
    token = TOKENS.link("room", "guest", lifetime=60, now=NOW)
    assert TOKENS.read_link(token, now=NOW + 59)
    assert refusal(token, now=NOW + 60 + CLOCK_SKEW) == "token-expired"


def test_a_link_from_the_future_is_refused() -> None:
    assert refusal(TOKENS.link("room", "guest", lifetime=600, now=NOW + 120)) == "token-invalid"


def test_a_link_of_another_room_is_refused() -> None:
    assert refusal(TOKENS.link("other", "guest", lifetime=60, now=NOW), room="room") == "token-wrong-room"


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b.c",
        "x" * 5000,
        forged(key=b"another secret of 32 bytes......"),
        forged(aud="resume"),
        forged(aud=None),
        forged(exp=None),
        forged(iat=None),
        forged(exp="soon"),
        forged(exp=True) + "x",
        forged(room=None),
        forged(room="a/b"),
        forged(room="r" * 65),
        forged(role="admin"),
        forged(may=["everything"]),
        forged(may=["join"] * 17),
        forged(sub="<script>"),
        forged(name="n" * 61),
        forged(jti="j" * 65),
        forged(algorithm="HS512"),
    ],
    ids=range(20),
)
def test_what_is_not_ours_is_refused(token: str) -> None:
    assert refusal(token) == "token-invalid"


def test_an_unsigned_token_is_refused() -> None:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    claims = {"aud": "link", "iat": NOW, "exp": NOW + 60, "room": "room", "role": "host"}
    assert refusal(f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims)}.") == "token-invalid"


@pytest.mark.parametrize("exp", [float("nan"), float("-inf")])
def test_an_end_that_is_no_time_is_in_the_past(exp: float) -> None:
    assert refusal(forged(exp=exp)) in ("token-expired", "token-invalid")


def test_a_link_is_no_resume_token_and_the_other_way_round() -> None:
    link = TOKENS.link("room", "guest", lifetime=60, now=NOW)
    resume = TOKENS.resume("room", "session", "somebody", lifetime=60, now=NOW)
    assert refusal(resume) == "token-invalid"
    with pytest.raises(TokenError):
        TOKENS.read_resume(link, now=NOW)
    claims = TOKENS.read_resume(resume, now=NOW)
    assert (claims.room, claims.session, claims.sub) == ("room", "session", "somebody")


def test_a_guest_never_moderates_whatever_the_token_says() -> None:
    with pytest.raises(ValueError, match="host"):
        TOKENS.link("room", "guest", lifetime=60, now=NOW, may=("moderate",))
    assert not TOKENS.read_link(forged(may=["join", "moderate"]), now=NOW).allows("moderate")


def test_links_without_identity_are_told_apart() -> None:
    first, second = (
        TOKENS.read_link(TOKENS.link("room", "guest", lifetime=60, now=NOW), now=NOW) for _ in range(2)
    )
    assert first.key != second.key
    assert TOKENS.read_link(forged(exp=NOW + 61), now=NOW).key != TOKENS.read_link(forged(), now=NOW).key


def test_an_identity_as_guest_is_not_the_same_as_host() -> None:
    guest = TOKENS.read_link(forged(sub="reed"), now=NOW)
    host = TOKENS.read_link(forged(sub="reed", role="host"), now=NOW)
    assert guest.key != host.key


@given(st.text(max_size=300) | st.from_regex(r"[\w-]{0,40}\.[\w-]{0,80}\.[\w-]{0,60}"))
def test_no_text_is_a_token_or_breaks_the_reader(token: str) -> None:
    assert refusal(token) == "token-invalid"


@given(st.integers(0, 200), st.integers(1, 255))
def test_a_token_with_one_changed_character_is_refused(position: int, change: int) -> None:
    token = TOKENS.link("room", "host", lifetime=60, now=NOW)
    position %= token.rindex(".")  # the last characters of the signature hold unused bits
    changed = token[:position] + chr((ord(token[position]) + change) % 256) + token[position + 1 :]
    assert refusal(changed) == "token-invalid"


@given(
    st.dictionaries(
        st.sampled_from(["aud", "iat", "exp", "room", "role", "may", "sub", "name", "jti", "nbf"]),
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(max_size=20)
        | st.lists(st.text(max_size=5)),
    )
)
def test_no_signed_claims_break_the_reader(claims: dict[str, Any]) -> None:
    try:
        token = forged(**claims)
    except (TypeError, ValueError, jwt.PyJWTError):
        return  # not even a token can be made of them
    try:
        read = TOKENS.read_link(token, now=NOW)
    except TokenError:
        return
    assert read.role in ("host", "guest") and read.room


class TestSecret:
    def test_is_made_once_and_only_for_the_owner(self, tmp_path: Path) -> None:
        directory = tmp_path / "state" / "roomtone"
        secret = read_or_create_secret(directory)
        assert len(secret) >= 32 and read_or_create_secret(directory) == secret
        assert stat.S_IMODE((directory / "secret").stat().st_mode) == 0o600
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        assert os.listdir(directory) == ["secret"]

    def test_of_another_machine_is_another_one(self, tmp_path: Path) -> None:
        assert read_or_create_secret(tmp_path / "a") != read_or_create_secret(tmp_path / "b")

    def test_that_is_too_short_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "secret").write_text("short\n")
        with pytest.raises(ValueError, match="too short"):
            read_or_create_secret(tmp_path)
