"""Tokens: who may do what in which room, signed (JWT, RFC 7519, HS256), and the secret that signs them.

A *link* token is what a link carries after the '#'. A *resume* token is what a page gets when it has knocked
or joined, and lets exactly that participant come back to that session. Different audiences keep them apart.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import secrets
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, Literal

import jwt
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from server.messages import MAX_NAME, Identity, Role
from server.settings import MIN_SECRET
from server.words import Refusal

ALGORITHM = "HS256"  # pinned: the header's own "alg" is never believed
LINK_AUDIENCE = "link"
RESUME_AUDIENCE = "resume"
CLOCK_SKEW = 30  # seconds that two machines' clocks may differ
MAX_TOKEN = 4096  # characters

Permission = Literal["join", "knock", "publish", "subscribe", "chat", "screen", "moderate"]
GUEST_MAY: tuple[Permission, ...] = ("knock", "publish", "subscribe", "chat", "screen")
HOST_MAY: tuple[Permission, ...] = ("join", "publish", "subscribe", "chat", "screen", "moderate")

SECRET_FILE = "secret"


class TokenError(Refusal):
    """A token that is refused: token-invalid, token-expired, token-wrong-room or token-forbidden."""


class LinkClaims(BaseModel):
    """What a link says. Without `sub` it is made for sharing: everyone who opens it is somebody new."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    room: Identity
    role: Role
    may: Annotated[tuple[Permission, ...], Field(max_length=16)]
    exp: int
    sub: Identity | None = None
    name: Annotated[str, StringConstraints(max_length=MAX_NAME)] | None = None
    jti: Annotated[str, StringConstraints(max_length=64)] = ""

    def allows(self, permission: Permission) -> bool:
        """Guests never moderate, whatever their token says."""
        return permission in self.may and (permission != "moderate" or self.role == "host")

    @property
    def key(self) -> str:
        """The same for every use of one link: an identity where there is one, else the link itself."""
        return f"{self.role}:{self.sub}" if self.sub else f"link:{self.jti}"


class ResumeClaims(BaseModel):
    """Names one participant of one session of a room."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    room: Identity
    session: Identity
    sub: Identity
    exp: int


class Tokens:
    """Makes and reads tokens. `now` is seconds since the epoch (a token outlives the process)."""

    def __init__(self, secret: bytes) -> None:
        assert len(secret) >= MIN_SECRET
        self._secret = secret

    def link(
        self,
        room: str,
        role: Role,
        *,
        lifetime: float,
        now: float,
        identity: str | None = None,
        name: str | None = None,
        may: tuple[Permission, ...] | None = None,
    ) -> str:
        """A link token that works for `lifetime` seconds. Raises ValueError where a claim is not
        acceptable."""
        claims = LinkClaims(
            room=room,
            role=role,
            may=(HOST_MAY if role == "host" else GUEST_MAY) if may is None else may,
            sub=identity,
            name=name,
            jti=secrets.token_urlsafe(9),
            exp=int(now + lifetime),
        )
        if role == "guest" and "moderate" in claims.may:
            raise ValueError("only a host may moderate")
        # Left out where it says what the role says anyway: links are sent by text message and read out.
        return self._encode(LINK_AUDIENCE, claims, now=now, exclude={"may"} if may is None else ())

    def resume(self, room: str, session: str, participant: str, *, lifetime: float, now: float) -> str:
        claims = ResumeClaims(room=room, session=session, sub=participant, exp=int(now + lifetime))
        return self._encode(RESUME_AUDIENCE, claims, now=now)

    def read_link(self, token: str, *, now: float, room: str | None = None) -> LinkClaims:
        """The claims of a link token. Raises TokenError; `room` is the room that it is used for, where
        known."""
        payload = self._decode(LINK_AUDIENCE, token, now=now)
        if not payload.get("jti"):
            payload["jti"] = hashlib.sha256(token.encode()).hexdigest()[:24]
        if "may" not in payload:
            payload["may"] = HOST_MAY if payload.get("role") == "host" else GUEST_MAY
        try:
            claims = LinkClaims.model_validate(payload)
        except ValidationError:
            raise TokenError("token-invalid") from None
        if room is not None and claims.room != room:
            raise TokenError("token-wrong-room")
        return claims

    def read_resume(self, token: str, *, now: float) -> ResumeClaims:
        """The claims of a resume token. Raises TokenError."""
        try:
            return ResumeClaims.model_validate(self._decode(RESUME_AUDIENCE, token, now=now))
        except ValidationError:
            raise TokenError("token-invalid") from None

    def _encode(self, audience: str, claims: BaseModel, *, now: float, exclude: Collection[str] = ()) -> str:
        payload = {"aud": audience, "iat": int(now)}
        payload |= claims.model_dump(exclude_none=True, exclude=set(exclude))
        return jwt.encode(payload, self._secret, algorithm=ALGORITHM)

    def _decode(self, audience: str, token: str, *, now: float) -> dict[str, Any]:
        if len(token) > MAX_TOKEN:
            raise TokenError("token-invalid")
        try:
            # Times are checked below against the `now` passed in: PyJWT reads the clock itself.
            payload: dict[str, Any] = jwt.decode(
                token,
                self._secret,
                algorithms=[ALGORITHM],
                audience=audience,
                options={
                    "require": ["exp", "iat", "aud"],
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
            expires, issued = float(payload["exp"]), float(payload["iat"])
        except (jwt.PyJWTError, TypeError, ValueError, OverflowError, RecursionError):
            raise TokenError("token-invalid") from None
        if issued > now + CLOCK_SKEW:
            raise TokenError("token-invalid")
        if not now < expires + CLOCK_SKEW:
            raise TokenError("token-expired")
        return payload


def read_or_create_secret(directory: Path) -> bytes:
    """The secret kept in `directory`, made on first use (mode 0600). Raises OSError, or ValueError if it is
    too short."""
    path = directory / SECRET_FILE
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        # Written aside and linked into place: of two processes that start at once, both use the same whole
        # secret.
        aside = directory / f".{SECRET_FILE}-{secrets.token_hex(8)}"
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(base64.urlsafe_b64encode(secrets.token_bytes(48)) + b"\n")
        with contextlib.suppress(FileExistsError):
            os.link(aside, path)
        aside.unlink()
    return read_secret(directory)


def read_secret(directory: Path) -> bytes:
    """The secret kept in `directory`. Raises OSError, or ValueError if it is too short."""
    path = directory / SECRET_FILE
    secret = path.read_bytes().strip()
    if len(secret) < MIN_SECRET:
        raise ValueError(
            f"{path} is too short. Delete it, and a new one is made; all links then stop working."
        )
    return secret
