"""SRTP and SRTCP sessions: AES-GCM by `cryptography`, AES-CM with HMAC-SHA1 by libsrtp.

Both take a packet in two parts, the RTP header (fixed part, CSRCs, header extension) that goes in the clear,
and the rest. Neither raises on what comes from the network: None means dropped, and `drops` says why.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass
from enum import Enum
from struct import Struct
from typing import Final

import pylibsrtp
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

# Packets that may arrive out of order. RFC 3711 section 3.3.2 asks for at least 64; a retransmission without
# RTX comes up to a second late, which is 1,000 packets of fast video.
REPLAY_WINDOW: Final = 1024
# Streams that a peer may send: 3 sources of 3 encodings with RTX, each also by RTCP, and room for renewals.
MAX_STREAMS: Final = 256

TAG_LENGTH: Final = 16  # RFC 7714 section 14.2
SRTCP_HEADER_LENGTH: Final = 8
SRTCP_INDEX_LENGTH: Final = 4
ENCRYPTED: Final = 1 << 31  # the E bit before the SRTCP index
RTP_LABELS = (0, 2)  # of encryption key and salt, RFC 3711 section 4.3.1
RTCP_LABELS = (3, 5)

_SSRC: Final = Struct("!4xI")
_CM_TAG_LENGTH: Final = 10
_CM_TRAILER_LENGTH: Final = SRTCP_INDEX_LENGTH + _CM_TAG_LENGTH
_INDEX_MASK: Final = (1 << 48) - 1
_WINDOW_MASK = (1 << REPLAY_WINDOW) - 1


class SrtpProfile(Enum):
    """RFC 5764 section 4.1.2 and RFC 7714 section 14.2: name for DTLS, master key and salt lengths."""

    AEAD_AES_128_GCM = ("SRTP_AEAD_AES_128_GCM", 16, 12)
    AEAD_AES_256_GCM = ("SRTP_AEAD_AES_256_GCM", 32, 12)
    AES128_CM_SHA1_80 = ("SRTP_AES128_CM_SHA1_80", 16, 14)

    # Properties, as what is compiled (docs/operating.md) takes no enum with a constructor.
    @property
    def dtls_name(self) -> str:
        return self.value[0]

    @property
    def key_length(self) -> int:
        """Bytes."""
        return self.value[1]

    @property
    def salt_length(self) -> int:
        """Bytes."""
        return self.value[2]


@dataclass(frozen=True, slots=True)
class SrtpKeys:
    """What a DTLS handshake yields: master key followed by master salt, for each direction."""

    profile: SrtpProfile
    sending: bytes
    receiving: bytes


class SrtpSession(ABC):
    """Both directions of one peer's SRTP and SRTCP."""

    @abstractmethod
    def protect_rtp(self, header: bytes, payload: bytes) -> bytes | None:
        """What follows `header` in the SRTP packet. None: this sequence number was sent before."""

    @abstractmethod
    def unprotect_rtp(self, header: bytes, rest: bytes) -> bytes | None: ...

    @abstractmethod
    def protect_rtcp(self, packet: bytes) -> bytes | None: ...

    @abstractmethod
    def unprotect_rtcp(self, packet: bytes) -> bytes | None: ...

    @abstractmethod
    def receives(self, ssrc: int) -> bool:
        """Whether an authentic RTP or RTCP packet of this SSRC has come."""

    @abstractmethod
    def newest(self, header: bytes) -> bool:
        """Whether an RTP packet, not yet unprotected, is ahead of all that came of its SSRC."""

    @abstractmethod
    def newest_rtcp(self, packet: bytes) -> bool: ...


def create_session(keys: SrtpKeys, drops: Counter[str]) -> SrtpSession:
    if keys.profile is SrtpProfile.AES128_CM_SHA1_80:
        return LibsrtpSession(keys, drops)
    return GcmSession(keys, drops)


class _Stream:
    """What one SSRC needs: its part of the IV, the highest 48-bit index, and which of the last
    `REPLAY_WINDOW` indices were seen (bit 0: the highest)."""

    __slots__ = ("_head", "_seen", "_tail", "highest", "run")

    def __init__(self, salt: int, ssrc: int, highest: int) -> None:
        # The index concerns the last 6 bytes of the IV alone, and 48 bits are no big number.
        self._head = (salt >> 48 ^ ssrc).to_bytes(6, "big")
        self._tail = salt & _INDEX_MASK
        self.highest = highest
        self.run = 0  # indices seen in order since the window was last looked at: most never need it moved
        self._seen = 0

    def iv(self, index: int) -> bytes:
        """RFC 7714 section 8.1."""
        return self._head + (self._tail ^ index).to_bytes(6, "big")

    @property
    def seen(self) -> int:
        if self.run:
            run = min(self.run, REPLAY_WINDOW)
            self._seen = (self._seen << run | (1 << run) - 1) & _WINDOW_MASK
            self.run = 0
        return self._seen

    @seen.setter
    def seen(self, seen: int) -> None:
        self._seen = seen
        self.run = 0


class GcmSession(SrtpSession):
    """AEAD_AES_128_GCM and AEAD_AES_256_GCM (RFC 7714)."""

    def __init__(self, keys: SrtpKeys, drops: Counter[str]) -> None:
        self._drops = drops
        sending, self._rtp_send_salt = _gcm(keys.sending, keys.profile, *RTP_LABELS)
        receiving, self._rtp_receive_salt = _gcm(keys.receiving, keys.profile, *RTP_LABELS)
        sending_rtcp, self._rtcp_send_salt = _gcm(keys.sending, keys.profile, *RTCP_LABELS)
        receiving_rtcp, self._rtcp_receive_salt = _gcm(keys.receiving, keys.profile, *RTCP_LABELS)
        self._encrypt, self._decrypt = sending.encrypt, receiving.decrypt
        self._encrypt_rtcp, self._decrypt_rtcp = sending_rtcp.encrypt, receiving_rtcp.decrypt
        self._sent: dict[int, _Stream] = {}
        self._received: dict[int, _Stream] = {}
        self._received_rtcp: dict[int, _Stream] = {}
        self._rtcp_index = 0

    def protect_rtp(self, header: bytes, payload: bytes) -> bytes | None:
        sequence, ssrc = _numbers(header)
        stream = self._sent.get(ssrc)
        if stream is None:
            stream = self._sent[ssrc] = _Stream(self._rtp_send_salt, ssrc, sequence - 1)
        highest = stream.highest
        ahead = ((sequence - highest + 0x8000) & 0xFFFF) - 0x8000
        if ahead == 1:
            stream.highest = highest + 1
            stream.run += 1
        elif ahead > 0:
            stream.highest = highest + ahead
            stream.seen = (stream.seen << ahead | 1) & _WINDOW_MASK
        elif ahead <= -REPLAY_WINDOW or stream.seen >> -ahead & 1 or highest + ahead < 0:
            # Two different packets under one IV would give the authentication key away.
            self._drops["srtp-sent-before"] += 1
            return None
        else:
            stream.seen |= 1 << -ahead
        return self._encrypt(stream.iv(highest + ahead), payload, header)

    def unprotect_rtp(self, header: bytes, rest: bytes) -> bytes | None:
        sequence, ssrc = _numbers(header)
        stream = self._received.get(ssrc)
        if stream is None:
            if len(self._received) >= MAX_STREAMS:
                self._drops["srtp-streams"] += 1
                return None
            stream = _Stream(self._rtp_receive_salt, ssrc, sequence - 1)
        # The index nearest to the highest one (RFC 3711 section 3.3.1), as a distance from it.
        ahead = ((sequence - stream.highest + 0x8000) & 0xFFFF) - 0x8000
        index = stream.highest + ahead
        if ahead <= 0 and (ahead <= -REPLAY_WINDOW or stream.seen >> -ahead & 1 or index < 0):
            self._drops["srtp-replay"] += 1
            return None
        try:
            payload = self._decrypt(stream.iv(index), rest, header)
        except InvalidTag:
            self._drops["srtp-authentication"] += 1
            return None
        if ahead == 1:
            self._received[ssrc] = stream
            stream.highest = index
            stream.run += 1
        elif ahead > 0:
            stream.highest = index
            stream.seen = (stream.seen << ahead | 1) & _WINDOW_MASK
        else:
            stream.seen |= 1 << -ahead
        return payload

    def protect_rtcp(self, packet: bytes) -> bytes:
        (ssrc,) = _SSRC.unpack_from(packet)
        word = (self._rtcp_index | ENCRYPTED).to_bytes(4, "big")
        iv = _Stream(self._rtcp_send_salt, ssrc, 0).iv(self._rtcp_index)
        self._rtcp_index += 1
        head = packet[:SRTCP_HEADER_LENGTH]
        return head + self._encrypt_rtcp(iv, packet[SRTCP_HEADER_LENGTH:], head + word) + word

    def unprotect_rtcp(self, packet: bytes) -> bytes | None:
        if len(packet) < SRTCP_HEADER_LENGTH + TAG_LENGTH + SRTCP_INDEX_LENGTH:
            self._drops["srtcp-malformed"] += 1
            return None
        (ssrc,) = _SSRC.unpack_from(packet)
        word = packet[-SRTCP_INDEX_LENGTH:]
        index = int.from_bytes(word, "big")
        encrypted, index = index & ENCRYPTED, index & ~ENCRYPTED
        stream = self._received_rtcp.get(ssrc)
        if stream is None:
            if len(self._received_rtcp) >= MAX_STREAMS:
                self._drops["srtp-streams"] += 1
                return None
            stream = _Stream(self._rtcp_receive_salt, ssrc, index - 1)
        ahead = index - stream.highest
        if ahead <= 0 and (ahead <= -REPLAY_WINDOW or stream.seen >> -ahead & 1):
            self._drops["srtp-replay"] += 1
            return None
        # Encrypted, the first 8 bytes and the index word are associated data; in the clear, everything is
        # (RFC 7714 section 9.2).
        clear = SRTCP_HEADER_LENGTH if encrypted else len(packet) - TAG_LENGTH - SRTCP_INDEX_LENGTH
        head, rest = packet[:clear], packet[clear:-SRTCP_INDEX_LENGTH]
        try:
            body = self._decrypt_rtcp(stream.iv(index), rest, head + word)
        except InvalidTag:
            self._drops["srtp-authentication"] += 1
            return None
        if ahead > 0:
            self._received_rtcp[ssrc] = stream
            stream.highest = index
            stream.seen = (stream.seen << ahead | 1) & _WINDOW_MASK if ahead < REPLAY_WINDOW else 1
        else:
            stream.seen |= 1 << -ahead
        return head + body

    def receives(self, ssrc: int) -> bool:
        return ssrc in self._received or ssrc in self._received_rtcp

    def newest(self, header: bytes) -> bool:
        sequence, ssrc = _numbers(header)
        stream = self._received.get(ssrc)
        return stream is None or 0 < (sequence - stream.highest) & 0xFFFF < 0x8000

    def newest_rtcp(self, packet: bytes) -> bool:
        (ssrc,) = _SSRC.unpack_from(packet)
        stream = self._received_rtcp.get(ssrc)
        index = int.from_bytes(packet[-SRTCP_INDEX_LENGTH:], "big") & ~ENCRYPTED
        return stream is None or index > stream.highest


class LibsrtpSession(SrtpSession):
    """AES128_CM_SHA1_80 (RFC 3711), for the peers that know no AES-GCM."""

    def __init__(self, keys: SrtpKeys, drops: Counter[str]) -> None:
        self._drops = drops
        self._sending = pylibsrtp.Session(_policy(keys.sending, pylibsrtp.Policy.SSRC_ANY_OUTBOUND))
        self._receiving = pylibsrtp.Session(_policy(keys.receiving, pylibsrtp.Policy.SSRC_ANY_INBOUND))
        self._highest: dict[int, int] = {}  # RTP sequence number by SSRC
        self._highest_rtcp: dict[int, int] = {}  # SRTCP index by SSRC

    def protect_rtp(self, header: bytes, payload: bytes) -> bytes | None:
        try:
            return self._sending.protect(header + payload)[len(header) :]
        except (pylibsrtp.Error, ValueError) as error:
            self._count(error)
            return None

    def unprotect_rtp(self, header: bytes, rest: bytes) -> bytes | None:
        sequence, ssrc = _numbers(header)
        highest = self._highest.get(ssrc)
        if highest is None and len(self._highest) >= MAX_STREAMS:
            self._drops["srtp-streams"] += 1
            return None
        try:
            packet = self._receiving.unprotect(header + rest)
        except (pylibsrtp.Error, ValueError) as error:
            self._count(error)
            return None
        if highest is None or 0 < (sequence - highest) & 0xFFFF < 0x8000:
            self._highest[ssrc] = sequence
        return packet[len(header) :]

    def protect_rtcp(self, packet: bytes) -> bytes | None:
        try:
            return self._sending.protect_rtcp(packet)
        except (pylibsrtp.Error, ValueError) as error:
            self._count(error)
            return None

    def unprotect_rtcp(self, packet: bytes) -> bytes | None:
        if len(packet) < SRTCP_HEADER_LENGTH + _CM_TRAILER_LENGTH:
            self._drops["srtcp-malformed"] += 1
            return None
        (ssrc,) = _SSRC.unpack_from(packet)
        highest = self._highest_rtcp.get(ssrc)
        if highest is None and len(self._highest_rtcp) >= MAX_STREAMS:
            self._drops["srtp-streams"] += 1
            return None
        try:
            clear = self._receiving.unprotect_rtcp(packet)
        except (pylibsrtp.Error, ValueError) as error:
            self._count(error)
            return None
        self._highest_rtcp[ssrc] = max(highest or 0, _cm_index(packet))
        return clear

    def receives(self, ssrc: int) -> bool:
        return ssrc in self._highest or ssrc in self._highest_rtcp

    def newest(self, header: bytes) -> bool:
        sequence, ssrc = _numbers(header)
        highest = self._highest.get(ssrc)
        return highest is None or 0 < (sequence - highest) & 0xFFFF < 0x8000

    def newest_rtcp(self, packet: bytes) -> bool:
        (ssrc,) = _SSRC.unpack_from(packet)
        return _cm_index(packet) > self._highest_rtcp.get(ssrc, -1)

    def _count(self, error: Exception) -> None:
        text = str(error)
        if text.startswith("replay"):
            self._drops["srtp-replay"] += 1
        elif text.startswith("authentication"):
            self._drops["srtp-authentication"] += 1
        else:
            self._drops["srtp-malformed"] += 1


def derive_key(master_key: bytes, master_salt: bytes, label: int, length: int) -> bytes:
    """The AES-CM key derivation function (RFC 3711 section 4.3.1, with a key derivation rate of zero).

    The 12-byte salts of AES-GCM count as 14 bytes with zeros at the end (RFC 7714 section 11).
    """
    x = bytearray(master_salt.ljust(16, b"\0"))
    x[7] ^= label
    encryptor = Cipher(algorithms.AES(master_key), modes.CTR(bytes(x))).encryptor()
    return encryptor.update(bytes(length))


def _numbers(header: bytes) -> tuple[int, int]:
    """Sequence number and SSRC of an RTP header."""
    # Compiled, bytes by place are a fifth of what a Struct takes.
    ssrc = header[8] << 24 | header[9] << 16 | header[10] << 8 | header[11]
    return header[2] << 8 | header[3], ssrc


def _gcm(master: bytes, profile: SrtpProfile, key_label: int, salt_label: int) -> tuple[AESGCM, int]:
    key, salt = master[: profile.key_length], master[profile.key_length :]
    cipher = AESGCM(derive_key(key, salt, key_label, profile.key_length))
    return cipher, int.from_bytes(derive_key(key, salt, salt_label, profile.salt_length), "big")


def _policy(master: bytes, ssrcs: int) -> pylibsrtp.Policy:
    policy = pylibsrtp.Policy(master, ssrcs, srtp_profile=pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80)
    policy.window_size = REPLAY_WINDOW
    return policy


def _cm_index(packet: bytes) -> int:
    return int.from_bytes(packet[-_CM_TRAILER_LENGTH:-_CM_TAG_LENGTH], "big") & ~ENCRYPTED
