"""RTP header extensions (RFC 8285), one-byte and two-byte elements.

`parse_extensions` runs for every received packet.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, TypeAlias

MID: Final = "urn:ietf:params:rtp-hdrext:sdes:mid"  # RFC 9143 section 15
RID: Final = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"  # RFC 8852 section 3.1
REPAIRED_RID: Final = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"  # RFC 8852 section 3.2
AUDIO_LEVEL: Final = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"  # RFC 6464
TRANSPORT_CC: Final = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
PLAYOUT_DELAY: Final = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
DEPENDENCY_DESCRIPTOR = (  # AV1 RTP specification, appendix A
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
)

Elements: TypeAlias = tuple[tuple[int, bytes], ...]  # id, value


def parse_extensions(header: bytes) -> dict[int, bytes]:
    """Elements by id of an RTP packet's header extension. `header` begins with the fixed RTP header and may
    go on past the extension. Where it is malformed, what was read up to there; of two of one id, the last."""
    elements: dict[int, bytes] = {}
    first = header[0] if header else 0
    at = 16 + ((first & 0x0F) << 2)  # past the CSRCs and the extension's own head
    size = len(header)
    if not first & 0x10 or size < at:
        return elements
    end = at + (header[at - 2] << 10 | header[at - 1] << 2)
    if end > size:
        end = size
    if header[at - 4] == 0xBE and header[at - 3] == 0xDE:  # one-byte elements, section 4.2
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
    elif header[at - 4] == 0x10 and header[at - 3] < 0x10:  # two-byte elements, section 4.3
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


def playout_delay(least: float, most: float) -> bytes:
    """Value of the playout delay extension: bounds in seconds, to 40.95, of the time from capture to screen
    (libwebrtc docs/native-code/rtp-hdrext/playout-delay)."""
    return (round(100 * least) << 12 | round(100 * most)).to_bytes(3, "big")


def write_extensions(elements: Collection[tuple[int, bytes]]) -> bytes:
    """The extension block of `elements` (id 1-255, at most 255 bytes each), its head and padding included;
    b"" for none. One-byte elements, unless an id is over 14 or a value is empty or over 16 bytes.
    Runs for every forwarded packet."""
    if not elements:
        return b""
    block = bytearray(b"\xbe\xde\x00\x00")
    for identifier, value in elements:
        size = len(value)
        if not (0 < identifier <= 14 and 0 < size <= 16):
            block = _two_byte_block(elements)
            break
        block.append(identifier << 4 | size - 1)
        block += value
    if len(block) & 3:
        block += bytes(-len(block) & 3)
    words = (len(block) >> 2) - 1
    block[2] = words >> 8
    block[3] = words & 0xFF
    return bytes(block)


def _two_byte_block(elements: Collection[tuple[int, bytes]]) -> bytearray:
    block = bytearray(b"\x10\x00\x00\x00")
    for identifier, value in elements:
        assert 0 < identifier <= 255 and len(value) <= 255
        block.append(identifier)
        block.append(len(value))
        block += value
    return block
