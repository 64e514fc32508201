"""The lines of a description, checked: what the reader of a description and that of a fragment share."""

from __future__ import annotations

import re
from typing import Final

from media.sdp.description import SdpError

MAX_SIZE: Final = 200_000  # bytes. An offer of Chromium with 14 unrestricted m-lines takes 59,000.
MAX_LINE: Final = 4096  # characters
MAX_MEDIA: Final = 64  # m-lines
MAX_ATTRIBUTES: Final = 4096  # in one section
MAX_MID: Final = 64  # characters
MAX_CANDIDATES: Final = 64  # read of one m-line

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_TOKEN: Final = re.compile(r"[!#-'*+\-.0-9A-Z^-~]+")  # RFC 8866 section 9
_ICE: Final = re.compile(r"[A-Za-z0-9+/]+")  # RFC 8839 section 5.4


class Section:
    """The session part or one m-line with what follows: attributes by name, in order."""

    __slots__ = ("_attributes", "_count", "bandwidths", "head")

    def __init__(self, head: str = "") -> None:
        self.head = head  # the value of the m-line; "" for the session part
        self.bandwidths: list[str] = []
        self._attributes: dict[str, list[str]] = {}
        self._count = 0

    def add(self, attribute: str) -> None:
        self._count += 1
        if self._count > MAX_ATTRIBUTES:
            raise SdpError(f"A section of the description has more than {MAX_ATTRIBUTES} attributes.")
        name, _, value = attribute.partition(":")
        self._attributes.setdefault(name, []).append(value)

    def has(self, name: str) -> bool:
        return name in self._attributes

    def all(self, name: str) -> list[str]:
        """The values of all attributes of that name."""
        return self._attributes.get(name, [])

    def one(self, name: str) -> str:
        """The value of the first attribute of that name, "" if there is none."""
        return self._attributes.get(name, [""])[0].strip()


def split_lines(text: str) -> list[tuple[str, str]]:
    """The ("v", "0") pairs of a text with LF or CRLF line ends."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:  # half a surrogate pair, as JSON can express it
        raise SdpError("The description is no valid text.") from None
    if size > MAX_SIZE:
        raise SdpError(f"The description is larger than {MAX_SIZE} bytes.")
    pairs = []
    for line in text.replace("\r\n", "\n").split("\n"):
        if not line:
            continue
        if len(line) > MAX_LINE:
            raise SdpError(f"A line of the description is longer than {MAX_LINE} characters.")
        if len(line) < 2 or line[1] != "=":
            raise SdpError("A line of the description does not begin with a letter and '='.")
        if _CONTROL.search(line):
            raise SdpError("The description holds a control character.")
        pairs.append((line[0], line[2:]))
    return pairs


def number(text: str, low: int, high: int, what: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 20 and low <= int(text) <= high):
        raise SdpError(f"The {what} is not a number from {low} to {high}.")
    return int(text)


def token(text: str, what: str) -> str:
    if not _TOKEN.fullmatch(text):
        raise SdpError(f"The {what} is missing or holds characters that it may not.")
    return text


def mid(text: str) -> str:
    if len(text) > MAX_MID:
        raise SdpError(f"A mid is longer than {MAX_MID} characters.")
    return token(text, "mid")


def ice_credential(text: str, shortest: int, what: str) -> str:
    """A user fragment or password, "" staying "" (RFC 8839 section 5.4)."""
    if text and not (shortest <= len(text) <= 256 and _ICE.fullmatch(text)):
        raise SdpError(f"The {what} is malformed.")
    return text


def candidates(section: Section) -> tuple[str, ...]:
    """The first `MAX_CANDIDATES`: a machine with many addresses is no mistake of its user's."""
    return tuple(section.all("candidate")[:MAX_CANDIDATES])
