import string
from dataclasses import replace

import pytest
from aiortc.sdp import SessionDescription as AiortcDescription
from hypothesis import given
from hypothesis import strategies as st

from media import sdp
from media.sdp import (
    Codec,
    HeaderExtension,
    MediaDescription,
    Rid,
    SessionDescription,
    Simulcast,
    SimulcastRid,
    SsrcGroup,
)

FINGERPRINT = ("sha-256", ":".join(["AB"] * 16))
ANSWER = SessionDescription(
    session_id=4711,
    session_version=2,
    bundle=("0", "1"),
    ice_lite=True,
    extmap_allow_mixed=True,
    media=(
        MediaDescription(
            kind="audio",
            mid="0",
            direction="sendonly",
            codecs=(Codec(111, "opus", 48_000, 2, "useinbandfec=1", ("transport-cc",)),),
            extensions=(HeaderExtension(4, "urn:ietf:params:rtp-hdrext:sdes:mid", "recvonly"),),
            msids=(("slot0", "slot0-audio"),),
            ssrcs={3: {"cname": "roomtone"}},
            rtcp_mux=True,
            ice_ufrag="abcd",
            ice_pwd="x" * 22,
            fingerprints=(FINGERPRINT,),
            setup="passive",
            candidates=("1 1 udp 2130706431 192.0.2.1 40000 typ host",),
            end_of_candidates=True,
            bandwidths=(("TIAS", 64_000),),
        ),
        MediaDescription(
            kind="video",
            mid="1",
            direction="recvonly",
            codecs=(
                Codec(96, "VP8", 90_000, feedback=("nack", "nack pli")),
                Codec(97, "rtx", 90_000, fmtp="apt=96"),
            ),
            rids=(Rid("q", "recv", {"max-width": "320"}), Rid("h", "recv")),
            simulcast=Simulcast(recv=((SimulcastRid("q"),), (SimulcastRid("h", paused=True),))),
            rtcp_mux=True,
            rtcp_rsize=True,
        ),
        MediaDescription(
            kind="application",
            mid="2",
            direction="inactive",
            port=0,
            protocol="UDP/DTLS/SCTP",
            formats=("webrtc-datachannel",),
        ),
    ),
)
TEXT = """\
v=0
o=- 4711 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=extmap-allow-mixed
a=msid-semantic: WMS *
a=ice-lite
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
b=TIAS:64000
a=rtcp:9 IN IP4 0.0.0.0
a=candidate:1 1 udp 2130706431 192.0.2.1 40000 typ host
a=end-of-candidates
a=ice-ufrag:abcd
a=ice-pwd:xxxxxxxxxxxxxxxxxxxxxx
a=fingerprint:sha-256 AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB
a=setup:passive
a=mid:0
a=extmap:4/recvonly urn:ietf:params:rtp-hdrext:sdes:mid
a=sendonly
a=msid:slot0 slot0-audio
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 useinbandfec=1
a=ssrc:3 cname:roomtone
m=video 9 UDP/TLS/RTP/SAVPF 96 97
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=mid:1
a=recvonly
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 nack
a=rtcp-fb:96 nack pli
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=rid:q recv max-width=320
a=rid:h recv
a=simulcast:recv q;~h
m=application 0 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=mid:2
a=inactive
"""

tokens = st.text(alphabet=string.ascii_letters + string.digits + "-_+.{}", min_size=1, max_size=12)
words = st.text(alphabet=string.ascii_letters + string.digits + "-=;/. ", max_size=20).map(str.strip)
rid_ids = st.text(alphabet=string.ascii_letters + string.digits, min_size=1, max_size=8)
ice = st.text(alphabet=string.ascii_letters + string.digits + "+/", min_size=22, max_size=40)
ssrcs = st.integers(0, 0xFFFF_FFFF)
directions = st.sampled_from(["sendrecv", "sendonly", "recvonly", "inactive"])


def tuples(values, **limits):
    return st.lists(values, **{"max_size": 4, **limits}).map(tuple)


codecs = tuples(
    st.builds(
        Codec,
        payload_type=st.integers(0, 127),
        name=tokens,
        clock_rate=st.integers(1, 96_000),
        channels=st.integers(1, 6),
        fmtp=words,
        feedback=tuples(st.sampled_from(["nack", "nack pli", "transport-cc"])),
    ),
    min_size=1,
    unique_by=lambda codec: codec.payload_type,
)
simulcast_streams = tuples(tuples(st.builds(SimulcastRid, rid_ids, st.booleans()), min_size=1), min_size=1)


@st.composite
def descriptions(draw: st.DrawFn) -> MediaDescription:
    chosen = draw(codecs)
    return MediaDescription(
        kind=draw(st.sampled_from(["audio", "video"])),
        direction=draw(directions),
        port=draw(st.integers(0, 65_535)),
        formats=tuple(str(codec.payload_type) for codec in chosen),
        codecs=chosen,
        extensions=draw(
            tuples(
                st.builds(HeaderExtension, st.integers(1, 255), tokens, directions),
                unique_by=lambda extension: extension.id,
            )
        ),
        extmap_allow_mixed=draw(st.booleans()),
        rids=draw(
            tuples(
                st.builds(Rid, rid_ids, st.sampled_from(["send", "recv"]), st.dictionaries(rid_ids, rid_ids)),
                unique_by=lambda rid: rid.id,
            )
        ),
        simulcast=draw(
            st.none()
            | st.builds(Simulcast, send=simulcast_streams)
            | st.builds(Simulcast, send=simulcast_streams, recv=simulcast_streams)
        ),
        msids=draw(tuples(st.tuples(tokens, st.just("") | tokens))),
        ssrcs=draw(
            st.dictionaries(ssrcs, st.dictionaries(tokens, words, min_size=1, max_size=3), max_size=4)
        ),
        ssrc_groups=draw(tuples(st.builds(SsrcGroup, tokens, tuples(ssrcs, min_size=1)))),
        rtcp_mux=draw(st.booleans()),
        rtcp_rsize=draw(st.booleans()),
        bundle_only=draw(st.booleans()),
        ice_ufrag=draw(st.just("") | ice),
        ice_pwd=draw(st.just("") | ice),
        ice_options=draw(tuples(tokens)),
        fingerprints=draw(st.just(()) | st.just((FINGERPRINT,))),
        setup=draw(st.sampled_from(["", "actpass", "active", "passive"])),
        candidates=draw(tuples(words)),
        end_of_candidates=draw(st.booleans()),
        bandwidths=draw(tuples(st.tuples(tokens, st.integers(0, 2**40)))),
        ptime_ms=draw(st.none() | st.integers(1, 120)),
        maxptime_ms=draw(st.none() | st.integers(1, 120)),
    )


@st.composite
def sessions(draw: st.DrawFn) -> SessionDescription:
    media = tuple(
        replace(described, mid=str(index))
        for index, described in enumerate(draw(st.lists(descriptions(), max_size=3)))
    )
    return SessionDescription(
        media=media,
        session_id=draw(st.integers(0, 2**64 - 1)),
        session_version=draw(st.integers(0, 2**64 - 1)),
        bundle=tuple(described.mid for described in media),
        ice_lite=draw(st.booleans()),
    )


def test_an_answer_is_written_line_by_line_as_browsers_expect_it():
    assert sdp.serialize(ANSWER).splitlines() == TEXT.splitlines()


def test_every_line_ends_with_cr_and_lf():
    text = sdp.serialize(ANSWER)
    assert text.endswith("\r\n") and text.count("\n") == text.count("\r\n")


def test_aiortc_reads_an_answer():
    read = AiortcDescription.parse(sdp.serialize(ANSWER))
    assert [media.rtp.muxId for media in read.media] == ["0", "1", "2"]
    audio = read.media[0]
    assert (audio.direction, audio.dtls.role, audio.ice.usernameFragment) == ("sendonly", "server", "abcd")
    assert audio.ice_candidates[0].port == 40_000 and audio.ice.iceLite
    assert audio.ssrc[0].cname == "roomtone"
    assert [codec.name for codec in read.media[1].rtp.codecs] == ["VP8", "rtx"]


def test_a_value_cannot_smuggle_a_line_in():
    with pytest.raises(AssertionError):
        sdp.serialize(SessionDescription(media=(MediaDescription(kind="audio", mid="0\na=x"),)))


@given(sessions())
def test_descriptions_survive_the_way_to_text_and_back(session: SessionDescription):
    assert sdp.parse(sdp.serialize(session)) == session
