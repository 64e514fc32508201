"""The slots of one connection as they were agreed on, and the streams in them by SSRC."""

from __future__ import annotations

import random

from media.negotiation import OPUS_CLOCK, VIDEO_CLOCK, Line, SlotStream
from media.rtp import extensions as uri
from media.slots import Slot
from media.stream.outlet import Outlet
from media.stream.send import SendStream


class SlotTable:
    """`slots` keeps its order and never shrinks: signalling names a slot by its index."""

    def __init__(
        self, slots: list[Slot], outlet: Outlet, rng: random.Random, *, takes_repeats: bool = False
    ) -> None:
        self.slots = slots
        self.streams: dict[int, SendStream] = {}  # by SSRC, that of their repairs included
        self._slot_of: dict[int, Slot] = {}  # by the same
        self._outlet = outlet
        self._rng = rng
        self._takes_repeats = takes_repeats
        self._closed_packets = self._closed_retransmitted = 0  # of streams that are gone

    @property
    def packets(self) -> int:
        """Sent in all, on lines that are gone too."""
        return self._closed_packets + sum(stream.packets for slot in self.slots for stream in slot.streams)

    @property
    def retransmitted(self) -> int:
        """The same of what was sent again."""
        sent_again = sum(stream.retransmitted for slot in self.slots for stream in slot.streams)
        return self._closed_retransmitted + sent_again

    def slot_of(self, ssrc: int) -> Slot | None:
        return self._slot_of.get(ssrc)

    def open(self, line: Line, *, connected: bool) -> SlotStream:
        """The stream of an m-line, made if it is new: the k-th audio and the k-th video line are slot k."""
        for old in self.slots:
            stream = old.audio if line.kind == "audio" else old.video
            if stream is not None and stream.mid == line.mid:
                _negotiate(stream, line)
                return SlotStream(old.index, stream.ssrc, stream.rtx_ssrc)
        free = (s for s in self.slots if (s.audio if line.kind == "audio" else s.video) is None)
        slot = next(free, None)
        if slot is None:
            slot = Slot(len(self.slots), open=connected)
            self.slots.append(slot)
        stream = SendStream(
            mid=line.mid,
            ssrc=self._new_ssrc(),
            rtx_ssrc=self._new_ssrc() if line.repairs else None,
            sequence=self._rng.getrandbits(15),
            clock_rate=OPUS_CLOCK if line.kind == "audio" else VIDEO_CLOCK,
            video=line.kind == "video",
            outlet=self._outlet,
            takes_repeats=self._takes_repeats,
        )
        _negotiate(stream, line)
        if line.kind == "audio":
            slot.audio = stream
        else:
            slot.video = stream
        for ssrc in (stream.ssrc, stream.rtx_ssrc):
            if ssrc is not None:
                self.streams[ssrc] = stream
                self._slot_of[ssrc] = slot
        return SlotStream(slot.index, stream.ssrc, stream.rtx_ssrc)

    def close(self, slot: Slot, stream: SendStream, *, now: float) -> None:
        """The m-line of a stream is gone. The slot stays, so that the indices of the others do."""
        slot.remove(stream, now=now)
        self._closed_packets += stream.packets
        self._closed_retransmitted += stream.retransmitted
        for ssrc in (stream.ssrc, stream.rtx_ssrc):
            if ssrc is not None:
                del self.streams[ssrc], self._slot_of[ssrc]

    def _new_ssrc(self) -> int:
        while True:
            ssrc = self._rng.getrandbits(32)
            if ssrc and ssrc not in self.streams:
                return ssrc


def _negotiate(stream: SendStream, line: Line) -> None:
    stream.negotiated(
        dict(line.payload_types),
        dict(line.repairs),
        twcc_id=line.extension_id(uri.TRANSPORT_CC),
        descriptor_id=line.extension_id(uri.DEPENDENCY_DESCRIPTOR),
        playout_id=line.extension_id(uri.PLAYOUT_DELAY),
    )
