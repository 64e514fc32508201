from media.thin_sound import NORMAL_AFTER, THIN_AFTER, ThinSound


def hold(
    sound: ThinSound, listeners: list[bool], start: float, seconds: float, *, uplink_poor: bool = False
) -> bool:
    """The same facts each 250 ms; what is wanted at the end."""
    for step in range(int(seconds * 4) + 1):
        sound.update(listeners, uplink_poor=uplink_poor, now=start + step * 0.25)
    return sound.wanted


def test_thin_sound_is_wanted_where_all_who_listen_have_poor_paths() -> None:
    assert hold(ThinSound(), [True, True], 0.0, THIN_AFTER)
    assert not hold(ThinSound(), [True, False], 0.0, 60.0)
    assert not hold(ThinSound(), [], 0.0, 60.0)


def test_thin_sound_is_wanted_while_the_uplink_is_poor() -> None:
    sound = ThinSound()
    assert hold(sound, [False], 0.0, 0.0, uplink_poor=True)
    assert not hold(sound, [False], 0.25, 0.0)


def test_a_short_dip_is_no_reason() -> None:
    sound = ThinSound()
    for start in range(0, 60, 3):
        assert not hold(sound, [True], float(start), THIN_AFTER - 0.25)
        assert not hold(sound, [False], start + 2.0, 0.5)


def test_normal_sound_comes_back_after_a_while() -> None:
    sound = ThinSound()
    hold(sound, [True], 0.0, 10.0)
    assert hold(sound, [False], 10.25, NORMAL_AFTER - 0.25)
    assert hold(sound, [True], 30.0, 1.0), "one relapse, and the wait begins anew"
    assert hold(sound, [False], 31.25, NORMAL_AFTER - 0.25)
    assert not hold(sound, [False], 31.25 + NORMAL_AFTER, 0.5)


def test_who_listens_to_nobody_decides_nothing() -> None:
    sound = ThinSound()
    hold(sound, [True], 0.0, 10.0)
    assert not hold(sound, [], 10.25, NORMAL_AFTER)
