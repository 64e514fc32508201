"""The reports that one peer gets (RFC 3550 section 6.4): of what it sends, and of the streams sent to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from media.publication import Publication
from media.rtp.reports import MAX_COUNT
from media.rtp.rtcp import ReceiverReport, RtcpPacket, SenderReport, SourceDescription
from media.slots import Slot

REPORTS_PER_DATAGRAM: Final = 16  # sender reports with their names: 44 bytes each, beside the report blocks


def reports(
    ssrc: int, publications: Iterable[Publication], slots: Iterable[Slot], *, now: float
) -> Iterator[list[RtcpPacket]]:
    """Compound packets: reception reports by `ssrc` of what came, sender reports of the streams that flow."""
    blocks = [
        block
        for publication in publications
        for encoding in publication.encodings
        if (block := encoding.stream.report(now=now)) is not None
    ][:MAX_COUNT]
    packets: list[RtcpPacket] = [ReceiverReport(ssrc, tuple(blocks))] if blocks else []
    sent: list[SenderReport] = []
    names: list[tuple[int, str]] = []
    for slot in slots:
        for stream, subscription in (
            (slot.audio, slot.audio_subscription),
            (slot.video, slot.video_subscription),
        ):
            if stream is None or subscription is None or not stream.packets:
                continue
            timestamp = subscription.report_timestamp(now=now)
            if timestamp is not None:
                sent.append(stream.report(timestamp, now=now))
                names.append((stream.ssrc, f"slot{slot.index}"))
    for first in range(0, len(sent), REPORTS_PER_DATAGRAM):
        end = first + REPORTS_PER_DATAGRAM
        yield [*packets, *sent[first:end], SourceDescription(tuple(names[first:end]))]
        packets = []
    if packets:
        yield packets
