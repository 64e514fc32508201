"""The media side in numbers."""

from __future__ import annotations

import random

from media.negotiation import Line
from media.peer import PeerCore
from media.slots import Slot
from media.statistics import Totals, figures


def core() -> PeerCore:
    return PeerCore(
        rng=random.Random(1),
        send_rtp=lambda header, payload: None,
        send_rtcp=lambda packet: None,
        on_publication=lambda publication: None,
    )


def test_what_a_peer_counted_stays_when_it_is_gone() -> None:
    totals = Totals()
    gone, present = core(), core()
    gone.packets_received, present.packets_received = 5, 7
    gone.drops["unknown-ssrc"] = 2
    totals.forget(gone)
    by_name = {figure.name: figure for figure in figures([present], 1, totals, {"stun-malformed": 3})}
    assert by_name["received"].values == {"": 12}
    assert by_name["dropped"].values == {"unknown-ssrc": 2, "stun-malformed": 3}
    assert by_name["peers"].values == {"": 1}


def test_what_was_sent_on_a_line_stays_when_it_is_closed() -> None:
    receiving = core()
    line = Line("0", "audio", "slot", payload_types={"opus": 111})
    for count in (5, 7):
        receiving.table.open(line, connected=True)
        (stream,) = receiving.slots[0].streams
        stream.packets, stream.retransmitted = count, count - 4
        receiving.table.close(receiving.slots[0], stream, now=1.0)
    receiving.table.open(line, connected=True)
    receiving.slots[0].streams[0].packets = 2
    by_name = {figure.name: figure for figure in figures([receiving], 1, Totals(), {})}
    assert by_name["forwarded"].values == {"": 14}
    assert by_name["retransmitted"].values == {"": 4}


def test_every_group_of_receivers_is_there_and_each_is_in_one() -> None:
    silent = core()
    by_name = {figure.name: figure for figure in figures([silent], 0, Totals(), {})}
    for name in ("estimates", "queues", "losses"):
        assert set(by_name[name].values.values()) == {0.0}  # it receives nothing
    receiving = core()
    receiving.slots.append(Slot(0))
    receiving.downlink.configure(feedback=True, now=0.0)
    by_name = {figure.name: figure for figure in figures([silent, receiving], 0, Totals(), {})}
    for name in ("estimates", "queues", "losses"):
        assert sum(by_name[name].values.values()) == 1.0
    assert by_name["queues"].values["0.02"] == 1.0
    assert "1000000" in by_name["estimates"].values
