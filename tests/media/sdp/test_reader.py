from collections.abc import Callable
from pathlib import Path

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection
from hypothesis import given
from hypothesis import strategies as st

from media import sdp
from media.sdp import Codec, HeaderExtension, Rid, SdpError, Simulcast, SimulcastRid, SsrcGroup
from media.sdp.lines import MAX_ATTRIBUTES, MAX_LINE, MAX_MEDIA, MAX_SIZE

# Chromium's is captured (156, headless); the others are written in the shape of what those programs send.
OFFERS = {path.stem: path.read_text() for path in Path(__file__).with_name("offers").glob("*.sdp")}
SESSION = "v=0\no=- 1 2 IN IP4 127.0.0.1\ns=-\nt=0 0\n"
AUDIO = "m=audio 9 UDP/TLS/RTP/SAVPF 111\na=mid:0\na=rtpmap:111 opus/48000/2\n"


def media(*lines: str) -> sdp.MediaDescription:
    (described,) = sdp.parse(SESSION + AUDIO + "".join(f"{line}\n" for line in lines)).media
    return described


def refusal(text: str) -> str:
    with pytest.raises(SdpError) as refused:
        sdp.parse(text)
    assert refused.value.code == "bad-sdp"
    return refused.value.message


def test_chromium_offers_simulcast_red_and_every_extension_we_use():
    offer = sdp.parse(OFFERS["chromium"])
    assert offer.bundle == ("0", "1", "2", "3", "4")
    assert offer.extmap_allow_mixed and not offer.ice_lite
    microphone, camera, slot_audio, slot_video, data = offer.media
    assert microphone.codecs[0] == Codec(
        111, "opus", 48_000, 2, "minptime=10;useinbandfec=1", feedback=("transport-cc",)
    )
    assert microphone.codecs[1] == Codec(63, "red", 48_000, 2, "111/111")
    assert microphone.ssrcs[3330029332]["cname"] == "1obXKZEUhunN9NVy"
    assert [(m.kind, m.mid, m.direction) for m in offer.media] == [
        ("audio", "0", "sendonly"),
        ("video", "1", "sendonly"),
        ("audio", "2", "recvonly"),
        ("video", "3", "recvonly"),
        ("application", "4", "sendrecv"),
    ]
    assert camera.rids == (Rid("q", "send"), Rid("h", "send"), Rid("f", "send"))
    assert camera.simulcast == Simulcast(send=tuple((SimulcastRid(rid),) for rid in "qhf"))
    assert camera.ssrcs == {} and camera.rtcp_mux and camera.rtcp_rsize
    assert "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension" in [
        extension.uri for extension in camera.extensions
    ]
    assert camera.codecs[1].parameters == {"apt": str(camera.codecs[0].payload_type)}
    assert slot_audio.receives and not slot_audio.sends and slot_video.extmap_allow_mixed
    assert data.formats == ("webrtc-datachannel",) and data.sctp_port == 5000 and not data.codecs
    assert microphone.setup == "actpass" and microphone.fingerprints[0][0] == "sha-256"


def test_firefox_says_fingerprint_and_options_once_for_all():
    offer = sdp.parse(OFFERS["firefox"])
    audio, video, _ = offer.media
    assert all(m.fingerprints == audio.fingerprints for m in offer.media) and audio.fingerprints
    assert all(m.ice_options == ("trickle",) and m.ice_ufrag == "89abcdef" for m in offer.media)
    assert HeaderExtension(2, "urn:ietf:params:rtp-hdrext:csrc-audio-level", "recvonly") in audio.extensions
    assert audio.direction == "sendonly", "a section's own direction counts, not the session's"
    assert video.msids == (("-", "{41a1d0a3-33a0-49ae-9d26-0ac0b7a3c9f7}"),)
    assert video.ssrc_groups[1] == SsrcGroup("FID", (2718281828, 3141592653))
    assert video.codecs[0].feedback == ("nack", "nack pli", "ccm fir", "goog-remb", "transport-cc")
    assert video.bundle_only and not video.rejected


def test_obs_says_ice_and_dtls_once_for_all():
    offer = sdp.parse(OFFERS["obs"])
    for described in offer.media:
        assert (described.ice_ufrag, described.ice_pwd) == ("q9Xa", "Yk0rXnT5c0pB7pXl9v3QzA")
        assert described.setup == "actpass"
        assert described.fingerprints[0][1].startswith("AA:BB:CC"), "in capitals, to be compared"
    audio, video = offer.media
    assert audio.candidates == ("1 1 UDP 2114977791 192.0.2.10 49152 typ host",)
    assert audio.codecs[0].parameters["stereo"] == "1"
    assert offer.bundle == ("0", "1") and video.codecs[0].name == "H264"


def test_gstreamer_names_its_mids_and_bundles_with_port_zero():
    offer = sdp.parse(OFFERS["gstreamer"])
    video, audio = offer.media
    assert offer.bundle == (video.mid, audio.mid) == ("video0", "audio1")
    assert audio.port == 0 and not audio.rejected
    assert video.ssrcs[2485877649]["msid"] == "user3344942761@host-c94b0bb5 webrtctransceiver0"
    assert audio.codecs[0].name == "OPUS"


async def test_aiortc_is_understood():
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    connection.addTransceiver("audio", direction="sendonly")
    connection.addTransceiver("video", direction="recvonly")
    offer = sdp.parse((await connection.createOffer()).sdp)
    await connection.close()
    audio, video = offer.media
    assert offer.bundle == (audio.mid, video.mid)
    assert (audio.direction, video.direction) == ("sendonly", "recvonly")
    assert audio.codecs[0].name == "opus" and "VP8" in [codec.name for codec in video.codecs]
    assert audio.rtcp_mux and audio.setup == "actpass"
    assert "urn:ietf:params:rtp-hdrext:sdes:mid" in [extension.uri for extension in audio.extensions]


@pytest.mark.parametrize("name", OFFERS)
def test_line_ends_do_not_matter(name: str):
    assert sdp.parse(OFFERS[name].replace("\n", "\r\n")) == sdp.parse(OFFERS[name])


def test_codecs_come_in_the_order_of_the_m_line():
    text = SESSION + "m=video 9 UDP/TLS/RTP/SAVPF 98 96 97\na=rtpmap:96 VP8/90000\na=rtpmap:98 VP9/90000\n"
    (video,) = sdp.parse(text).media
    assert [codec.payload_type for codec in video.codecs] == [98, 96], "97 has no name, so nobody can use it"
    assert video.formats == ("98", "96", "97")


def test_feedback_for_all_formats_is_given_to_each():
    assert media("a=rtcp-fb:* nack", "a=rtcp-fb:111 transport-cc").codecs[0].feedback == (
        "nack",
        "transport-cc",
    )


def test_format_parameters_are_read_by_name():
    (codec,) = media("a=fmtp:111 minptime=10; useinbandfec=1;usedtx").codecs
    assert codec.parameters == {"minptime": "10", "useinbandfec": "1", "usedtx": ""}


def test_rid_restrictions_and_simulcast_alternatives_are_read():
    described = media(
        "a=rid:1 send pt=111,96;max-width=640", "a=rid:2 recv", "a=simulcast:send 1,~4;3 recv 2"
    )
    assert described.rids == (Rid("1", "send", {"pt": "111,96", "max-width": "640"}), Rid("2", "recv"))
    assert described.simulcast == Simulcast(
        send=((SimulcastRid("1"), SimulcastRid("4", paused=True)), (SimulcastRid("3"),)),
        recv=((SimulcastRid("2"),),),
    )


def test_times_and_bandwidths_are_read():
    described = media("b=AS:500", "b=TIAS:480000", "a=ptime:60", "a=maxptime:120")
    assert described.bandwidths == (("AS", 500), ("TIAS", 480_000))
    assert (described.ptime_ms, described.maxptime_ms) == (60, 120)


def test_candidates_and_their_end_are_read():
    described = media(
        *[f"a=candidate:{i} 1 udp 1 192.0.2.1 {i} typ host" for i in range(100)], "a=end-of-candidates"
    )
    assert described.candidates[0] == "0 1 udp 1 192.0.2.1 0 typ host"
    assert len(described.candidates) == 64, "the first of many"
    assert described.end_of_candidates


def test_a_stopped_m_line_is_told_from_a_bundled_one():
    text = SESSION + "m=audio 0 UDP/TLS/RTP/SAVPF 111\na=mid:0\n"
    assert sdp.parse(text).media[0].rejected
    assert not sdp.parse(text + "a=bundle-only\n").media[0].rejected


def test_an_ice_lite_answer_is_told():
    assert sdp.parse(SESSION + "a=ice-lite\n").ice_lite


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "v=0"),
        ("hello", "'='"),
        ("v=0\ns=-\n", "o="),
        ("v=0\no=- x 1 IN IP4 0.0.0.0\n", "session id"),
        (SESSION + "m=audio 9 RTP/SAVPF\n", "m-line"),
        (SESSION + "m=audio 70000 RTP/SAVPF 0\n", "port"),
        (SESSION + "m=audio 9 RTP/SAVPF 128\n", "payload type"),
        (SESSION + "m=audio 9 RTP/SAVPF opus\n", "payload type"),
        (SESSION + "m=audio 9 RTP/SAVPF 96 096\n", "twice"),
        (SESSION + AUDIO + AUDIO, "mid"),
        (SESSION + AUDIO + "a=sendonly\na=recvonly\n", "directions"),
        (SESSION + AUDIO + "a=rtpmap:111 opus\n", "rtpmap"),
        (SESSION + AUDIO + "a=rtpmap:111 opus/0\n", "clock rate"),
        (SESSION + AUDIO + "a=extmap:0 urn:x\n", "extension id"),
        (SESSION + AUDIO + "a=extmap:256 urn:x\n", "extension id"),
        (SESSION + AUDIO + "a=extmap:1 urn:x\na=extmap:1 urn:y\n", "same id"),
        (SESSION + AUDIO + "a=extmap:1/upwards urn:x\n", "extmap"),
        (SESSION + AUDIO + "a=ssrc:4294967296 cname:x\n", "SSRC"),
        (SESSION + AUDIO + "a=ssrc:-1 cname:x\n", "SSRC"),
        (SESSION + AUDIO + "a=ssrc:\u0661 cname:x\n", "SSRC"),
        (SESSION + AUDIO + "a=ssrc-group:FID\n", "ssrc-group"),
        (SESSION + AUDIO + "a=rid:a/b send\n", "rid"),
        (SESSION + AUDIO + "a=rid:a send\na=rid:a send\n", "rid"),
        (SESSION + AUDIO + "a=simulcast:send\n", "simulcast"),
        (SESSION + AUDIO + "a=simulcast:send a send b\n", "simulcast"),
        (SESSION + AUDIO + "a=simulcast:send a;;b\n", "simulcast"),
        (SESSION + AUDIO + "a=fingerprint:sha-256 AA\n", "fingerprint"),
        (SESSION + AUDIO + "a=setup:maybe\n", "setup"),
        (SESSION + AUDIO + "a=ice-ufrag:abc\n", "user fragment"),
        (SESSION + AUDIO + "a=ice-pwd:tooshort\n", "password"),
        (SESSION + AUDIO + "a=ptime:0\n", "ptime"),
        (SESSION + AUDIO + "b=AS:much\n", "bandwidth"),
        (SESSION + "a=group:BUNDLE a b\xe9\n", "mid"),
        (SESSION + "a=x:\x00\n", "control character"),
        (SESSION + "a=x:\r\ra=y\n", "control character"),
        (SESSION + "a=x:\ud800\n", "text"),
    ],
)
def test_what_is_wrong_is_refused_in_words(text: str, word: str):
    assert word in refusal(text)


def test_everything_a_stranger_can_grow_has_a_limit():
    assert str(MAX_SIZE) in refusal(SESSION + "a=x\n" * MAX_SIZE)
    assert str(MAX_LINE) in refusal(SESSION + "a=" + "x" * MAX_LINE)
    assert str(MAX_ATTRIBUTES) in refusal(SESSION + "a=x\n" * (MAX_ATTRIBUTES + 1))
    assert str(MAX_MEDIA) in refusal(SESSION + "m=audio 9 RTP/SAVPF 0\n" * (MAX_MEDIA + 1))
    assert len(sdp.parse(SESSION + "m=audio 9 RTP/SAVPF 0\n" * MAX_MEDIA).media) == MAX_MEDIA


def never_raises_but_sdp_error(read: Callable[[str], object], text: str) -> None:
    try:
        result = read(text)
    except SdpError as refused:
        assert refused.message.endswith(".")
        return
    if isinstance(result, sdp.SessionDescription):
        # What was read and is unambiguous survives being written; the rest is still a description.
        assert sdp.parse(sdp.serialize(result)).media == result.media
    else:
        assert isinstance(result, sdp.IceFragment)
        sdp.parse_fragment(sdp.serialize_fragment(result))


lines = st.sampled_from(sorted({line for offer in OFFERS.values() for line in offer.splitlines()}))
soup = st.text(alphabet=st.sampled_from("amvobs=:/ ;,~0123456789-\t\x85\u2028abcdefrtpmid"), max_size=60)


@given(st.text(max_size=200) | st.lists(lines | soup, max_size=30).map("\n".join))
def test_no_text_breaks_the_reader(text: str):
    for read in (sdp.parse, sdp.parse_fragment):
        never_raises_but_sdp_error(read, text)
        never_raises_but_sdp_error(read, SESSION + text)
        never_raises_but_sdp_error(read, SESSION + AUDIO + text)


@given(st.sampled_from(sorted(OFFERS)), st.data())
def test_no_altered_offer_breaks_the_reader(name: str, data: st.DataObject):
    offer = OFFERS[name].splitlines()
    for _ in range(data.draw(st.integers(1, 6))):
        index = data.draw(st.integers(0, len(offer) - 1))
        line = offer[index]
        cut = data.draw(st.integers(0, len(line)))
        offer[index] = data.draw(
            st.sampled_from([line[:cut], line[:cut] + "\n" + line[cut:], line + "\n" + line])
            | st.text(max_size=5).map(lambda text, line=line, cut=cut: line[:cut] + text + line[cut + 1 :])
            | lines
        )
    for read in (sdp.parse, sdp.parse_fragment):
        never_raises_but_sdp_error(read, "\n".join(offer))
