import hmac
import struct
from collections import Counter

import aioice.stun
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.edge import stun

PASSWORD = b"a password of enough length"
TRANSACTION = bytes(range(12))


def aioice_request(password: bytes = PASSWORD, **attributes: object) -> bytes:
    message = aioice.stun.Message(
        aioice.stun.Method.BINDING,
        aioice.stun.Class.REQUEST,
        TRANSACTION,
        {"USERNAME": "ours:theirs", "PRIORITY": 12345}
        | {k.replace("_", "-"): v for k, v in attributes.items()},
    )
    message.add_message_integrity(password)
    return bytes(message)


def signed(*attributes: tuple[int, bytes], kind: int = stun.BINDING_REQUEST) -> bytes:
    """A request with arbitrary attributes between USERNAME and MESSAGE-INTEGRITY."""
    body = b"".join(stun._attribute(number, value) for number, value in ((6, b"ours:theirs"), *attributes))
    return stun._message(kind, TRANSACTION, body, PASSWORD)


def read(data: bytes) -> stun.BindingRequest:
    drops: Counter[str] = Counter()
    request = stun.parse_request(data, drops)
    assert request is not None, drops
    return request


def dropped(data: bytes) -> str:
    drops: Counter[str] = Counter()
    assert stun.parse_request(data, drops) is None
    [(reason, count)] = drops.items()
    assert count == 1
    return reason


def test_a_request_of_aioice_is_read() -> None:
    request = read(aioice_request(ICE_CONTROLLING=1, USE_CANDIDATE=None))

    assert request.transaction_id == TRANSACTION
    assert request.username == "ours:theirs"
    assert request.use_candidate and not request.controlled and request.unknown == ()
    assert request.authentic(PASSWORD)
    assert not request.authentic(b"another password")


def test_the_request_of_the_rfc_is_authentic() -> None:
    """RFC 5769 section 2.1."""
    data = bytes.fromhex(
        "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74"
        "002400046e0001ff80290008932ff9b151263b36000600096576746a3a6836765920202000080014"
        "9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf"
    )
    request = read(data)

    assert request.username == "evtj:h6vY"
    assert request.controlled
    assert request.authentic(b"VOkJxbRl1RmTxUk/WvJxBt")


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1:2", "fe80::1%eth0"])
def test_aioice_reads_its_address_in_the_answer(host: str) -> None:
    data = stun.success(read(aioice_request()), host, 32853, PASSWORD)
    answer = aioice.stun.parse_message(data)

    assert answer.message_class == aioice.stun.Class.RESPONSE
    assert answer.transaction_id == TRANSACTION
    assert answer.attributes["XOR-MAPPED-ADDRESS"] == (host.partition("%")[0], 32853)
    assert "FINGERPRINT" in answer.attributes
    assert answer.check_message_integrity(PASSWORD)


def test_a_role_conflict_is_told() -> None:
    request = read(aioice_request(ICE_CONTROLLED=1))
    assert request.controlled
    answer = aioice.stun.parse_message(stun.error(request, stun.ROLE_CONFLICT, PASSWORD))

    assert answer.error_code == 487
    assert answer.check_message_integrity(PASSWORD)


def test_unknown_attributes_are_named_when_they_had_to_be_understood() -> None:
    request = read(signed((0x0031, b"abc"), (0x8031, b""), (0x0033, b"")))
    assert request.unknown == (0x0031, 0x0033)
    data = stun.error(request, stun.UNKNOWN_ATTRIBUTE, PASSWORD)

    assert aioice.stun.parse_message(data).error_code == 420
    assert struct.pack("!HHHH", stun.UNKNOWN_ATTRIBUTES, 4, 0x0031, 0x0033) in data


def test_what_follows_the_integrity_is_not_believed() -> None:
    body = stun._attribute(stun.USERNAME, b"ours:theirs")
    message = stun._HEADER.pack(stun.BINDING_REQUEST, len(body), stun.COOKIE, TRANSACTION) + body
    tag = hmac.digest(PASSWORD, stun._with_length(message, 24), "sha1")
    message += stun._attribute(stun.MESSAGE_INTEGRITY, tag)
    message += stun._attribute(stun.USE_CANDIDATE, b"") + stun._attribute(0x0031, b"")
    request = read(stun._with_length(message, 0))

    assert request.authentic(PASSWORD)
    assert not request.use_candidate and not request.unknown


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "stun-malformed"),
        (bytes(20), "stun-malformed"),
        (aioice_request()[:-4], "stun-malformed"),
        (aioice_request() + bytes(4), "stun-malformed"),
        (b"\x00\x01\x00\x00" + bytes(16), "stun-malformed"),
        (signed((0x8031, b""), kind=stun.BINDING_INDICATION), "stun-indication"),
        (signed(kind=stun.BINDING_SUCCESS), "stun-unexpected"),
        (signed(kind=0x0003), "stun-unexpected"),
        (stun._HEADER.pack(1, 0, stun.COOKIE, TRANSACTION), "stun-unsigned"),
        (stun._HEADER.pack(1, 4, stun.COOKIE, TRANSACTION) + b"\x00\x06\xff\xff", "stun-malformed"),
        (stun._HEADER.pack(1, 8, stun.COOKIE, TRANSACTION) + b"\x00\x08\x00\x04abcd", "stun-malformed"),
        (aioice_request()[:-1] + b"\x00", "stun-fingerprint"),
    ],
)
def test_what_is_no_signed_request_is_dropped(data: bytes, reason: str) -> None:
    assert dropped(data) == reason


@given(st.binary(max_size=200))
def test_random_bytes_are_dropped_and_counted(data: bytes) -> None:
    dropped(data)


@given(st.binary(max_size=120).map(lambda body: body + bytes(-len(body) % 4)))
def test_random_attributes_never_raise(body: bytes) -> None:
    drops: Counter[str] = Counter()
    data = stun._HEADER.pack(stun.BINDING_REQUEST, len(body), stun.COOKIE, TRANSACTION) + body
    request = stun.parse_request(data, drops)
    assert (request is None) == (sum(drops.values()) == 1)
    assert request is None or not request.authentic(PASSWORD)


@given(st.data())
def test_a_changed_request_is_never_authentic(data: st.DataObject) -> None:
    request = bytearray(aioice_request())
    # The last eight bytes are the fingerprint, which the integrity does not cover.
    at = data.draw(st.integers(0, len(request) - 9))
    request[at] ^= data.draw(st.integers(1, 255))
    parsed = stun.parse_request(bytes(request), Counter())
    assert parsed is None or not parsed.authentic(PASSWORD)
