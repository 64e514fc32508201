"""One UDP socket: how it is opened, and how packets leave it."""

from __future__ import annotations

import errno
import socket
from collections import Counter
from collections.abc import Sequence
from struct import Struct
from typing import Any, Final, Protocol

from media.edge.ice import Address

# Bytes that the kernel keeps while the loop is busy: 4 MB are 0.1 s at 20,000 packets/s. The kernel gives
# less where net.core.rmem_max is lower.
BUFFER_SIZE: Final = 4 << 20

SOL_UDP: Final = 17
UDP_SEGMENT: Final = 103
_SEGMENT_SIZE: Final = Struct("=H")

# What kernels answer that don't have GSO, or not for this route or device (checksum offload missing: EIO).
_GSO_REFUSED: Final = frozenset({errno.EINVAL, errno.ENOPROTOOPT, errno.EOPNOTSUPP, errno.EIO})
# Bytes that a datagram can have on every path: IPv4's 576 (RFC 791) less the headers.
ALWAYS_FITS: Final = 548


class DatagramSocket(Protocol):
    """What we need of a non-blocking UDP socket: the real one, or one of an in-memory network."""

    def fileno(self) -> int: ...

    def getsockname(self) -> Any: ...

    def recvfrom(self, bufsize: int, /) -> tuple[bytes, Any]: ...

    def sendmsg(
        self, buffers: Sequence[bytes], ancdata: Sequence[tuple[int, int, bytes]], flags: int, address: Any, /
    ) -> int: ...

    def close(self) -> None: ...


def open_udp_socket(host: str, port: int) -> DatagramSocket:
    """Binds an IPv4 or IPv6 address; an IPv6 socket takes no IPv4, which has a socket of its own."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    udp = socket.socket(family, socket.SOCK_DGRAM)
    try:
        udp.setblocking(False)
        if family == socket.AF_INET6:
            udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_SIZE)
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_SIZE)
        udp.bind((host, port))
    except OSError:
        udp.close()
        raise
    return udp


class UdpSender:
    """Sends packets, each given in two pieces that need not be joined first. A packet that the kernel doesn't
    take is dropped and counted: late media is worth nothing."""

    def __init__(self, udp: DatagramSocket, drops: Counter[str]) -> None:
        self._sendmsg = udp.sendmsg
        self._drops = drops
        self.batches = True  # whether `send_run` is worth calling: the kernel has not refused GSO
        self.kind = "udp6" if len(udp.getsockname()) == 4 else "udp4"

    def send(self, header: bytes, rest: bytes, address: Address) -> None:
        try:
            self._sendmsg((header, rest), (), 0, address)
        except OSError as error:
            self._count(error)

    def send_run(self, pieces: list[bytes], size: int, address: Address) -> None:
        """Sends [header, rest, header, rest ...] in one call; packets have `size` bytes, the last may be
        shorter."""
        try:
            self._sendmsg(pieces, ((SOL_UDP, UDP_SEGMENT, _SEGMENT_SIZE.pack(size)),), 0, address)
        except OSError as error:
            if error.errno in _GSO_REFUSED:
                # Of a segment longer than the MTU of this one path, older kernels say EINVAL too.
                self.batches = error.errno == errno.EINVAL and size > ALWAYS_FITS
            elif error.errno != errno.EMSGSIZE:  # which newer ones say of it
                self._drops[_reason(error)] += len(pieces) // 2
                return
            for at in range(0, len(pieces), 2):
                self.send(pieces[at], pieces[at + 1], address)

    def release(self) -> None:
        """The socket is everybody's."""

    def _count(self, error: OSError) -> None:
        self._drops[_reason(error)] += 1


def _reason(error: OSError) -> str:
    return "send-full" if error.errno in (errno.EAGAIN, errno.ENOBUFS) else "send-refused"
