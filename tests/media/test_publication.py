from media.encoding import Encoding, Packet
from media.publication import LINGER, MEASURE_INTERVAL, STILL_INTERVAL, Publication
from media.rtp.rtcp import PictureLoss
from media.stream.receive import ReceiveStream
from media.subscription import Layer
from tests.media.publishing import new_publication


class Subscriber:
    """Notes what a publication does to it."""

    def __init__(self, publication: Publication) -> None:
        self.publication = publication
        self.waiting = False
        self.wants_stills = False
        self.is_behind = False
        self.wanted_layer: Layer | None = Layer(0)
        self.current: Encoding | None = None
        self.got: list[int] = []
        self.restarts = 0
        publication.subscriptions.append(self)

    def forward(self, encoding: Encoding, packet: Packet, *, now: float) -> None:
        self.got.append(packet.sequence)
        self.current = encoding

    def on_encodings_changed(self, *, now: float) -> None:
        pass

    def is_fed_from(self, encoding: Encoding) -> bool:
        return encoding is self.current

    def restart(self) -> None:
        self.restarts += 1

    def report_timestamp(self, *, now: float) -> int | None:
        return None

    def close(self) -> None:
        self.publication.subscriptions.remove(self)


class Camera:
    def __init__(self, *rids: str, kind: str = "video") -> None:
        self.requests: list[PictureLoss] = []
        self.changes: list[bool] = []
        self.woken: list[float] = []
        self.publication = new_publication(
            "camera" if kind == "video" else "microphone",
            *rids,
            ask=self.requests.append,
            tell=lambda publication: self.changes.append(publication.live),
            wake=self.woken.append,
        )

    def add(self, rid: str = "", *, width: int = 0, at: float = 0.0) -> Encoding:
        encoding = Encoding(
            rid, ReceiveStream(100 + len(self.publication.encodings), 90_000, nacks=True), now=at
        )
        encoding.width = width
        self.publication.add_encoding(encoding, now=at)
        encoding.stream.receive(1, 0, 10, now=at)
        return encoding

    def packet(
        self, encoding: Encoding, sequence: int, *, keyframe: bool = False, size: int = 10, at: float
    ) -> None:
        extended = encoding.stream.receive(sequence, sequence * 3000, size, now=at)
        assert extended is not None
        packet = Packet(extended, 0, True, bytes(size))
        packet.start, packet.keyframe = True, keyframe
        self.publication.on_packet(encoding, packet, now=at)


def test_a_publication_goes_live_with_its_first_packet_and_silent_without() -> None:
    camera = Camera()
    encoding = camera.add()
    camera.packet(encoding, 2, at=0.1)
    camera.packet(encoding, 3, at=0.2)
    assert camera.changes == [True]
    camera.publication.on_timeout(now=1.0)
    camera.publication.on_timeout(now=3.0)
    assert camera.changes == [True, False]
    camera.packet(encoding, 4, at=3.1)
    assert camera.changes == [True, False, True]


def test_padding_alone_makes_nothing_live() -> None:
    camera = Camera()
    camera.packet(camera.add(), 2, size=0, at=0.1)
    assert camera.changes == []


def test_nothing_of_a_muted_publication_goes_on() -> None:
    camera = Camera()
    subscriber = Subscriber(camera.publication)
    encoding = camera.add()
    camera.packet(encoding, 2, at=0.1)
    camera.publication.muted = True
    camera.publication.muted = True
    assert subscriber.restarts == 1
    camera.packet(encoding, 3, at=0.2)
    camera.publication.want_keyframe(now=0.3)
    assert camera.requests == []
    camera.publication.muted = False
    camera.packet(encoding, 4, at=0.4)
    assert subscriber.got == [0x10000 + 2, 0x10000 + 4]
    assert subscriber.restarts == 2
    camera.publication.on_timeout(now=0.4)
    assert len(camera.requests) == 1


def test_unmuting_asks_for_a_keyframe_at_once() -> None:
    camera = Camera()
    camera.add()
    camera.publication.muted = True
    camera.woken.clear()
    camera.publication.muted = False
    assert min(camera.woken) <= 0.0


def test_requests_go_to_the_publisher_and_are_merged() -> None:
    camera = Camera("q", "h")
    camera.add("q")
    camera.add("h")
    for viewer in range(10):
        camera.publication.want_keyframe(now=1.0 + viewer / 100)
    assert [request.media_ssrc for request in camera.requests] == [100]
    assert camera.publication.next_timeout() <= 2.0


def test_no_timer_waits_for_a_request_that_cannot_be_made() -> None:
    """It would be due again and again."""
    camera = Camera()
    camera.publication.want_keyframe(now=5.0)
    camera.publication.on_timeout(now=5.0)
    assert camera.publication.next_timeout() > 5.0
    camera.add(at=5.1)
    camera.publication.muted = True
    camera.publication.want_keyframe(now=6.0)
    camera.publication.on_timeout(now=6.0)
    assert camera.publication.next_timeout() > 6.0
    assert camera.requests == []


def test_a_new_encoding_is_not_asked_for_what_it_begins_with() -> None:
    camera = Camera()

    class Eager(Subscriber):
        def on_encodings_changed(self, *, now: float) -> None:
            self.publication.want_keyframe(now=now)

    Eager(camera.publication)
    encoding = camera.add()
    camera.packet(encoding, 2, keyframe=True, at=0.0)
    camera.publication.on_timeout(now=0.01)
    assert camera.requests == []


def test_a_keyframe_that_does_not_serve_all_is_asked_for_again() -> None:
    camera = Camera("q", "h")
    subscriber = Subscriber(camera.publication)
    encoding = camera.add("q")
    camera.publication.want_keyframe(now=1.0)
    subscriber.waiting = True
    camera.packet(encoding, 2, keyframe=True, at=1.05)
    camera.publication.on_timeout(now=2.1)
    assert len(camera.requests) == 2
    subscriber.waiting = False
    camera.packet(encoding, 3, keyframe=True, at=2.2)
    camera.publication.on_timeout(now=9.0)
    assert len(camera.requests) == 2


def test_holes_that_stay_in_a_picture_somebody_sees_call_for_a_keyframe() -> None:
    for seen in (True, False):
        camera = Camera()
        subscriber = Subscriber(camera.publication)
        encoding = camera.add()
        if seen:
            subscriber.current = encoding
        encoding.stream.unrepaired = 3
        camera.publication.on_timeout(now=1.0)
        assert len(camera.requests) == seen


def test_stills_come_by_plan() -> None:
    camera = Camera()
    subscriber = Subscriber(camera.publication)
    subscriber.wants_stills = True
    encoding = camera.add()
    camera.packet(encoding, 2, keyframe=True, at=1.0)
    now, keyframe = 1.0, 3
    while now < 1.0 + 3.2 * STILL_INTERVAL:
        now += MEASURE_INTERVAL
        asked = len(camera.requests)
        camera.publication.on_timeout(now=now)
        if len(camera.requests) > asked:
            camera.packet(encoding, keyframe, keyframe=True, at=now)
            keyframe += 1
    assert len(camera.requests) == 3


def test_a_keyframe_for_somebody_else_puts_off_no_still() -> None:
    camera = Camera()
    subscriber = Subscriber(camera.publication)
    subscriber.wants_stills = True
    encoding = camera.add()
    subscriber.current = encoding
    camera.packet(encoding, 2, keyframe=True, at=1.0)
    camera.packet(encoding, 3, keyframe=True, at=1.0 + 0.8 * STILL_INTERVAL)
    assert encoding.still_at == 1.0, "too soon to be forwarded as a still"
    camera.publication.on_timeout(now=1.0 + STILL_INTERVAL)
    assert len(camera.requests) == 1


def test_an_encoding_that_is_off_owes_nobody_a_still() -> None:
    camera = Camera("q", "h")
    subscriber = Subscriber(camera.publication)
    subscriber.wants_stills = True
    small, large = camera.add("q"), camera.add("h")
    camera.packet(large, 2, keyframe=True, at=0.1)
    now, sequence = 1.0, 2
    while now < 1.0 + 3.2 * STILL_INTERVAL:
        now += MEASURE_INTERVAL
        asked = len(camera.requests)
        camera.publication.on_timeout(now=now)
        answers = len(camera.requests) > asked
        subscriber.waiting = not answers
        camera.packet(small, sequence, keyframe=answers, at=now)
        sequence += 1
    assert not large.live and len(camera.requests) == 3


def test_who_has_not_got_the_last_still_yet_is_owed_no_other() -> None:
    camera = Camera()
    subscriber = Subscriber(camera.publication)
    subscriber.wants_stills = subscriber.is_behind = True
    camera.packet(camera.add(), 2, keyframe=True, at=1.0)
    camera.publication.on_timeout(now=1.0 + STILL_INTERVAL)
    assert not camera.requests
    subscriber.is_behind = False
    camera.publication.on_timeout(now=1.5 + STILL_INTERVAL)
    assert len(camera.requests) == 1


def test_encodings_are_put_in_order_by_their_pictures() -> None:
    camera = Camera("f", "q")
    camera.add("f", width=640)
    camera.add("q", width=160)
    camera.publication.on_timeout(now=1.0)
    assert [encoding.rid for encoding in camera.publication.encodings] == ["q", "f"]
    assert camera.publication.rids == ("q", "f")


def test_an_encoding_is_needed_at_once_and_let_go_after_a_while() -> None:
    camera = Camera("q", "h", "f")
    subscriber = Subscriber(camera.publication)
    subscriber.wanted_layer = Layer(2)
    camera.publication.count_needed(now=1.0)
    assert camera.publication.needed == 3
    subscriber.wanted_layer = Layer(0)
    camera.publication.count_needed(now=2.0)
    camera.publication.count_needed(now=2.0 + LINGER / 2)
    assert camera.publication.needed == 3
    camera.publication.count_needed(now=2.1 + LINGER)
    assert camera.publication.needed == 1


def test_an_end_reaches_all_subscribers() -> None:
    camera = Camera()
    subscribers = [Subscriber(camera.publication) for _ in range(3)]
    camera.packet(camera.add(), 2, at=0.1)
    camera.publication.close()
    assert camera.publication.subscriptions == []
    assert camera.changes == [True, False]
    assert len(subscribers) == 3


def test_sound_asks_for_no_keyframes() -> None:
    microphone = Camera(kind="audio")
    microphone.add()
    microphone.publication.muted = True
    microphone.publication.muted = False
    microphone.publication.on_timeout(now=1.0)
    assert microphone.requests == []
