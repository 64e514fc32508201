"""STUN binding requests as ICE connectivity checks, read and answered (RFC 8489, RFC 8445 section 7).

Written here because `aioice.stun` raises `struct.error` on short attributes, ignores the magic cookie, and
forgets the unknown attributes that a 420 answer has to name.
"""

from __future__ import annotations

import hmac
import ipaddress
from binascii import crc32
from collections import Counter
from dataclasses import dataclass
from struct import Struct
from typing import Final

HEADER_LENGTH: Final = 20
COOKIE: Final = 0x2112A442
FINGERPRINT_XOR: Final = 0x5354554E

BINDING_REQUEST: Final = 0x0001
BINDING_INDICATION: Final = 0x0011
BINDING_SUCCESS: Final = 0x0101
BINDING_ERROR: Final = 0x0111

USERNAME: Final = 0x0006
MESSAGE_INTEGRITY: Final = 0x0008
ERROR_CODE: Final = 0x0009
UNKNOWN_ATTRIBUTES: Final = 0x000A
MESSAGE_INTEGRITY_SHA256: Final = 0x001C
XOR_MAPPED_ADDRESS: Final = 0x0020
PRIORITY: Final = 0x0024
USE_CANDIDATE: Final = 0x0025
FINGERPRINT: Final = 0x8028
ICE_CONTROLLED: Final = 0x8029

# Attributes below this number must be understood (RFC 8489 section 14).
COMPREHENSION_OPTIONAL: Final = 0x8000
# Those that we understand, or may read over in a request: MAPPED-ADDRESS, REALM, NONCE, PASSWORD-ALGORITHM
# and USERHASH say nothing to the short-term credentials of ICE.
UNDERSTOOD: Final = frozenset(
    {0x0001, USERNAME, MESSAGE_INTEGRITY, ERROR_CODE, UNKNOWN_ATTRIBUTES, 0x0014, 0x0015}
    | {MESSAGE_INTEGRITY_SHA256, 0x001D, 0x001E, XOR_MAPPED_ADDRESS, PRIORITY, USE_CANDIDATE}
)

UNKNOWN_ATTRIBUTE = (420, "Unknown Attribute")
ROLE_CONFLICT = (487, "Role Conflict")  # RFC 8445 section 7.3.1.1

_HEADER: Final = Struct("!HHI12s")
_ATTRIBUTE: Final = Struct("!HH")
_INTEGRITY_LENGTH: Final = 24
_FINGERPRINT_LENGTH: Final = 8


@dataclass(frozen=True, slots=True)
class BindingRequest:
    """A well-formed request with USERNAME and MESSAGE-INTEGRITY; nothing in it is true before `authentic`."""

    transaction_id: bytes
    username: str
    use_candidate: bool
    controlled: bool  # the sender claims the controlled role
    unknown: tuple[int, ...]  # attributes that we had to understand and did not
    integrity: bytes
    signed: bytes  # what `integrity` covers

    def authentic(self, password: bytes) -> bool:
        return hmac.compare_digest(hmac.digest(password, self.signed, "sha1"), self.integrity)


def parse_request(data: bytes, drops: Counter[str]) -> BindingRequest | None:
    """Read a datagram whose first byte is 0..3; None: not a request to answer, and `drops` says why.

    A request without credentials gets no 400 or 401: a stranger who doesn't know our ufrag learns nothing,
    and nobody can be made to receive our answers.
    """
    refused = _refused(data)
    if refused is not None:
        drops[refused] += 1
        return None
    username: str | None = None
    integrity = signed = b""
    use_candidate = controlled = False
    unknown: list[int] = []
    at = HEADER_LENGTH
    while at < len(data):
        attribute, size = _ATTRIBUTE.unpack_from(data, at)
        value = data[at + 4 : at + 4 + size]
        if len(value) != size:
            drops["stun-malformed"] += 1
            return None
        if attribute == FINGERPRINT:
            if size != 4 or at + 8 != len(data) or value != _fingerprint(data[:at]):
                drops["stun-fingerprint"] += 1
                return None
        elif integrity:
            pass  # what follows MESSAGE-INTEGRITY is not covered by it (RFC 8489 section 14.5)
        elif attribute == MESSAGE_INTEGRITY:
            if size != 20:
                drops["stun-malformed"] += 1
                return None
            integrity, signed = value, _with_length(data[:at], _INTEGRITY_LENGTH)
        elif attribute == USERNAME:
            username = value.decode("utf-8", "replace")
        elif attribute == USE_CANDIDATE:
            use_candidate = True
        elif attribute == ICE_CONTROLLED:
            controlled = True
        elif attribute < COMPREHENSION_OPTIONAL and attribute not in UNDERSTOOD:
            unknown.append(attribute)
        at += 4 + size + -size % 4
    if username is None or not integrity:
        drops["stun-unsigned"] += 1
        return None
    return BindingRequest(data[8:20], username, use_candidate, controlled, tuple(unknown), integrity, signed)


def success(request: BindingRequest, host: str, port: int, password: bytes) -> bytes:
    """The answer that tells the sender its address as we see it."""
    address = ipaddress.ip_address(host.partition("%")[0])
    mask = COOKIE.to_bytes(4, "big") + request.transaction_id
    packed = bytes(a ^ b for a, b in zip(address.packed, mask, strict=False))
    family = 1 if address.version == 4 else 2
    value = bytes((0, family)) + (port ^ COOKIE >> 16).to_bytes(2, "big") + packed
    return _message(BINDING_SUCCESS, request.transaction_id, _attribute(XOR_MAPPED_ADDRESS, value), password)


def error(request: BindingRequest, code: tuple[int, str], password: bytes) -> bytes:
    """A refusal: `UNKNOWN_ATTRIBUTE` (which names them) or `ROLE_CONFLICT`."""
    number, reason = code
    body = _attribute(ERROR_CODE, bytes((0, 0, number // 100, number % 100)) + reason.encode())
    if code == UNKNOWN_ATTRIBUTE:
        names = b"".join(attribute.to_bytes(2, "big") for attribute in request.unknown)
        body += _attribute(UNKNOWN_ATTRIBUTES, names)
    return _message(BINDING_ERROR, request.transaction_id, body, password)


def _refused(data: bytes) -> str | None:
    """Why, by its header, this is no request; None: it is one."""
    if len(data) < HEADER_LENGTH:
        return "stun-malformed"
    kind, length, cookie, _ = _HEADER.unpack_from(data)
    if cookie != COOKIE or length % 4 or length != len(data) - HEADER_LENGTH:
        return "stun-malformed"
    if kind == BINDING_REQUEST:
        return None
    # An indication keeps a NAT binding alive (RFC 8445 section 11) and wants no answer; we ask nothing, so
    # that answers are nobody's.
    return "stun-indication" if kind == BINDING_INDICATION else "stun-unexpected"


def _message(kind: int, transaction_id: bytes, body: bytes, password: bytes) -> bytes:
    message = _HEADER.pack(kind, len(body), COOKIE, transaction_id) + body
    integrity = hmac.digest(password, _with_length(message, _INTEGRITY_LENGTH), "sha1")
    message += _attribute(MESSAGE_INTEGRITY, integrity)
    return _with_length(message, _FINGERPRINT_LENGTH) + _attribute(FINGERPRINT, _fingerprint(message))


def _attribute(kind: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(kind, len(value)) + value + bytes(-len(value) % 4)


def _with_length(message: bytes, further: int) -> bytes:
    """The message with the length field that it has once `further` bytes are appended."""
    return message[:2] + (len(message) - HEADER_LENGTH + further).to_bytes(2, "big") + message[4:]


def _fingerprint(message: bytes) -> bytes:
    return (crc32(_with_length(message, _FINGERPRINT_LENGTH)) ^ FINGERPRINT_XOR).to_bytes(4, "big")
