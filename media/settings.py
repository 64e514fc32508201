"""What an operator can set about the media side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class SfuSettings:
    """Addresses and limits."""

    host: str = "0.0.0.0"  # interface to bind; "::" takes IPv4 and IPv6
    media_port: int = 0  # UDP and TCP; 0 lets the system choose
    public_addresses: tuple[str, ...] = ()  # announced in candidates; () announces the machine's own
    max_peers: int = 200
    max_media_lines: int = 63  # of one peer: 3 sent and 30 slots of two, for 24 others and 6 screens


# RTP streams that one peer may publish; 3 rids of camera, 2 of screen, audio, and spares.
MAX_ENCODINGS: Final = 12
