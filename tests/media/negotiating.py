"""Offers of real clients, and what is agreed on of them."""

from pathlib import Path

import pytest

from media import negotiation, sdp
from media.errors import MediaError
from media.negotiation import Line, SlotStream, TransportParameters
from media.sdp import SessionDescription

HERE = Path(__file__).parent
OFFERS = {
    "page": (HERE / "fixtures/chromium-page.sdp").read_text(),  # Chromium 156, as the page asks it
    **{path.stem: path.read_text() for path in (HERE / "sdp/offers").glob("*.sdp")},
}
TRANSPORT = TransportParameters(
    ufrag="relay",
    pwd="passwordOfTheRelayItself",
    fingerprint=("sha-256", ":".join(["AB"] * 32)),
    candidates=("1 1 udp 2130706431 192.0.2.1 5000 typ host",),
)


def agree(offer: SessionDescription, sources: dict[str, str] | None = None) -> tuple[Line, ...]:
    return negotiation.agree(offer, sources, max_lines=44)


def answer(offer: SessionDescription, lines: tuple[Line, ...]) -> SessionDescription:
    """Through the text, as a client reads it."""
    slots = {
        line.mid: SlotStream(place // 2, 1000 + place, 2000 + place if line.repairs else None)
        for place, line in enumerate(line for line in lines if line.role == "slot")
    }
    return sdp.parse(sdp.serialize(negotiation.answer(offer, lines, TRANSPORT, slots, version=1)))


def picture_formats(line: Line) -> dict[str, int]:
    """Payload types of RTX by format."""
    return {format: line.repairs.get(number, 0) for format, number in line.payload_types.items()}


def refusal(offer: SessionDescription, sources: dict[str, str] | None = None, lines: int = 44) -> str:
    with pytest.raises(MediaError) as raised:
        negotiation.agree(offer, sources, max_lines=lines)
        negotiation.transport_of(offer)
    assert raised.value.message[0].isupper()
    return raised.value.code
