import pytest

from media.allocation import OFF
from media.congestion.sent import SentPackets
from media.encoding import Encoding
from media.payload.formats import CONSTRAINED_BASELINE, HIGH, VP8
from media.publication import Publication
from media.quality import picture_of
from media.slots import FLAP, LONGEST_REST, Slot
from media.stream.outlet import Outlet
from media.stream.receive import ReceiveStream
from media.stream.send import SendStream
from media.subscription import BEST, STILLS, Layer
from tests.media.publishing import new_publication


def publication(source: str = "camera", *widths: int, format: str = VP8) -> Publication:
    """With encodings of these widths, 16:9, 0: not seen yet."""
    made = new_publication(source, *(f"r{place}" for place in range(len(widths))), format=format)
    for place, width in enumerate(widths):
        encoding = Encoding(f"r{place}", ReceiveStream(place, 90_000, nacks=True), now=0.0)
        encoding.width, encoding.height = width, width * 9 // 16
        made.add_encoding(encoding, now=0.0)
    return made


def stream(kind: str) -> SendStream:
    made = SendStream(
        mid=kind,
        ssrc=1,
        rtx_ssrc=None,
        sequence=0,
        clock_rate=90_000,
        video=kind == "video",
        outlet=Outlet(SentPackets(), lambda header, payload: None),
    )
    types = {VP8: 96, HIGH: 102} if kind == "video" else {"opus": 111}
    made.negotiated(types, {}, twcc_id=0, descriptor_id=0)
    return made


@pytest.fixture
def slot() -> Slot:
    made = Slot(0)
    made.audio, made.video = stream("audio"), stream("video")
    return made


def target(slot: Slot) -> Layer | None:
    assert slot.video_subscription is not None
    return slot.video_subscription.target


def test_binding_again_to_the_same_changes_nothing(slot: Slot) -> None:
    sound, picture = publication("microphone"), publication()
    slot.bind(sound, picture, now=0.0)
    before = slot.audio_subscription, slot.video_subscription
    slot.bind(sound, picture, now=1.0)
    assert (slot.audio_subscription, slot.video_subscription) == before
    assert len(sound.subscriptions) == len(picture.subscriptions) == 1


def test_halves_are_bound_and_silenced_one_by_one(slot: Slot) -> None:
    sound, picture = publication("microphone"), publication()
    slot.bind(sound, picture, now=0.0)
    heard = slot.audio_subscription
    slot.bind(sound, None, now=1.0)
    assert slot.audio_subscription is heard
    assert slot.video_subscription is None
    assert picture.subscriptions == []


def test_another_publication_takes_the_place_of_the_one_before(slot: Slot) -> None:
    one, other = publication(), publication()
    slot.bind(None, one, now=0.0)
    slot.bind(None, other, now=1.0)
    assert one.subscriptions == []
    assert other.subscriptions == [slot.video_subscription]


def test_a_half_that_was_not_negotiated_gets_nothing() -> None:
    slot, picture = Slot(0), publication()
    slot.audio = stream("audio")
    slot.bind(publication("microphone"), picture, now=0.0)
    assert slot.audio_subscription is not None
    assert picture.subscriptions == []
    assert (slot.audio_mid, slot.video_mid) == ("audio", None)


def test_a_picture_that_the_receiver_cannot_show_is_left_out_and_its_sound_is_not(slot: Slot) -> None:
    slot.bind(None, publication(), now=0.0)
    sound, picture = publication("microphone"), publication(format=CONSTRAINED_BASELINE)
    assert slot.video is not None
    slot.video.negotiated({VP8: 96}, {}, twcc_id=0, descriptor_id=0)
    slot.bind(sound, picture, now=1.0)
    assert len(sound.subscriptions) == 1
    assert picture.subscriptions == []
    assert slot.video_subscription is None, "nor does the one before stay"
    assert picture_of(slot) == "unsupported"
    slot.bind(sound, None, now=2.0)
    assert picture_of(slot) == "off"


def test_a_receiver_that_can_no_longer_show_a_picture_is_rid_of_it(slot: Slot) -> None:
    picture = publication(format=CONSTRAINED_BASELINE)
    slot.bind(None, picture, now=0.0)
    assert len(picture.subscriptions) == 1
    assert slot.video is not None
    slot.video.negotiated({VP8: 96}, {}, twcc_id=0, descriptor_id=0)
    slot.bind(None, picture, now=1.0)
    assert picture.subscriptions == []


def test_silencing_one_half_leaves_the_other(slot: Slot) -> None:
    slot.bind(publication("microphone"), publication(), now=0.0)
    assert slot.audio is not None
    slot.silence(slot.audio, now=1.0)
    assert slot.audio_subscription is None
    assert slot.video_subscription is not None
    assert slot.audio is not None
    slot.remove(slot.audio, now=2.0)
    assert slot.audio_mid is None
    assert slot.video_mid == "video"


@pytest.mark.parametrize(
    ("size", "wanted"),
    [
        ((160, 90), Layer(0)),
        ((190, 107), Layer(0)),
        ((240, 135), Layer(1)),
        ((640, 640), Layer(2)),
        ((4000, 2000), BEST),
        ((100, 2000), Layer(0)),
        ((0, 0), None),
        ((0, 50), None),
    ],
)
def test_a_tile_gets_the_smallest_encoding_that_fills_it(
    slot: Slot, size: tuple[int, int], wanted: Layer | None
) -> None:
    slot.bind(None, publication("camera", 160, 320, 640), now=0.0)
    slot.wish(*size, now=1.0)
    assert target(slot) == wanted


def test_whatever_comes_is_welcome_while_sizes_are_unknown(slot: Slot) -> None:
    slot.bind(None, publication("camera", 0, 0), now=0.0)
    slot.wish(100, 100, now=1.0)
    assert target(slot) == BEST


def test_a_size_outlives_who_is_shown(slot: Slot) -> None:
    slot.wish(160, 90, now=0.0)
    slot.bind(None, publication("camera", 160, 320), now=1.0)
    assert target(slot) == Layer(0)
    slot.bind(None, publication("screen", 160, 320), now=2.0)
    assert target(slot) == Layer(0)


def test_what_the_device_does_not_want_is_not_sent_from_the_start(slot: Slot) -> None:
    slot.cap = OFF
    slot.bind(None, publication("camera", 160, 320), now=0.0)
    assert target(slot) is None
    slot.cap = 0
    slot.apply_wish(now=1.0)
    assert target(slot) == Layer(0)
    slot.bind(None, publication("screen", 320), now=2.0)
    assert target(slot) == Layer(0, 0), "it has to be read: slower, not smaller"


def test_no_picture_is_asked_for_before_the_connection_is_up() -> None:
    slot = Slot(0, open=False)
    slot.video = stream("video")
    slot.bind(None, publication("camera", 160), now=0.0)
    assert target(slot) is None
    slot.open = True
    slot.apply_wish(now=1.0)
    assert target(slot) == BEST


def allot(slot: Slot, *, moves: bool, now: float) -> None:
    slot.allot(Layer(0, 0 if moves else STILLS), int(moves), moves=moves, limited=True, now=now)


def test_a_picture_that_keeps_stopping_rests_longer_each_time(slot: Slot) -> None:
    slot.bind(None, publication("camera", 160), now=0.0)
    now, rests = 0.0, []
    for _ in range(5):
        allot(slot, moves=True, now=now)
        allot(slot, moves=False, now=now + 1.0)
        now += 1.0
        begun = now
        while slot.rests(now=now):
            now += 0.5
        rests.append(now - begun)
    assert rests == [0.0, FLAP, 2 * FLAP, LONGEST_REST, LONGEST_REST]


def test_what_rested_on_one_path_does_not_on_the_next(slot: Slot) -> None:
    slot.bind(None, publication("camera", 160), now=0.0)
    for now in (0.0, 2.0, 4.0):
        allot(slot, moves=True, now=now)
        allot(slot, moves=False, now=now + 1.0)
    assert slot.rests(now=6.0)
    slot.on_route_change()
    assert not slot.rests(now=6.0)


def flapped(slot: Slot) -> None:
    """It has stopped twice within seconds, at 1 s and at 3 s."""
    slot.bind(None, publication("camera", 160), now=0.0)
    slot.rank(1, 4, now=-10.0)
    for now in (0.0, 2.0):
        allot(slot, moves=True, now=now)
        allot(slot, moves=False, now=now + 1.0)
    assert slot.rests(now=5.0)


def test_who_comes_to_the_fore_does_not_rest_any_more(slot: Slot) -> None:
    flapped(slot)
    slot.rank(0, 1, now=5.0)
    assert not slot.rests(now=5.0)


def test_who_comes_to_lead_on_the_floor_does_not_rest_any_more_whatever_the_place(slot: Slot) -> None:
    flapped(slot)
    slot.rank(1, 1, now=5.0)
    assert not slot.rests(now=5.0)


def test_others_turns_change_nothing_of_what_was_learnt_of_the_path(slot: Slot) -> None:
    flapped(slot)
    slot.rank(2, 4, now=4.0)  # another takes the floor
    slot.rank(1, 4, now=12.0)  # and goes back
    assert slot.rests(now=12.0)
    allot(slot, moves=True, now=24.0)
    slot.rank(0, 4, now=24.5)
    allot(slot, moves=False, now=25.0)
    assert slot.rests(now=25.0 + 2 * FLAP - 1.0), "it has stopped for want of the path again"


def test_who_gives_way_to_another_does_not_rest_for_it(slot: Slot) -> None:
    slot.bind(None, publication("camera", 160), now=0.0)
    slot.rank(0, 4, now=0.0)
    for now in (10.0, 20.0, 30.0):
        allot(slot, moves=True, now=now)
        slot.rank(1, 4, now=now + 1.0)
        allot(slot, moves=False, now=now + 1.5)
        slot.rank(0, 4, now=now + 8.0)
        assert not slot.rests(now=now + 8.0)


def test_a_dead_path_lets_no_picture_rest(slot: Slot) -> None:
    slot.bind(None, publication("camera", 160), now=0.0)
    for now in (0.0, 10.0, 20.0):
        allot(slot, moves=True, now=now)
        for later in (5.0, 7.0):
            slot.allot(Layer(0, STILLS), 0, moves=False, limited=True, dead=True, now=now + later)
        assert not slot.rests(now=now + 8.0)


def test_motion_that_lasted_is_forgiven(slot: Slot) -> None:
    slot.bind(None, publication("camera", 160), now=0.0)
    for now in (0.0, 10.0):
        allot(slot, moves=True, now=now)
        allot(slot, moves=False, now=now + 1.0)
    assert slot.rests(now=12.0)
    allot(slot, moves=True, now=40.0)
    allot(slot, moves=False, now=41.0 + FLAP)
    assert not slot.rests(now=42.0 + FLAP)


def test_on_an_ample_path_a_rest_is_as_long_as_the_first(slot: Slot) -> None:
    slot.bind(None, publication("camera", 160), now=0.0)
    for now in (0.0, 30.0, 60.0):
        allot(slot, moves=True, now=now)
        allot(slot, moves=False, now=now + 1.0)
    assert slot.rests(now=61.0 + FLAP + 1.0)
    assert slot.rests(ample=True, now=61.0 + FLAP - 1.0), "still no flapping"
    assert not slot.rests(ample=True, now=61.0 + FLAP + 1.0)
