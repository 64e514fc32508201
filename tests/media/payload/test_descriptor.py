from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.payload.descriptor import (
    DISCARDABLE,
    NOT_PRESENT,
    REQUIRED,
    SWITCH,
    DescriptorReader,
    FrameDescriptor,
)
from media.payload.structure import DecodeTarget, Structure, Template

# Keyframes of libwebrtc, captured: one layer, three temporal layers, three spatial by three temporal layers.
L1T1 = bytes.fromhex("80000180003a410180ef808680")
L1T3 = bytes.fromhex("800001800214eaa860414d141020842701df010d")
L3T3 = bytes.fromhex(
    "d0013481e81485214eafffaaaa863cf0430c10c302afc0aaa0063c00430010c002a000a80006000040001d954926e082"
    "b04a0941b820ac1282503157f974000ca864330e222222eca8655304224230eca87753013f00b3027f016704ff02cf"
)
NAMES = {"-": NOT_PRESENT, "D": DISCARDABLE, "S": SWITCH, "R": REQUIRED}


def dti(names: str) -> tuple[int, ...]:
    return tuple(NAMES[name] for name in names)


class BitWriter:
    def __init__(self) -> None:
        self.bits = ""

    def write(self, value: int, width: int) -> None:
        assert 0 <= value < 1 << width or value == width == 0
        self.bits += f"{value:0{width}b}" if width else ""

    def write_below(self, value: int, count: int) -> None:
        """ns(n) of the specification, told by its table of codes: the low values are one bit shorter."""
        width = count.bit_length()
        short = (1 << width) - count
        if value < short:
            self.write(value, width - 1)
        else:
            self.write(value + short, width)

    def data(self) -> bytes:
        padded = self.bits + "0" * (-len(self.bits) % 8)
        return bytes(int(padded[i : i + 8], 2) for i in range(0, len(padded), 8))


def write_structure(writer: BitWriter, structure: Structure) -> None:
    templates, targets = structure.templates, structure.decode_targets
    writer.write(structure.first_id, 6)
    writer.write(len(targets) - 1, 5)
    for this, following in pairwise(templates):
        same_spatial = this.spatial == following.spatial
        writer.write(2 if not same_spatial else int(this.temporal != following.temporal), 2)
    writer.write(3, 2)
    for template in templates:
        for indication in template.indications:
            writer.write(indication, 2)
    for template in templates:
        for diff in template.frame_diffs:
            writer.write(1, 1)
            writer.write(diff - 1, 4)
        writer.write(0, 1)
    chains = len(templates[0].chain_diffs)
    writer.write_below(chains, len(targets) + 1)
    if chains:
        for target in targets:
            assert target.chain is not None
            writer.write_below(target.chain, chains)
        for template in templates:
            for diff in template.chain_diffs:
                writer.write(diff, 4)
    writer.write(int(bool(structure.resolutions)), 1)
    for width, height in structure.resolutions:
        writer.write(width - 1, 16)
        writer.write(height - 1, 16)


def write_descriptor(
    frame: FrameDescriptor, structure: Structure, template_index: int, active: int | None = None
) -> bytes:
    """`active`: bit mask of the decode targets that go on, if it is to be said."""
    template = structure.templates[template_index]
    writer = BitWriter()
    writer.write(frame.start, 1)
    writer.write(frame.end, 1)
    writer.write((structure.first_id + template_index) % 64, 6)
    writer.write(frame.frame_number, 16)
    custom = (
        frame.indications != template.indications,
        frame.frame_diffs != template.frame_diffs,
        frame.chain_diffs != template.chain_diffs,
    )
    if not (frame.keyframe or active is not None or any(custom)):
        return writer.data()
    for flag in (frame.keyframe, active is not None, *custom):
        writer.write(flag, 1)
    if frame.keyframe:
        write_structure(writer, structure)
    if active is not None:
        writer.write(active, len(structure.decode_targets))
    if custom[0]:
        for indication in frame.indications:
            writer.write(indication, 2)
    if custom[1]:
        for diff in frame.frame_diffs:
            size = 1 if diff <= 16 else 2 if diff <= 256 else 3
            writer.write(size, 2)
            writer.write(diff - 1, 4 * size)
        writer.write(0, 2)
    if custom[2]:
        for diff in frame.chain_diffs:
            writer.write(diff, 8)
    data = writer.data()
    return data + bytes(max(0, 4 - len(data)))


@st.composite
def structures(draw: st.DrawFn) -> Structure:
    target_count = draw(st.integers(1, 12))
    chain_count = draw(st.integers(0, target_count))
    spatial_count = draw(st.integers(1, 4))
    layers = [
        (spatial, temporal)
        for spatial in range(spatial_count)
        for temporal in range(draw(st.integers(1, 4)))
        for _ in range(draw(st.integers(1, 2)))
    ]
    templates = tuple(
        Template(
            spatial,
            temporal,
            tuple(draw(st.integers(0, 3)) for _ in range(target_count)),
            tuple(draw(st.lists(st.integers(1, 16), max_size=3))),
            tuple(draw(st.integers(0, 15)) for _ in range(chain_count)),
        )
        for spatial, temporal in layers
    )
    targets = []
    for index in range(target_count):
        needed = [t for t in templates if t.indications[index] != NOT_PRESENT]
        targets.append(
            DecodeTarget(
                max((t.spatial for t in needed), default=0),
                max((t.temporal for t in needed), default=0),
                draw(st.integers(0, chain_count - 1)) if chain_count else None,
            )
        )
    pixels = st.integers(1, 65_536)
    resolutions = st.tuples(*[st.tuples(pixels, pixels)] * spatial_count)
    return Structure(draw(st.integers(0, 63)), templates, tuple(targets), draw(st.just(()) | resolutions))


@st.composite
def frames(
    draw: st.DrawFn, structure: Structure, *, keyframe: bool = False
) -> tuple[FrameDescriptor, int, int | None]:
    """A frame, the place of its template, and the decode targets that it says are active."""
    index = draw(st.integers(0, len(structure.templates) - 1))
    template = structure.templates[index]
    targets, chains = len(template.indications), len(template.chain_diffs)
    masks = st.integers(0, (1 << targets) - 1)
    indications = st.tuples(*[st.integers(0, 3)] * targets)
    diffs = st.lists(st.integers(1, 4096), max_size=4).map(tuple)
    chain_diffs = st.tuples(*[st.integers(0, 255)] * chains)
    frame = FrameDescriptor(
        draw(st.booleans()),
        draw(st.booleans()),
        draw(st.integers(0, 65_535)),
        template.spatial,
        template.temporal,
        keyframe,
        draw(st.just(template.indications) | indications),
        draw(st.just(template.frame_diffs) | diffs),
        draw(st.just(template.chain_diffs) | chain_diffs),
    )
    return frame, index, draw(st.none() | masks)


def reader_of(keyframe: bytes) -> DescriptorReader:
    reader = DescriptorReader()
    assert reader.read(keyframe) is not None
    return reader


def test_a_keyframe_of_one_layer_is_read():
    reader = DescriptorReader()
    assert reader.read(L1T1) == FrameDescriptor(True, False, 1, 0, 0, True, dti("S"), (), (0,))
    assert reader.structure == Structure(
        first_id=0,
        templates=(Template(0, 0, dti("S"), (), (0,)), Template(0, 0, dti("S"), (1,), (1,))),
        decode_targets=(DecodeTarget(0, 0, 0),),
        resolutions=((480, 270),),
    )


def test_a_keyframe_of_three_temporal_layers_is_read():
    structure = reader_of(L1T3).structure
    assert structure is not None
    assert structure.templates == (
        Template(0, 0, dti("SSS"), (), (0,)),
        Template(0, 0, dti("SSS"), (4,), (4,)),
        Template(0, 1, dti("-DS"), (2,), (2,)),
        Template(0, 2, dti("--D"), (1,), (1,)),
        Template(0, 2, dti("--D"), (1,), (3,)),
    )
    assert structure.decode_targets == tuple(DecodeTarget(0, temporal, 0) for temporal in range(3))


def test_a_keyframe_of_three_by_three_layers_is_read():
    structure = reader_of(L3T3).structure
    assert structure is not None
    assert structure.resolutions == ((320, 180), (640, 360), (1280, 720))
    assert structure.decode_targets == tuple(DecodeTarget(s, t, s) for s in range(3) for t in range(3))
    assert structure.template(15) == Template(0, 0, dti("SSSRRRRRR"), (12,), (12, 11, 10))
    assert structure.template(15 + 14) == Template(2, 2, dti("--------D"), (3, 1), (11, 10, 9))
    assert structure.template(15 + 15) is None and structure.template(14) is None


def test_three_bytes_say_the_rest_by_their_template():
    reader = reader_of(L1T3)
    assert reader.read(bytes.fromhex("43 0102")) == FrameDescriptor(
        False, True, 0x0102, 0, 2, False, dti("--D"), (1,), (1,)
    )


def test_template_ids_wrap_at_64():
    structure = Structure(
        63,
        (Template(0, 0, dti("S"), (), ()), Template(0, 1, dti("D"), (1,), ())),
        (DecodeTarget(0, 1, None),),
        (),
    )
    keyframe = FrameDescriptor(True, True, 7, 0, 0, True, dti("S"), (), ())
    reader = reader_of(write_descriptor(keyframe, structure, 0))
    assert reader.structure == structure
    frame = reader.read(bytes.fromhex("c0 0008"))
    assert frame is not None and (frame.temporal, frame.frame_diffs) == (1, (1,))


def test_a_frame_may_bring_dependencies_of_its_own():
    reader = reader_of(L1T3)
    # no structure, active targets 0b011; custom indications "R-D", diffs 16, 17 and 4096, chain 200
    writer = BitWriter()
    for value, width in [(0b1100_0010, 8), (99, 16), (0b01111, 5), (0b011, 3), (0b11_00_01, 6)]:
        writer.write(value, width)
    for value, width in [(1, 2), (15, 4), (2, 2), (16, 8), (3, 2), (4095, 12), (0, 2), (200, 8)]:
        writer.write(value, width)
    assert reader.read(writer.data()) == FrameDescriptor(
        True, True, 99, 0, 1, False, dti("R-D"), (16, 17, 4096), (200,)
    )


def test_without_a_structure_nothing_can_be_read():
    assert DescriptorReader().read(bytes.fromhex("c0 0001")) is None
    assert DescriptorReader().read(bytes.fromhex("c0 0001 40 e0")) is None


def test_a_template_that_does_not_exist_cannot_be_read():
    assert reader_of(L1T3).read(bytes.fromhex("c5 0001")) is None
    assert reader_of(L1T3).read(bytes.fromhex("c5 0001 00")) is None


@pytest.mark.parametrize("keyframe", [L1T1, L1T3, L3T3], ids=["L1T1", "L1T3", "L3T3"])
def test_a_keyframe_cut_off_anywhere_is_malformed_and_leaves_the_structure_alone(keyframe: bytes):
    reader = reader_of(L1T1)
    before = reader.structure
    for length in (*range(3), *range(4, len(keyframe))):
        assert reader.read(keyframe[:length]) is None
        assert reader.structure is before


def test_more_layers_than_there_can_be_are_malformed():
    for next_layer in (1, 2):  # one more temporal or spatial layer each time
        writer = BitWriter()
        for value, width in [
            (0xC0, 8),
            (1, 16),
            (0b10000, 5),
            (0, 6),
            (0, 5),
            *[(next_layer, 2)] * 8,
            (3, 2),
        ]:
            writer.write(value, width)
        assert DescriptorReader().read(writer.data() + bytes(50)) is None


def test_templates_without_end_are_malformed():
    assert DescriptorReader().read(bytes.fromhex("c00001 80 00") + bytes(200)) is None


@given(st.data(), structures())
def test_descriptors_survive_the_way_to_bytes_and_back(data: st.DataObject, structure: Structure):
    reader = DescriptorReader()
    keyframe, index, active = data.draw(frames(structure, keyframe=True))
    assert reader.read(write_descriptor(keyframe, structure, index, active)) == keyframe
    assert reader.structure == structure
    for frame, index, active in data.draw(st.lists(frames(structure), max_size=4)):
        assert reader.read(write_descriptor(frame, structure, index, active)) == frame
    assert reader.structure == structure


@given(st.lists(st.binary(max_size=255), max_size=4), st.sampled_from([L1T1, L1T3, L3T3]))
def test_no_bytes_break_the_reader(packets: list[bytes], keyframe: bytes):
    reader = reader_of(keyframe)
    for data in packets:
        check(reader, data)


@given(st.data(), st.sampled_from([L1T1, L1T3, L3T3]))
def test_no_altered_descriptor_breaks_the_reader(data: st.DataObject, keyframe: bytes):
    reader = reader_of(keyframe)
    raw = bytearray(keyframe)
    for _ in range(data.draw(st.integers(1, 5))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    check(reader, bytes(raw))
    check(reader, data.draw(st.binary(min_size=3, max_size=3)))


def check(reader: DescriptorReader, data: bytes) -> None:
    frame = reader.read(data)
    if frame is not None:
        assert reader.structure is not None
        assert 0 <= frame.spatial < 4 and 0 <= frame.temporal < 8
        assert len(frame.indications) == len(reader.structure.decode_targets) <= 32
        assert all(1 <= diff <= 4096 for diff in frame.frame_diffs)
        assert len(frame.chain_diffs) <= 32
        assert frame.keyframe == (len(data) > 3 and data[3] >= 0x80)
