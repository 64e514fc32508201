from types import SimpleNamespace

import pytest

from benchmarks.load.connection import ConnectError
from benchmarks.load.description import accepted_extensions, answer, offer, remote
from benchmarks.load.traffic import simulcast
from media import sdp
from media.rtp import extensions

CONNECTION = SimpleNamespace(
    ufrag="abcd", pwd="0123456789abcdef01234567", fingerprints=(("sha-256", "AA:" * 31 + "AA"),)
)


def parsed(description):
    return sdp.parse(sdp.serialize(description))


def test_an_offer_publishes_simulcast_and_asks_for_slots():
    offered = parsed(offer(CONNECTION, simulcast(1500, 3), publish=True, slots=2))
    assert [(line.kind, line.direction) for line in offered.media] == [
        ("audio", "sendonly"),
        ("video", "sendonly"),
    ] + [("audio", "recvonly"), ("video", "recvonly")] * 2
    assert [rid.id for rid in offered.media[1].rids] == ["f", "h", "q"]
    assert offered.bundle == tuple("012345")


def test_one_encoding_is_offered_without_rids():
    offered = parsed(offer(CONNECTION, simulcast(1500, 1), publish=True, slots=0))
    assert offered.media[1].rids == ()


def test_an_answer_takes_everything_and_lets_the_server_begin():
    offered = offer(CONNECTION, simulcast(1500, 1), publish=True, slots=0)
    answered = parsed(answer(CONNECTION, offered))
    assert {(line.direction, line.setup) for line in answered.media} == {("recvonly", "passive")}
    assert accepted_extensions(answered, "0")[extensions.TRANSPORT_CC] == 3


def with_candidates(*candidates, setup="passive"):
    offered = offer(CONNECTION, simulcast(1500, 1), publish=True, slots=0)
    text = sdp.serialize(offered).replace("a=setup:actpass", f"a=setup:{setup}")
    lines = "".join(f"a=candidate:{candidate}\r\n" for candidate in candidates)
    return sdp.parse(text.replace("a=ice-ufrag", lines + "a=ice-ufrag"))


def test_the_servers_ipv4_udp_candidate_is_taken():
    found = remote(
        with_candidates(
            "1 1 udp 2130706431 fd00::1 3478 typ host",
            "2 1 tcp 1671430143 10.0.0.1 3478 typ host tcptype passive",
            "3 1 udp 2130706431 10.0.0.1 3478 typ host",
        )
    )
    assert (found.host, found.port, found.starts) == ("10.0.0.1", 3478, False)


def test_a_server_without_such_a_candidate_is_refused():
    with pytest.raises(ConnectError):
        remote(with_candidates("1 1 udp 2130706431 fd00::1 3478 typ host"))
