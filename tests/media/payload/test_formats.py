import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.payload import formats
from media.payload.formats import (
    BASELINE,
    CONSTRAINED_BASELINE,
    CONSTRAINED_HIGH,
    HIGH,
    HIGH_444,
    MAIN,
    PREFERENCE,
    VP8,
    carrier,
    format_of,
)


@pytest.mark.parametrize(
    ("profile_level_id", "format"),
    [
        ("42e01f", CONSTRAINED_BASELINE),  # OBS, browsers
        ("42C015", CONSTRAINED_BASELINE),  # GStreamer
        ("4d801f", CONSTRAINED_BASELINE),
        ("58c01f", CONSTRAINED_BASELINE),
        ("42001f", BASELINE),
        ("58801f", BASELINE),
        ("4d001f", MAIN),
        ("4d4028", MAIN),
        ("64001f", HIGH),
        ("640c1f", CONSTRAINED_HIGH),  # Safari
        ("f4001f", HIGH_444),
        ("", CONSTRAINED_BASELINE),
        ("6e001f", None),  # High 10
        ("42e0", None),
        ("42e01fff", None),
        ("what?!", None),
    ],
)
def test_profiles_have_the_names_that_libwebrtc_tells_them_apart_by(
    profile_level_id: str, format: str | None
) -> None:
    assert format_of("H264", {"profile-level-id": profile_level_id}) == format


def test_of_other_codecs_vp8_alone_is_carried() -> None:
    assert format_of("VP8", {}) == VP8
    for codec in ("VP9", "AV1", "H265", "rtx", "red", "ulpfec", ""):
        assert format_of(codec, {}) is None


def test_the_very_format_is_preferred_to_one_that_contains_it() -> None:
    everything = dict.fromkeys(PREFERENCE, 96)
    for format in PREFERENCE:
        assert carrier(format, everything) == format


def test_a_decoder_of_a_profile_gets_what_the_profile_contains_and_nothing_else() -> None:
    assert carrier(CONSTRAINED_BASELINE, {VP8: 96, HIGH: 97}) == HIGH
    assert carrier(CONSTRAINED_BASELINE, {MAIN: 96, HIGH: 97}) == MAIN
    assert carrier(HIGH, {HIGH_444: 96}) == HIGH_444, "Chromium on Linux names no High"
    assert carrier(BASELINE, {CONSTRAINED_BASELINE: 96}) == CONSTRAINED_BASELINE
    for format in (MAIN, CONSTRAINED_HIGH, HIGH, HIGH_444, VP8):
        assert carrier(format, {CONSTRAINED_BASELINE: 96}) is None
    assert carrier(HIGH, {CONSTRAINED_HIGH: 96}) is None
    assert carrier(CONSTRAINED_BASELINE, {VP8: 96}) is None


@given(st.text(max_size=8), st.sampled_from(["H264", "h264", "VP8", "vp9"]))
def test_any_parameters_have_a_format_or_none(text: str, codec: str) -> None:
    format = formats.format_of(codec, {"profile-level-id": text})
    assert format is None or format in PREFERENCE
