from collections.abc import Callable
from dataclasses import replace

import pytest
from aiortc import RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from hypothesis import given, settings
from hypothesis import strategies as st

from media import negotiation, sdp
from media.errors import MediaError
from media.negotiation import SlotStream
from media.payload.formats import CONSTRAINED_BASELINE, HIGH_444, VP8
from media.rtp import extensions as uri
from media.sdp import Codec, MediaDescription, SessionDescription
from tests.media.negotiating import OFFERS, TRANSPORT, agree, answer, picture_formats, refusal


def changed(
    offer: SessionDescription, mid: str, change: Callable[[MediaDescription], MediaDescription]
) -> SessionDescription:
    media = tuple(change(section) if section.mid == mid else section for section in offer.media)
    return replace(offer, media=media)


@pytest.fixture
def page() -> SessionDescription:
    return sdp.parse(OFFERS["page"])


@pytest.mark.parametrize("name", OFFERS)
def test_every_clients_offer_has_an_answer_line_by_line(name: str) -> None:
    offer = sdp.parse(OFFERS[name])
    lines = agree(offer)
    made = answer(offer, lines)
    assert [line.role for line in lines].count("publish") == 2
    assert len(made.media) == len(offer.media)
    for asked, told, line in zip(offer.media, made.media, lines, strict=True):
        assert (told.kind, told.mid, told.protocol) == (asked.kind, asked.mid, asked.protocol)
        assert told.rejected == (line.role == "rejected")
        assert told.rejected != (told.mid in made.bundle)
        if told.rejected:
            continue
        assert told.setup == "passive"
        assert told.rtcp_mux
        assert (told.ice_ufrag, told.ice_pwd) == ("relay", "passwordOfTheRelayItself")
        assert told.candidates == TRANSPORT.candidates
        assert told.end_of_candidates
        offered = {codec.payload_type: codec for codec in asked.codecs}
        for codec in told.codecs:
            assert offered[codec.payload_type].name.lower() == codec.name.lower()
            assert set(codec.feedback) <= set(offered[codec.payload_type].feedback)
        assert {(e.id, e.uri) for e in told.extensions} <= {(e.id, e.uri) for e in asked.extensions}
        assert (asked.direction, told.direction) in (
            ("sendonly", "recvonly"),
            ("sendrecv", "recvonly"),
            ("recvonly", "sendonly"),
            ("inactive", "inactive"),
        )
    assert made.ice_lite


def test_the_pages_lines_become_publications_and_slots(page: SessionDescription) -> None:
    lines = agree(page, {"0": "microphone", "1": "camera"})
    assert [(line.role, line.kind, line.source) for line in lines] == [
        ("publish", "audio", "microphone"),
        ("publish", "video", "camera"),
        ("slot", "audio", ""),
        ("slot", "video", ""),
    ]
    microphone, camera, sound, picture = lines
    assert microphone.payload_types == {"red": 63, "opus": 111}
    assert camera.payload_types == {VP8: 96}
    assert camera.repairs == {96: 97}
    assert camera.rids == ("q", "h", "f")
    assert microphone.extension_id(uri.AUDIO_LEVEL) == 1
    assert camera.extension_id(uri.DEPENDENCY_DESCRIPTOR) == 12
    assert [line.extension_id(uri.TRANSPORT_CC) for line in lines] == [3, 3, 3, 3]
    assert sound.extension_id(uri.AUDIO_LEVEL) == 0
    assert picture.extension_id(uri.MID) == 0


def test_the_page_takes_h264_and_sends_vp8(page: SessionDescription) -> None:
    _, camera, _, slot = agree(page, {"0": "microphone", "1": "camera"})
    assert picture_formats(camera) == {VP8: 97}
    assert picture_formats(slot) == {VP8: 97, CONSTRAINED_BASELINE: 109, HIGH_444: 42}


def test_simulcast_is_accepted_in_the_order_of_the_offer(page: SessionDescription) -> None:
    camera = answer(page, agree(page)).media[1]
    assert [(rid.id, rid.direction) for rid in camera.rids] == [("q", "recv"), ("h", "recv"), ("f", "recv")]
    assert camera.simulcast is not None
    assert [alternatives[0].id for alternatives in camera.simulcast.recv] == ["q", "h", "f"]
    assert camera.simulcast.send == ()


def test_a_slot_is_one_stream_with_sound_and_picture(page: SessionDescription) -> None:
    made = answer(page, agree(page))
    sound, picture = made.media[2:]
    assert sound.msids == (("slot0", "audio0"),)
    assert picture.msids == (("slot0", "video0"),)
    assert list(sound.ssrcs) == [1000]
    (group,) = picture.ssrc_groups
    assert group.semantics == "FID"
    assert group.ssrcs == tuple(picture.ssrcs)
    assert {attributes["cname"] for attributes in picture.ssrcs.values()} == {"slot0"}


def test_red_is_preferred_from_publishers_and_opus_towards_receivers(page: SessionDescription) -> None:
    made = answer(page, agree(page))
    assert [codec.name for codec in made.media[0].codecs] == ["red", "opus"]
    assert [codec.name for codec in made.media[2].codecs] == ["opus", "red"]
    parameters = made.media[0].codecs[1].parameters
    assert parameters["useinbandfec"] == "1"
    assert parameters["usedtx"] == "1"


def test_receivers_take_a_codec_that_nobody_sends(page: SessionDescription) -> None:
    def rich(media: MediaDescription) -> MediaDescription:
        return replace(media, codecs=(*media.codecs, Codec(0, "PCMU", 8000)))

    lines = agree(changed(changed(page, "0", rich), "2", rich))
    assert lines[0].payload_types == {"red": 63, "opus": 111}, "and from publishers only what can go on"
    assert lines[2].payload_types == {"opus": 111, "red": 63, "pcmu": 0}
    assert agree(page)[2].payload_types == {"opus": 111, "red": 63}


def test_we_promise_to_send_again_only_what_we_can(page: SessionDescription) -> None:
    """Without RTX nothing is sent again, so that nobody may be told to ask."""

    def bare(media: MediaDescription) -> MediaDescription:
        return replace(media, codecs=tuple(c for c in media.codecs if c.name != "rtx"))

    offer = changed(changed(page, "1", bare), "3", bare)
    made = answer(offer, agree(offer))
    assert "nack" not in made.media[1].codecs[0].feedback, "nor do we ask a publisher who has none"
    assert "nack pli" in made.media[1].codecs[0].feedback
    assert "nack" not in made.media[3].codecs[0].feedback
    assert "nack pli" in made.media[3].codecs[0].feedback
    assert made.media[3].ssrc_groups == ()
    assert "nack" in answer(page, agree(page)).media[3].codecs[0].feedback


def test_sound_is_never_asked_for_again_even_where_it_is_offered(page: SessionDescription) -> None:
    def eager(media: MediaDescription) -> MediaDescription:
        return replace(media, codecs=tuple(replace(c, feedback=(*c.feedback, "nack")) for c in media.codecs))

    offer = changed(changed(page, "0", eager), "2", eager)
    made = answer(offer, agree(offer))
    assert not any("nack" in codec.feedback for place in (0, 2) for codec in made.media[place].codecs)


@pytest.mark.parametrize("name", ["gstreamer", "firefox"])
def test_plain_clients_need_not_say_what_they_send(name: str) -> None:
    lines = agree(sdp.parse(OFFERS[name]))
    assert sorted(line.source for line in lines if line.role == "publish") == ["camera", "microphone"]


def test_two_cameras_are_told_apart_by_what_the_client_says(page: SessionDescription) -> None:
    extra = replace(page.media[1], mid="9", rids=(), simulcast=None)
    offer = replace(page, media=(*page.media, extra), bundle=(*page.bundle, "9"))
    lines = agree(offer, {"0": "microphone", "1": "camera", "9": "screen"})
    assert lines[4].source == "screen"
    assert agree(offer)[4].role == "idle"
    assert answer(offer, agree(offer)).media[4].direction == "inactive"


def test_a_line_that_stops_is_answered_with_port_0_and_leaves_the_bundle(page: SessionDescription) -> None:
    offer = changed(page, "3", lambda media: replace(media, port=0, bundle_only=False))
    made = answer(offer, agree(offer))
    assert made.media[3].port == 0
    assert made.bundle == ("0", "1", "2")
    assert made.media[3].direction == "inactive"


def test_a_stopped_line_may_come_back_under_another_mid(page: SessionDescription) -> None:
    offer = changed(page, "3", lambda media: replace(media, mid="7"))
    offer = replace(offer, bundle=("0", "1", "2", "7"))
    assert agree(offer)[3].role == "slot"
    assert answer(offer, agree(offer)).media[3].mid == "7"


def test_lines_outside_the_bundle_are_rejected(page: SessionDescription) -> None:
    offer = replace(page, bundle=("0", "1", "2"))
    assert agree(offer)[3].role == "rejected"


def test_credentials_are_those_of_the_bundle(page: SessionDescription) -> None:
    stale = changed(page, "0", lambda media: replace(media, port=0, ice_ufrag="stale"))
    assert negotiation.transport_of(stale).mid == "1"
    outside = changed(replace(page, bundle=("1", "2", "3")), "0", lambda m: replace(m, ice_ufrag="other"))
    assert negotiation.transport_of(outside).mid == "1"


def test_a_codec_that_is_unknown_here_is_rejected_alone(page: SessionDescription) -> None:
    def other(media: MediaDescription) -> MediaDescription:
        return replace(media, codecs=tuple(replace(c, name="AV1") for c in media.codecs))

    offer = changed(page, "1", other)
    assert [line.role for line in agree(offer)] == ["publish", "rejected", "slot", "slot"]


def test_what_cannot_be_agreed_on_is_refused_with_a_code(page: SessionDescription) -> None:
    assert refusal(page, lines=3) == "too-many-media"
    assert refusal(replace(page, bundle=())) == "no-bundle"
    assert refusal(page, {"5": "microphone"}) == "bad-sources"
    assert refusal(page, {"0": "camera"}) == "bad-sources"
    assert refusal(page, {"0": "microphone", "2": "microphone"}) == "bad-sources"
    assert refusal(page, {"0": "trumpet"}) == "bad-sources"
    assert refusal(SessionDescription()) == "no-media"
    bare = replace(page, media=tuple(replace(m, ice_ufrag="") for m in page.media))
    assert refusal(bare) == "bad-sdp"
    active = replace(page, media=tuple(replace(m, setup="passive") for m in page.media))
    assert refusal(active) == "bad-sdp"


@settings(max_examples=60)
@given(
    st.lists(st.sampled_from(OFFERS["page"].splitlines()), max_size=60),
    st.integers(0, 200),
    st.dictionaries(st.sampled_from("01234x"), st.sampled_from(["microphone", "camera", "x"]), max_size=3)
    | st.none(),
)
def test_a_mangled_offer_is_answered_or_refused(
    extra: list[str], cut: int, sources: dict[str, str] | None
) -> None:
    lines = OFFERS["page"].splitlines()
    text = "\r\n".join([*lines[:cut], *extra, *lines[cut:]]) + "\r\n"
    try:
        offer = sdp.parse(text)
        agreed = agree(offer, sources)
        negotiation.transport_of(offer)
    except MediaError:
        return
    answer(offer, agreed)


async def offer_of(connection: RTCPeerConnection) -> SessionDescription:
    await connection.setLocalDescription(await connection.createOffer())
    return sdp.parse(connection.localDescription.sdp)


async def test_aiortc_takes_our_answers() -> None:
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
    try:
        for kind, direction in (
            ("audio", "sendonly"),
            ("video", "sendonly"),
            ("audio", "recvonly"),
            ("video", "recvonly"),
        ):
            connection.addTransceiver(kind, direction)
        offer = await offer_of(connection)
        lines = agree(offer)
        assert [line.role for line in lines][:4] == ["publish", "publish", "slot", "slot"]
        assert lines[0].payload_types.keys() == {"opus"}
        assert lines[1].ssrcs[0][1] is not None
        slots = {"2": SlotStream(0, 5, None), "3": SlotStream(0, 6, 7)}
        made = negotiation.answer(offer, lines, TRANSPORT, slots, version=1)
        await connection.setRemoteDescription(RTCSessionDescription(sdp.serialize(made), "answer"))
        assert [t.currentDirection for t in connection.getTransceivers()] == [
            "sendonly",
            "sendonly",
            "recvonly",
            "recvonly",
        ]
    finally:
        await connection.close()


def test_header_extensions_that_we_cannot_write_are_not_agreed_on(page: SessionDescription) -> None:
    """Ids above 14 need the long form; a receiver's choice must not break what its publisher sends."""

    def far(media: MediaDescription) -> MediaDescription:
        return replace(media, extensions=tuple(replace(e, id=e.id + 100) for e in media.extensions))

    offer = replace(page, media=tuple(far(media) for media in page.media))
    microphone, camera, sound, picture = agree(offer)
    assert sound.extensions == picture.extensions == ()
    assert camera.extension_id(uri.RID) == 110
    assert microphone.extension_id(uri.AUDIO_LEVEL) == 101
