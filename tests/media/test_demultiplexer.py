from hypothesis import given
from hypothesis import strategies as st

from media.demultiplexer import Demultiplexer, Inbound
from media.negotiation import Line
from media.rtp import extensions as uri
from media.sdp import Codec, HeaderExtension
from media.settings import MAX_ENCODINGS
from tests.media.publishing import new_publication

MID, RID, REPAIRED = 4, 10, 11
EXTENSIONS = (HeaderExtension(MID, uri.MID), HeaderExtension(RID, uri.RID))
MICROPHONE = Line(
    "0", "audio", "publish", "microphone", (Codec(111, "opus", 48_000),), {"opus": 111}, {}, EXTENSIONS
)
CAMERA = Line(
    "1",
    "video",
    "publish",
    "camera",
    (Codec(96, "VP8", 90_000, feedback=("nack",)), Codec(97, "rtx", 90_000)),
    {"vp8": 96},
    {96: 97},
    (*EXTENSIONS, HeaderExtension(REPAIRED, uri.REPAIRED_RID)),
    rids=("q", "h"),
)
SCREEN = Line(
    "2", "video", "publish", "screen", CAMERA.codecs, CAMERA.payload_types, CAMERA.repairs, EXTENSIONS
)


class Table:
    """A demultiplexer of these lines."""

    def __init__(self, *lines: Line) -> None:
        self.publications = {
            line.source: new_publication(line.source, *line.rids, mid=line.mid) for line in lines
        }
        self.table = Demultiplexer()
        self.table.configure(lines, self.publications)

    def learn(self, ssrc: int, payload_type: int, **said: str) -> Inbound | None:
        ids = {"mid": MID, "rid": RID, "repaired": REPAIRED}
        elements = {ids[name]: value.encode() for name, value in said.items()}
        inbound = self.table.learn(ssrc, payload_type, elements, now=0.0)
        if inbound is not None:
            inbound.encoding.stream.receive(1, 0, 10, now=0.0)
        return inbound

    def encodings(self, source: str) -> list[str]:
        return [encoding.rid for encoding in self.publications[source].encodings]


def test_a_stream_is_known_by_mid_and_rid() -> None:
    table = Table(MICROPHONE, CAMERA, SCREEN)
    inbound = table.learn(5, 96, mid="1", rid="h")
    assert inbound is not None
    assert inbound.publication.source == "camera"
    assert inbound.encoding.rid == "h"
    assert not inbound.repair
    assert table.table.inbound[5] is inbound
    other = table.learn(6, 96, mid="2")
    assert other is not None
    assert other.publication.source == "screen"


def test_a_repair_belongs_to_the_encoding_that_it_names() -> None:
    table = Table(CAMERA)
    assert table.learn(7, 97, mid="1", repaired="q") is None, "what is not known can't be repaired"
    media = table.learn(5, 96, mid="1", rid="q")
    repair = table.learn(7, 97, mid="1", repaired="q")
    assert media is not None
    assert repair is not None
    assert repair.repair
    assert repair.encoding is media.encoding


def test_a_payload_type_of_one_line_alone_says_enough() -> None:
    table = Table(MICROPHONE, CAMERA)
    inbound = table.learn(5, 111)
    assert inbound is not None
    assert inbound.publication.source == "microphone"


def test_a_payload_type_of_two_lines_does_not() -> None:
    assert Table(CAMERA, SCREEN).learn(5, 96) is None


def test_what_the_offer_announced_is_known_without_extensions() -> None:
    announced = Line("2", "video", "publish", "screen", *_rest(SCREEN), ssrcs=((5, 6),))
    table = Table(CAMERA, announced)
    media, repair = table.learn(5, 96), table.learn(6, 97)
    assert media is not None
    assert repair is not None
    assert media.publication.source == "screen"
    assert repair.encoding is media.encoding


def _rest(line: Line):  # type: ignore[no-untyped-def]
    return line.codecs, line.payload_types, line.repairs, line.extensions, line.rids


def test_strangers_are_nobodys() -> None:
    table = Table(MICROPHONE, CAMERA)
    assert table.learn(5, 96, mid="7") is None
    assert table.learn(5, 96, mid="0") is None, "the payload type is not of this line"
    assert table.learn(5, 96, mid="1", rid="x") is None
    assert table.learn(5, 96, mid="1") is None
    assert table.learn(5, 50, mid="1", rid="q") is None
    assert not table.table.inbound


def test_encodings_stand_in_the_order_of_their_rids() -> None:
    table = Table(CAMERA)
    table.learn(5, 96, mid="1", rid="h")
    table.learn(6, 96, mid="1", rid="q")
    assert table.encodings("camera") == ["q", "h"]


def test_another_ssrc_takes_the_place_of_the_one_before_and_of_its_repair() -> None:
    table = Table(CAMERA)
    table.learn(5, 96, mid="1", rid="q")
    table.learn(6, 97, mid="1", repaired="q")
    table.learn(8, 96, mid="1", rid="q")
    assert set(table.table.inbound) == {8}
    assert table.encodings("camera") == ["q"]


def test_a_stream_that_says_goodbye_is_gone_with_its_repair() -> None:
    table = Table(CAMERA)
    table.learn(5, 96, mid="1", rid="q")
    table.learn(6, 97, mid="1", repaired="q")
    table.table.forget(99)
    table.table.forget(5)
    assert not table.table.inbound
    assert table.encodings("camera") == []


def test_what_is_no_longer_published_is_forgotten() -> None:
    table = Table(MICROPHONE, CAMERA)
    table.learn(4, 111)
    table.learn(5, 96, mid="1", rid="q")
    table.table.unpublish(table.publications["camera"])
    assert set(table.table.inbound) == {4}


def test_a_peer_that_changes_its_ssrcs_without_end_fills_no_memory() -> None:
    table = Table(MICROPHONE, CAMERA, SCREEN)
    for ssrc in range(0, 3000, 3):
        table.learn(ssrc, 96, mid="1", rid="q")
        table.learn(ssrc + 1, 97, mid="1", repaired="q")
        table.learn(ssrc + 2, 97, mid="1", repaired="q")
    assert set(table.table.inbound) == {2997, 2999}
    assert table.encodings("camera") == ["q"]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 50),
            st.sampled_from([96, 97, 111, 5]),
            st.dictionaries(
                st.sampled_from([MID, RID, REPAIRED, 1]),
                st.sampled_from([b"0", b"1", b"2", b"q", b"h", b"\xff\xfe", b""]),
            ),
        ),
        max_size=100,
    )
)
def test_whatever_comes_the_table_stays_small_and_whole(
    packets: list[tuple[int, int, dict[int, bytes]]],
) -> None:
    table = Table(MICROPHONE, CAMERA, SCREEN)
    for ssrc, payload_type, elements in packets:
        if ssrc not in table.table.inbound:
            table.table.learn(ssrc, payload_type, elements, now=0.0)
    inbound = table.table.inbound
    assert len(inbound) <= 2 * MAX_ENCODINGS
    for known in inbound.values():
        assert known.encoding in known.publication.encodings
    for published in table.publications.values():
        rids = [encoding.rid for encoding in published.encodings]
        assert len(set(rids)) == len(rids)
