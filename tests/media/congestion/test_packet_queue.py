"""Video that waits, and keyframes that would keep all other video waiting."""

from __future__ import annotations

from media.congestion.packet_queue import JUST, KEYFRAME_LIMIT, LIMIT, PacketQueue

RATE = 400_000.0  # bit/s: 25 packets of 1,000 bytes are half a second
SCREEN, CAMERA, OTHER = 1, 2, 3


def filled(queue: PacketQueue[str], name: str, count: int, stream: int, *, keyframe: bool = False) -> int:
    """How many of so many packets there was room for."""
    return sum(queue.add(f"{name}{n}", 1000, stream, RATE, keyframe=keyframe) for n in range(count))


def emptied(queue: PacketQueue[str]) -> list[str]:
    sent = []
    while queue:
        assert queue.next_size == 1000
        sent.append(queue.pop(now=1.0)[0])
    assert queue.next_size == 0
    return sent


def test_what_would_grow_old_finds_no_room() -> None:
    queue: PacketQueue[str] = PacketQueue()
    assert filled(queue, "f", 40, CAMERA) == LIMIT * RATE / 8000
    assert filled(queue, "g", 1, SCREEN) == 0
    assert len(emptied(queue)) == 25


def test_a_large_keyframe_is_taken_whole_and_goes_behind_all_other_video() -> None:
    queue: PacketQueue[str] = PacketQueue()
    assert filled(queue, "k", 60, SCREEN, keyframe=True) == 60
    assert queue.is_behind(SCREEN) and not queue.is_behind(CAMERA)
    assert filled(queue, "f", 40, CAMERA) == 25, "as if it were not there"
    assert emptied(queue) == [f"f{n}" for n in range(25)] + [f"k{n}" for n in range(60)]


def test_a_keyframe_that_fits_waits_like_anything_else() -> None:
    queue: PacketQueue[str] = PacketQueue()
    assert filled(queue, "k", 20, SCREEN, keyframe=True) == 20
    assert not queue.is_behind(SCREEN)
    filled(queue, "f", 5, CAMERA)
    assert emptied(queue)[:20] == [f"k{n}" for n in range(20)]


def test_no_keyframe_may_take_the_path_for_ever() -> None:
    queue: PacketQueue[str] = PacketQueue()
    assert filled(queue, "k", 2000, SCREEN, keyframe=True) == (LIMIT + KEYFRAME_LIMIT) * RATE / 8000


def test_what_follows_a_large_keyframe_waits_for_it_but_does_not_pile_up() -> None:
    queue: PacketQueue[str] = PacketQueue()
    filled(queue, "k", 60, SCREEN, keyframe=True)
    assert filled(queue, "f", 40, SCREEN) == 25
    for _ in range(30):
        queue.pop(now=1.0)
        assert filled(queue, "g", 1, SCREEN), "it moves as fast as it leaves"
    assert filled(queue, "h", 1, SCREEN) == 0
    for _ in range(70):
        queue.pop(now=1.0)
    assert filled(queue, "h", 60, SCREEN) == 25, "what has once waited less may not wait for longer again"


def test_a_picture_that_stops_leaves_its_keyframe_or_nothing() -> None:
    queue: PacketQueue[str] = PacketQueue()
    for dropped, left in ((10, 60), (70, 0)):
        filled(queue, "k", 60, SCREEN, keyframe=True)
        filled(queue, "f", 10, SCREEN)
        filled(queue, "c", 1, CAMERA)
        assert (queue.drop_rest(SCREEN) if left else queue.drop(SCREEN)) == dropped
        assert len(emptied(queue)) == left + 1


def test_what_has_no_keyframe_on_its_way_goes_whole() -> None:
    queue: PacketQueue[str] = PacketQueue()
    filled(queue, "f", 10, CAMERA)
    assert queue.drop_rest(CAMERA) == 10 and not queue


def test_two_large_keyframes_take_turns() -> None:
    queue: PacketQueue[str] = PacketQueue()
    filled(queue, "a", 40, SCREEN, keyframe=True)
    filled(queue, "b", 40, OTHER, keyframe=True)
    first = [queue.pop(now=1.0)[0][0] for _ in range(40)]
    assert abs(first.count("a") - first.count("b")) <= 2


def test_it_is_known_for_a_moment_that_a_large_keyframe_has_just_left() -> None:
    queue: PacketQueue[str] = PacketQueue()
    filled(queue, "k", 60, SCREEN, keyframe=True)
    emptied(queue)
    assert not queue.is_behind(SCREEN) and queue.brings_keyframe(SCREEN, now=1.0 + JUST / 2)
    assert not queue.brings_keyframe(SCREEN, now=1.0 + JUST)
    filled(queue, "f", 5, SCREEN)
    assert not queue.is_behind(SCREEN), "what follows is in nobody's way"
