"""From counters and samples to figures: what forwarding cost the server in one window of one run."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.load.description import RTX
from benchmarks.load.driver import Driver
from benchmarks.load.participant import Participant
from benchmarks.load.receiver import Receiver
from benchmarks.process import ServerProcess

STALL_US = 10_000.0  # added latency from which the server is taken to have been held up
CURVE = (*range(0, 90, 5), *range(90, 100), 99.5, 99.9, 100)  # percentiles kept for plots

SATURATED_CPU = 0.8  # share of a core from which the load generator is not to be trusted
SATURATED_LATENESS_MS = 5.0  # 99th percentile behind its schedule


@dataclass(frozen=True, slots=True)
class Delay:
    """Microseconds from the sender's stamp to the kernel's receipt; `curve` at the percentiles of CURVE."""

    p50: float
    p99: float
    max: float
    samples: int
    curve: tuple[float, ...]

    @classmethod
    def of(cls, delays_ns: Sequence[int]) -> Delay:
        if len(delays_ns) == 0:
            return cls(float("nan"), float("nan"), float("nan"), 0, ())
        us = np.asarray(delays_ns, dtype=float) / 1e3
        p50, p99 = np.percentile(us, (50, 99))
        curve = tuple(round(float(value), 1) for value in np.percentile(us, CURVE))
        return cls(float(p50), float(p99), float(us.max()), len(us), curve)


@dataclass(frozen=True, slots=True)
class Figures:
    """One window of one run of one server."""

    server: str
    scenario: str
    round: int
    participants: int
    subscriptions: int
    profile: str  # SRTP protection profile that was negotiated
    seconds: float
    received: int  # RTP packets that the publishers sent
    forwarded: int  # RTP packets that reached receivers, retransmissions left out
    expected: int  # what would have, with every receiver getting sound and the largest encoding
    octets: int  # of the forwarded packets
    lost: int  # gaps in the sequence numbers that receivers saw
    retransmitted: int  # RTX packets that reached receivers
    dropped_by_server: int  # datagrams that its full socket buffers lost
    dropped_by_generator: int
    cpu_seconds: float
    cpu_by_thread: dict[str, float]
    memory_per_participant: float  # bytes
    join_p50: float  # s
    join_max: float
    audio: Delay
    video: Delay
    all: Delay
    stalls: int  # times that latency passed STALL_US
    generator_cpu: float  # share of a core
    lateness_p99_ms: float

    @property
    def cpu_us_per_packet(self) -> float:
        return self.cpu_seconds / self.forwarded * 1e6 if self.forwarded else float("nan")

    @property
    def cpu_share(self) -> float:
        return self.cpu_seconds / self.seconds

    @property
    def rate(self) -> float:
        """Forwarded packets/s."""
        return self.forwarded / self.seconds

    def doubts(self) -> list[str]:
        """Reasons not to believe these figures."""
        doubts = []
        if self.generator_cpu > SATURATED_CPU:
            doubts.append(f"the load generator used {self.generator_cpu:.0%} of its core")
        if self.lateness_p99_ms > SATURATED_LATENESS_MS:
            doubts.append(
                f"the load generator was up to {self.lateness_p99_ms:.1f} ms late (99th percentile)"
            )
        if self.dropped_by_generator:
            doubts.append(f"the load generator's sockets lost {self.dropped_by_generator} datagrams")
        if self.expected and abs(self.forwarded / self.expected - 1) > 0.02:
            doubts.append(f"{self.forwarded / self.expected:.0%} of the expected packets were forwarded")
        return doubts


class Meter:
    """Measures one window: `begin`, let the driver run, `end`. `idle_memory` is the server's before anybody
    joined."""

    def __init__(
        self, process: ServerProcess, participants: list[Participant], driver: Driver, idle_memory: int
    ) -> None:
        self._process = process
        self._participants = participants
        self._driver = driver
        self._idle_memory = idle_memory
        self._start: _Counters | None = None
        self._delivered = 0, 0  # expected and received when `delivered` was last asked

    def begin(self) -> None:
        del self._driver.lateness[:]
        for receiver in self._receivers():
            receiver.sampling = True
        self._start = _Counters.read(self._process, self._participants)

    def delivered(self) -> float:
        """Share of the expected packets that were forwarded since the last call, or since all joined."""
        expected, received = self._delivered
        now = _Counters.read(self._process, self._participants)
        self._delivered = now.expected, now.received
        return (now.received - received) / max(now.expected - expected, 1)

    def end(self, *, server: str, scenario: str, number: int, subscriptions: int) -> Figures:
        assert self._start is not None
        start, end = self._start, _Counters.read(self._process, self._participants)
        receivers = list(self._receivers())
        for receiver in receivers:
            receiver.sampling = False
        audio = [delay for receiver in receivers for delay in receiver.audio_delays]
        video = [delay for receiver in receivers for delay in receiver.video_delays]
        times = [at for receiver in receivers for at in (*receiver.audio_times, *receiver.video_times)]
        delays = [delay for r in receivers for delay in (*r.audio_delays, *r.video_delays)]
        joins = [participant.join_seconds for participant in self._participants]
        spent = {
            name: round(seconds - start.cpu_by_thread.get(name, 0.0), 4)
            for name, seconds in end.cpu_by_thread.items()
        }
        connection = self._participants[0].connections[0]
        return Figures(
            server=server,
            scenario=scenario,
            round=number,
            participants=len(self._participants),
            subscriptions=subscriptions,
            profile=connection.profile.dtls_name if connection.profile else "",
            seconds=end.at - start.at,
            received=end.sent - start.sent,
            forwarded=end.received - start.received,
            expected=end.expected - start.expected,
            octets=end.octets - start.octets,
            lost=(end.highest - start.highest) - (end.received - start.received),
            retransmitted=end.retransmitted - start.retransmitted,
            dropped_by_server=end.server_drops - start.server_drops,
            dropped_by_generator=end.generator_drops - start.generator_drops,
            cpu_seconds=end.cpu - start.cpu,
            cpu_by_thread={name: seconds for name, seconds in spent.items() if seconds > 0},
            memory_per_participant=(end.memory - self._idle_memory) / len(self._participants),
            join_p50=float(np.median(joins)),
            join_max=max(joins),
            audio=Delay.of(audio),
            video=Delay.of(video),
            all=Delay.of(delays),
            stalls=stalls(times, delays),
            generator_cpu=(end.own_cpu - start.own_cpu) / (end.at - start.at),
            lateness_p99_ms=float(np.percentile(self._driver.lateness, 99)) * 1e3,
        )

    def progress(self) -> tuple[float, float]:
        """Forwarded packets/s and the server's share of a core since `begin`."""
        assert self._start is not None
        now = _Counters.read(self._process, self._participants)
        seconds = max(now.at - self._start.at, 1e-3)
        return (now.received - self._start.received) / seconds, (now.cpu - self._start.cpu) / seconds

    def _receivers(self) -> Iterable[Receiver]:
        return (receiver for participant in self._participants for receiver in participant.receivers)


def stalls(times_ns: Sequence[int], delays_ns: Sequence[int]) -> int:
    """How many times delays passed STALL_US: late packets that arrived within that time of each other are
    one."""
    late = sorted(at for at, delay in zip(times_ns, delays_ns, strict=True) if delay / 1e3 > STALL_US)
    return sum(
        1 for before, at in zip([-(10**18), *late], late, strict=False) if (at - before) / 1e3 > STALL_US
    )


@dataclass(frozen=True, slots=True)
class _Counters:
    """Everything that only grows, at one moment. `highest` adds up unwrapped sequence numbers."""

    at: float
    cpu: float
    cpu_by_thread: dict[str, float]
    own_cpu: float
    memory: int
    sent: int
    expected: int
    received: int
    retransmitted: int
    octets: int
    highest: int
    server_drops: int
    generator_drops: int

    @classmethod
    def read(cls, process: ServerProcess, participants: list[Participant]) -> _Counters:
        senders = [p.sender for p in participants if p.sender is not None]
        streams = [s for p in participants for r in p.receivers for s in r.streams.values()]
        media = [stream for stream in streams if stream.payload_type != RTX]
        ports = {c.socket.getsockname()[1] for p in participants for c in p.connections}
        server_drops, generator_drops = udp_drops(Path("/proc/net/udp").read_text(), ports)
        times = os.times()
        return cls(
            at=time.monotonic(),
            cpu=process.cpu_seconds(),
            cpu_by_thread=process.cpu_by_thread(),
            own_cpu=times.user + times.system,
            memory=process.memory(),
            sent=sum(sender.packets for sender in senders),
            expected=sum(p.audience * p.sender.forwardable for p in participants if p.sender is not None),
            received=sum(stream.packets for stream in media),
            retransmitted=sum(stream.packets for stream in streams if stream.payload_type == RTX),
            octets=sum(stream.octets for stream in media),
            highest=sum(stream.highest - stream.first + 1 for stream in media),
            server_drops=server_drops,
            generator_drops=generator_drops,
        )


def udp_drops(table: str, generator_ports: set[int]) -> tuple[int, int]:
    """Datagrams lost to full receive buffers by (others', these) sockets; `table` is /proc/net/udp."""
    others = own = 0
    for line in table.splitlines()[1:]:
        fields = line.split()
        drops = int(fields[12])
        if int(fields[1].rpartition(":")[2], 16) in generator_ports:
            own += drops
        else:
            others += drops
    return others, own
