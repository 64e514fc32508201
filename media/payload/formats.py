"""Formats of pictures: which there are, and as which of its own a receiver can take a publisher's. And
the one of sound that is not Opus.

A format is a name: "vp8", or "h264/" and a profile. All that is H.264 differs in the profile alone: the level
is a limit that no decoder of a browser holds on to, and packetization is agreed on apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

VP8: Final = "vp8"
H264: Final = "h264/"
CONSTRAINED_BASELINE: Final = H264 + "constrained-baseline"
BASELINE: Final = H264 + "baseline"
MAIN: Final = H264 + "main"
CONSTRAINED_HIGH: Final = H264 + "constrained-high"
HIGH: Final = H264 + "high"
HIGH_444: Final = H264 + "high-4:4:4-predictive"
STRANGE: Final = "pcmu"  # towards receivers, see `media.catching_up`; all have it (RFC 7874 section 3)

# RFC 6184 table 5 and later profiles, as in libwebrtc (h264_profile_level_id.cc): profile_idc, the constraint
# bits that matter, what they are, and the name.
_PROFILES = (
    (0x42, 0x4F, 0x40, CONSTRAINED_BASELINE),
    (0x4D, 0x8F, 0x80, CONSTRAINED_BASELINE),
    (0x58, 0xCF, 0xC0, CONSTRAINED_BASELINE),
    (0x42, 0x4F, 0x00, BASELINE),
    (0x58, 0xCF, 0x80, BASELINE),
    (0x4D, 0xAF, 0x00, MAIN),
    (0x64, 0xFF, 0x00, HIGH),
    (0x64, 0xFF, 0x0C, CONSTRAINED_HIGH),
    (0xF4, 0xFF, 0x00, HIGH_444),
)
_UNSAID: Final = "42e01f"  # what libwebrtc takes for said where nothing is

# By the format of a publisher: those that carry it, the best one first. A profile contains the ones before it
# (ITU-T H.264 annex A.2). What Baseline has beyond Constrained Baseline no encoder of a browser uses, and no
# decoder of one knows.
_CARRIERS: Mapping[str, tuple[str, ...]] = {
    CONSTRAINED_BASELINE: (CONSTRAINED_BASELINE, BASELINE, MAIN, CONSTRAINED_HIGH, HIGH, HIGH_444),
    BASELINE: (BASELINE, CONSTRAINED_BASELINE, MAIN, CONSTRAINED_HIGH, HIGH, HIGH_444),
    MAIN: (MAIN, HIGH, HIGH_444),
    CONSTRAINED_HIGH: (CONSTRAINED_HIGH, HIGH, HIGH_444),
    HIGH: (HIGH, HIGH_444),
}
# Of what a publisher offers, VP8 comes first: it has layers. Of profiles the one that most receivers take.
PREFERENCE = (VP8, CONSTRAINED_BASELINE, BASELINE, MAIN, CONSTRAINED_HIGH, HIGH, HIGH_444)


def format_of(codec: str, parameters: Mapping[str, str]) -> str | None:
    """The format of a codec by its name in SDP and its format parameters. None: none that is carried."""
    name = codec.lower()
    if name == "vp8":
        return VP8
    return _h264(parameters.get("profile-level-id") or _UNSAID) if name == "h264" else None


def carrier(format: str, taken: Mapping[str, int]) -> str | None:
    """As which of the formats `taken` a receiver gets pictures of `format`. None: it can't show them."""
    return next((name for name in _CARRIERS.get(format, (format,)) if name in taken), None)


def _h264(profile_level_id: str) -> str | None:
    try:
        profile, constraints, _ = bytes.fromhex(profile_level_id)
    except ValueError:
        return None
    for idc, mask, bits, name in _PROFILES:
        if profile == idc and constraints & mask == bits:
            return name
    return None
