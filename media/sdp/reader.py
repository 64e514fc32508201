"""Text to `SessionDescription`. Raises `SdpError` and nothing else."""

from __future__ import annotations

import re
from typing import Final, cast, get_args

from media.sdp import lines
from media.sdp.description import (
    Codec,
    Direction,
    HeaderExtension,
    MediaDescription,
    Rid,
    SdpError,
    SessionDescription,
    Simulcast,
    SimulcastRid,
    SsrcGroup,
)
from media.sdp.lines import Section, number, token

MAX_SSRC: Final = 0xFFFF_FFFF

_DIRECTIONS: Final = get_args(Direction)
_RTPMAP: Final = re.compile(r"(\S+) +([^\s/]+)/([0-9]+)(?:/([0-9]+))?")
_EXTMAP: Final = re.compile(r"([0-9]+)(?:/([a-z]+))? +(\S+)(?: .*)?")
_FINGERPRINT: Final = re.compile(r"([A-Za-z0-9-]+) +([0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){15,63})")
_RID: Final = re.compile(r"([A-Za-z0-9_-]{1,255}) +(send|recv)(?: +(.*))?")
_SIMULCAST_RID: Final = re.compile(r"(~?)([A-Za-z0-9_-]{1,255})")


def parse(text: str) -> SessionDescription:
    """An offer or answer as text. `SdpError` says what is wrong with it."""
    session_id, session_version, sections = _sections(text)
    session, media = sections[0], tuple(_media(section, sections[0]) for section in sections[1:])
    mids = [described.mid for described in media if described.mid]
    if len(mids) != len(set(mids)):
        raise SdpError("Two m-lines have the same mid.")
    groups = [group.split() for group in session.all("group")]
    bundles = [group[1:] for group in groups if group and group[0] == "BUNDLE"]
    return SessionDescription(
        media=media,
        session_id=session_id,
        session_version=session_version,
        bundle=tuple(lines.mid(mid) for mid in bundles[0]) if bundles else (),
        ice_lite=session.has("ice-lite"),
        extmap_allow_mixed=session.has("extmap-allow-mixed"),
    )


def _sections(text: str) -> tuple[int, int, list[Section]]:
    pairs = lines.split_lines(text)
    if pairs[:1] != [("v", "0")]:
        raise SdpError("The description does not begin with 'v=0'.")
    origin: list[str] = []
    sections = [Section()]
    for kind, value in pairs:
        if kind == "m":
            if len(sections) > lines.MAX_MEDIA:
                raise SdpError(f"The description has more than {lines.MAX_MEDIA} m-lines.")
            sections.append(Section(value))
        elif kind == "a":
            sections[-1].add(value)
        elif kind == "b":
            sections[-1].bandwidths.append(value)
        elif kind == "o" and not origin:
            origin = value.split()
    if len(origin) != 6:
        raise SdpError("The description has no valid 'o=' line.")
    highest = 2**64 - 1
    session_id = number(origin[1], 0, highest, "session id")
    return session_id, number(origin[2], 0, highest, "session version"), sections


def _media(section: Section, session: Section) -> MediaDescription:
    kind, port, protocol, formats = _media_line(section.head)

    def inherited(name: str) -> str:
        return section.one(name) or session.one(name)

    return MediaDescription(
        kind=kind,
        mid=lines.mid(section.one("mid")) if section.has("mid") else "",
        direction=_direction(section) or _direction(session) or "sendrecv",
        port=port,
        protocol=protocol,
        formats=formats,
        codecs=_codecs(section, formats) if "RTP/" in protocol else (),
        extensions=_extensions(session.all("extmap") + section.all("extmap")),
        extmap_allow_mixed=section.has("extmap-allow-mixed") or session.has("extmap-allow-mixed"),
        rids=_rids(section),
        simulcast=_simulcast(section.one("simulcast")) if section.has("simulcast") else None,
        msids=_msids(section),
        ssrcs=_ssrcs(section),
        ssrc_groups=tuple(_ssrc_group(value) for value in section.all("ssrc-group")),
        rtcp_mux=section.has("rtcp-mux"),
        rtcp_rsize=section.has("rtcp-rsize"),
        bundle_only=section.has("bundle-only"),
        ice_ufrag=lines.ice_credential(inherited("ice-ufrag"), 4, "ICE user fragment"),
        ice_pwd=lines.ice_credential(inherited("ice-pwd"), 22, "ICE password"),
        ice_options=tuple(inherited("ice-options").split()),
        fingerprints=_fingerprints(section.all("fingerprint") or session.all("fingerprint")),
        setup=_setup(inherited("setup")),
        candidates=lines.candidates(section),
        end_of_candidates=section.has("end-of-candidates"),
        bandwidths=_bandwidths(section.bandwidths),
        ptime_ms=_optional(section, "ptime", 1, 1000),
        maxptime_ms=_optional(section, "maxptime", 1, 1000),
        sctp_port=_optional(section, "sctp-port", 0, 0xFFFF),
        max_message_size=_optional(section, "max-message-size", 0, 2**63),
    )


def _media_line(head: str) -> tuple[str, int, str, tuple[str, ...]]:
    parts = head.split()
    if len(parts) < 4:
        raise SdpError("An m-line is cut off.")
    port, _, _ = parts[1].partition("/")
    kind, protocol, formats = parts[0], parts[2], tuple(parts[3:])
    for value in (kind, *protocol.split("/"), *formats):
        token(value, "m-line")
    if "RTP/" in protocol:
        formats = tuple(str(number(value, 0, 127, "payload type")) for value in formats)
    if len(set(formats)) != len(formats):
        raise SdpError("An m-line names a format twice.")
    return kind, number(port, 0, 0xFFFF, "port"), protocol, formats


def _direction(section: Section) -> Direction | None:
    found = [direction for direction in _DIRECTIONS if section.has(direction)]
    if len(found) > 1:
        raise SdpError("A section of the description has two directions.")
    return cast(Direction, found[0]) if found else None


def _codecs(section: Section, formats: tuple[str, ...]) -> tuple[Codec, ...]:
    """In the order of the m-line, which is the order of preference. Without a=rtpmap: left out."""
    maps: dict[str, re.Match[str]] = {}
    for value in section.all("rtpmap"):
        match = _RTPMAP.fullmatch(value.strip())
        if match is None:
            raise SdpError("An a=rtpmap line is malformed.")
        maps[match[1]] = match
    fmtps = _by_format(section.all("fmtp"))
    feedbacks = _by_format(section.all("rtcp-fb"))
    codecs = []
    for payload_type in formats:
        if payload_type in maps:
            _, name, clock_rate, channels = maps[payload_type].groups()
            codecs.append(
                Codec(
                    payload_type=int(payload_type),
                    name=token(name, "codec name"),
                    clock_rate=number(clock_rate, 1, MAX_SSRC, "clock rate"),
                    channels=number(channels or "1", 1, 255, "channel count"),
                    fmtp="; ".join(fmtps.get(payload_type, [])),
                    feedback=tuple(feedbacks.get("*", []) + feedbacks.get(payload_type, [])),
                )
            )
    return tuple(codecs)


def _by_format(values: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for value in values:
        payload_type, _, rest = value.strip().partition(" ")
        if rest.strip():
            found.setdefault(payload_type, []).append(rest.strip())
    return found


def _extensions(values: list[str]) -> tuple[HeaderExtension, ...]:
    extensions: dict[int, HeaderExtension] = {}
    for value in values:
        match = _EXTMAP.fullmatch(value.strip())
        if match is None or (match[2] or "sendrecv") not in _DIRECTIONS:
            raise SdpError("An a=extmap line is malformed.")
        identifier = number(match[1], 1, 255, "header extension id")
        direction = cast(Direction, match[2] or "sendrecv")
        extension = HeaderExtension(identifier, match[3], direction)
        if extensions.setdefault(identifier, extension).uri != extension.uri:
            raise SdpError("Two header extensions have the same id.")
    return tuple(extensions.values())


def _rids(section: Section) -> tuple[Rid, ...]:
    rids: dict[str, Rid] = {}
    for value in section.all("rid"):
        match = _RID.fullmatch(value.strip())
        if match is None or match[1] in rids:
            raise SdpError("An a=rid line is malformed or repeated.")
        pairs = (part.strip().partition("=") for part in (match[3] or "").split(";"))
        restrictions = {name: restriction for name, _, restriction in pairs if name}
        rids[match[1]] = Rid(match[1], "send" if match[2] == "send" else "recv", restrictions)
    return tuple(rids.values())


def _simulcast(value: str) -> Simulcast:
    parts = value.split()
    lists = dict(zip(parts[::2], parts[1::2], strict=False))
    if len(parts) not in (2, 4) or len(lists) != len(parts) // 2 or not lists.keys() <= {"send", "recv"}:
        raise SdpError("The a=simulcast line is malformed.")
    return Simulcast(_simulcast_streams(lists.get("send")), _simulcast_streams(lists.get("recv")))


def _simulcast_streams(value: str | None) -> tuple[tuple[SimulcastRid, ...], ...]:
    if value is None:
        return ()
    return tuple(tuple(map(_simulcast_rid, stream.split(","))) for stream in value.split(";"))


def _simulcast_rid(value: str) -> SimulcastRid:
    match = _SIMULCAST_RID.fullmatch(value)
    if match is None:
        raise SdpError("The a=simulcast line is malformed.")
    return SimulcastRid(match[2], paused=bool(match[1]))


def _msids(section: Section) -> tuple[tuple[str, str], ...]:
    msids = []
    for value in section.all("msid"):
        stream, _, track = value.strip().partition(" ")
        msids.append((token(stream, "msid"), token(track.strip(), "msid") if track.strip() else ""))
    return tuple(msids)


def _ssrcs(section: Section) -> dict[int, dict[str, str]]:
    ssrcs: dict[int, dict[str, str]] = {}
    for value in section.all("ssrc"):
        ssrc, _, attribute = value.strip().partition(" ")
        source = number(ssrc, 0, MAX_SSRC, "SSRC")
        name, _, rest = attribute.strip().partition(":")
        if name:
            ssrcs.setdefault(source, {})[name] = rest
    return ssrcs


def _ssrc_group(value: str) -> SsrcGroup:
    semantics, *ssrcs = value.split() or [""]
    group = SsrcGroup(token(semantics, "SSRC group"), tuple(number(s, 0, MAX_SSRC, "SSRC") for s in ssrcs))
    if not ssrcs:
        raise SdpError("An a=ssrc-group line is cut off.")
    return group


def _fingerprints(values: list[str]) -> tuple[tuple[str, str], ...]:
    fingerprints = []
    for value in values:
        match = _FINGERPRINT.fullmatch(value.strip())
        if match is None:
            raise SdpError("An a=fingerprint line is malformed.")
        fingerprints.append((match[1].lower(), match[2].upper()))
    return tuple(fingerprints)


def _setup(value: str) -> str:
    if value not in ("", "actpass", "active", "passive", "holdconn"):
        raise SdpError("The a=setup line is malformed.")
    return value


def _bandwidths(values: list[str]) -> tuple[tuple[str, int], ...]:
    pairs = (value.partition(":") for value in values)
    return tuple((token(name, "bandwidth"), number(rate, 0, 2**63, "bandwidth")) for name, _, rate in pairs)


def _optional(section: Section, name: str, low: int, high: int) -> int | None:
    return number(section.one(name), low, high, name) if section.has(name) else None
