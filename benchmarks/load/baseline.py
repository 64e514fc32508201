"""The latency of the machine itself: the same stamp, encryption and datagram, with no server in between."""

from __future__ import annotations

import fcntl
import os
import socket
import time
from collections import Counter
from struct import Struct

from benchmarks.load.measure import Delay
from benchmarks.load.receiver import SIOCGSTAMPNS
from benchmarks.load.traffic import MAX_PAYLOAD, MIN_PAYLOAD
from media.edge.srtp import SrtpKeys, SrtpProfile, create_session

PACKETS = 500
INTERVAL = 0.002  # s

_TIMESPEC = Struct("qq")


def direct(host: str) -> Delay:
    """Nanoseconds-stamped packets through one loopback hop, timed exactly as through a server."""
    profile = SrtpProfile.AEAD_AES_256_GCM
    keys = os.urandom(profile.key_length + profile.salt_length)
    session = create_session(SrtpKeys(profile, keys, keys), Counter())
    filler = os.urandom(MAX_PAYLOAD - MIN_PAYLOAD + 16)
    timespec = bytearray(_TIMESPEC.size)
    delays = []
    with _bound(host) as receiver, _bound(host) as sender:
        sender.connect(receiver.getsockname())
        for sequence in range(PACKETS):
            header = bytes((0x80, 96)) + sequence.to_bytes(2, "big") + bytes(8)
            sent = time.time_ns()
            protected = session.protect_rtp(header, filler + sent.to_bytes(8, "big"))
            assert protected is not None
            sender.send(header + protected)
            receiver.recv(2048)
            try:
                fcntl.ioctl(receiver, SIOCGSTAMPNS, timespec)
            except FileNotFoundError:
                continue  # the first call switches the stamps on
            seconds, nanoseconds = _TIMESPEC.unpack(timespec)
            delays.append(seconds * 1_000_000_000 + nanoseconds - sent)
            time.sleep(INTERVAL)
    return Delay.of(delays)


def _bound(host: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((host, 0))
    return sock
