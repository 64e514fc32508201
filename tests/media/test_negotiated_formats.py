"""Which formats a picture is sent and taken in."""

import pytest

from media import sdp
from media.negotiation import Line
from media.payload.formats import BASELINE, CONSTRAINED_BASELINE, HIGH, HIGH_444, MAIN, VP8
from media.rtp import extensions as uri
from media.sdp import Codec, MediaDescription, SessionDescription
from media.sdp.description import Direction
from tests.media.negotiating import OFFERS, agree, answer, picture_formats, refusal


def video(*codecs: Codec, direction: Direction = "sendonly") -> Line:
    """What is agreed on for a line of these codecs alone."""
    media = MediaDescription("video", "0", direction, codecs=codecs, ice_ufrag="abcd", ice_pwd="x" * 22)
    return agree(SessionDescription((media,), bundle=("0",)))[0]


def h264(number: int, parameters: str) -> Codec:
    return Codec(number, "H264", 90_000, fmtp=parameters, feedback=("nack", "nack pli", "ccm fir"))


def test_obs_is_taken_with_what_it_sends() -> None:
    offer = sdp.parse(OFFERS["obs"])
    sound, picture = agree(offer)
    assert picture.format == CONSTRAINED_BASELINE
    assert picture.payload_types == {CONSTRAINED_BASELINE: 96}
    assert picture.ssrcs == ((1371938468, None),)
    (codec,) = answer(offer, (sound, picture)).media[1].codecs
    assert codec.feedback == ("goog-remb", "nack", "nack pli")
    assert codec.parameters == {
        "level-asymmetry-allowed": "1",
        "packetization-mode": "1",
        "profile-level-id": "42e01f",
    }


def test_the_layers_of_obs_are_taken_too() -> None:
    offer = sdp.parse(OFFERS["obs-simulcast"])
    picture = agree(offer)[1]
    assert (picture.format, picture.rids) == (CONSTRAINED_BASELINE, ("0", "1", "2"))
    assert picture.extension_id(uri.RID) == 2


def test_who_can_send_both_is_to_send_vp8_alone() -> None:
    offer = sdp.parse(OFFERS["chromium"])
    camera = agree(offer)[1]
    assert (camera.format, picture_formats(camera)) == (VP8, {VP8: 97})
    assert [codec.payload_type for codec in answer(offer, agree(offer)).media[1].codecs] == [96, 97]


def test_of_several_profiles_the_one_that_most_receivers_take_is_to_be_sent() -> None:
    high, baseline = (
        h264(98, "packetization-mode=1;profile-level-id=64001f"),
        h264(100, "packetization-mode=1"),
    )
    assert video(high, baseline).payload_types == {CONSTRAINED_BASELINE: 100}
    assert video(high).payload_types == {HIGH: 98}


def test_towards_a_receiver_all_that_it_takes_is_agreed_on() -> None:
    offer = sdp.parse(OFFERS["chromium"])
    slot = agree(offer)[3]
    expected = {VP8: 97, BASELINE: 103, CONSTRAINED_BASELINE: 109, MAIN: 117, HIGH_444: 42}
    assert picture_formats(slot) == expected
    told = answer(offer, agree(offer)).media[3]
    assert [codec.payload_type for codec in told.codecs] == [96, 97, 102, 103, 108, 109, 116, 117, 41, 42]
    for codec in told.codecs:
        assert ("nack" in codec.feedback) == (codec.name != "rtx")
        assert codec.parameters.get("packetization-mode", "1") == "1"


def test_single_nal_units_alone_may_be_sent_to_us_but_not_asked_of_us() -> None:
    for plain in (h264(96, "profile-level-id=42e01f"), h264(96, "packetization-mode=0")):
        assert video(plain).payload_types == {CONSTRAINED_BASELINE: 96}
        assert refusal(
            SessionDescription((MediaDescription("video", "0", "recvonly", codecs=(plain,)),))
        ) == ("no-media")
    assert video(h264(96, "packetization-mode=1"), direction="recvonly").role == "slot"


@pytest.mark.parametrize(
    "parameters", ["packetization-mode=2", "packetization-mode=1;profile-level-id=6e001f"]
)
def test_an_h264_that_is_not_carried_is_not_agreed_on(parameters: str) -> None:
    offer = SessionDescription((MediaDescription("video", "0", "sendonly", codecs=(h264(96, parameters),)),))
    assert refusal(offer) == "no-media"


def test_a_publishers_own_parameter_sets_are_not_told_back_to_it() -> None:
    (codec,) = video(
        h264(96, "packetization-mode=1;sprop-parameter-sets=Z0LA,aM4=;profile-level-id=42c01f")
    ).codecs
    assert codec.fmtp == "packetization-mode=1;profile-level-id=42c01f"
