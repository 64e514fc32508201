"""RTP header extensions (RFC 8285), one-byte and two-byte elements.

`parse_extensions` runs for every received packet.
"""

from __future__ import annotations

from collections.abc import Iterable

MID = "urn:ietf:params:rtp-hdrext:sdes:mid"  # RFC 9143 section 15
RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"  # RFC 8852 section 3.1
REPAIRED_RID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"  # RFC 8852 section 3.2
AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"  # RFC 6464
VIDEO_ORIENTATION = "urn:3gpp:video-orientation"  # 3GPP TS 26.114 section 7.4.5
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
PLAYOUT_DELAY = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
DEPENDENCY_DESCRIPTOR = (  # AV1 RTP specification, appendix A
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
)

ONE_BYTE_PROFILE = 0xBEDE  # RFC 8285 section 4.2
TWO_BYTE_PROFILE = 0x1000  # RFC 8285 section 4.3; the low four bits are "appbits", free for applications

_X_BIT = 0x10


def parse_extensions(header: bytes) -> dict[int, bytes]:
    """Elements by id of an RTP packet's header extension. `header` begins with the fixed RTP header and may
    go on past the extension. Where it is malformed, what was read up to there; of two of one id, the last."""
    elements: dict[int, bytes] = {}
    first = header[0] if header else 0
    at = 16 + ((first & 0x0F) << 2)  # past the CSRCs and the extension's own head
    size = len(header)
    if not first & _X_BIT or size < at:
        return elements
    end = at + (header[at - 2] << 10 | header[at - 1] << 2)
    if end > size:
        end = size
    if header[at - 4] == 0xBE and header[at - 3] == 0xDE:
        while at < end:
            head = header[at]
            at += 1
            if head >= 0xF0:  # id 15: "stop here"
                break
            if head >= 0x10:
                stop = at + 1 + (head & 0x0F)
                if stop > end:
                    break
                elements[head >> 4] = header[at:stop]
                at = stop
            elif head:  # padding with a length: the rest is not to be trusted
                break
    elif header[at - 4] == 0x10 and header[at - 3] < 0x10:
        while at < end:
            identifier = header[at]
            at += 1
            if identifier:
                if at == end:
                    break
                stop = at + 1 + header[at]
                if stop > end:
                    break
                elements[identifier] = header[at + 1 : stop]
                at = stop
    return elements


def write_extensions(elements: Iterable[tuple[int, bytes]]) -> bytes:
    """The extension block of `elements` (id 1-255, at most 255 bytes each), its head and padding included;
    b"" for none. One-byte elements, unless an id is over 14 or a value is empty or over 16 bytes."""
    pairs = list(elements)
    if not pairs:
        return b""
    if all(1 <= identifier <= 14 and 1 <= len(value) <= 16 for identifier, value in pairs):
        profile = ONE_BYTE_PROFILE
        body = b"".join(bytes((i << 4 | len(value) - 1,)) + value for i, value in pairs)
    else:
        assert all(1 <= identifier <= 255 and len(value) <= 255 for identifier, value in pairs)
        profile = TWO_BYTE_PROFILE
        body = b"".join(bytes((i, len(value))) + value for i, value in pairs)
    body += bytes(-len(body) % 4)
    return profile.to_bytes(2, "big") + (len(body) // 4).to_bytes(2, "big") + body
