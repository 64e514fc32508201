"""The link as a process of its own: `python -m benchmarks.link.wire`, which `network.py` starts.

It opens one TUN device in the network that it is started in, moves into a new namespace, and opens two more
there: the far side's Wi-Fi and its mobile network. Packets go between through a `Road`. On standard input it
takes conditions, a line each; on standard output it says a line of counters every 100 ms, with the time on
the clock that all processes share. When standard input ends, so does it, and its devices with it.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import select
import sys
import time

from benchmarks.link.road import Conditions, Direction, Road, decode
from benchmarks.link.tun import TunError, ip, leave_network, open_tun

NEAR = "road0"
# Not tun0: Chromium takes devices of that name for a VPN, and sees no change of network in them.
WIFI, MOBILE = "wlan0", "wwan0"
NEAR_ADDRESS = "10.99.255.1"
WIFI_ADDRESS, MOBILE_ADDRESS = "10.99.1.2", "10.99.2.2"
REPORT_INTERVAL = 0.1  # s
PRIORITY = 10  # of the round-robin scheduler: a link that comes late would be a worse link
_DESTINATION = slice(16, 20)  # in an IPv4 header
_MTU = 1500


def main() -> int:
    try:
        near = open_tun(NEAR)
        ip("address", "add", f"{NEAR_ADDRESS}/32", "dev", NEAR)
        ip("link", "set", NEAR, "up")
        for address in (WIFI_ADDRESS, MOBILE_ADDRESS):
            ip("route", "add", f"{address}/32", "dev", NEAR)
        leave_network()
        wifi, mobile = open_tun(WIFI), open_tun(MOBILE)
        ip("link", "set", "lo", "up")
    except TunError as error:
        print(error, file=sys.stderr)
        return 1
    with contextlib.suppress(PermissionError):  # lateness is measured, and reported
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(PRIORITY))
    seed, first = sys.stdin.readline().split(maxsplit=1)
    print(json.dumps({"ready": os.getpid()}), flush=True)
    _run(near, {_packed(WIFI_ADDRESS): wifi, _packed(MOBILE_ADDRESS): mobile}, decode(first), int(seed))
    return 0


def _run(near: int, far: dict[bytes, int], first: Conditions, seed: int) -> None:
    road = Road(first, random.Random(seed), now=time.monotonic())
    commands = sys.stdin.fileno()
    os.set_blocking(commands, False)
    heard = b""
    ways = {near: Direction.DOWN} | dict.fromkeys(far.values(), Direction.UP)
    report_at = time.monotonic()
    while True:
        now = time.monotonic()
        until = min(report_at, road.next_due() or report_at)
        readable, _, _ = select.select([commands, *ways], [], [], max(0.0, until - now))
        for descriptor in readable:
            if descriptor != commands:
                _receive(descriptor, ways[descriptor], road)
                continue
            data = os.read(commands, 1 << 20)
            if not data:
                return
            *lines, heard = (heard + data).split(b"\n")
            for line in lines:
                road.impose(decode(line.decode()), now=time.monotonic())
        now = time.monotonic()
        for way, packet in road.due(now=now):
            target = near if way is Direction.UP else far[packet[_DESTINATION]]
            try:
                os.write(target, packet)
            except OSError:
                continue  # that network is down
        if now >= report_at:
            report_at = now + REPORT_INTERVAL
            print(json.dumps({"at": now, **road.report(now=now)}), flush=True)


def _receive(descriptor: int, way: Direction, road: Road) -> None:
    while True:
        try:
            packet = os.read(descriptor, _MTU)
        except OSError:
            return
        # IPv4 alone, and no multicast: neither is part of a call here.
        known = packet[_DESTINATION] in _FAR if way is Direction.DOWN else packet[16] < 224
        if packet[0] >> 4 == 4 and known:
            road.take(way, packet, now=time.monotonic())


def _packed(address: str) -> bytes:
    return bytes(map(int, address.split(".")))


_FAR = (_packed(WIFI_ADDRESS), _packed(MOBILE_ADDRESS))

if __name__ == "__main__":
    sys.exit(main())
