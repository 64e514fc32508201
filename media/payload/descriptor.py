"""The dependency descriptor (AV1 RTP specification, appendix A): which frame a packet is of, which layer it
belongs to and what it depends on, for any codec and without reading the payload.

A publisher describes its layers once, with a keyframe (`Structure`); afterwards three bytes a packet suffice.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from media.payload.structure import (
    DISCARDABLE,
    NOT_PRESENT,
    REQUIRED,
    SWITCH,
    BitReader,
    Structure,
    Template,
    read_structure,
)

__all__ = [
    "DISCARDABLE",
    "NOT_PRESENT",
    "REQUIRED",
    "SWITCH",
    "DescriptorReader",
    "FrameDescriptor",
]

EXTENDED: Final = 3  # a descriptor of more bytes has more than the mandatory fields


class FrameDescriptor(NamedTuple):
    """What one packet says of its frame."""

    start: bool  # first packet of the frame
    end: bool  # last packet of the frame
    frame_number: int  # 16 bits, wrapping
    spatial: int  # 0..3
    temporal: int  # 0..7
    keyframe: bool  # a structure is attached, which only keyframes have
    indications: tuple[int, ...]  # by decode target: NOT_PRESENT, DISCARDABLE, SWITCH or REQUIRED
    frame_diffs: tuple[int, ...]  # how many frames back each frame lies that it is decoded from
    chain_diffs: tuple[int, ...]  # by chain: how many frames back its last frame lies; 0: it starts here


class DescriptorReader:
    """Reads the descriptors of one encoding. Keeps the latest structure, without which most say nothing."""

    __slots__ = ("structure",)

    def __init__(self) -> None:
        self.structure: Structure | None = None

    def read(self, data: bytes) -> FrameDescriptor | None:
        """None: malformed, or made for a structure that we don't have."""
        if len(data) < EXTENDED:
            return None
        first = data[0]
        frame_number = data[1] << 8 | data[2]
        if len(data) == EXTENDED:
            if self.structure is None:
                return None
            template = self.structure.template(first & 0x3F)
            if template is None:
                return None
            return FrameDescriptor(
                first >= 0x80,
                first & 0x40 != 0,
                frame_number,
                template.spatial,
                template.temporal,
                False,
                template.indications,
                template.frame_diffs,
                template.chain_diffs,
            )
        return self._read_extended(data, frame_number)

    def _read_extended(self, data: bytes, frame_number: int) -> FrameDescriptor | None:
        bits = BitReader(data, EXTENDED)
        flags = bits.read(5)
        attached = flags & 0x10 != 0
        structure = read_structure(bits) if attached else self.structure
        if structure is None:
            return None
        if flags & 0x08:  # which decode targets are active from now on: we see what comes
            bits.read(len(structure.decode_targets))
        template = structure.template(data[0] & 0x3F)
        if template is None:
            return None
        template = _read_custom(bits, flags, template)
        if bits.overrun:
            return None
        self.structure = structure
        return FrameDescriptor(
            data[0] >= 0x80,
            data[0] & 0x40 != 0,
            frame_number,
            template.spatial,
            template.temporal,
            attached,
            template.indications,
            template.frame_diffs,
            template.chain_diffs,
        )


def _read_custom(bits: BitReader, flags: int, template: Template) -> Template:
    """`template` with what this frame has of its own."""
    _, _, indications, frame_diffs, chain_diffs = template
    if flags & 0x04:
        indications = tuple(bits.read(2) for _ in indications)
    if flags & 0x02:
        diffs: list[int] = []
        while (size := bits.read(2)) and not bits.overrun:
            diffs.append(bits.read(4 * size) + 1)
        frame_diffs = tuple(diffs)
    if flags & 0x01:
        chain_diffs = tuple(bits.read(8) for _ in chain_diffs)
    return Template(template.spatial, template.temporal, indications, frame_diffs, chain_diffs)
