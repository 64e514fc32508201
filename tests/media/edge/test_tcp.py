import asyncio
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from media.edge.tcp import FRAMES_AT_ONCE, MAX_FRAME, Deframer, TcpConnection


def frame(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


@given(st.lists(st.binary(max_size=80), max_size=20), st.data())
def test_frames_come_out_however_the_stream_is_cut(frames: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(map(frame, frames))
    deframer = Deframer()
    received: list[bytes] = []
    while stream:
        cut = data.draw(st.integers(1, len(stream)))
        limit = data.draw(st.integers(1, 5))
        result = deframer.feed(stream[:cut], limit)
        assert result is not None
        received += result
        while deframer.more:
            result = deframer.feed(b"", limit)
            assert result is not None and len(result) <= limit
            received += result
        stream = stream[cut:]
    assert received == frames


@given(st.lists(st.binary(max_size=4000), max_size=5))
def test_random_streams_never_raise(chunks: list[bytes]) -> None:
    deframer = Deframer()
    for chunk in chunks:
        if deframer.feed(chunk, 64) is None:
            break


def test_what_is_no_framed_stream_is_noticed_at_once() -> None:
    assert Deframer().feed(b"GET / HTTP/1.1\r\n\r\n", 64) is None
    assert Deframer().feed((MAX_FRAME + 1).to_bytes(2, "big"), 64) is None


def test_a_stranger_cannot_make_us_keep_more_than_one_frame() -> None:
    deframer = Deframer()
    assert deframer.feed(MAX_FRAME.to_bytes(2, "big") + bytes(MAX_FRAME - 1), 64) == []
    assert deframer.feed(b"\0", 64) == [bytes(MAX_FRAME)]


class FakePort:
    """Takes what comes in each turn of the loop."""

    def __init__(self) -> None:
        self.drops: Counter[str] = Counter()
        self.turns: list[list[bytes]] = []

    def admit(self, connection: TcpConnection) -> bool:
        return True

    def dismiss(self, connection: TcpConnection) -> None: ...

    def receive(self, datagrams: list[bytes], connection: TcpConnection, address: object) -> None:
        self.turns.append(datagrams)


class FakeTransport:
    def __init__(self) -> None:
        self.paused = self.closed = False

    def get_extra_info(self, name: str) -> object:
        return {"peername": ("192.0.2.1", 9), "socket": self}[name]

    def setsockopt(self, *option: int) -> None: ...

    def set_write_buffer_limits(self, high: int) -> None: ...

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def is_closing(self) -> bool:
        return self.closed


async def test_a_long_read_is_taken_in_several_turns_of_the_loop() -> None:
    port, transport = FakePort(), FakeTransport()
    connection = TcpConnection(port)  # type: ignore[arg-type]
    connection.connection_made(transport)  # type: ignore[arg-type]
    frames = [number.to_bytes(2, "big") for number in range(3 * FRAMES_AT_ONCE + 1)]
    connection.data_received(b"".join(map(frame, frames)))
    assert port.turns == [frames[:FRAMES_AT_ONCE]] and transport.paused
    while transport.paused:
        await asyncio.sleep(0)
    assert [one for turn in port.turns for one in turn] == frames and len(port.turns) == 4
    connection.connection_lost(None)


async def test_nothing_is_taken_of_a_connection_that_was_ended_meanwhile() -> None:
    port, transport = FakePort(), FakeTransport()
    connection = TcpConnection(port)  # type: ignore[arg-type]
    connection.connection_made(transport)  # type: ignore[arg-type]
    connection.data_received(frame(b"x") * 2 * FRAMES_AT_ONCE)
    transport.closed = True
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(port.turns) == 1
    connection.connection_lost(None)
