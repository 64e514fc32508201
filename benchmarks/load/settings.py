"""What a run of the load benchmark is told."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.load.traffic import Encoding
from media.edge.srtp import SrtpProfile


@dataclass(frozen=True, slots=True)
class LoadSettings:
    """`host`: the address that servers and clients use. `profiles`: what the clients offer for SRTP."""

    host: str
    encodings: tuple[Encoding, ...]
    profiles: tuple[SrtpProfile, ...]
    warm_up: float  # s of traffic before measuring
    duration: float  # s measured
    server_core: int | None
