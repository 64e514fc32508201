"""Who takes part: the shape of a room, and one participant with its connections."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from benchmarks.load.connection import Connection
from benchmarks.load.receiver import Receiver
from benchmarks.load.sender import Sender
from media.rtp import rtcp


@dataclass(frozen=True, slots=True)
class Role:
    """What one participant does: whether it publishes, from how many it receives, how many receive it."""

    publishes: bool
    subscriptions: int
    audience: int


@dataclass(frozen=True, slots=True)
class Shape:
    """One room: `everybody` publish and receive all others, `publishers` only send, `receivers` only
    receive."""

    everybody: int = 0
    publishers: int = 0
    receivers: int = 0

    @property
    def size(self) -> int:
        return self.everybody + self.publishers + self.receivers

    @property
    def sources(self) -> int:
        return self.everybody + self.publishers

    @property
    def subscriptions(self) -> int:
        """(publisher, receiver) pairs."""
        return self.receivers * self.sources + self.everybody * (self.sources - 1)

    def roles(self) -> list[Role]:
        """One for each participant, publishers first."""
        audience = self.everybody + self.receivers
        return (
            [Role(True, 0, audience)] * self.publishers
            + [Role(True, self.sources - 1, audience - 1)] * self.everybody
            + [Role(False, self.sources, 0)] * self.receivers
        )


@dataclass(slots=True)
class Participant:
    """`audience` is how many receive what it publishes. `join_seconds` is from opening the signalling
    connection to the last DTLS handshake. `leave` ends it."""

    audience: int
    join_seconds: float
    leave: Callable[[], Awaitable[None]]
    connections: list[Connection] = field(default_factory=list)
    sender: Sender | None = None
    receivers: list[Receiver] = field(default_factory=list)

    def attach(self, connection: Connection, sender: Sender | None, receiver: Receiver | None) -> None:
        """Let a connected connection carry what the participant sends, receives, or both."""
        self.connections.append(connection)
        if receiver is not None:
            connection.on_rtp = receiver.on_rtp
            self.receivers.append(receiver)
        if sender is not None:
            self.sender = sender

            def on_rtcp(data: bytes) -> None:
                packet = connection.srtp.unprotect_rtcp(data)
                if packet is not None:
                    sender.on_rtcp(rtcp.parse(packet), time.monotonic())

            connection.on_rtcp = on_rtcp
