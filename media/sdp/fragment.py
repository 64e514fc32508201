"""SDP fragments for trickled candidates and ICE restarts: "application/trickle-ice-sdpfrag"
(RFC 8840 section 9), as WHIP and WHEP PATCH them (RFC 9725 section 4.3)."""

from __future__ import annotations

from dataclasses import dataclass

from media.sdp import lines
from media.sdp.description import SdpError
from media.sdp.lines import Section
from media.sdp.writer import join_lines


@dataclass(frozen=True, slots=True)
class IceFragment:
    """The ICE part of one bundled transport. `mid` is that of the first m-line, "" for none. `candidates`
    are values without "candidate:", those of all m-lines together. `ufrag` and `pwd` may be ""."""

    ufrag: str = ""
    pwd: str = ""
    mid: str = ""
    candidates: tuple[str, ...] = ()
    end_of_candidates: bool = False
    kind: str = "audio"  # of the m-line that holds `mid`
    ice_lite: bool = False


def parse_fragment(text: str) -> IceFragment:
    """Raises `SdpError`."""
    sections = [Section()]
    for kind, value in lines.split_lines(text):
        if kind == "m":
            if len(sections) > lines.MAX_MEDIA:
                raise SdpError(f"The fragment has more than {lines.MAX_MEDIA} m-lines.")
            sections.append(Section(value))
        elif kind == "a":
            sections[-1].add(value)
    media = sections[1] if len(sections) > 1 else sections[0]

    def first(name: str) -> str:
        return next((section.one(name) for section in sections if section.one(name)), "")

    return IceFragment(
        ufrag=lines.ice_credential(first("ice-ufrag"), 4, "ICE user fragment"),
        pwd=lines.ice_credential(first("ice-pwd"), 22, "ICE password"),
        mid=lines.mid(media.one("mid")) if media.has("mid") else "",
        candidates=tuple(value for section in sections for value in lines.candidates(section)),
        end_of_candidates=any(section.has("end-of-candidates") for section in sections),
        kind=lines.token(media.head.partition(" ")[0], "m-line") if media.head else "audio",
        ice_lite=sections[0].has("ice-lite"),
    )


def serialize_fragment(fragment: IceFragment) -> str:
    """The m-line is there to hold the mid; its port, protocol and format mean nothing (RFC 8840, 9)."""
    text = ["a=ice-lite"] if fragment.ice_lite else []
    if fragment.mid:
        text.append(f"a=group:BUNDLE {fragment.mid}")
        text.append(f"m={fragment.kind} 9 UDP/TLS/RTP/SAVPF 0")
        text.append(f"a=mid:{fragment.mid}")
    if fragment.ufrag:
        text += [f"a=ice-ufrag:{fragment.ufrag}", f"a=ice-pwd:{fragment.pwd}"]
    text += [f"a=candidate:{candidate}" for candidate in fragment.candidates]
    if fragment.end_of_candidates:
        text.append("a=end-of-candidates")
    return join_lines(text)
