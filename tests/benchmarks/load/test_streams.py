"""A sender's packets, read back by a receiver, without a socket."""

import time
from collections import Counter
from types import SimpleNamespace

import pytest

from benchmarks.load.description import EXTENSION_IDS, OPUS, VP8
from benchmarks.load.receiver import Receiver
from benchmarks.load.sender import KEYFRAME_INTERVAL, NAMED_PACKETS, Sender
from benchmarks.load.traffic import FRAME_RATE, simulcast
from media.edge.srtp import SrtpKeys, SrtpProfile, create_session
from media.rtp import extensions, rtcp
from media.rtp.packet import RtpHeader, header_length

PROFILE = SrtpProfile.AEAD_AES_128_GCM
KEY = bytes(range(28))


class FakeConnection:
    """Keeps what is sent; both directions have one key."""

    def __init__(self):
        self.drops = Counter()
        self.srtp = create_session(SrtpKeys(PROFILE, KEY, KEY), self.drops)
        self.sent = []
        self.reports = []

    def send(self, datagram):
        self.sent.append(datagram)

    def send_rtcp(self, packet):
        self.reports += rtcp.parse(packet)


@pytest.fixture
def connection():
    return FakeConnection()


@pytest.fixture
def sender(connection):
    video = {uri: number for uri, number in EXTENSION_IDS.items() if uri != extensions.AUDIO_LEVEL}
    ids = (EXTENSION_IDS, video)
    return Sender(connection, simulcast(1500, 3), mids=("0", "1"), ids=ids, seed=1)


@pytest.fixture
def receiver(connection, monkeypatch):
    receiver = Receiver(SimpleNamespace(socket=None, srtp=connection.srtp, send_rtcp=connection.send_rtcp), 3)
    clock = SimpleNamespace(now=1_700_000_000_000_000_000)
    monkeypatch.setattr(receiver, "_receipt_time", lambda: clock.now)
    receiver.clock = clock
    return receiver


@pytest.fixture(autouse=True)
def no_receive_stamps(monkeypatch):
    monkeypatch.setattr(Receiver, "_receipt_time", lambda self: 0)


def test_first_packets_carry_mid_and_rid_and_later_ones_do_not(connection, sender):
    for frame in range(NAMED_PACKETS + 1):
        sender.send_video(frame / FRAME_RATE)
    by_ssrc = {}
    for packet in connection.sent:
        by_ssrc.setdefault(RtpHeader.parse(packet).ssrc, []).append(extensions.parse_extensions(packet))
    assert len(by_ssrc) == 3
    rids = {elements[0][EXTENSION_IDS[extensions.RID]] for elements in by_ssrc.values()}
    assert rids == {b"f", b"h", b"q"}
    for elements in by_ssrc.values():
        assert all(EXTENSION_IDS[extensions.MID] in e for e in elements[:NAMED_PACKETS])
        assert all(e.keys() == {EXTENSION_IDS[extensions.TRANSPORT_CC]} for e in elements[NAMED_PACKETS:])


def test_transport_wide_numbers_run_through_sound_and_picture(connection, sender):
    sender.send_audio(0.0)
    sender.send_video(0.0)
    sender.send_audio(0.02)
    numbers = [
        int.from_bytes(extensions.parse_extensions(packet)[EXTENSION_IDS[extensions.TRANSPORT_CC]], "big")
        for packet in connection.sent
    ]
    assert numbers == list(range(len(connection.sent)))


def test_without_negotiated_extensions_headers_are_plain(connection):
    plain = Sender(connection, simulcast(500, 1), mids=("0", "1"), ids=({}, {}), seed=1)
    plain.send_audio(0.0)
    assert header_length(connection.sent[0]) == 12


def test_only_the_last_packet_of_a_frame_has_the_marker(connection, sender):
    sender.send_video(0.0)
    frames = {}
    for packet in connection.sent:
        header = RtpHeader.parse(packet)
        frames.setdefault(header.ssrc, []).append(header.marker)
    assert all(markers == [False] * (len(markers) - 1) + [True] for markers in frames.values())


def test_a_picture_loss_brings_one_keyframe_not_a_flood(sender):
    sender.send_video(0.0)
    assert sender.keyframes == 1
    loss = [rtcp.PictureLoss(1, 2)]
    sender.on_rtcp(loss, KEYFRAME_INTERVAL / 2)
    sender.send_video(KEYFRAME_INTERVAL / 2)
    assert sender.keyframes == 1
    sender.on_rtcp(loss, KEYFRAME_INTERVAL)
    sender.send_video(KEYFRAME_INTERVAL)
    assert sender.keyframes == 2


def test_a_gap_in_the_numbers_is_seen_and_reported(connection, sender, receiver):
    for _ in range(10):
        sender.send_audio(0.0)
    for index, packet in enumerate(connection.sent):
        if index != 4:
            receiver.on_rtp(packet)
    (stream,) = receiver.streams.values()
    assert (stream.payload_type, stream.packets) == (OPUS, 9)
    assert stream.highest - stream.first + 1 - stream.packets == 1
    receiver.send_reports(0.0)
    (report,) = connection.reports[-1].reports
    assert report.fraction_lost == 256 // 10


def test_feedback_names_what_came_and_what_did_not(connection, sender, receiver):
    for _ in range(6):
        sender.send_audio(0.0)
    for index, packet in enumerate(connection.sent):
        receiver.clock.now += 1_000_000
        if index != 2:
            receiver.on_rtp(packet)
    receiver.send_feedback(0.0)
    (feedback,) = connection.reports
    assert feedback.base_sequence == 0
    assert [arrival is None for arrival in feedback.arrivals] == [False, False, True, False, False, False]
    assert feedback.arrivals[1] - feedback.arrivals[0] == 4  # ticks of 250 us


def test_while_sampling_every_few_packets_are_timed(connection, sender, receiver):
    receiver.sampling = True
    receiver.clock.now = time.time_ns() + 1_000_000_000
    for frame in range(20):
        sender.send_video(frame / FRAME_RATE)
    for packet in connection.sent:
        receiver.on_rtp(packet)
    assert {stream.payload_type for stream in receiver.streams.values()} == {VP8}
    assert len(receiver.video_delays) == len(connection.sent) // 4
    assert len(receiver.audio_delays) == 0


def test_what_holds_no_stamp_is_not_timed(connection, sender, receiver):
    receiver.sampling = True
    receiver.clock.now = 2 * time.time_ns()
    for _ in range(8):
        sender.send_audio(0.0)
    for packet in connection.sent:
        receiver.on_rtp(packet)
    assert len(receiver.audio_delays) == 0
