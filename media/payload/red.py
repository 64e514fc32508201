"""Redundant audio (RFC 2198): the sound of now together with that of before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

MAX_BLOCK: Final = 1023  # bytes of a redundant block, 10 bits
MAX_OFFSET: Final = 16383  # RTP clock ticks back, 14 bits
MAX_BLOCKS: Final = 32  # in one packet; browsers send up to 10


class Block(NamedTuple):
    """One encoding within a packet. `timestamp_offset` is how far back it lies, 0 for the primary one."""

    payload_type: int
    timestamp_offset: int
    data: bytes


def parse(payload: bytes) -> tuple[Block, ...] | None:
    """The blocks, oldest first as sent, the primary one last. None: malformed."""
    heads: list[tuple[int, int, int]] = []
    at = 0
    size = len(payload)
    while at < size and payload[at] & 0x80:
        if at + 4 > size or len(heads) == MAX_BLOCKS - 1:
            return None
        head = int.from_bytes(payload[at : at + 4], "big")
        heads.append((head >> 24 & 0x7F, head >> 10 & 0x3FFF, head & 0x3FF))
        at += 4
    if at >= size:
        return None
    primary = payload[at]
    at += 1
    blocks = []
    for payload_type, offset, length in heads:
        if at + length > size:
            return None
        blocks.append(Block(payload_type, offset, payload[at : at + length]))
        at += length
    blocks.append(Block(primary, 0, payload[at:]))
    return tuple(blocks)


def build(blocks: Sequence[Block]) -> bytes:
    """A payload of `blocks`, the primary one last. Each redundant one must be within `MAX_BLOCK` and
    `MAX_OFFSET`; `fits` tells."""
    assert blocks and len(blocks) <= MAX_BLOCKS
    *redundant, primary = blocks
    heads = bytearray()
    for block in redundant:
        assert fits(block)
        head = 0x80 << 24 | block.payload_type << 24 | block.timestamp_offset << 10 | len(block.data)
        heads += head.to_bytes(4, "big")
    heads.append(primary.payload_type)
    return bytes(heads) + b"".join(block.data for block in blocks)


def fits(block: Block) -> bool:
    """Whether it can be sent as a redundant block."""
    return len(block.data) <= MAX_BLOCK and 0 <= block.timestamp_offset <= MAX_OFFSET
