import pytest

from media.sdp import IceFragment, SdpError, parse_fragment, serialize_fragment

PWD = "P2uYro0UCOQ4zxjKXaWCBui1"
# As clients send them (RFC 9725 section 4.3): all under the first m-line of the bundle.
TRICKLE = f"""\
a=group:BUNDLE 0 1
m=audio 9 UDP/TLS/RTP/SAVPF 111
a=mid:0
a=ice-ufrag:EsAw
a=ice-pwd:{PWD}
a=candidate:1 1 UDP 2130706431 192.0.2.1 40000 typ host
a=candidate:2 1 TCP 1671430143 192.0.2.1 9 typ host tcptype active
a=end-of-candidates
"""


def test_a_trickled_fragment_is_read():
    assert parse_fragment(TRICKLE) == IceFragment(
        ufrag="EsAw",
        pwd=PWD,
        mid="0",
        candidates=(
            "1 1 UDP 2130706431 192.0.2.1 40000 typ host",
            "2 1 TCP 1671430143 192.0.2.1 9 typ host tcptype active",
        ),
        end_of_candidates=True,
    )


def test_credentials_above_the_m_lines_count_for_all():
    fragment = parse_fragment(
        f"a=ice-ufrag:EsAw\na=ice-pwd:{PWD}\n"
        "m=video 9 RTP/AVP 0\na=mid:v\na=candidate:1 1 UDP 1 192.0.2.1 1 typ host\n"
    )
    assert (fragment.ufrag, fragment.mid, fragment.kind) == ("EsAw", "v", "video")
    assert len(fragment.candidates) == 1 and not fragment.end_of_candidates


def test_a_restart_without_candidates_is_read():
    fragment = parse_fragment(f"a=ice-ufrag:EsAw\r\na=ice-pwd:{PWD}\r\n")
    assert fragment == IceFragment(ufrag="EsAw", pwd=PWD)


def test_an_empty_fragment_says_nothing():
    assert parse_fragment("") == IceFragment()


def test_a_fragment_is_written_as_rfc_9725_answers_a_restart():
    fragment = IceFragment(
        ufrag="289b31b7",
        pwd=PWD,
        mid="0",
        candidates=("1 1 UDP 2130706431 192.0.2.1 40000 typ host",),
        end_of_candidates=True,
        ice_lite=True,
    )
    text = serialize_fragment(fragment)
    assert text.split("\r\n") == [
        "a=ice-lite",
        "a=group:BUNDLE 0",
        "m=audio 9 UDP/TLS/RTP/SAVPF 0",
        "a=mid:0",
        "a=ice-ufrag:289b31b7",
        f"a=ice-pwd:{PWD}",
        "a=candidate:1 1 UDP 2130706431 192.0.2.1 40000 typ host",
        "a=end-of-candidates",
        "",
    ]
    assert parse_fragment(text) == fragment


@pytest.mark.parametrize(
    "text",
    [
        "hello",
        "a=ice-ufrag:a b c d\n",
        "a=ice-ufrag:abcd\na=ice-pwd:short\n",
        "m=audio 9 RTP/AVP 0\na=mid:\xe9\n",
        "m=audio 9 RTP/AVP 0\n" * 65,
        "a=x\n" * 5000,
        "a=" + "x" * 5000,
        "a=\x07\n",
    ],
)
def test_a_fragment_against_the_rules_is_refused(text: str):
    with pytest.raises(SdpError) as refused:
        parse_fragment(text)
    assert refused.value.code == "bad-sdp"
