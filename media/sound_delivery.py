"""How a publisher's sound arrives: how far behind its best, and how much of it is lost."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from media.stream.receive import ReceiveStream

LOSS_WINDOW: Final = 20  # looks over which loss is counted
BASE_WINDOW: Final = 150  # looks after which the best delay is measured anew (clocks drift apart)
# Looks; a queue of the picture's making has moved by then: the picture has stepped down.
STEADY_LOOKS: Final = 12
STEADY_SPREAD: Final = 0.03  # seconds between the best packets of these looks, at most
# Packets of sound in two looks: a voice, whose silence tells something (DTX sends 2.5 a second).
REGULAR: Final = 3
HEARD_LOOKS: Final = 2
OVERDUE: Final = 3  # packets of sound, from which on a voice has broken off
SILENT_LOOKS: Final = 20  # looks without a packet of sound after which its delay is not known
# Seconds without any packet, of sound or picture: a dead spot, of which nothing but its end can be learnt. A
# queue lets something through, and DTX leaves 0.4 s.
OUTAGE: Final = 0.5
SMOOTHING: Final = 0.02  # of the delay, with each look: 5 s
DRAINING: Final = 0.85  # of the longest delay of some looks: below, the queue is on its way out
DRAIN_LOOKS: Final = 3


class SoundDelivery:
    """Measured look by look, of which there are some in a second."""

    def __init__(self) -> None:
        self.delay = 0.0  # seconds that sound lags behind its best
        self.usual_delay = 0.0  # the same over some seconds
        self.loss = 0.0  # 0..1, lately
        self.shrinks = False  # is the delay on its way down?
        self._stream: ReceiveStream | None = None
        self._base: float | None = None
        self._next_base: float | None = None
        self._lows: deque[float] = deque(maxlen=STEADY_LOOKS)  # the best lag of each look
        self._delays: deque[float] = deque(maxlen=DRAIN_LOOKS)  # of the last looks
        self._looks = 0  # that heard something
        self._silent_looks = 0
        self._heard: deque[int] = deque(maxlen=HEARD_LOOKS)  # packets in the last looks that had any
        self._received = 0  # packets of sound until the last look
        self._counts: list[tuple[int, int]] = []  # (highest, received) at the last looks
        self._looked_at = 0.0
        self._came_at = 0.0  # when the last packet came, as of the last look

    def forget(self) -> None:
        """How long the best packet takes is not known any more."""
        self._stream = None
        self.delay = self.usual_delay = self.loss = 0.0

    def look(self, stream: ReceiveStream | None, pictures: Sequence[ReceiveStream], *, now: float) -> None:
        """Looks at the sound's stream, and at the pictures' where that is silent."""
        looked_at, self._looked_at = self._looked_at, now
        if stream is None or stream.highest < 0:
            self.delay = self.loss = 0.0
        else:
            came_at, self._came_at = self._came_at, max(s.last_packet_at for s in (stream, *pictures))
            if came_at < looked_at - OUTAGE and self._came_at > looked_at:
                self._counts.clear()
            if stream is not self._stream:
                self._begin(stream)
            else:
                self._measure_delay(stream, [p for p in pictures if p.last_packet_at > looked_at])
            self._measure_loss(stream)
        self.usual_delay += SMOOTHING * (self.delay - self.usual_delay)
        self.shrinks = self.delay < DRAINING * max(self._delays, default=0.0)
        self._delays.append(self.delay)

    def lags_steadily(self) -> bool:
        """Does sound come that lags by the same all the time, and none is lost, whatever the picture does?
        Then the path has become longer, or the publisher's clock stood still for a while, as its machine
        did."""
        steady = len(self._lows) == STEADY_LOOKS and max(self._lows) - min(self._lows) < STEADY_SPREAD
        return steady and not self.loss and not self._silent_looks

    def accept_lag(self) -> None:
        """From now on the lag of these last looks is the best."""
        self._base = self._next_base = min(self._lows)
        self.delay = self.usual_delay = 0.0
        self._delays.clear()

    def _begin(self, stream: ReceiveStream) -> None:
        stream.take_lag()  # may be of another path
        self._stream, self._base, self._next_base = stream, None, None
        self._lows.clear()
        self._heard.clear()
        self._counts.clear()
        self._received = stream.received
        self._silent_looks += 1

    def _measure_delay(self, stream: ReceiveStream, pictures: Sequence[ReceiveStream]) -> None:
        lag = stream.take_lag()
        heard, self._received = stream.received - self._received, stream.received
        if lag is None:
            self._silent_looks += 1
            if self._silent_looks >= SILENT_LOOKS:
                self.delay = 0.0
            elif pictures and self._is_broken_off():
                # In a queue without room, sound is lost like all the rest: what came through tells as well.
                self.delay = max(self.delay, min(picture.behind for picture in pictures))
            return
        lowest, typical = lag
        self._silent_looks = 0
        self._heard.append(heard)
        self._lows.append(lowest)
        self._looks += 1
        self._base = lowest if self._base is None else min(self._base, lowest)
        self._next_base = lowest if self._next_base is None else min(self._next_base, lowest)
        if self._looks % BASE_WINDOW == 0:
            self._base, self._next_base = self._next_base, None
        self.delay = max(typical - self._base, 0.0)

    def _is_broken_off(self) -> bool:
        """Is a voice missing for longer than the gaps between its packets? Between long ones a look hears
        nothing now and then, and a picture that a browser holds back is late without any queue."""
        lately = sum(self._heard)
        return lately >= REGULAR and self._silent_looks * lately >= OVERDUE * HEARD_LOOKS

    def _measure_loss(self, stream: ReceiveStream) -> None:
        self._counts.append((stream.highest, stream.received))
        if len(self._counts) > LOSS_WINDOW:
            del self._counts[0]
        (first, had), (last, have) = self._counts[0], self._counts[-1]
        expected = last - first
        self.loss = max(1 - (have - had) / expected, 0.0) if expected > 0 else 0.0
