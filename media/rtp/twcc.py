"""Transport-wide feedback: when the packets of one path arrived
(draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1; libwebrtc: transport_feedback.cc)."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

PACKET_TYPE: Final = 205  # RTPFB, RFC 4585 section 6.1
FORMAT: Final = 15
# Packets that one feedback may speak of: as many as `SentPackets` remembers. Two bytes can say of 8,191
# packets that they were lost, so that without a limit 36 bytes make a list of 65,535.
MAX_COUNT: Final = 2048
MAX_DELTA: Final = 0x7FFF  # ticks of 250 us from one arrival to the next, 8.2 s; -MAX_DELTA - 1 backwards

_LOST: Final = 0  # packet status symbols: no delta, 8 bit unsigned, 16 bit signed
_SMALL: Final = 1
_LARGE: Final = 2
_MAX_RUN: Final = 0x1FFF
_HEAD: Final = struct.Struct("!IIHHI")
_LARGE_DELTA: Final = struct.Struct("!h")


@dataclass(frozen=True, slots=True)
class TransportFeedback:
    """What became of the packets `base_sequence`, `base_sequence` + 1, ... (16 bit, wrapping).

    `arrivals` has one entry each: the time of arrival in 250 us ticks after `reference_time` (24 bits, 64 ms
    ticks of the receiver's clock, wrapping), None for not received. `feedback_count` numbers the feedbacks
    of one sender (8 bits, wrapping)."""

    sender_ssrc: int
    media_ssrc: int
    base_sequence: int
    reference_time: int
    feedback_count: int
    arrivals: tuple[int | None, ...]

    @classmethod
    def parse(cls, body: bytes) -> TransportFeedback | None:
        """`body` is the RTCP packet after its first four bytes, without padding. None: malformed, or
        about more than `MAX_COUNT` packets."""
        if len(body) < _HEAD.size:
            return None
        sender_ssrc, media_ssrc, base, count, reference = _HEAD.unpack_from(body)
        if count > MAX_COUNT:
            return None
        runs: list[tuple[int, int]] = []
        at = _HEAD.size
        missing = count
        while missing > 0:
            if at + 2 > len(body):
                return None
            chunk = body[at] << 8 | body[at + 1]
            at += 2
            if chunk < 0x8000:
                run = min(chunk & _MAX_RUN, missing)
                runs.append((chunk >> 13, run))
                missing -= run
                continue
            if chunk < 0xC000:  # 14 symbols of one bit
                symbols = [chunk >> shift & 1 for shift in range(13, -1, -1)]
            else:  # 7 symbols of two bits
                symbols = [chunk >> shift & 3 for shift in range(12, -1, -2)]
            runs += [(symbol, 1) for symbol in symbols[:missing]]
            missing -= len(symbols)
        arrivals = _read_deltas(runs, body, at)
        if arrivals is None:
            return None
        return cls(sender_ssrc, media_ssrc, base, reference >> 8, reference & 0xFF, tuple(arrivals))

    def serialize(self) -> bytes:
        """Neighbouring arrivals must be within `MAX_DELTA` of each other."""
        assert len(self.arrivals) <= MAX_COUNT
        symbols: list[int] = []
        deltas = bytearray()
        previous = 0
        for arrival in self.arrivals:
            if arrival is None:
                symbols.append(_LOST)
                continue
            delta = arrival - previous
            previous = arrival
            if 0 <= delta <= 0xFF:
                symbols.append(_SMALL)
                deltas.append(delta)
            else:
                symbols.append(_LARGE)
                deltas += delta.to_bytes(2, "big", signed=True)
        body = (
            _HEAD.pack(
                self.sender_ssrc,
                self.media_ssrc,
                self.base_sequence,
                len(self.arrivals),
                self.reference_time << 8 | self.feedback_count,
            )
            + _write_chunks(symbols)
            + deltas
        )
        padding = -len(body) % 4
        if padding:
            body += bytes(padding - 1) + bytes((padding,))
        return struct.pack("!BBH", 0x80 | bool(padding) << 5 | FORMAT, PACKET_TYPE, len(body) // 4) + body


def _read_deltas(runs: Iterable[tuple[int, int]], body: bytes, at: int) -> list[int | None] | None:
    arrivals: list[int | None] = []
    time = 0
    size = len(body)
    for symbol, run in runs:
        if symbol == _LOST:
            arrivals += [None] * run
        elif symbol == _SMALL:
            if at + run > size:
                return None
            for delta in body[at : at + run]:
                time += delta
                arrivals.append(time)
            at += run
        elif symbol == _LARGE:
            if at + 2 * run > size:
                return None
            for (delta,) in _LARGE_DELTA.iter_unpack(body[at : at + 2 * run]):
                time += delta
                arrivals.append(time)
            at += 2 * run
        else:  # reserved: how long its delta is, nobody knows
            return None
    return arrivals


def _write_chunks(symbols: Sequence[int]) -> bytes:
    """At each step the chunk that says most: a run, 14 one-bit symbols where no large delta is among them,
    or 7 two-bit symbols. What a vector says beyond the last packet is ignored by the reader."""
    chunks = bytearray()
    at = 0
    while at < len(symbols):
        run = _run_length(symbols, at)
        bits = symbols[at : at + 14]
        if run >= 14 or run >= len(bits):
            chunk = symbols[at] << 13 | run
            at += run
        elif _LARGE not in bits:
            chunk = 0x8000 | _join(bits, width=1, places=14)
            at += 14
        elif run >= 7:
            chunk = symbols[at] << 13 | run
            at += run
        else:
            chunk = 0xC000 | _join(symbols[at : at + 7], width=2, places=7)
            at += 7
        chunks += chunk.to_bytes(2, "big")
    return bytes(chunks)


def _run_length(symbols: Sequence[int], at: int) -> int:
    end = min(len(symbols), at + _MAX_RUN)
    stop = at + 1
    while stop < end and symbols[stop] == symbols[at]:
        stop += 1
    return stop - at


def _join(symbols: Sequence[int], *, width: int, places: int) -> int:
    joined = 0
    for symbol in symbols:
        joined = joined << width | symbol
    return joined << width * (places - len(symbols))
