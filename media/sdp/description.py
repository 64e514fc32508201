"""The facts of a session description."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from media.errors import MediaError

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]


class SdpError(MediaError):
    """A description that cannot be used; `message` says why."""

    def __init__(self, message: str) -> None:
        super().__init__("bad-sdp", message)


@dataclass(frozen=True, slots=True)
class Codec:
    """One payload type: a=rtpmap, a=fmtp and a=rtcp-fb."""

    payload_type: int
    name: str  # as sent; case does not matter, RFC 4855 section 3
    clock_rate: int
    channels: int = 1
    fmtp: str = ""
    feedback: tuple[str, ...] = ()  # "nack", "nack pli", "ccm fir", "transport-cc", ...

    @property
    def parameters(self) -> dict[str, str]:
        """`fmtp` by name; what has no "=" (RED's "111/111") is a name with an empty value."""
        parts = (part.strip().partition("=") for part in self.fmtp.split(";"))
        return {name.strip(): value.strip() for name, _, value in parts if name.strip()}


@dataclass(frozen=True, slots=True)
class HeaderExtension:
    """a=extmap, RFC 8285 section 5."""

    id: int
    uri: str
    direction: Direction = "sendrecv"


@dataclass(frozen=True, slots=True)
class Rid:
    """a=rid, RFC 8851. `restrictions` by name ("pt", "max-width", ...); a name alone has an empty value."""

    id: str
    direction: Literal["send", "recv"]
    restrictions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SimulcastRid:
    """One rid within a=simulcast; "~" before it means that it starts paused."""

    id: str
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Simulcast:
    """a=simulcast, RFC 8853 section 5.1: for each stream its alternatives, the preferred one first."""

    send: tuple[tuple[SimulcastRid, ...], ...] = ()
    recv: tuple[tuple[SimulcastRid, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class SsrcGroup:
    """a=ssrc-group, RFC 5576 section 4.2: "FID" for (media, RTX), "SIM" for simulcast."""

    semantics: str
    ssrcs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class MediaDescription:
    """One m-line. What the session says for all (ICE, DTLS, direction, extensions) is in each.

    `formats` are those of the m-line; () means the payload types of `codecs`. `port` 0 without `bundle_only`
    means rejected or stopped (RFC 9143 section 7.3). `candidates` are values without "candidate:".
    """

    kind: str  # "audio", "video", "application"
    mid: str = ""
    direction: Direction = "sendrecv"
    port: int = 9
    protocol: str = "UDP/TLS/RTP/SAVPF"
    formats: tuple[str, ...] = ()
    codecs: tuple[Codec, ...] = ()  # preferred first
    extensions: tuple[HeaderExtension, ...] = ()
    extmap_allow_mixed: bool = False
    rids: tuple[Rid, ...] = ()
    simulcast: Simulcast | None = None
    msids: tuple[tuple[str, str], ...] = ()  # (stream, track); "-" for no stream, RFC 8830
    ssrcs: Mapping[int, Mapping[str, str]] = field(default_factory=dict)  # attributes ("cname", ...) by SSRC
    ssrc_groups: tuple[SsrcGroup, ...] = ()
    rtcp_mux: bool = False
    rtcp_rsize: bool = False
    bundle_only: bool = False
    ice_ufrag: str = ""
    ice_pwd: str = ""
    ice_options: tuple[str, ...] = ()
    fingerprints: tuple[tuple[str, str], ...] = ()  # ("sha-256", "AA:BB:...")
    setup: str = ""  # "actpass", "active", "passive", "holdconn"; "" for none
    candidates: tuple[str, ...] = ()
    end_of_candidates: bool = False
    bandwidths: tuple[tuple[str, int], ...] = ()  # ("AS", kbit/s), ("TIAS", bit/s), RFC 3890
    ptime_ms: int | None = None
    maxptime_ms: int | None = None
    sctp_port: int | None = None
    max_message_size: int | None = None

    @property
    def rejected(self) -> bool:
        return self.port == 0 and not self.bundle_only

    @property
    def sends(self) -> bool:
        return self.direction in ("sendrecv", "sendonly")

    @property
    def receives(self) -> bool:
        return self.direction in ("sendrecv", "recvonly")


@dataclass(frozen=True, slots=True)
class SessionDescription:
    """An offer or an answer. `bundle` are the mids of the (first) BUNDLE group, RFC 9143."""

    media: tuple[MediaDescription, ...] = ()
    session_id: int = 0
    session_version: int = 0
    bundle: tuple[str, ...] = ()
    ice_lite: bool = False
    extmap_allow_mixed: bool = False
