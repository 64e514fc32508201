"""One peer's core: what its connection publishes, what it receives, and the reports that go both ways.

Sans-IO: decrypted packets come in with `now`, packets go out through `send_rtp` and `send_rtcp`. All that is
slow hangs on one deadline, `next_timeout`; while packets flow they also drive it, so that the timer is idle.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from media.audio import AudioSubscription
from media.ceiling import Ceiling
from media.demultiplexer import Demultiplexer
from media.downlink import Downlink
from media.encoding import Packet
from media.negotiation import Line, SlotStream
from media.publication import Publication
from media.reports import reports
from media.rtp import extensions as uri
from media.rtp import rtcp
from media.rtp.extensions import parse_extensions
from media.rtp.rtcp import (
    FullIntraRequest,
    Goodbye,
    Nack,
    PictureLoss,
    ReceiverReport,
    Remb,
    ReportBlock,
    RtcpPacket,
    SenderReport,
)
from media.rtp.twcc import TransportFeedback
from media.sending import FULL_RATE, Order, order
from media.slot_table import SlotTable
from media.slots import Slot
from media.stream.arrivals import Arrivals
from media.stream.clock import SenderClock
from media.stream.receive import ReceiveStream
from media.thin_sound import ThinSound
from media.uplink import STARVING_DELAY, Level, Uplink

REPORT_INTERVAL: Final = 1.0  # seconds between RTCP reports; libwebrtc's for video
DEFAULT_RTT: Final = 0.1  # seconds, until a report has told

_NO_ELEMENTS: dict[int, bytes] = {}


class PeerCore:
    """Composes publications, slots, feedback and congestion control of one connection."""

    def __init__(
        self,
        *,
        rng: random.Random,
        send_rtp: Callable[[bytes, bytes], None],
        send_rtcp: Callable[[bytes], None],
        on_publication: Callable[[Publication], None],
        on_order: Callable[[Order], None] | None = None,
        wake: Callable[[float], None] | None = None,
        connected: bool = True,
        takes_repeats: bool = False,
    ) -> None:
        """`on_order` is told what the peer is to send; without it, REMB tells that too. `wake` is told the
        time whenever `next_timeout` becomes earlier. `takes_repeats`: see `SendStream`."""
        self.publications: dict[str, Publication] = {}  # by source
        self.slots: list[Slot] = []
        self._connected = connected
        self.lines: dict[str, Line] = {}  # by mid, as agreed
        self.downlink = Downlink(self.slots, send_rtp, self._wake)
        self.table = SlotTable(self.slots, self.downlink.outlet, rng, takes_repeats=takes_repeats)
        self.uplink = Uplink()
        self._thin_sound = ThinSound()
        self.order = Order({}, FULL_RATE, thin=False, level=Level.FULL)  # what its page is asked to send
        self.drops: Counter[str] = Counter()
        self.rtt: float | None = None
        self.packets_received = 0
        self.packets_requested = 0  # of publishers, again
        self._rng = rng
        self._send_rtcp = send_rtcp
        self._on_publication = on_publication
        self._on_order = on_order
        self._ceiling = Ceiling()
        self._on_wake = wake
        self._ssrc = rng.getrandbits(32)  # ours, of reports that belong to no sent stream
        self._clock = SenderClock()
        self._arrivals = Arrivals()
        self._demultiplexer = Demultiplexer()
        self._report_at: float | None = None
        self._due = float("inf")

    # --- negotiation ---

    def configure(self, lines: tuple[Line, ...], *, now: float) -> dict[str, SlotStream]:
        """Takes over what was agreed: new publications and slots appear, vanished ones go. Returns what the
        answer must say of the slots' streams, by mid."""
        self.lines = {line.mid: line for line in lines if line.role != "rejected"}
        for publication in tuple(self.publications.values()):
            line = self.lines.get(publication.mid)
            if line is None or not _goes_on(publication, line):
                self._unpublish(publication)
        for slot in self.slots:
            for stream in slot.streams:
                line = self.lines.get(stream.mid)
                if line is None or line.kind != slot.kind_of(stream):
                    self.table.close(slot, stream, now=now)
                elif line.role != "slot":  # paused: it may go on, under the same SSRC
                    slot.silence(stream, now=now)
        for line in self.lines.values():
            if line.role == "publish":
                self._publish(line)
        self._demultiplexer.configure([line for line in lines if line.role == "publish"], self.publications)
        announced = {
            line.mid: self.table.open(line, connected=self._connected)
            for line in lines
            if line.role == "slot"
        }
        slots = [line for line in lines if line.role == "slot"]
        if slots:
            self.downlink.configure(feedback=any(s.extension_id(uri.TRANSPORT_CC) for s in slots), now=now)
        self._report_at = self._report_at or now
        self._wake(now)
        return announced

    def on_connected(self, *, now: float) -> None:
        """Media can flow: pictures may be asked for."""
        self._connected = True
        for slot in self.slots:
            slot.open = True
            slot.apply_wish(now=now)

    def close(self, *, now: float) -> None:
        """Ends all publications and subscriptions. What still comes is nobody's."""
        self._demultiplexer.configure((), {})
        for publication in tuple(self.publications.values()):
            self._unpublish(publication)
        for slot in self.slots:
            slot.close(now=now)

    # --- packets in ---

    def receive_rtp(self, header: bytes, payload: bytes, *, now: float) -> None:
        """One decrypted RTP packet: `header` as on the wire, extension included."""
        if now >= self._due:
            self.on_timeout(now=now)
        # Compiled, bytes by place are a fifth of what a Struct takes.
        first, second = header[0], header[1]
        sequence = header[2] << 8 | header[3]
        timestamp = header[4] << 24 | header[5] << 16 | header[6] << 8 | header[7]
        ssrc = header[8] << 24 | header[9] << 16 | header[10] << 8 | header[11]
        self.packets_received += 1
        payload_type = second & 0x7F
        demultiplexer = self._demultiplexer
        elements = parse_extensions(header) if first & 0x10 else _NO_ELEMENTS
        stamp = elements.get(demultiplexer.twcc_id)
        if stamp is not None and len(stamp) == 2:
            self._arrivals.record(stamp[0] << 8 | stamp[1], len(header) + len(payload), now=now)
            if self._arrivals.next_report_at < self._due:
                self._wake(self._arrivals.next_report_at)
        if first & 0x20:
            padding = payload[-1] if payload else 0
            if not 0 < padding <= len(payload):
                self.drops["bad-padding"] += 1
                return
            payload = payload[:-padding]
        inbound = demultiplexer.inbound.get(ssrc)
        if inbound is None:
            inbound = demultiplexer.learn(ssrc, payload_type, elements, now=now)
            if inbound is None:
                self.drops["unknown-ssrc"] += 1
                return
        stream = inbound.encoding.stream
        if inbound.repair:
            if len(payload) < 2:  # a bandwidth probe of padding alone
                return
            sequence = payload[0] << 8 | payload[1]
            if not stream.is_missing(sequence):  # a bandwidth probe of what we have
                return
            payload = payload[2:]
        elif payload_type != inbound.media_type and payload_type != inbound.red_type:
            self.drops["unknown-payload-type"] += 1
            payload = b""  # goes on as padding: its number is used up, and must not look lost
        extended = stream.receive(sequence, timestamp, len(payload), now=now)
        if extended is None:
            self.drops["repeated"] += 1
            return
        if stream.next_nack_at < self._due:
            self._wake(stream.next_nack_at)
        packet = Packet(extended, timestamp, second > 0x7F, payload)
        if inbound.video:
            if payload:
                descriptor = elements.get(demultiplexer.descriptor_id)
                if not inbound.encoding.read_video(packet, descriptor):
                    self.drops["bad-video-payload"] += 1
                    packet.payload = b""
        else:
            packet.red = payload_type == inbound.red_type
            level = elements.get(demultiplexer.level_id)
            if level:
                inbound.publication.speech.update(level[0], now=now)
        inbound.publication.on_packet(inbound.encoding, packet, now=now)

    def receive_rtcp(self, data: bytes, *, now: float) -> None:
        """One decrypted RTCP packet, compound or reduced-size."""
        for packet in rtcp.parse(data, self.drops):
            if isinstance(packet, TransportFeedback):
                self.downlink.on_feedback(packet, now=now)
            elif isinstance(packet, Nack):
                stream = self.table.streams.get(packet.media_ssrc)
                if stream is not None:
                    for sequence in packet.lost:
                        stream.resend(sequence, now=now)
            elif isinstance(packet, SenderReport):
                self._on_sender_report(packet, now)
                self._on_report_blocks(packet.reports, now)
            elif isinstance(packet, ReceiverReport):
                self._on_report_blocks(packet.reports, now)
            elif isinstance(packet, PictureLoss):
                self._on_picture_loss(packet.media_ssrc, now)
            elif isinstance(packet, FullIntraRequest):
                for ssrc, _ in packet.entries:
                    self._on_picture_loss(ssrc, now)
            elif isinstance(packet, Remb):
                self.downlink.on_remb(packet.bitrate, now=now)
            elif isinstance(packet, Goodbye):
                for ssrc in packet.ssrcs:
                    inbound = self._demultiplexer.inbound.get(ssrc)
                    # libwebrtc says so of each encoding that is switched off (rtcp_sender.cc,
                    # SetSendingStatus), and goes on under the same SSRC, without its rid.
                    if inbound is None or not inbound.video:
                        self._demultiplexer.forget(ssrc)

    # --- time ---

    def next_timeout(self) -> float | None:
        """When `on_timeout` is due; None until something was agreed."""
        return None if self._due == float("inf") else self._due

    def on_timeout(self, *, now: float) -> None:
        """Everything that is due: feedback, requests, reports, layer choice. Harmless when early."""
        self._due = float("inf")  # what is woken meanwhile counts too
        arrivals = self._arrivals
        if now >= arrivals.next_report_at:
            self._send_transport_feedback(now)
        due = arrivals.next_report_at
        for publication in tuple(self.publications.values()):
            at = publication.next_timeout()
            if now >= at:
                publication.on_timeout(now=now)
                at = publication.next_timeout()
            if at < due:
                due = at
            for encoding in publication.encodings:
                stream = encoding.stream
                if now >= stream.next_nack_at:
                    self._ask_again(stream, now)
                if stream.next_nack_at < due:
                    due = stream.next_nack_at
        if self._report_at is not None:
            if now >= self._report_at:
                self._send_reports(now)
                self._report_at = now + REPORT_INTERVAL
            due = min(due, self._report_at)
        if self.publications:
            if now >= self.uplink.next_timeout():
                self._look_at_uplink(now)
            due = min(due, self.uplink.next_timeout())
        at = self.downlink.next_timeout()
        if now >= at:
            self.downlink.on_timeout(now=now)
            at = self.downlink.next_timeout()
        self._due = min(self._due, due, at)

    def _wake(self, at: float) -> None:
        if at < self._due:
            self._due = max(at, 0.0)
            if self._on_wake is not None:
                self._on_wake(self._due)

    # --- publications ---

    def _publish(self, line: Line) -> None:
        publication = self.publications.get(line.source)
        if publication is None:
            publication = Publication(
                line.source,
                "audio" if line.kind == "audio" else "video",
                line.mid,
                line.rids,
                self._clock,
                format=line.format,
                send_rtcp=self._send_feedback,
                on_changed=self._on_publication,
                wake=self._wake,
            )
            self.publications[line.source] = publication
            self._on_publication(publication)

    def _unpublish(self, publication: Publication) -> None:
        self._demultiplexer.unpublish(publication)
        del self.publications[publication.source]
        publication.close()
        self._on_publication(publication)

    def _look_at_uplink(self, now: float) -> None:
        microphone = self.publications.get("microphone")
        sound = microphone.encodings[0].stream if microphone is not None and microphone.encodings else None
        pictures = [p for p in self.publications.values() if p.kind == "video"]
        arriving = (sum(encoding.live for encoding in p.encodings) for p in pictures)
        streams = [encoding.stream for p in pictures for encoding in p.encodings]
        held = self.uplink.held
        if self.uplink.on_timeout(sound, streams, encodings=max(arriving, default=0), now=now):
            for publication in pictures:
                publication.count_needed(now=now)
            subscriptions = [] if microphone is None else microphone.subscriptions
            listeners = [s.poor for s in subscriptions if isinstance(s, AudioSubscription)]
            self._thin_sound.update(listeners, uplink_poor=self.uplink.thin, now=now)
            self._give_orders(pictures, now)
            self._cap(pictures, now)
        elif self.uplink.held != held:
            self._give_orders(pictures, now)

    def _give_orders(self, pictures: Sequence[Publication], now: float) -> None:
        wanted = order(pictures, self.uplink, thin=self._thin_sound.wanted, now=now)
        if wanted != self.order:
            self.order = wanted
            if self._on_order is not None:
                self._on_order(wanted)

    def _cap(self, pictures: Sequence[Publication], now: float) -> None:
        order = self.order if self._on_order is None else None
        bitrate = self._ceiling.update(order, self.publications.values(), self.uplink, now=now)
        ssrcs = tuple(encoding.stream.ssrc for p in pictures for encoding in p.encodings)
        if bitrate is not None and ssrcs:
            self._send_rtcp(Remb(self._ssrc, bitrate, ssrcs).serialize())

    # --- reports ---

    def _send_feedback(self, packet: RtcpPacket) -> None:
        if isinstance(packet, PictureLoss):
            packet = PictureLoss(self._ssrc, packet.media_ssrc)
        self._send_rtcp(packet.serialize())

    def _send_transport_feedback(self, now: float) -> None:
        media_ssrc = next(iter(self._demultiplexer.inbound), 0)
        # What libwebrtc hears is lost it sends again at once (rtp_video_sender.cc, OnPacketFeedbackVector),
        # which would fill a path that has just become narrow for seconds.
        tell_lost = not self.uplink.queued and not self._arrivals.mostly_lost
        way_back = self.downlink.estimate or float("inf")
        feedback = self._arrivals.report(
            self._ssrc, media_ssrc, tell_lost=tell_lost, way_back=way_back, now=now
        )
        if feedback:
            self._send_rtcp(b"".join(report.serialize() for report in feedback))

    def _ask_again(self, stream: ReceiveStream, now: float) -> None:
        """Sends the NACKs that are due. Where sound waits in a queue, what is sent again would only lengthen
        it: a keyframe mends the picture once there is room."""
        lost = stream.due_nacks(self.rtt or DEFAULT_RTT, now=now)
        if lost and not self.uplink.queued and stream.behind < STARVING_DELAY:
            self.packets_requested += len(lost)
            self._send_rtcp(Nack(self._ssrc, stream.ssrc, lost).serialize())

    def _send_reports(self, now: float) -> None:
        for packets in reports(self._ssrc, self.publications.values(), self.slots, now=now):
            self._send_rtcp(b"".join(packet.serialize() for packet in packets))

    def _on_sender_report(self, report: SenderReport, now: float) -> None:
        inbound = self._demultiplexer.inbound.get(report.ssrc)
        if inbound is not None and not inbound.repair and report.ntp:
            inbound.encoding.stream.on_sender_report(report.ntp, report.rtp, now=now)
            self._clock.on_report(report.ntp, now=now)

    def _on_report_blocks(self, blocks: tuple[ReportBlock, ...], now: float) -> None:
        for block in blocks:
            stream = self.table.streams.get(block.ssrc)
            if stream is None or block.ssrc != stream.ssrc:
                continue
            stream.on_report_block(block, now=now)
            if stream.rtt is not None:
                self.rtt = stream.rtt
            self.downlink.on_receiver_report(stream.loss, stream.rtt, now=now)

    def _on_picture_loss(self, ssrc: int, now: float) -> None:
        slot = self.table.slot_of(ssrc)
        video = None if slot is None else slot.video_subscription
        if slot is not None and video is not None and slot.video is self.table.streams[ssrc]:
            video.want_keyframe(now=now)


def _goes_on(publication: Publication, line: Line) -> bool:
    """Does the line carry what it did before, or pause it?"""
    if line.role == "publish" and line.format != publication.format:
        return False
    return line.source == publication.source and {*line.rids} == {*publication.rids}
