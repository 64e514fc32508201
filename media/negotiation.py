"""From an offer to an answer (RFC 8829, RFC 3264): which m-lines carry what, and with which codecs.

Only the client offers. A line that it sends on becomes a publication; its lines that only receive, audio and
video in turn, become slots. Everything travels in one BUNDLE over one transport.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from media.errors import MediaError
from media.payload import formats
from media.rtp import extensions as uri
from media.sdp import Codec, HeaderExtension, MediaDescription, Rid, SessionDescription, Simulcast, SsrcGroup
from media.sdp.description import Direction

Role = Literal["publish", "slot", "idle", "rejected"]

DIRECTIONS: Mapping[Role, Direction] = {"publish": "recvonly", "slot": "sendonly", "idle": "inactive"}
KINDS: Final = {"microphone": "audio", "camera": "video", "screen": "video"}
MAX_RIDS: Final = 3
# Header extension ids up to it fit the short form (RFC 8285 section 4.2), all that we send.
ONE_BYTE_IDS: Final = 14
OPUS_CLOCK: Final = 48_000
VIDEO_CLOCK: Final = 90_000
# In-band FEC, and DTX: who is silent sends two packets a second, which halves a conversation's packets.
OPUS_PARAMETERS: Final = "minptime=10;useinbandfec=1;usedtx=1"
# For a poor uplink: Opus at 14 kbit/s in packets of 60 ms is about 19 kbit/s on the wire; at 20 ms it is 57.
THIN_PARAMETERS: Final = f"{OPUS_PARAMETERS};maxaveragebitrate=14000"
THIN_PTIME_MS: Final = 60
FEEDBACK: Final = {
    "audio": ("transport-cc",),
    "video": ("goog-remb", "transport-cc", "ccm fir", "nack", "nack pli"),
}
EXTENSIONS: Mapping[tuple[Role, str], tuple[str, ...]] = {
    ("publish", "audio"): (uri.MID, uri.TRANSPORT_CC, uri.AUDIO_LEVEL),
    ("publish", "video"): (
        uri.MID,
        uri.RID,
        uri.REPAIRED_RID,
        uri.TRANSPORT_CC,
        uri.DEPENDENCY_DESCRIPTOR,
    ),
    ("slot", "audio"): (uri.TRANSPORT_CC,),
    ("slot", "video"): (uri.TRANSPORT_CC, uri.DEPENDENCY_DESCRIPTOR, uri.PLAYOUT_DELAY),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One m-line as agreed. `payload_types` by codec: "opus", "red" and "pcmu", or the format of a picture,
    of which a publisher gets one; `repairs` are those of RTX, by the payload type that they repair."""

    mid: str
    kind: str
    role: Role
    source: str = ""  # of a publication
    codecs: tuple[Codec, ...] = ()  # in the answer's order
    payload_types: Mapping[str, int] = field(default_factory=dict)
    repairs: Mapping[int, int] = field(default_factory=dict)
    extensions: tuple[HeaderExtension, ...] = ()
    rids: tuple[str, ...] = ()
    ssrcs: tuple[tuple[int, int | None], ...] = ()  # (media, RTX) as the offer announces them

    @property
    def format(self) -> str:
        """Of what is published on it."""
        return "opus" if self.kind == "audio" else next(iter(self.payload_types))

    def extension_id(self, name: str) -> int:
        """The id of a header extension by URI; 0 if it was not agreed."""
        return next((e.id for e in self.extensions if e.uri == name), 0)


@dataclass(frozen=True, slots=True)
class TransportParameters:
    """What the answer says of our end."""

    ufrag: str
    pwd: str
    fingerprint: tuple[str, str]
    candidates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SlotStream:
    """What the answer says of a slot's half."""

    slot: int
    ssrc: int
    rtx_ssrc: int | None


def agree(
    offer: SessionDescription, sources: Mapping[str, str] | None, *, max_lines: int
) -> tuple[Line, ...]:
    """The lines of `offer`, in its order. `sources` maps the mid of each line that the client sends on;
    None takes the first audio line as microphone and the first video line as camera. Raises `MediaError`."""
    if len(offer.media) > max_lines:
        raise MediaError("too-many-media", f"The offer has more than {max_lines} media sections.")
    if sources is None:
        sources = _guess_sources(offer)
    _check_sources(offer, sources)
    if len(offer.media) > 1 and not offer.bundle:
        raise MediaError("no-bundle", "The offer must put all media into one BUNDLE (max-bundle).")
    lines = tuple(_agree_line(media, offer, sources) for media in offer.media)
    if all(line.role == "rejected" for line in lines):
        raise MediaError("no-media", "The offer has nothing that this server carries: Opus, VP8, H.264.")
    return lines


def answer(
    offer: SessionDescription,
    lines: Sequence[Line],
    transport: TransportParameters,
    slots: Mapping[str, SlotStream],
    *,
    version: int,
    thin: bool = False,
) -> SessionDescription:
    """The answer to `offer`. `slots` by mid; `version` grows with each answer of a connection. `thin` asks
    for sound at a low bitrate in long packets."""
    media = tuple(
        _answer_line(section, line, transport, slots.get(line.mid), thin=thin)
        for section, line in zip(offer.media, lines, strict=True)
    )
    return SessionDescription(
        media=media,
        session_id=1,
        session_version=version,
        bundle=tuple(line.mid for line in lines if line.role != "rejected") if offer.bundle else (),
        ice_lite=True,
        extmap_allow_mixed=offer.extmap_allow_mixed,
    )


def transport_of(offer: SessionDescription) -> MediaDescription:
    """The section that speaks for the bundle: the first that has ICE credentials and a fingerprint."""
    for media in offer.media:
        bundled = not media.rejected and (media.mid in offer.bundle or len(offer.media) == 1)
        if bundled and media.ice_ufrag and media.ice_pwd and media.fingerprints:
            if media.setup not in ("actpass", "active"):
                raise MediaError("bad-sdp", "The offer must leave the passive role of DTLS to this server.")
            return media
    raise MediaError("bad-sdp", "The offer has no ICE credentials or no DTLS fingerprint.")


def _guess_sources(offer: SessionDescription) -> dict[str, str]:
    sources: dict[str, str] = {}
    for source in ("microphone", "camera"):
        for media in offer.media:
            if media.kind == KINDS[source] and media.sends and not media.rejected:
                sources[media.mid] = source
                break
    return sources


def _check_sources(offer: SessionDescription, sources: Mapping[str, str]) -> None:
    kinds = {media.mid: media.kind for media in offer.media}
    for mid, source in sources.items():
        if source not in KINDS or kinds.get(mid) != KINDS[source]:
            raise MediaError("bad-sources", f"There is no media section “{mid}” for the {source}.")
    if len(set(sources.values())) < len(sources):
        raise MediaError("bad-sources", "Two media sections are said to carry the same source.")


def _agree_line(media: MediaDescription, offer: SessionDescription, sources: Mapping[str, str]) -> Line:
    rejected = Line(media.mid, media.kind, "rejected")
    outside = media.mid not in offer.bundle and len(offer.media) > 1
    if media.rejected or media.kind not in FEEDBACK or outside or not media.mid:
        return rejected
    source = sources.get(media.mid, "")
    role: Role = "idle"
    if source and media.sends:
        role = "publish"
    elif media.direction == "recvonly":
        role = "slot"
    codecs = _audio_codecs(media, role) if media.kind == "audio" else _video_codecs(media, role)
    if not codecs:
        return rejected
    wanted = EXTENSIONS.get((role, media.kind), ())
    highest_id = ONE_BYTE_IDS if role == "slot" else 255
    return Line(
        mid=media.mid,
        kind=media.kind,
        role=role,
        source=source,
        codecs=codecs,
        payload_types={_key(codec): codec.payload_type for codec in codecs if not _is_repair(codec)},
        repairs={int(codec.parameters["apt"]): codec.payload_type for codec in codecs if _is_repair(codec)},
        extensions=tuple(
            replace(e, direction="sendrecv")
            for e in media.extensions
            if e.uri in wanted and e.id <= highest_id
        ),
        rids=_rids(media) if role == "publish" else (),
        ssrcs=_announced(media) if role == "publish" else (),
    )


def _audio_codecs(media: MediaDescription, role: Role) -> tuple[Codec, ...]:
    opus = next((c for c in media.codecs if c.name.lower() == "opus" and c.clock_rate == OPUS_CLOCK), None)
    if opus is None:
        return ()
    agreed = [replace(_with_feedback(opus), fmtp=OPUS_PARAMETERS)]
    if role == "slot":
        strange = (codec for codec in media.codecs if codec.name.lower() == formats.STRANGE)
        agreed += [replace(codec, feedback=()) for codec in strange][:1]
    pair = f"{opus.payload_type}/{opus.payload_type}"
    for codec in media.codecs:
        if codec.name.lower() == "red" and codec.clock_rate == OPUS_CLOCK and codec.fmtp.startswith(pair):
            # The first codec is the one that a sender uses: it is to send redundancy, we may leave it out.
            agreed.insert(0 if role == "publish" else 1, _with_feedback(codec))
            break
    return tuple(agreed)


def _video_codecs(media: MediaDescription, role: Role) -> tuple[Codec, ...]:
    """One format from a publisher; towards receivers all that there are, since people of either may come to
    sit in a slot: then the payload type changes, and nothing is negotiated anew."""
    offered: dict[str, Codec] = {}
    for codec in media.codecs:
        format = formats.format_of(codec.name, codec.parameters)
        if format is not None and codec.clock_rate == VIDEO_CLOCK and _is_carried(codec, format, role):
            offered.setdefault(format, codec)
    if role == "publish":
        best = next((format for format in formats.PREFERENCE if format in offered), None)
        offered = {} if best is None else {best: offered[best]}
    # Of a publisher without RTX who does not stamp its packets, the second one is the first, bit by bit.
    same = not any(extension.uri == uri.TRANSPORT_CC for extension in media.extensions)
    agreed: list[Codec] = []
    for format, codec in offered.items():
        repair = next((c for c in media.codecs if _is_repair(c) and _repairs(c, codec)), None)
        agreed.append(_with_feedback(codec, again=repair is not None or (role == "publish" and same)))
        if format != formats.VP8:
            agreed[-1] = replace(agreed[-1], fmtp=_h264_parameters(codec))
        if repair is not None:
            agreed.append(replace(repair, feedback=()))
    return tuple(agreed)


def _is_carried(codec: Codec, format: str, role: Role) -> bool:
    """WebRTC speaks packetization mode 1. A publisher may be of mode 0, which has no packets but single NAL
    units: who takes mode 1 takes them too (RFC 6184 section 6.3)."""
    if format == formats.VP8:
        return True
    mode = codec.parameters.get("packetization-mode", "0")
    return mode == "1" or (mode == "0" and role == "publish")


def _h264_parameters(codec: Codec) -> str:
    """As offered (RFC 6184 section 8.2.2), without what only its sender can say."""
    said = codec.parameters
    names = ("level-asymmetry-allowed", "packetization-mode", "profile-level-id")
    return ";".join(f"{name}={said[name]}" for name in names if name in said)


def _key(codec: Codec) -> str:
    return formats.format_of(codec.name, codec.parameters) or codec.name.lower()


def _is_repair(codec: Codec) -> bool:
    return codec.name.lower() == "rtx"


def _repairs(codec: Codec, video: Codec) -> bool:
    return codec.parameters.get("apt") == str(video.payload_type)


def _with_feedback(codec: Codec, *, again: bool = False) -> Codec:
    """`again`: what is lost may be asked for. The same number under AES-GCM with another stamp would repeat a
    nonce, so that it takes RTX, either way."""
    known = FEEDBACK["audio" if codec.name.lower() in ("opus", "red") else "video"]
    agreed = [f for f in known if f in codec.feedback and (f != "nack" or again)]
    return replace(codec, feedback=tuple(agreed))


def _rids(media: MediaDescription) -> tuple[str, ...]:
    """The rids that will be sent, in the offer's order, which is taken as small to large."""
    if media.simulcast is None:
        return tuple(rid.id for rid in media.rids if rid.direction == "send")[:1]
    return tuple(alternatives[0].id for alternatives in media.simulcast.send if alternatives)[:MAX_RIDS]


def _announced(media: MediaDescription) -> tuple[tuple[int, int | None], ...]:
    if media.simulcast is not None:
        return ()
    groups = {group.ssrcs[0]: group.ssrcs[1] for group in media.ssrc_groups if _is_pair(group)}
    repairs = set(groups.values())
    return tuple((ssrc, groups.get(ssrc)) for ssrc in media.ssrcs if ssrc not in repairs)[:1]


def _is_pair(group: SsrcGroup) -> bool:
    return group.semantics == "FID" and len(group.ssrcs) == 2


def _answer_line(
    section: MediaDescription,
    line: Line,
    transport: TransportParameters,
    slot: SlotStream | None,
    *,
    thin: bool,
) -> MediaDescription:
    if line.role == "rejected":
        return MediaDescription(
            kind=section.kind,
            mid=section.mid,
            direction="inactive",
            port=0,
            protocol=section.protocol,
            formats=section.formats[:1],
        )
    simulcast = None
    if line.role == "publish" and section.simulcast is not None and line.rids:
        sent = tuple(a for a in section.simulcast.send if a and a[0].id in line.rids)
        simulcast = Simulcast(recv=tuple(alternatives[:1] for alternatives in sent))
    media = MediaDescription(
        kind=section.kind,
        mid=section.mid,
        direction=DIRECTIONS[line.role],
        protocol=section.protocol,
        formats=tuple(str(codec.payload_type) for codec in line.codecs),
        codecs=line.codecs,
        extensions=line.extensions,
        extmap_allow_mixed=section.extmap_allow_mixed,
        rids=tuple(Rid(rid, "recv") for rid in line.rids),
        simulcast=simulcast,
        rtcp_mux=True,
        rtcp_rsize=section.rtcp_rsize,
        ice_ufrag=transport.ufrag,
        ice_pwd=transport.pwd,
        fingerprints=(transport.fingerprint,),
        setup="passive",
        candidates=transport.candidates,
        end_of_candidates=True,
    )
    if thin and line.role == "publish" and line.kind == "audio":
        return _thin(media)
    return media if slot is None or line.role != "slot" else _with_slot(media, slot)


def _thin(media: MediaDescription) -> MediaDescription:
    """Of a microphone: at a low bitrate in long packets, without redundancy."""
    codecs = tuple(
        replace(codec, fmtp=THIN_PARAMETERS) if codec.name.lower() == "opus" else codec
        for codec in media.codecs
        if codec.name.lower() != "red"
    )
    formats = tuple(str(codec.payload_type) for codec in codecs)
    return replace(media, codecs=codecs, formats=formats, ptime_ms=THIN_PTIME_MS, maxptime_ms=THIN_PTIME_MS)


def _with_slot(media: MediaDescription, slot: SlotStream) -> MediaDescription:
    """One msid for both halves of a slot: that is what makes a browser keep sound and picture together."""
    name, track = f"slot{slot.slot}", f"{media.kind}{slot.slot}"
    ssrcs = (slot.ssrc,) if slot.rtx_ssrc is None else (slot.ssrc, slot.rtx_ssrc)
    return replace(
        media,
        msids=((name, track),),
        ssrcs={ssrc: {"cname": name, "msid": f"{name} {track}"} for ssrc in ssrcs},
        ssrc_groups=(SsrcGroup("FID", ssrcs),) if len(ssrcs) == 2 else (),
    )
