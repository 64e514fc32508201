"""How a receiver's sound is packed: how much goes into one RTP packet, and what each packet says once more.

Thin paths get two or three Opus frames a packet (RFC 6716 section 3.2.5), because at 20 ms the headers cost
as much as the speech. Lossy paths with room get the frames of before again, inside the packets that follow
(RFC 2198) or, where the receiver takes no such packets, apart from them. Lost sound is never sent again on
request: no browser takes RTX for sound, and the same number under AES-GCM with another transport-wide stamp
would repeat a nonce (RFC 7714 section 8.1).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Final

from media.congestion.base import IP_UDP_OVERHEAD
from media.payload import red
from media.payload.red import Block
from media.stream.outlet import SRTP_TAG

CLOCK: Final = 48_000  # ticks/s of Opus' RTP clock (RFC 7587 section 4.1)
FRAME: Final = 960  # ticks, 20 ms: what browsers put into one packet
FRAME_TIME: Final = FRAME / CLOCK  # seconds
MAX_PAYLOAD: Final = 1150  # bytes; more would not fit a datagram on every path
RTP_HEADER: Final = 12  # bytes
TRANSPORT_CC: Final = 8  # bytes of the one header extension that sound is sent with
RED_COPY: Final = 4  # bytes of head that a copy and the packet's own sound get
RED_PRIMARY: Final = 1
MERGED_HEAD: Final = 2  # bytes: TOC and frame count; then a size for each frame but the last


class Redundancy(Enum):
    """How a receiver gets sound again."""

    NONE = "not at all"
    RED = "inside the packets that follow"  # RFC 2198
    APART = "as packets of its own"  # under numbers of their own, with the timestamp of the first


class Packing:
    """`distances`: how many packets back the ones lie that each packet repeats, nearest first. `frames` of
    20 ms go into one packet; what the publisher packs longer stays as it is.

    Immutable. All are weighed for each receiver a few times a second, by tables that they are the keys of:
    hence no dataclass, which hashes all its fields at each look."""

    __slots__ = ("_hash", "distances", "frames")

    def __init__(self, distances: tuple[int, ...] = (), frames: int = 1) -> None:
        self.distances = distances
        self.frames = frames
        self._hash = hash((distances, frames))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Packing) and self.distances == other.distances and self.frames == other.frames
        )

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return f"Packing({self.label})"

    @property
    def label(self) -> str:
        """For metrics: milliseconds a packet and the distances, "20 ms" or "40 ms + 1, 3"."""
        copies = ", ".join(str(distance) for distance in self.distances)
        return f"{self.frames * 20} ms" + (f" + {copies}" if copies else "")

    @property
    def hold(self) -> float:
        """Seconds that the first frame of a packet waits in the relay."""
        return (self.frames - 1) * FRAME_TIME

    @property
    def recovery(self) -> float:
        """Seconds from a loss to its last copy: what a receiver has to buffer to make use of it."""
        return max(self.distances, default=0) * self.frames * FRAME_TIME

    def count(self, samples: int) -> int:
        """How many of the publisher's packets, `samples` ticks each, go into one."""
        return max(1, self.frames * FRAME // samples) if self.frames > 1 else 1

    def bitrate(
        self,
        size: float,
        samples: int,
        redundancy: Redundancy = Redundancy.RED,
        *,
        stamped: bool = True,
    ) -> float:
        """What a voice costs on the wire (IPv4) in bit/s while somebody talks: `size` bytes every `samples`
        ticks. `stamped`: the receiver takes transport-wide numbers."""
        count = self.count(samples)
        sound = size if count == 1 else MERGED_HEAD + (count - 1) + count * (size - 1)
        packet = sound
        packets = 1 + len(self.distances) if redundancy is Redundancy.APART else 1
        if redundancy is Redundancy.RED and self.distances and sound <= red.MAX_BLOCK:
            copies = min(len(self.distances), int((MAX_PAYLOAD - RED_PRIMARY - sound) / (RED_COPY + sound)))
            if copies > 0:
                packet += RED_PRIMARY + copies * (RED_COPY + sound)
        packet += IP_UDP_OVERHEAD + RTP_HEADER + (TRANSPORT_CC if stamped else 0) + SRTP_TAG
        return packets * packet * 8 * CLOCK / (count * samples)


PLAIN: Final = Packing()
USUAL: Final = Packing((1,))  # as Chromium packs its own


def with_copies(sound: bytes, copies: Iterable[tuple[int, bytes]], opus: int) -> bytes:
    """An RFC 2198 payload of `sound` after as many of `copies` (ticks back, data) as may and can go with it,
    nearest first. b"": none can. `opus` is the payload type of all blocks."""
    blocks = [Block(opus, 0, sound)]
    size = RED_PRIMARY + len(sound)
    for ticks, data in copies:
        block = Block(opus, ticks, data)
        if red.fits(block) and size + RED_COPY + len(data) <= MAX_PAYLOAD:
            blocks.append(block)
            size += RED_COPY + len(data)
    return red.build(blocks[::-1]) if len(blocks) > 1 else b""
