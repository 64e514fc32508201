"""The template dependency structure of a dependency descriptor (AV1 RTP specification, appendix A.8.3):
the layers that a publisher sends, and for each kind of frame what it depends on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

MAX_SPATIAL: Final = 4  # layers
MAX_TEMPORAL: Final = 8
MAX_TEMPLATES: Final = 64
# Decode target indications: what a frame is to a receiver that wants a given decode target.
NOT_PRESENT: Final = 0
DISCARDABLE: Final = 1
SWITCH: Final = 2
REQUIRED: Final = 3


class Template(NamedTuple):
    """A kind of frame. Fields as in `FrameDescriptor`."""

    spatial: int
    temporal: int
    indications: tuple[int, ...]
    frame_diffs: tuple[int, ...]
    chain_diffs: tuple[int, ...]


class DecodeTarget(NamedTuple):
    """A picture that can be wanted: its highest layers, and the chain that says whether it can be decoded."""

    spatial: int
    temporal: int
    chain: int | None  # index into `chain_diffs`


@dataclass(frozen=True, slots=True)
class Structure:
    """`templates[(id - first_id) % 64]` is the template of that id."""

    first_id: int
    templates: tuple[Template, ...]
    decode_targets: tuple[DecodeTarget, ...]
    resolutions: tuple[tuple[int, int], ...]  # (width, height) by spatial layer; () if not said

    def template(self, identifier: int) -> Template | None:
        index = (identifier - self.first_id) & 0x3F
        return self.templates[index] if index < len(self.templates) else None


class BitReader:
    """Bits of `data` from byte `at` on, most significant first. Reading past the end gives zeros and sets
    `overrun`."""

    __slots__ = ("_bits", "left")

    def __init__(self, data: bytes, at: int = 0) -> None:
        self._bits = int.from_bytes(data[at:], "big")
        self.left = 8 * (len(data) - at)

    @property
    def overrun(self) -> bool:
        return self.left < 0

    def read(self, width: int) -> int:
        self.left -= width
        if self.left < 0:
            return 0
        return self._bits >> self.left & (1 << width) - 1

    def read_below(self, count: int) -> int:
        """A number below `count`, coded with no more bits than needed ("ns(n)", appendix A.8.1)."""
        width = count.bit_length()
        short = (1 << width) - count  # so many of the numbers take a bit less
        value = self.read(width - 1)
        return value if value < short else (value << 1) - short + self.read(1)


def read_structure(bits: BitReader) -> Structure | None:
    """None: malformed."""
    first_id = bits.read(6)
    targets = bits.read(5) + 1
    layers = _read_layers(bits)
    if layers is None or bits.left < 2 * targets * len(layers):
        return None
    indications = [tuple(bits.read(2) for _ in range(targets)) for _ in layers]
    frame_diffs = [_read_frame_diffs(bits) for _ in layers]
    chains = bits.read_below(targets + 1)
    protected_by = [bits.read_below(chains) if chains else None for _ in range(targets)]
    chain_diffs = [tuple(bits.read(4) for _ in range(chains)) for _ in layers]
    spatial_layers = layers[-1][0] + 1
    with_resolutions = bits.read(1)
    resolutions = [(bits.read(16) + 1, bits.read(16) + 1) for _ in range(spatial_layers * with_resolutions)]
    if bits.overrun:
        return None
    return Structure(
        first_id=first_id,
        templates=tuple(
            Template(*layer, *rest)
            for layer, *rest in zip(layers, indications, frame_diffs, chain_diffs, strict=True)
        ),
        decode_targets=tuple(
            DecodeTarget(*_highest_layers(layers, indications, target), chain)
            for target, chain in enumerate(protected_by)
        ),
        resolutions=tuple(resolutions),
    )


def _read_layers(bits: BitReader) -> list[tuple[int, int]] | None:
    """(spatial, temporal) of each template; they come in ascending order."""
    spatial = temporal = 0
    layers: list[tuple[int, int]] = []
    while len(layers) < MAX_TEMPLATES and not bits.overrun:
        layers.append((spatial, temporal))
        step = bits.read(2)  # 0: the same layer again, 1: next temporal, 2: next spatial, 3: that was all
        if step == 3:
            return layers
        if step == 1:
            temporal += 1
        elif step == 2:
            spatial, temporal = spatial + 1, 0
        if spatial >= MAX_SPATIAL or temporal >= MAX_TEMPORAL:
            return None
    return None


def _read_frame_diffs(bits: BitReader) -> tuple[int, ...]:
    diffs = []
    while bits.read(1):  # past the end this reads as 0
        diffs.append(bits.read(4) + 1)
    return tuple(diffs)


def _highest_layers(
    layers: list[tuple[int, int]], indications: list[tuple[int, ...]], target: int
) -> tuple[int, int]:
    """Of the templates that a decode target needs (appendix A.8.3, decode_target_layers)."""
    needed = [layer for layer, marks in zip(layers, indications, strict=True) if marks[target] != NOT_PRESENT]
    return max((s for s, _ in needed), default=0), max((t for _, t in needed), default=0)
