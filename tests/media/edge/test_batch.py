from hypothesis import given
from hypothesis import strategies as st

from media.edge.batch import MAX_BYTES, MAX_SEGMENTS, PADDING_SHIFT, pad, plan_runs
from media.rtp.packet import RtpHeader

OVERHEAD = 16
HEADER = RtpHeader(96, 1, 1, 1).serialize()
PADDED_HEADER = RtpHeader(96, 1, 1, 1, padding=True).serialize()


def rtp(size: int, *, padded: bool = False) -> tuple[bytes, bytes]:
    """A packet of `size` bytes on the wire."""
    return (PADDED_HEADER if padded else HEADER), bytes(size - len(HEADER) - OVERHEAD)


def rtcp(size: int) -> tuple[bytes, bytes]:
    return b"", bytes(size)


def plan(*packets: tuple[bytes, bytes]) -> list[tuple[int, int, int]]:
    return plan_runs(packets, OVERHEAD)


def test_the_packets_of_a_frame_leave_at_once() -> None:
    assert plan(rtp(1100), rtp(1100), rtp(1101), rtp(1101)) == [(0, 4, 1101)]


def test_the_last_may_be_shorter() -> None:
    assert plan(rtp(1100), rtp(1100), rtp(300)) == [(0, 3, 1100)]
    assert plan(rtp(1100), rtp(300), rtp(1100)) == [(0, 2, 1100), (2, 3, 1100)]


def test_nothing_is_padded_by_more_than_a_32nd() -> None:
    assert plan(rtp(1066), rtp(1100), rtp(1100)) == [(0, 3, 1100)]
    assert plan(rtp(1065), rtp(1100), rtp(1100)) == [(0, 1, 1065), (1, 3, 1100)]


def test_audio_is_hardly_padded() -> None:
    assert plan(rtp(100), rtp(110), rtp(100)) == [(0, 1, 100), (1, 3, 110)]


def test_reports_and_padded_packets_are_left_as_they_are() -> None:
    assert plan(rtp(1100), rtcp(80)) == [(0, 2, 1100)]
    assert plan(rtcp(100), rtp(101), rtp(101)) == [(0, 1, 100), (1, 3, 101)]
    assert plan(rtp(1100, padded=True), rtp(1101)) == [(0, 1, 1100), (1, 2, 1101)]
    assert plan(rtp(1100, padded=True), rtp(1100), rtp(1099)) == [(0, 3, 1100)]


def test_a_run_has_at_most_64_segments_and_fits_a_datagram() -> None:
    assert [end - first for first, end, _ in plan(*[rtp(500)] * 100)] == [64, 36]
    assert [end - first for first, end, _ in plan(*[rtp(1300)] * 60)] == [50, 10]


def test_padding_is_rtp_padding() -> None:
    for count in (1, 2, 34, 255):
        header, payload = pad(HEADER, b"payload", count)
        assert RtpHeader.parse(header) == RtpHeader(96, 1, 1, 1, padding=True)
        assert len(payload) == 7 + count
        assert payload[-1] == count and payload.startswith(b"payload")


@given(st.lists(st.tuples(st.sampled_from(["rtp", "padded", "rtcp"]), st.integers(28, 1400)), max_size=150))
def test_every_plan_is_one_that_the_kernel_takes(kinds: list[tuple[str, int]]) -> None:
    packets = [rtcp(size) if kind == "rtcp" else rtp(size, padded=kind == "padded") for kind, size in kinds]
    runs = plan(*packets)

    assert [at for first, end, _ in runs for at in range(first, end)] == list(range(len(packets)))
    for first, end, size in runs:
        assert end - first <= MAX_SEGMENTS
        assert size * (end - first) <= MAX_BYTES or end - first == 1
        assert kinds[end - 1][1] <= size
        for kind, wire in kinds[first : end - 1]:
            assert wire == size or (kind == "rtp" and 0 <= size - wire <= size >> PADDING_SHIFT)
