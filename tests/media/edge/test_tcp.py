from hypothesis import given
from hypothesis import strategies as st

from media.edge.tcp import MAX_FRAME, Deframer


def frame(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


@given(st.lists(st.binary(max_size=80), max_size=20), st.data())
def test_frames_come_out_however_the_stream_is_cut(frames: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(map(frame, frames))
    deframer = Deframer()
    received: list[bytes] = []
    while stream:
        cut = data.draw(st.integers(1, len(stream)))
        result = deframer.feed(stream[:cut])
        assert result is not None
        received += result
        stream = stream[cut:]
    assert received == [data for data in frames if data]


@given(st.lists(st.binary(max_size=4000), max_size=5))
def test_random_streams_never_raise(chunks: list[bytes]) -> None:
    deframer = Deframer()
    for chunk in chunks:
        if deframer.feed(chunk) is None:
            break


def test_what_is_no_framed_stream_is_noticed_at_once() -> None:
    assert Deframer().feed(b"GET / HTTP/1.1\r\n\r\n") is None
    assert Deframer().feed((MAX_FRAME + 1).to_bytes(2, "big")) is None


def test_a_stranger_cannot_make_us_keep_more_than_one_frame() -> None:
    deframer = Deframer()
    assert deframer.feed(MAX_FRAME.to_bytes(2, "big") + bytes(MAX_FRAME - 1)) == []
    assert deframer.feed(b"\0") == [bytes(MAX_FRAME)]
