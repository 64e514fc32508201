import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.packing import PLAIN, USUAL, Packing, Redundancy
from media.protection import PACKINGS, Path, Protection, choose, residual_loss


def path(
    estimate: float,
    loss: float = 0.0,
    burst: float = 1.0,
    *,
    rtt: float = 0.05,
    voices: int = 1,
    size: int = 80,
    congested: bool = False,
    redundancy: Redundancy = Redundancy.RED,
) -> Path:
    """To a receiver of voices at 32 kbit/s in 20 ms, unless told."""
    costs = {p: voices * p.bitrate(size, 960, redundancy) for p in PACKINGS}
    return Path(estimate, costs, loss, burst, rtt, congested, redundancy is not Redundancy.NONE)


def test_nothing_stays_lost_on_a_clean_path_and_all_on_a_dead_one() -> None:
    assert residual_loss((1, 2), 1, 0.0, 1.0) == 0.0
    assert residual_loss((1, 2), 1, 1.0, 1.0) == 1.0
    assert residual_loss((), 3, 0.25, 4.0) == 0.25


def test_bursts_shorter_than_chance_are_chance() -> None:
    assert residual_loss((1, 2), 1, 0.3, 1.0) == pytest.approx(0.027)
    assert residual_loss((4,), 1, 0.5, 1.0) == pytest.approx(0.25)


def test_spaced_copies_survive_bursts_better() -> None:
    adjacent, spaced, wide = (residual_loss(d, 1, 0.3, 3.0) for d in ((1, 2), (1, 3), (3, 6)))
    assert wide < spaced < adjacent
    assert residual_loss((1,), 3, 0.3, 3.0) == residual_loss((3,), 1, 0.3, 3.0)


@pytest.mark.parametrize(
    ("estimate", "frames"),
    [(40_000, 3), (60_000, 3), (80_000, 3), (130_000, 2), (500_000, 1), (3_000_000, 1)],
)
def test_a_clean_path_gets_thinner_packing_the_narrower_it_is(estimate: float, frames: int) -> None:
    assert choose(path(estimate)).frames == frames


def test_redundancy_goes_before_packets_grow_longer() -> None:
    found = [choose(path(estimate, rtt=0.2)) for estimate in range(600_000, 30_000, -1000)]
    steps = [packing for at, packing in enumerate(found) if at == 0 or packing != found[at - 1]]
    assert steps == [USUAL, PLAIN, Packing((), 2), Packing((), 3)]


def test_two_voices_count_twice() -> None:
    assert choose(path(200_000)).frames == 1
    assert choose(path(100_000)) == choose(path(200_000, voices=2))


@pytest.mark.parametrize(
    ("loss", "burst", "at_most"),
    [(0.05, 1.0, 0.003), (0.1, 1.0, 0.003), (0.2, 1.0, 0.002), (0.3, 1.0, 0.01), (0.3, 3.0, 0.05)],
)
def test_a_wide_path_with_losses_keeps_little_of_them(loss: float, burst: float, at_most: float) -> None:
    best = choose(path(3_000_000, loss, burst))
    assert best.frames == 1
    assert residual_loss(best.distances, 1, loss, burst) <= at_most


def test_bursts_spread_the_copies() -> None:
    assert choose(path(3_000_000, 0.1, 1.0)) == Packing((1, 2))
    assert min(choose(path(3_000_000, 0.1, 3.0)).distances) > 1


def test_a_long_way_asks_for_quick_copies() -> None:
    near, far = (choose(path(3_000_000, 0.05, 1.0, rtt=rtt)) for rtt in (0.02, 0.3))
    assert far.recovery < near.recovery


def test_a_narrow_path_with_losses_repeats_long_packets() -> None:
    best = choose(path(120_000, 0.2))
    assert best.distances and best.frames > 1


def test_copies_apart_are_dearer_and_fewer_where_that_counts() -> None:
    apart = Redundancy.APART
    assert len(choose(path(3_000_000, 0.3, redundancy=apart)).distances) > 1
    assert choose(path(300_000, 0.2)).distances > choose(path(300_000, 0.2, redundancy=apart)).distances
    assert not choose(path(60_000, 0.2, redundancy=apart)).distances


def test_a_receiver_without_redundancy_is_not_thought_to_have_it() -> None:
    best = choose(path(3_000_000, 0.3, redundancy=Redundancy.NONE))
    assert best == PLAIN


@given(
    st.floats(10_000, 5e6),
    st.floats(0, 0.9),
    st.floats(1, 30),
    st.floats(0, 2),
    st.integers(1, 12),
    st.booleans(),
)
def test_a_path_that_is_too_narrow_for_all_gets_the_thinnest(
    estimate: float, loss: float, burst: float, rtt: float, voices: int, congested: bool
) -> None:
    facts = path(estimate, loss, burst, rtt=rtt, voices=voices, congested=congested)
    best = choose(facts)
    if min(facts.costs.values()) > 1.1 * estimate:
        assert best == Packing((), 3)
    elif best.distances:
        assert facts.costs[best] < estimate, "nothing is said twice that does not fit"


# --- in time ---


def after(protection: Protection, facts: Path, start: float, *, at_most: float = 120.0) -> float:
    """Seconds until `facts`, a look each 250 ms, change the packing."""
    before, now = protection.packing, start
    while now - start < at_most:
        if protection.update(facts, now=now) != before:
            return now - start
        now += 0.25
    return at_most


def settled(facts: Path) -> Protection:
    protection = Protection()
    now = -1000.0
    while now < 0:
        protection.update(facts, now=now)
        now += 0.25
    assert protection.packing == choose(facts)
    return protection


def test_a_path_that_closes_is_answered_at_once() -> None:
    assert after(settled(path(3_000_000)), path(60_000), 0.0) == 0.0


def test_a_loss_that_sets_in_is_answered_within_a_second() -> None:
    assert after(settled(path(3_000_000)), path(3_000_000, 0.3, 3.0), 0.0) <= 1.0


def test_a_path_that_opens_is_believed_slowly() -> None:
    protection = settled(path(60_000))
    assert 2.0 <= after(protection, path(500_000), 0.0) <= 10.0
    assert protection.packing == USUAL


def test_what_one_path_all_but_proved_has_to_be_proved_anew_on_the_next() -> None:
    wide = path(500_000)
    takes = after(settled(path(60_000)), wide, 0.0)
    protection = settled(path(60_000))
    now = 0.0
    while now < takes - 0.5:
        protection.update(wide, now=now)
        now += 0.25
    protection.on_route_change()
    assert after(protection, wide, now) >= takes - 0.25


@pytest.mark.parametrize("redundancy", Redundancy)
def test_several_voices_go_back_to_short_packets_when_the_first_estimate_proves_too_low(
    redundancy: Redundancy,
) -> None:
    """The estimate of a new path is a guess, too low for four voices; then the path turns out to be wide."""
    protection = Protection()
    guess = path(300_000, rtt=0.005, voices=4, redundancy=redundancy)
    for quarter in range(5):
        protection.update(guess, now=quarter / 4)
    assert protection.packing.frames == 3
    wide = path(3_000_000, rtt=0.005, voices=4, redundancy=redundancy)
    assert after(protection, wide, 1.25) <= 8.0
    assert protection.packing == choose(wide)


def test_a_loss_that_ends_is_forgotten_slowly() -> None:
    assert after(settled(path(500_000, 0.3)), path(500_000), 0.0) >= 2.0


def test_an_estimate_that_breathes_changes_nothing() -> None:
    protection = settled(path(150_000))
    before = protection.packing
    for step in range(400):
        protection.update(path(135_000 if step // 4 % 2 else 165_000), now=step * 0.25)
        assert protection.packing == before


def test_nothing_becomes_dearer_while_a_queue_is_drained() -> None:
    protection = settled(path(100_000))
    facts = path(3_000_000, 0.3, congested=True)
    assert after(protection, facts, 0.0) == 120.0
    assert after(protection, path(3_000_000, 0.3), 120.25) <= 1.5


def test_a_drained_queue_may_make_it_cheaper() -> None:
    assert after(settled(path(3_000_000, 0.3)), path(70_000, congested=True), 0.0) == 0.0
