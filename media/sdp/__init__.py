"""Session descriptions (RFC 8866) as WebRTC uses them (RFC 8829): text to facts and back.

What is negotiated here is read and written without loss; everything else is left out. A description comes
from a stranger: its size, lines, sections and numbers are checked, and what is wrong is said in plain words.
"""

from media.sdp.description import (
    Codec,
    HeaderExtension,
    MediaDescription,
    Rid,
    SdpError,
    SessionDescription,
    Simulcast,
    SimulcastRid,
    SsrcGroup,
)
from media.sdp.fragment import IceFragment, parse_fragment, serialize_fragment
from media.sdp.reader import parse
from media.sdp.writer import serialize

__all__ = [
    "Codec",
    "HeaderExtension",
    "IceFragment",
    "MediaDescription",
    "Rid",
    "SdpError",
    "SessionDescription",
    "Simulcast",
    "SimulcastRid",
    "SsrcGroup",
    "parse",
    "parse_fragment",
    "serialize",
    "serialize_fragment",
]
