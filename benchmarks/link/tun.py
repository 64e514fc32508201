"""TUN devices and network namespaces, from the kernel's interfaces (tun.txt, namespaces(7))."""

from __future__ import annotations

import ctypes
import fcntl
import os
import struct
import subprocess
from pathlib import Path

DEVICE = Path("/dev/net/tun")
_TUNSETIFF = 0x400454CA  # linux/if_tun.h
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_CLONE_NEWNET = 0x40000000  # linux/sched.h


class TunError(Exception):
    """No device or namespace could be made; the words say what to do."""


def open_tun(name: str) -> int:
    """A non-blocking descriptor: each read is one IP packet that was sent to the device, each write one that
    it receives. The device belongs to the namespace of the caller and goes with the descriptor. Raises
    TunError."""
    try:
        descriptor = os.open(DEVICE, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI))
    except OSError as error:
        raise TunError(
            f"The impaired link needs a TUN device, and {DEVICE} refused: {error.strerror}. "
            "Run it as root, on a kernel with CONFIG_TUN (modprobe tun)."
        ) from None
    return descriptor


def leave_network() -> None:
    """Move this process into a new network namespace, which lasts as long as a process is in it. Raises
    TunError."""
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET) != 0:
        reason = os.strerror(ctypes.get_errno())
        raise TunError(f"No network namespace could be made: {reason}. Run it as root.")


def ip(*words: str, network_of: int | None = None) -> None:
    """Run `ip`, in the namespace of the process `network_of`. Raises TunError."""
    enter = [] if network_of is None else ["nsenter", f"--net=/proc/{network_of}/ns/net"]
    try:
        subprocess.run([*enter, "ip", *words], check=True, capture_output=True, text=True, timeout=10)
    except FileNotFoundError as error:
        raise TunError(
            f"The benchmark needs `{error.filename}`: apt-get install iproute2 util-linux."
        ) from None
    except subprocess.CalledProcessError as error:
        raise TunError(f"`ip {' '.join(words)}` failed: {error.stderr.strip()}") from None
