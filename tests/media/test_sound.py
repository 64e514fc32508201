"""The sound of a receiver over simulated links: what is chosen for it, and what it hears."""

import pytest

from media.congestion.base import ControllerState, PacketResult, Phase
from media.packing import PLAIN, USUAL, Packing
from media.slots import Slot
from media.sound import Sound
from media.testing.call import Call
from media.testing.client import Client
from media.testing.link import LinkSettings
from media.testing.listener import Listener
from media.testing.microphone import MicrophoneLine
from media.testing.traffic import CAMERA


def state(phase: Phase = Phase.INCREASING) -> ControllerState:
    return ControllerState(phase, 0.0, 0.0, 0.05)


def heard_by(count: int) -> tuple[list[Slot], list[MicrophoneLine]]:
    """Slots that hear a microphone each."""
    slots, lines = [], []
    for index in range(count):
        line = MicrophoneLine()
        slot = Slot(index)
        slot.audio, slot.audio_subscription = line.stream, line.subscription
        slots.append(slot)
        lines.append(line)
    return slots, lines


def settle(sound: Sound, estimate: float, start: float = 100.0) -> None:
    for step in range(200):
        sound.pack(estimate, state(), pressed=True, now=start + step * 0.25)


def test_where_nothing_is_heard_nothing_is_kept_free() -> None:
    sound = Sound([Slot(0)])
    sound.pack(50_000, state(), pressed=True, now=0.0)
    assert (sound.cost, sound.poor) == (0.0, False)
    assert sound.next_timeout() == float("inf")


def test_all_voices_are_packed_alike_and_paid_for() -> None:
    slots, lines = heard_by(2)
    sound = Sound(slots)
    sound.pack(3_000_000, state(), pressed=True, now=100.0)
    assert sound.packing == USUAL
    assert sound.cost == pytest.approx(2 * USUAL.bitrate(80, 960))
    settle(sound, 60_000)
    assert sound.packing == Packing((), 3)
    talking = Packing((), 3).bitrate(80, 960)
    assert sound.cost == pytest.approx(talking), "both are silent for long, but either may begin"
    lines[0].publication.muted = lines[1].publication.muted = True
    sound.pack(60_000, state(), pressed=True, now=160.0)
    assert sound.cost == 0.0
    assert {line.subscription.packing for line in lines} == {sound.packing}


def test_a_voice_bound_later_is_packed_as_the_others_are() -> None:
    slots, _ = heard_by(1)
    sound = Sound(slots)
    settle(sound, 60_000)
    line = MicrophoneLine()
    slots[0].bind(line.publication, None, now=160.0)
    assert slots[0].audio_subscription is not None
    assert slots[0].audio_subscription.packing == sound.packing != USUAL


def test_a_path_is_poor_for_sound_by_voice_with_hysteresis() -> None:
    slots, lines = heard_by(2)
    sound = Sound(slots)
    for step, (estimate, poor) in enumerate(
        [(300_000, False), (210_000, False), (190_000, True), (310_000, True), (330_000, False)]
    ):
        sound.pack(estimate, state(), pressed=True, now=float(step))
        assert sound.poor is poor
        assert all(line.subscription.poor is poor for line in lines)


def test_what_is_lost_behind_a_full_queue_asks_for_no_redundancy() -> None:
    slots, _ = heard_by(1)
    sound = Sound(slots)
    lost = [PacketResult(i, i * 0.02, None if i % 2 else i * 0.02, 100, None) for i in range(100)]
    sound.on_feedback(lost, state(Phase.DRAINING))
    assert sound.loss == 0.0
    sound.on_feedback(lost, state())
    assert sound.loss == pytest.approx(0.5, abs=0.05)
    sound.on_route_change()
    assert sound.loss == 0.0


def test_redundancy_outlives_a_controllers_experiment_and_not_a_full_path() -> None:
    slots, _ = heard_by(1)
    lost = [PacketResult(i, i * 0.02, None if i % 4 == 0 else i * 0.02, 100, None) for i in range(500)]
    queue = ControllerState(Phase.INCREASING, 0.1, 0.0, 0.05)
    for now_full, seconds in ((False, 2.0), (True, 0.0)):
        sound = Sound(slots)
        sound.on_feedback(lost, state())
        settle(sound, 300_000)
        assert sound.packing.distances
        now = 150.0
        while sound.packing.distances:
            sound.pack(45_000, queue if now_full else state(), pressed=True, now=now)
            now += 0.25
        assert now - 150.0 == pytest.approx(seconds, abs=0.6)


def test_on_another_path_the_width_of_the_old_one_is_not_believed_any_more() -> None:
    slots, _ = heard_by(1)
    for changes in (False, True):
        sound = Sound(slots)
        settle(sound, 4_000_000)
        assert sound.packing == USUAL
        if changes:
            sound.on_route_change()
        for step in range(1, 8):
            sound.pack(60_000, state(), pressed=False, now=149.75 + step * 0.25)
        assert (sound.packing == USUAL) is not changes


def test_without_transport_wide_feedback_reports_tell_the_loss() -> None:
    slots, _ = heard_by(1)
    sound = Sound(slots)
    for step in range(200):
        if step % 4 == 0:
            sound.on_receiver_report(0.3)
        sound.pack(2_500_000, state(), pressed=True, now=step * 0.25)
    assert sound.loss == pytest.approx(0.3)
    assert len(sound.packing.distances) > 1


def test_held_sound_is_sent_in_time() -> None:
    slots, lines = heard_by(1)
    sound = Sound(slots)
    lines[0].pack(Packing((), 3))
    lines[0].say(0)
    at = sound.next_timeout()
    assert lines[0].now < at < lines[0].now + 0.1
    sound.on_timeout(now=at)
    assert len(lines[0].sent) == 1


# --- whole calls ---


def listen(
    down: LinkSettings,
    *,
    seconds: float,
    camera: bool = True,
    redundant: bool = True,
    takes_repeats: bool = False,
    seed: int = 1,
) -> tuple[Call, Client, Listener]:
    """Alice talks, Bob listens."""
    call = Call(seed=seed)
    alice = call.join("alice", microphone=True, camera=CAMERA if camera else ())
    bob = call.join("bob", slots=1, down=down, redundant=redundant, takes_repeats=takes_repeats)
    call.bind(bob, 0, alice)
    call.wish(bob, 0, 960, 540)
    call.run(seconds)
    return call, bob, Listener(bob.audio[0].log)


def test_a_good_path_gets_the_redundancy_that_browsers_send() -> None:
    call, bob, listener = listen(LinkSettings(delay=((0.0, 0.02),)), seconds=5.0)
    assert call.core(bob).downlink.sound.packing == USUAL
    assert listener.concealed(range(10, 240), 0.1) == 0.0


@pytest.mark.parametrize(
    ("loss", "burst", "at_most"), [(0.05, 1.0, 0.003), (0.2, 1.0, 0.01), (0.3, 1.0, 0.02), (0.3, 3.0, 0.05)]
)
def test_speech_survives_random_loss(loss: float, burst: float, at_most: float) -> None:
    link = LinkSettings(delay=((0.0, 0.02),), loss=loss, burst=burst)
    call, bob, listener = listen(link, seconds=20.0)
    assert len(call.core(bob).downlink.sound.packing.distances) > (1 if loss > 0.1 else 0)
    assert listener.conflicts == []
    assert listener.concealed(range(150, 980), 0.2) <= at_most


@pytest.mark.parametrize("camera", [True, False])
@pytest.mark.parametrize(
    ("loss", "burst", "at_most"), [(0.05, 1.0, 0.005), (0.2, 1.0, 0.015), (0.3, 3.0, 0.05)]
)
def test_speech_survives_random_loss_where_redundancy_has_to_come_apart(
    loss: float, burst: float, at_most: float, camera: bool
) -> None:
    link = LinkSettings(delay=((0.0, 0.02),), loss=loss, burst=burst)
    call, bob, listener = listen(link, seconds=20.0, camera=camera, redundant=False, takes_repeats=True)
    assert call.core(bob).downlink.sound.loss == pytest.approx(loss, rel=0.5), "repeats hide none of it"
    assert listener.conflicts == []
    assert listener.concealed(range(150, 980), 0.2) <= at_most


@pytest.mark.parametrize("rate", [250e3, 120e3, 60e3])
def test_repeats_that_come_apart_leave_a_narrow_path_its_sound(rate: float) -> None:
    link = LinkSettings(delay=((0.0, 0.02),), rate=((0.0, rate),))
    _, _, listener = listen(link, seconds=30.0, redundant=False, takes_repeats=True)
    assert listener.concealed(range(500, 1480), 0.25) <= 0.01


def test_a_receiver_without_redundancy_gets_plain_sound_on_a_lossy_path() -> None:
    link = LinkSettings(delay=((0.0, 0.02),), loss=0.1)
    call, bob, listener = listen(link, seconds=5.0, redundant=False)
    assert call.core(bob).downlink.sound.packing == PLAIN
    assert 0.05 < listener.concealed(range(10, 240), 0.2) < 0.15


def test_a_narrow_path_gets_few_packets_and_all_the_sound() -> None:
    link = LinkSettings(delay=((0.0, 0.02),), rate=((0.0, 64_000.0),))
    call, bob, listener = listen(link, seconds=20.0, camera=False)
    assert call.core(bob).downlink.sound.packing == Packing((), 3)
    late = [packet for packet in bob.audio[0].log if packet.at > 10.0]
    assert len(late) == pytest.approx(10 * 50 / 3, abs=3)
    assert listener.concealed(range(250, 980), 0.25) <= 0.01


def test_silence_strands_nothing_on_a_narrow_path() -> None:
    call = Call(seed=1)
    alice = call.join("alice", microphone=True)
    bob = call.join("bob", slots=1, down=LinkSettings(delay=((0.0, 0.02),), rate=((0.0, 64_000.0),)))
    call.bind(bob, 0, alice)
    call.run(5.0)
    spoken = []
    for _ in range(20):
        alice.speaking = True
        call.run(0.23)
        spoken.append(call.now)
        alice.speaking = False
        call.run(0.75)
    listener = Listener(bob.audio[0].log)
    delays = [delay for number, delay in listener.delays().items() if number > 250]
    assert len(delays) >= 20 * 11
    assert max(delays) < 0.18, "a probe adds 40 ms now and then"


def test_sound_alone_is_robust_again_after_a_narrow_or_dead_path_is_wide() -> None:
    """No picture asks for more: the sound itself has to."""
    for down in (
        LinkSettings(delay=((0.0, 0.02),), rate=((0.0, 3e6), (5.0, 50e3), (25.0, 3e6))),
        LinkSettings(delay=((0.0, 0.02),), outages=((5.0, 7.0),)),
    ):
        call, bob, listener = listen(down, seconds=80.0, camera=False)
        sound = call.core(bob).downlink.sound
        assert (sound.packing, sound.poor) == (USUAL, False)
        assert listener.concealed(range(1500, 3900), 0.25) == 0.0, "to ask costs nobody a word"


def test_where_sound_alone_is_all_that_a_path_carries_it_is_asked_for_more_without_harm() -> None:
    call, bob, listener = listen(
        LinkSettings(delay=((0.0, 0.02),), rate=((0.0, 64_000.0),)), seconds=120.0, camera=False
    )
    assert call.core(bob).downlink.sound.packing in (Packing((), 2), Packing((), 3))
    assert listener.concealed(range(500, 5900), 0.2) <= 0.005


def test_a_group_without_cameras_does_not_pass_for_people_on_poor_paths() -> None:
    call = Call(seed=2)
    names = ("alice", "bob", "carol", "dave", "eve")
    people = [call.join(name, microphone=True, slots=4) for name in names]
    for person in people:
        for slot, other in enumerate(other for other in people if other is not person):
            call.bind(person, slot, other)
    for step in range(40):
        for place, person in enumerate(people):
            person.speaking = step // 4 % 5 == place
        call.run(0.5)
        assert not any(call.core(person).order.thin for person in people)
