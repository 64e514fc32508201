"""Which addresses of ours a peer is told (RFC 8839 section 5.1)."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Sequence
from typing import Final

import ifaddr

# RFC 8445 section 5.1.2.1: type preference of host candidates, local preference, component 1.
_TYPE_PREFERENCE: Final = 126
_COMPONENT: Final = 1
# Local preferences. IPv6 before IPv4 (RFC 8421): no NAT. TCP after UDP, with the direction preference of
# "passive" (RFC 6544 section 4.2).
_UDP_PREFERENCE: Final = 65535
_TCP_PREFERENCE = (4 << 13) - 1


def candidates(addresses: Sequence[str], port: int, *, tcp: bool) -> tuple[str, ...]:
    """Values of candidate attributes, the best first: UDP for each address, then passive TCP."""
    ordered = sorted(addresses, key=lambda address: ":" not in address)
    lines: list[str] = []
    for rank, address in enumerate(ordered):
        priority = _priority(_UDP_PREFERENCE - rank)
        lines.append(f"{len(lines) + 1} {_COMPONENT} udp {priority} {address} {port} typ host")
    for rank, address in enumerate(ordered if tcp else ()):
        priority = _priority(_TCP_PREFERENCE - rank)
        lines.append(
            f"{len(lines) + 1} {_COMPONENT} tcp {priority} {address} {port} typ host tcptype passive"
        )
    return tuple(lines)


def announced_addresses(hosts: Iterable[str]) -> tuple[str, ...]:
    """The addresses under which sockets bound to `hosts` can be reached: those of all interfaces for a
    wildcard. Asks the kernel, sends nothing."""
    found: dict[str, None] = {}
    for host in hosts:
        if ipaddress.ip_address(host).is_unspecified:
            family = 6 if ":" in host else 4
            found |= dict.fromkeys(a for a in _interface_addresses() if (":" in a) == (family == 6))
        else:
            found[host] = None
    return tuple(found)


def _interface_addresses() -> list[str]:
    """Usable by a peer: no link-local ones, which need a zone. Loopback comes last: it is for tests and for
    browsers on this machine."""
    addresses = []
    for adapter in ifaddr.get_adapters():
        for entry in adapter.ips:
            text = entry.ip if isinstance(entry.ip, str) else entry.ip[0]
            address = ipaddress.ip_address(text)
            if not address.is_link_local:
                addresses.append(address)
    addresses.sort(key=lambda address: address.is_loopback)
    return [str(address) for address in addresses]


def ipv6_available() -> bool:
    if not socket.has_ipv6:
        return False
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def _priority(local_preference: int) -> int:
    return _TYPE_PREFERENCE << 24 | local_preference << 8 | 256 - _COMPONENT
