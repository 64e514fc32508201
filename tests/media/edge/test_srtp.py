from collections import Counter

import pylibsrtp
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st
from pylibsrtp import Policy

from media.edge.srtp import (
    MAX_STREAMS,
    REPLAY_WINDOW,
    SrtpKeys,
    SrtpProfile,
    create_session,
    derive_key,
)
from media.rtp.packet import RtpHeader

ALL = list(SrtpProfile)
GCM = [SrtpProfile.AEAD_AES_128_GCM, SrtpProfile.AEAD_AES_256_GCM]
LIBSRTP = {
    SrtpProfile.AEAD_AES_128_GCM: Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    SrtpProfile.AEAD_AES_256_GCM: Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
    SrtpProfile.AES128_CM_SHA1_80: Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
}
SSRC = 0x12345678
RECEIVER_REPORT = bytes.fromhex("80c90001") + SSRC.to_bytes(4, "big")
LONG_REPORT = bytes.fromhex("81c90007") + SSRC.to_bytes(4, "big") + bytes(range(24))


def master(profile: SrtpProfile, seed: int) -> bytes:
    return bytes((seed + i) & 0xFF for i in range(profile.key_length + profile.salt_length))


class Ends:
    """Our session, and libsrtp's two with the same keys."""

    def __init__(self, profile: SrtpProfile) -> None:
        self.drops: Counter[str] = Counter()
        self.ours = create_session(SrtpKeys(profile, master(profile, 1), master(profile, 99)), self.drops)
        self.their_receiver = pylibsrtp.Session(
            Policy(master(profile, 1), Policy.SSRC_ANY_INBOUND, srtp_profile=LIBSRTP[profile])
        )
        self.their_sender = pylibsrtp.Session(
            Policy(master(profile, 99), Policy.SSRC_ANY_OUTBOUND, srtp_profile=LIBSRTP[profile])
        )

    def we_send(self, header: bytes, payload: bytes) -> bytes:
        rest = self.ours.protect_rtp(header, payload)
        assert rest is not None
        return self.their_receiver.unprotect(header + rest)

    def they_send(self, header: bytes, payload: bytes) -> bytes | None:
        packet = self.their_sender.protect(header + payload)
        return self.ours.unprotect_rtp(packet[: len(header)], packet[len(header) :])


@pytest.fixture(params=ALL, ids=lambda profile: profile.name)
def ends(request: pytest.FixtureRequest) -> Ends:
    return Ends(request.param)


def header(sequence: int, ssrc: int = SSRC, extension: bytes = b"", csrcs: tuple[int, ...] = ()) -> bytes:
    return RtpHeader(96, sequence & 0xFFFF, 3000, ssrc, csrcs=csrcs, extension=extension).serialize()


def test_keys_are_derived_as_in_the_example_of_the_rfc() -> None:
    """RFC 3711 appendix B.3."""
    key = bytes.fromhex("E1F97A0D3E018BE0D64FA32C06DE4139")
    salt = bytes.fromhex("0EC675AD498AFEEBB6960B3AABE6")

    assert derive_key(key, salt, 0, 16).hex().upper() == "C61E7A93744F39EE10734AFE3FF7A087"
    assert derive_key(key, salt, 2, 14).hex().upper() == "30CBBC08863D8C85D49DB34A9AE1"
    assert derive_key(key, salt, 1, 20).hex().upper() == "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"


def test_libsrtp_reads_what_we_send(ends: Ends) -> None:
    for sequence, payload in [(7, b"first"), (8, b""), (9, bytes(1200))]:
        head = header(sequence)
        assert ends.we_send(head, payload) == head + payload


def test_we_read_what_libsrtp_sends(ends: Ends) -> None:
    for sequence, payload in [(7, b"first"), (8, b""), (9, bytes(1200))]:
        assert ends.they_send(header(sequence), payload) == payload
    assert not ends.drops


def test_header_extensions_and_csrcs_go_in_the_clear(ends: Ends) -> None:
    extension = bytes.fromhex("bede0001") + b"\x10\x61\x00\x00"
    for sequence, csrcs in ((1, ()), (2, (5, 6))):
        head = header(sequence, extension=extension, csrcs=csrcs)
        assert ends.we_send(head, b"payload") == head + b"payload"
        assert ends.they_send(head, b"payload") == b"payload"


def test_sequence_numbers_wrap_in_both_directions(ends: Ends) -> None:
    for sequence in (65534, 65535, 65536, 65537, 95000, 125000, 131071, 131073):
        head = header(sequence)
        assert ends.we_send(head, b"x") == head + b"x"
        assert ends.they_send(head, b"x") == b"x"


def test_packets_may_be_overtaken_across_a_wrap(ends: Ends) -> None:
    order = [65530, 65538, 65535, 65536, 65531, 65539]
    sent = {
        sequence: (header(sequence), ends.their_sender.protect(header(sequence) + b"x"))
        for sequence in sorted(order)
    }
    for sequence in order:
        head, packet = sent[sequence]
        assert ends.ours.unprotect_rtp(head, packet[len(head) :]) == b"x"
    assert not ends.drops


def test_we_may_send_out_of_order_across_a_wrap(ends: Ends) -> None:
    for sequence in (65530, 65538, 65535, 65536):
        head = header(sequence)
        assert ends.we_send(head, b"x") == head + b"x"


def test_a_packet_is_taken_once(ends: Ends) -> None:
    head = header(1)
    packet = ends.their_sender.protect(head + b"x")

    assert ends.ours.unprotect_rtp(head, packet[len(head) :]) == b"x"
    assert ends.ours.unprotect_rtp(head, packet[len(head) :]) is None
    assert ends.drops == {"srtp-replay": 1}


def test_a_packet_older_than_the_window_is_dropped(ends: Ends) -> None:
    head = header(10)
    old = ends.their_sender.protect(head + b"x")
    assert ends.they_send(header(10 + REPLAY_WINDOW + 50), b"y") == b"y"

    assert ends.ours.unprotect_rtp(head, old[len(head) :]) is None
    assert ends.drops == {"srtp-replay": 1}


def test_no_sequence_number_is_encrypted_twice(ends: Ends) -> None:
    assert ends.ours.protect_rtp(header(5), b"one") is not None
    assert ends.ours.protect_rtp(header(6), b"two") is not None

    assert ends.ours.protect_rtp(header(5), b"other") is None
    assert ends.ours.protect_rtp(header(6), b"other") is None
    assert sum(ends.drops.values()) == 2


@pytest.mark.parametrize("at", [0, 5, 13, 20, -1])
def test_a_changed_byte_anywhere_is_noticed(ends: Ends, at: int) -> None:
    head = header(1)
    packet = bytearray(ends.their_sender.protect(head + b"some words"))
    packet[at] ^= 4
    data = bytes(packet)

    assert ends.ours.unprotect_rtp(data[:12], data[12:]) is None
    assert sum(ends.drops.values()) == 1


def test_a_forged_packet_does_not_move_the_window(ends: Ends) -> None:
    assert ends.they_send(header(1), b"x") == b"x"
    assert ends.ours.unprotect_rtp(header(20000), bytes(40)) is None

    assert ends.they_send(header(2), b"y") == b"y"


def test_a_cut_packet_is_dropped(ends: Ends) -> None:
    head = header(1)
    packet = ends.their_sender.protect(head + b"words")
    for length in range(len(packet) - len(head)):
        assert ends.ours.unprotect_rtp(head, packet[len(head) : len(head) + length]) is None


def test_reports_pass_in_both_directions(ends: Ends) -> None:
    for report in (RECEIVER_REPORT, LONG_REPORT, RECEIVER_REPORT + LONG_REPORT):
        protected = ends.ours.protect_rtcp(report)
        assert protected is not None
        assert ends.their_receiver.unprotect_rtcp(protected) == report
        assert ends.ours.unprotect_rtcp(ends.their_sender.protect_rtcp(report)) == report
    assert not ends.drops


def test_a_report_is_taken_once_in_any_order(ends: Ends) -> None:
    packets = [ends.their_sender.protect_rtcp(LONG_REPORT) for _ in range(5)]
    for at in (1, 4, 0, 3):
        assert ends.ours.unprotect_rtcp(packets[at]) == LONG_REPORT
    for at in (0, 1, 3, 4):
        assert ends.ours.unprotect_rtcp(packets[at]) is None
    assert ends.ours.unprotect_rtcp(packets[2]) == LONG_REPORT
    assert ends.drops == {"srtp-replay": 4}


def test_a_changed_report_is_dropped(ends: Ends) -> None:
    protected = ends.their_sender.protect_rtcp(LONG_REPORT)
    for at in range(len(protected)):
        changed = bytearray(protected)
        changed[at] ^= 1
        assert ends.ours.unprotect_rtcp(bytes(changed)) is None
    assert ends.ours.unprotect_rtcp(protected) == LONG_REPORT


@pytest.mark.parametrize("profile", GCM)
def test_unencrypted_reports_are_authenticated(profile: SrtpProfile) -> None:
    """RFC 7714 section 9.3: with the E bit clear the whole report is associated data. libsrtp sends none, so
    that the sender here is made of the RFC's formulas."""
    keys = master(profile, 99)
    key, salt = keys[: profile.key_length], keys[profile.key_length :]
    session_salt = int.from_bytes(derive_key(key, salt, 5, 12), "big")
    word = (3).to_bytes(4, "big")
    iv = (session_salt ^ SSRC << 48 ^ 3).to_bytes(12, "big")
    tag = AESGCM(derive_key(key, salt, 3, profile.key_length)).encrypt(iv, b"", LONG_REPORT + word)
    ends = Ends(profile)

    assert ends.ours.unprotect_rtcp(LONG_REPORT + bytes(16) + word) is None
    assert ends.ours.unprotect_rtcp(LONG_REPORT + tag + word) == LONG_REPORT


def test_a_peer_cannot_grow_streams_without_bound(ends: Ends) -> None:
    for ssrc in range(MAX_STREAMS):
        assert ends.they_send(header(1, ssrc=ssrc), b"x") == b"x"

    assert ends.they_send(header(1, ssrc=MAX_STREAMS), b"x") is None
    assert ends.they_send(header(2, ssrc=0), b"x") == b"x"
    assert ends.drops == {"srtp-streams": 1}


def test_a_peer_cannot_grow_report_streams_without_bound(ends: Ends) -> None:
    def report(ssrc: int) -> bytes:
        return ends.their_sender.protect_rtcp(RECEIVER_REPORT[:4] + ssrc.to_bytes(4, "big"))

    for ssrc in range(MAX_STREAMS):
        assert ends.ours.unprotect_rtcp(report(ssrc)) is not None

    assert ends.ours.unprotect_rtcp(report(MAX_STREAMS)) is None
    assert ends.ours.unprotect_rtcp(report(0)) is not None
    assert ends.drops == {"srtp-streams": 1}


def test_strangers_packets_make_no_stream(ends: Ends) -> None:
    for ssrc in range(MAX_STREAMS + 1):
        assert ends.ours.unprotect_rtp(header(1, ssrc=ssrc), bytes(40)) is None
        assert not ends.ours.receives(ssrc)
    assert ends.they_send(header(1), b"x") == b"x"
    assert ends.ours.receives(SSRC)


def test_it_tells_the_newest_packet_from_one_that_was_overtaken(ends: Ends) -> None:
    assert ends.ours.newest(header(5))
    assert ends.they_send(header(65535), b"x") == b"x"

    assert ends.ours.newest(header(65536))
    assert not ends.ours.newest(header(65535))
    assert not ends.ours.newest(header(65000))


def test_it_tells_the_newest_report_from_one_that_was_overtaken(ends: Ends) -> None:
    first, second = (ends.their_sender.protect_rtcp(RECEIVER_REPORT) for _ in range(2))

    assert ends.ours.newest_rtcp(first)
    assert ends.ours.unprotect_rtcp(second) == RECEIVER_REPORT
    assert not ends.ours.newest_rtcp(first)
    assert ends.ours.newest_rtcp(ends.their_sender.protect_rtcp(RECEIVER_REPORT))


@given(st.sampled_from(ALL), st.binary(max_size=60))
def test_random_bytes_are_dropped_and_counted(profile: SrtpProfile, data: bytes) -> None:
    ends = Ends(profile)

    assert ends.ours.unprotect_rtp(header(1), data) is None
    assert ends.ours.unprotect_rtcp(b"\x80\xc9" + data.ljust(10, b"\0")) is None
    assert sum(ends.drops.values()) == 2


@given(
    st.sampled_from(ALL),
    st.lists(st.tuples(st.integers(1, 3), st.integers(-40, 400), st.binary(max_size=30)), max_size=40),
)
def test_whatever_the_order_each_packet_is_read_once(
    profile: SrtpProfile, steps: list[tuple[int, int, bytes]]
) -> None:
    """Both directions, several streams, jumps ahead and back within the window: libsrtp and we agree."""
    ends = Ends(profile)
    highest: dict[int, int] = {}
    used: set[tuple[int, int]] = set()
    for ssrc, step, payload in steps:
        # A stream begins before the wrap: what is older than its first packet belongs to no rollover count.
        sequence = highest[ssrc] + step if ssrc in highest else 65300 + abs(step) // 4
        if (ssrc, sequence) in used:
            continue
        used.add((ssrc, sequence))
        highest[ssrc] = max(sequence, highest.get(ssrc, 0))
        head = header(sequence, ssrc=ssrc)
        assert ends.we_send(head, payload) == head + payload
        assert ends.they_send(head, payload) == payload
    assert not ends.drops
