import errno
from collections import Counter

import pytest

from media.edge.udp import UDP_SEGMENT, UdpSender

ADDRESS = ("192.0.2.1", 5000)
PIECES = [b"a" * 12, b"1" * 88, b"b" * 12, b"2" * 88, b"c" * 12, b"3" * 50]


class FakeSocket:
    """Takes packets as the kernel would, or refuses GSO, or everything, with an error number."""

    def __init__(self, gso: int | None = None, send: int | None = None) -> None:
        self.gso, self.refusal = gso, send
        self.packets: list[bytes] = []
        self.calls = 0

    def getsockname(self) -> tuple[str, int]:
        return ("0.0.0.0", 1)

    def sendmsg(self, buffers, ancdata, flags, address) -> int:
        assert address == ADDRESS
        self.calls += 1
        data = b"".join(buffers)
        size = len(data)
        if ancdata:
            if self.gso is not None:
                raise OSError(self.gso, "refused")
            [(_, kind, value)] = ancdata
            assert kind == UDP_SEGMENT
            size = int.from_bytes(value, "little")
        if self.refusal is not None:
            raise OSError(self.refusal, "refused")
        self.packets += [data[at : at + size] for at in range(0, len(data), size)]
        return len(data)


def sender(udp: FakeSocket) -> tuple[UdpSender, Counter[str]]:
    drops: Counter[str] = Counter()
    return UdpSender(udp, drops), drops


WHOLE = [PIECES[0] + PIECES[1], PIECES[2] + PIECES[3], PIECES[4] + PIECES[5]]


def test_a_run_is_one_call():
    udp = FakeSocket()
    sending, drops = sender(udp)
    sending.send_run(PIECES, 100, ADDRESS)
    assert udp.packets == WHOLE and udp.calls == 1
    assert sending.batches and not drops


@pytest.mark.parametrize("error", [errno.EINVAL, errno.ENOPROTOOPT, errno.EIO, errno.EOPNOTSUPP])
def test_where_the_kernel_refuses_gso_packets_leave_one_by_one_for_good(error):
    udp = FakeSocket(gso=error)
    sending, drops = sender(udp)
    sending.send_run(PIECES, 100, ADDRESS)
    assert udp.packets == WHOLE and not drops
    assert not sending.batches


@pytest.mark.parametrize("error", [errno.EMSGSIZE, errno.EINVAL])
def test_a_narrow_path_turns_gso_off_for_nobody_else(error):
    udp = FakeSocket(gso=error)
    sending, drops = sender(udp)
    sending.send_run([b"a" * 12, b"1" * 1100, b"b" * 12, b"2" * 1100], 1112, ADDRESS)
    assert udp.packets == [b"a" * 12 + b"1" * 1100, b"b" * 12 + b"2" * 1100] and not drops
    assert sending.batches


@pytest.mark.parametrize(
    ("error", "reason"),
    [(errno.EAGAIN, "send-full"), (errno.ENOBUFS, "send-full"), (errno.EPERM, "send-refused")],
)
def test_what_the_kernel_does_not_take_is_dropped_and_counted(error, reason):
    udp = FakeSocket(send=error)
    sending, drops = sender(udp)
    sending.send_run(PIECES, 100, ADDRESS)
    sending.send(b"head", b"rest", ADDRESS)
    assert drops == {reason: 4}
    assert sending.batches and udp.packets == []
