"""Session descriptions of the load clients: offers to publish and to receive, and answers to Janus's
offers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from benchmarks.load.connection import ConnectError, Connection, Remote
from benchmarks.load.traffic import Encoding
from media import sdp
from media.rtp import extensions

OPUS, VP8, RTX = 111, 96, 97  # payload types

# As browsers number them, so that neither server meets anything unusual.
EXTENSION_IDS = {
    extensions.AUDIO_LEVEL: 1,
    extensions.TRANSPORT_CC: 3,
    extensions.MID: 4,
    extensions.RID: 10,
    extensions.REPAIRED_RID: 11,
}
_AUDIO_EXTENSIONS = (extensions.AUDIO_LEVEL, extensions.TRANSPORT_CC, extensions.MID)
_VIDEO_EXTENSIONS = (extensions.TRANSPORT_CC, extensions.MID, extensions.RID, extensions.REPAIRED_RID)

_AUDIO_CODECS = (sdp.Codec(OPUS, "opus", 48000, 2, "minptime=10;useinbandfec=1", ("transport-cc",)),)
_VIDEO_CODECS = (
    sdp.Codec(VP8, "VP8", 90000, feedback=("goog-remb", "transport-cc", "ccm fir", "nack", "nack pli")),
    sdp.Codec(RTX, "rtx", 90000, fmtp=f"apt={VP8}"),
)


def offer(
    connection: Connection, encodings: Sequence[Encoding], *, publish: bool, slots: int, stream: str = "load"
) -> sdp.SessionDescription:
    """One audio and one video m-line to send if `publish`, then `slots` pairs to receive."""
    media: list[sdp.MediaDescription] = []

    def add(kind: str, direction: sdp.description.Direction) -> None:
        audio = kind == "audio"
        uris = _AUDIO_EXTENSIONS if audio else _VIDEO_EXTENSIONS
        line = sdp.MediaDescription(
            kind=kind,
            mid=str(len(media)),
            direction=direction,
            codecs=_AUDIO_CODECS if audio else _VIDEO_CODECS,
            extensions=tuple(sdp.HeaderExtension(EXTENSION_IDS[uri], uri) for uri in uris),
            msids=((stream, kind),) if direction == "sendonly" else (),
            rtcp_mux=True,
            rtcp_rsize=True,
        )
        media.append(_with_transport(line, connection, "actpass"))

    if publish:
        add("audio", "sendonly")
        add("video", "sendonly")
        if len(encodings) > 1:
            media[-1] = replace(
                media[-1],
                rids=tuple(sdp.Rid(encoding.rid, "send") for encoding in encodings),
                simulcast=sdp.Simulcast(send=tuple((sdp.SimulcastRid(e.rid),) for e in encodings)),
            )
    for _ in range(slots):
        add("audio", "recvonly")
        add("video", "recvonly")
    return sdp.SessionDescription(
        media=tuple(media), session_id=1, session_version=1, bundle=tuple(m.mid for m in media)
    )


def answer(connection: Connection, offered: sdp.SessionDescription) -> sdp.SessionDescription:
    """Accept everything that `offered` wants to send."""
    media = tuple(
        replace(
            _with_transport(line, connection, "passive"),
            direction="recvonly",
            msids=(),
            ssrcs={},
            ssrc_groups=(),
            candidates=(),
            end_of_candidates=False,
        )
        for line in offered.media
    )
    return sdp.SessionDescription(media=media, session_id=1, session_version=1, bundle=offered.bundle)


def remote(description: sdp.SessionDescription) -> Remote:
    """The server's transport: its first IPv4 UDP candidate. Raises ConnectError if it has none.

    Where an offer leaves the DTLS roles open, `answer` lets the server begin: it knows when it is ready.
    """
    line = next((m for m in description.media if not m.rejected), None)
    if line is None:
        raise ConnectError("the server rejected every m-line")
    for candidate in line.candidates:
        _, component, protocol, _, host, port, *_ = candidate.split()
        if component == "1" and protocol.lower() == "udp" and ":" not in host:
            starts = line.setup != "passive"
            return Remote(line.ice_ufrag, line.ice_pwd, host, int(port), line.fingerprints, starts)
    raise ConnectError("the server announced no IPv4 UDP candidate")


def accepted_extensions(description: sdp.SessionDescription, mid: str) -> dict[str, int]:
    """Ids by URI of the header extensions that may be used on one m-line."""
    line = next(m for m in description.media if m.mid == mid)
    return {extension.uri: extension.id for extension in line.extensions}


def _with_transport(line: sdp.MediaDescription, connection: Connection, setup: str) -> sdp.MediaDescription:
    return replace(
        line,
        ice_ufrag=connection.ufrag,
        ice_pwd=connection.pwd,
        fingerprints=connection.fingerprints,
        setup=setup,
    )
