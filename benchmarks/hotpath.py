"""The relay's work for one packet, piece by piece, in microseconds of CPU: what SRTP costs by each way to do
it, what the kernel takes for sending and receiving, and a packet's whole way through the media port.

Best of several rounds, of one process, kernel time on its behalf included (on loopback that is also the
receiver's softirq). Compare figures of one run with each other; absolute ones are this machine's.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable
from struct import pack

import pylibsrtp
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pylibsrtp._binding import ffi, lib

from media.edge.batch import plan_runs
from media.edge.ice import Path
from media.edge.port import MediaPort
from media.edge.srtp import SrtpKeys, SrtpProfile, create_session
from media.edge.transport import Transport
from media.edge.udp import UdpSender, open_udp_socket
from media.rtp.packet import RtpHeader

HEADER_EXTENSION = bytes.fromhex("bede0001") + b"\x10\x61\x00\x00"
TAG = 16
FRAME = 5  # packets in one video frame
ROUNDS = 7
BUFFERED = 90  # packets that the smallest usual receive buffer (208 kB) holds

_LIBSRTP = {
    SrtpProfile.AEAD_AES_128_GCM: pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    SrtpProfile.AES128_CM_SHA1_80: pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
}


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks hotpath", description=__doc__.split("\n")[0])
    parser.add_argument("--payload", type=int, default=1100, help="bytes of RTP payload")
    parser.add_argument("--packets", type=int, default=2000, help="packets in a round")
    options = parser.parse_args(argv)
    payload, count = os.urandom(options.payload), options.packets
    print(f"CPU us per packet of {options.payload} bytes, best of {ROUNDS} rounds of {count}\n")
    _print("SRTP", _srtp(payload, count))
    _print("kernel", _kernel(len(payload) + TAG, count))
    _print("media port", asyncio.run(_port(payload, count)))
    return 0


def _print(title: str, rows: list[tuple[str, float]]) -> None:
    print(title)
    for name, cost in rows:
        print(f"  {name:58} {cost:6.2f}")
    print()


def _headers(count: int, ssrc: int = 1, start: int = 0) -> list[bytes]:
    return [
        RtpHeader(96, (start + n) & 0xFFFF, 3000, ssrc, extension=HEADER_EXTENSION).serialize()
        for n in range(count)
    ]


def _best(count: int, work: Callable[[], None], prepare: Callable[[], None] = lambda: None) -> float:
    """Microseconds of CPU per packet."""
    best = float("inf")
    for _ in range(ROUNDS):
        prepare()
        start = time.process_time_ns()
        work()
        best = min(best, time.process_time_ns() - start)
    return best / count / 1000


def _srtp(payload: bytes, count: int) -> list[tuple[str, float]]:
    rows = []
    aead, iv, header = AESGCM(os.urandom(16)), bytes(12), _headers(1)[0]
    buffer = bytearray(len(payload) + TAG)

    def encrypt() -> None:
        for _ in range(count):
            aead.encrypt(iv, payload, header)

    def encrypt_into() -> None:
        for _ in range(count):
            aead.encrypt_into(iv, payload, header, buffer)

    rows.append(("AES-GCM alone: encrypt", _best(count, encrypt)))
    rows.append(("AES-GCM alone: encrypt_into, one buffer", _best(count, encrypt_into)))
    for profile in SrtpProfile:
        rows += _session(profile, payload, count)
    for profile in _LIBSRTP:
        rows += _libsrtp(profile, payload, count)
    return rows


def _session(profile: SrtpProfile, payload: bytes, count: int) -> list[tuple[str, float]]:
    key = os.urandom(profile.key_length + profile.salt_length)
    session = create_session(SrtpKeys(profile, key, key), Counter())
    sent = 0
    headers: list[bytes] = []
    packets: list[bytes] = []

    def prepare() -> None:
        nonlocal headers, sent
        headers = _headers(count, start=sent)
        sent += count

    def protect() -> None:
        protect_rtp = session.protect_rtp
        for header in headers:
            protect_rtp(header, payload)

    def prepare_received() -> None:
        nonlocal packets
        prepare()
        packets = [protected for header in headers if (protected := session.protect_rtp(header, payload))]

    def unprotect() -> None:
        unprotect_rtp = session.unprotect_rtp
        for header, packet in zip(headers, packets, strict=True):
            unprotect_rtp(header, packet)

    return [
        (f"our session, {profile.name}: protect", _best(count, protect, prepare)),
        (f"our session, {profile.name}: unprotect", _best(count, unprotect, prepare_received)),
    ]


def _libsrtp(profile: SrtpProfile, payload: bytes, count: int) -> list[tuple[str, float]]:
    """pylibsrtp as it comes, and its C function called on one buffer of ours."""
    key = os.urandom(profile.key_length + profile.salt_length)

    def session(ssrcs: int) -> pylibsrtp.Session:
        return pylibsrtp.Session(pylibsrtp.Policy(key, ssrcs, srtp_profile=_LIBSRTP[profile]))

    sending = session(pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
    receiving = session(pylibsrtp.Policy.SSRC_ANY_INBOUND)
    sent = 0
    packets: list[bytes] = []

    def prepare() -> None:
        nonlocal packets, sent
        packets = [header + payload for header in _headers(count, start=sent)]
        sent += count

    def protect() -> None:
        for packet in packets:
            sending.protect(packet)

    def prepare_received() -> None:
        nonlocal packets
        prepare()
        packets = [sending.protect(packet) for packet in packets]

    def unprotect() -> None:
        for packet in packets:
            receiving.unprotect(packet)

    data = ffi.new("char[]", 2048)
    view, length = ffi.buffer(data), ffi.new("int *")

    def protect_in_place() -> None:
        handle, function = sending._srtp[0], lib.srtp_protect
        for packet in packets:
            size = len(packet)
            view[0:size] = packet
            length[0] = size
            function(handle, data, length)
            view[0 : length[0]]

    return [
        (f"pylibsrtp, {profile.name}: protect", _best(count, protect, prepare)),
        (f"pylibsrtp, {profile.name}: protect in place", _best(count, protect_in_place, prepare)),
        (f"pylibsrtp, {profile.name}: unprotect", _best(count, unprotect, prepare_received)),
    ]


def _kernel(size: int, count: int) -> list[tuple[str, float]]:
    udp, sink = open_udp_socket("127.0.0.1", 0), _sink()
    address = sink.getsockname()
    drops: Counter[str] = Counter()
    sender = UdpSender(udp, drops)
    header, rest = bytes(20), bytes(size)
    rows = []

    def single() -> None:
        for _ in range(count):
            sender.send(header, rest, address)

    def run(segments: int) -> Callable[[], None]:
        pieces = [header, rest] * segments

        def work() -> None:
            for _ in range(count // segments):
                sender.send_run(pieces, size + len(header), address)

        return work

    block = min(count, BUFFERED)

    def receive() -> None:
        for _ in range(block):
            sink.recvfrom(2048)

    def fill() -> None:
        _empty(sink)
        for _ in range(block):
            sender.send(header, rest, address)

    empty = lambda: _empty(sink)  # noqa: E731
    rows.append(("send one by one", _best(count, single, empty)))
    for segments in (2, FRAME, 10, 40):
        rows.append((f"send by GSO, {segments} at once", _best(count, run(segments), empty)))
    rows.append(("receive", _best(block, receive, fill)))
    if drops or not sender.batches:
        print(f"  (GSO {'works' if sender.batches else 'refused'}, drops: {dict(drops)})", file=sys.stderr)
    udp.close()
    sink.close()
    return rows


def _sink() -> socket.socket:
    sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 << 20)
    sink.setblocking(False)
    sink.bind(("127.0.0.1", 0))
    return sink


def _empty(sink: socket.socket) -> None:
    try:
        while True:
            sink.recv(2048)
    except BlockingIOError:
        pass


async def _port(payload: bytes, count: int) -> list[tuple[str, float]]:
    rows = []
    for fan_out, at_once in ((0, FRAME), (1, 1), (1, FRAME), (8, 1), (8, FRAME)):
        relay = _Relay(fan_out, at_once, payload)
        await relay.open()
        best = min(relay.round(count // at_once // 2) for _ in range(ROUNDS))
        what = f"to {fan_out}" if fan_out else "receive only"
        rows.append((f"{what}, {at_once} in a drain: per packet {'out' if fan_out else 'in'}", best))
        await relay.close()
    rows.append(("planning of a frame's GSO run", _best(count * FRAME, lambda: _plan(payload, count))))
    return rows


class _Relay:
    """Real sockets and the port's own drain, with a core that only rewrites the SSRC. Handshakes are left
    out: the keys are put in by hand."""

    def __init__(self, fan_out: int, at_once: int, payload: bytes) -> None:
        self._at_once, self._payload = at_once, payload
        key = os.urandom(28)
        self._keys = SrtpKeys(SrtpProfile.AEAD_AES_128_GCM, key, key)
        self._session = create_session(self._keys, Counter())
        self._source = _sink()
        self._sinks = [_sink() for _ in range(fan_out)]
        self._port = MediaPort(tcp=False)
        self._receivers: list[Transport] = []
        self._sent = self._received = 0

    async def open(self) -> None:
        await self._port.open("127.0.0.1", 0)
        self._udp = self._port._sockets[0]
        self._sender = UdpSender(self._udp, self._port.drops)
        self._transport(self._source, self._forward)
        self._receivers = [self._transport(sink, _ignore) for sink in self._sinks]

    def round(self, drains: int) -> float:
        """Microseconds of CPU per packet that came out (or in, where none comes out)."""
        cost = 0
        for _ in range(drains):
            self._fill()
            start = time.process_time_ns()
            self._port._drain(self._udp, self._sender)
            cost += time.process_time_ns() - start
            for sink in self._sinks:
                _empty(sink)
        assert self._received == self._sent, self._port.drops
        return cost / drains / self._at_once / max(1, len(self._sinks)) / 1000

    async def close(self) -> None:
        await self._port.close()
        for peer in (self._source, *self._sinks):
            peer.close()

    def _forward(self, header: bytes, payload: bytes, now: float) -> None:
        self._received += 1
        for number, transport in enumerate(self._receivers):
            transport.send_rtp(header[:8] + pack("!I", number) + header[12:], payload)

    def _fill(self) -> None:
        self._port._refill_at = 0.0  # no real peer sends as fast as this one
        for header in _headers(self._at_once, ssrc=5, start=self._sent):
            protected = self._session.protect_rtp(header, self._payload)
            assert protected is not None
            self._source.sendto(header + protected, ("127.0.0.1", self._port.port))
        self._sent += self._at_once

    def _transport(self, peer: socket.socket, on_rtp: Callable[[bytes, bytes, float], None]) -> Transport:
        transport = self._port.create_transport(
            on_rtp=on_rtp, on_rtcp=_ignore, on_connected=_ignore, on_closed=_ignore
        )
        address = peer.getsockname()
        path = Path(transport, address, address, self._sender)
        self._port._add(path)
        transport.ice.selected = path
        transport._on_keys(self._keys)
        return transport


def _ignore(*_: object) -> None:
    pass


def _plan(payload: bytes, count: int) -> None:
    batch = [(b"\x80" * 20, payload)] * FRAME
    for _ in range(count):
        plan_runs(batch, TAG)
