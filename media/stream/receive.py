"""One received RTP stream: loss, jitter and the packets to ask for again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from media.rtp.rtcp import ReportBlock
from media.rtp.sequence import unwrap16

MAX_MISSING: Final = 256  # packets asked for at once; beyond it a keyframe is cheaper than repair
# Seconds without a packet, and packets, after which what was lost meanwhile is not asked for: it would come
# all at once, ahead of what is said now, and for a picture that a keyframe mends sooner.
MAX_SILENCE: Final = 0.5
MAX_AFTER_SILENCE: Final = 16
MAX_TRIES: Final = 8  # NACKs per packet
GIVE_UP: Final = 1.0  # seconds after which a missing packet is of no use to a live picture
MAX_JUMP: Final = 2000  # packets; a larger step means that the sender restarted its numbers
REORDER_WAIT: Final = 0.01  # seconds; a packet that is late by less was reordered, not lost
RTT_MARGIN: Final = 1.25  # round trips between two requests for one packet
# Seconds a second by which the best lag is taken to grow: clocks drift, paths get longer.
FORGETTING: Final = 0.01


class ReceiveStream:
    """Counts one SSRC's packets (RFC 3550 appendix A), tracks the ones that are missing and, if `nacks`, says
    when to ask for them. `on_restart` is called when the sender has begun its numbers anew."""

    __slots__ = (
        "_base",
        "_cycle_expected",
        "_cycle_received",
        "_jitter",
        "_lag",
        "_lag_best",
        "_lag_lowest",
        "_lag_sum",
        "_lags",
        "_last_transit",
        "_missing",
        "_on_restart",
        "_restart",
        "_tick",
        "_tick_at",
        "bytes",
        "clock_rate",
        "highest",
        "last_packet_at",
        "nacks",
        "next_nack_at",
        "received",
        "sender_ntp",
        "sender_ntp_at",
        "sender_rtp",
        "ssrc",
        "unrepaired",
    )

    def __init__(
        self, ssrc: int, clock_rate: int, *, nacks: bool, on_restart: Callable[[], None] | None = None
    ) -> None:
        self.ssrc = ssrc
        self.clock_rate = clock_rate
        self.nacks = nacks
        self.highest = -1  # extended sequence number; -1 before the first packet
        self.received = 0
        self.bytes = 0
        self.last_packet_at = float("-inf")
        self.next_nack_at = float("inf")  # when `due_nacks` has something to say, or earlier
        self.unrepaired = 0  # packets given up since last asked (`take_unrepaired`)
        self.sender_ntp: int | None = None  # of the last sender report, 32.32 fixed point
        self.sender_rtp = 0
        self.sender_ntp_at = 0.0  # when it came
        self._on_restart = on_restart
        self._base = 0
        self._cycle_expected = 0
        self._cycle_received = 0
        self._jitter = 0.0
        self._last_transit: float | None = None
        self._lag = 0.0  # seconds that packets take longer than the first one did
        self._lag_best = 0.0  # lately
        self._lags = 0  # of which this many, since `take_lag`
        self._lag_sum = 0.0
        self._lag_lowest = float("inf")
        self._tick = -1
        self._tick_at = float("-inf")  # when the first packet of that timestamp came
        self._restart = -1  # the number that would prove that the sender restarted (RFC 3550 A.1, bad_seq)
        self._missing: dict[int, list[float]] = {}  # sequence -> [noticed at, tries, next request at]

    def receive(self, sequence: int, timestamp: int, size: int, *, now: float) -> int | None:
        """Takes one packet in; its extended sequence number, or None for a repeat that must not go on."""
        if self.highest < 0:
            # A first number just below the wrap must not become negative when an earlier packet follows.
            self.highest = self._base = extended = sequence + 0x10000
            self._note_jitter(timestamp, now)
        else:
            extended = unwrap16(sequence, self.highest)
            step = extended - self.highest
            if 0 < step <= MAX_JUMP:
                if step > 1:
                    self._note_missing(self.highest + 1, extended, now)
                self.highest = extended
                if timestamp != self._tick:
                    self._note_jitter(timestamp, now)
            elif -MAX_JUMP < step <= 0:
                if self._missing.pop(extended, None) is None:
                    return None
            elif sequence != self._restart:
                self._restart = (sequence + 1) & 0xFFFF
                return None
            else:
                self._missing.clear()
                extended = (self.highest | 0xFFFF) + 1 + sequence
                self._base += extended - self.highest - 1
                self.highest = extended
                if self._on_restart is not None:
                    self._on_restart()
        self.received += 1
        self.bytes += size
        self.last_packet_at = now
        return extended

    def is_missing(self, sequence: int) -> bool:
        """Is the packet of this 16-bit number wanted? RTX may carry copies of packets that we have."""
        return self.highest >= 0 and unwrap16(sequence, self.highest) in self._missing

    def due_nacks(self, rtt: float, *, now: float) -> tuple[int, ...]:
        """The 16-bit numbers to ask for now: late enough to be lost rather than reordered, and not asked for
        within the last round trip (`rtt`, seconds)."""
        due: list[int] = []
        gone: list[int] = []
        self.next_nack_at = float("inf")
        for sequence, entry in self._missing.items():
            noticed, tries, request_at = entry
            if now >= request_at:
                if tries >= MAX_TRIES or now - noticed > GIVE_UP:
                    gone.append(sequence)
                    continue
                entry[1] += 1
                entry[2] = request_at = now + rtt * RTT_MARGIN
                due.append(sequence & 0xFFFF)
            self.next_nack_at = min(self.next_nack_at, request_at)
        for sequence in gone:
            del self._missing[sequence]
        self.unrepaired += len(gone)
        return tuple(due)

    def take_unrepaired(self) -> int:
        """How many packets were given up since the last call; a picture with holes needs a keyframe."""
        count, self.unrepaired = self.unrepaired, 0
        return count

    @property
    def behind(self) -> float:
        """Seconds that the newest packet took longer than the best did lately. Of the packets of a frame, the
        later ones count too: a path that became narrow may bring nothing else for a while."""
        return self._lag - self._lag_best + self.last_packet_at - self._tick_at

    def take_lag(self) -> tuple[float, float] | None:
        """(lowest, mean) of the seconds that packets took longer than the first one did, since the last
        call; None if none came. It drifts with the two clocks."""
        if not self._lags:
            return None
        lag = self._lag_lowest, self._lag_sum / self._lags
        self._lags, self._lag_sum, self._lag_lowest = 0, 0.0, float("inf")
        return lag

    def on_sender_report(self, ntp: int, rtp: int, *, now: float) -> None:
        self.sender_ntp, self.sender_rtp, self.sender_ntp_at = ntp, rtp, now

    def report(self, *, now: float) -> ReportBlock | None:
        """The reception report of the time since the last one (RFC 3550 section 6.4.1)."""
        if self.highest < 0:
            return None
        expected = self.highest - self._base + 1
        lost = expected - self.received
        expected_now = expected - self._cycle_expected
        lost_now = expected_now - (self.received - self._cycle_received)
        self._cycle_expected, self._cycle_received = expected, self.received
        fraction = lost_now * 256 // expected_now if expected_now > 0 and lost_now > 0 else 0
        last_sr, delay = 0, 0
        if self.sender_ntp is not None:
            last_sr = self.sender_ntp >> 16 & 0xFFFFFFFF
            delay = min(int((now - self.sender_ntp_at) * 65536), 0xFFFFFFFF)
        return ReportBlock(
            ssrc=self.ssrc,
            fraction_lost=min(fraction, 255),
            packets_lost=max(-0x800000, min(lost, 0x7FFFFF)),
            highest_sequence=self.highest & 0xFFFFFFFF,
            jitter=int(self._jitter),
            last_sr=last_sr,
            delay_since_last_sr=delay,
        )

    def _note_missing(self, first: int, until: int, now: float) -> None:
        silent = now - self.last_packet_at > MAX_SILENCE
        if len(self._missing) + until - first > MAX_MISSING or (silent and until - first > MAX_AFTER_SILENCE):
            self.unrepaired += len(self._missing) + until - first
            self._missing.clear()
            return
        request_at = now + REORDER_WAIT
        for sequence in range(first, until):
            self._missing[sequence] = [now, 0, request_at]
        if self.nacks:
            self.next_nack_at = min(self.next_nack_at, request_at)

    def _note_jitter(self, timestamp: int, now: float) -> None:
        # RFC 3550 appendix A.8. Of the packets of a frame, which share a timestamp, the first says enough;
        # late packets say nothing, as some were sent again.
        self._tick = timestamp
        self._tick_at = now
        transit = now * self.clock_rate - timestamp
        if self._last_transit is not None:
            later = transit - self._last_transit
            difference = abs(later)
            if difference < self.clock_rate * 10:  # else the timestamp wrapped or jumped
                self._jitter += (difference - self._jitter) / 16
                self._lag += later / self.clock_rate
                self._lag_best = min(self._lag, self._lag_best + FORGETTING * (now - self.last_packet_at))
                self._lags += 1
                self._lag_sum += self._lag
                if self._lag < self._lag_lowest:
                    self._lag_lowest = self._lag
        self._last_transit = transit
