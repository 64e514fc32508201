from hypothesis import given
from hypothesis import strategies as st

from media.rtp.extensions import write_extensions
from media.rtp.packet import RtpHeader, header_length

HEADER = RtpHeader(
    payload_type=96,
    sequence=65535,
    timestamp=0xFFFF_FFFF,
    ssrc=0x1234_5678,
    marker=True,
    padding=True,
    csrcs=(1, 2),
    extension=write_extensions([(3, b"ab")]),
)

headers = st.builds(
    RtpHeader,
    payload_type=st.integers(0, 127),
    sequence=st.integers(0, 0xFFFF),
    timestamp=st.integers(0, 0xFFFF_FFFF),
    ssrc=st.integers(0, 0xFFFF_FFFF),
    marker=st.booleans(),
    padding=st.booleans(),
    csrcs=st.lists(st.integers(0, 0xFFFF_FFFF), max_size=15).map(tuple),
    extension=st.dictionaries(st.integers(1, 255), st.binary(max_size=255), max_size=5).map(
        lambda elements: write_extensions(elements.items())
    ),
)


def test_every_field_lies_where_rfc_3550_puts_it():
    assert HEADER.serialize().hex(" ", 4) == (
        "b2e0ffff ffffffff 12345678 00000001 00000002 bede0001 31616200"
    )


def test_a_header_ends_where_its_payload_begins():
    data = HEADER.serialize()
    assert header_length(data + b"payload") == len(data) == 28


def test_a_packet_cut_off_within_its_header_is_none():
    data = HEADER.serialize()
    assert all(header_length(data[:length]) is None for length in range(len(data)))
    assert all(RtpHeader.parse(data[:length]) is None for length in range(len(data)))


def test_another_version_is_no_rtp():
    assert header_length(bytes(12)) is None
    assert header_length(b"\x40" + bytes(11)) is None
    assert header_length(b"\xc0" + bytes(11)) is None


@given(headers, st.binary(max_size=50))
def test_headers_survive_the_way_to_bytes_and_back(header: RtpHeader, payload: bytes):
    data = header.serialize()
    assert RtpHeader.parse(data + payload) == header
    assert header_length(data + payload) == len(data)


@given(st.binary(max_size=100) | st.binary(max_size=100).map(lambda data: b"\x90" + data))
def test_no_bytes_break_the_header_parser(data: bytes):
    length = header_length(data)
    header = RtpHeader.parse(data)
    assert (length is None) == (header is None)
    if length is not None and header is not None:
        assert 12 <= length <= len(data)
        assert header.serialize() == data[:length]
