import asyncio

from media.edge.limit import RateLimit
from media.edge.timer import Timer
from media.testing.clock import run_virtual


class Owner:
    """Has something due at each of `times`."""

    def __init__(self, *times: float) -> None:
        self.times = list(times)
        self.fired: list[float] = []

    def next_timeout(self) -> float | None:
        return self.times[0] if self.times else None

    def on_timeout(self, now: float) -> float | None:
        if self.times and self.times[0] <= now:
            self.fired.append(self.times.pop(0))
        return self.next_timeout()


def play(owner, scenario):
    async def main():
        timer = Timer(asyncio.get_running_loop(), owner.on_timeout)
        await scenario(timer)
        await asyncio.sleep(10)
        timer.close()

    run_virtual(main())
    return owner.fired


def test_it_goes_on_by_the_owners_answers():
    async def scenario(timer):
        timer.set(1.0)

    assert play(Owner(1.0, 1.5, 4.0), scenario) == [1.0, 1.5, 4.0]


def test_an_earlier_time_wins_and_a_later_one_is_asked_for():
    owner = Owner(5.0)

    async def scenario(timer):
        timer.set(5.0)
        owner.times.insert(0, 2.0)
        timer.set(2.0)
        timer.set(7.0)
        timer.set(None)

    assert play(owner, scenario) == [2.0, 5.0]


def test_a_closed_timer_is_silent():
    owner = Owner(1.0)

    async def scenario(timer):
        timer.set(1.0)
        timer.close()
        timer.set(0.5)

    assert play(owner, scenario) == []


def test_a_timer_closed_by_its_owner_stays_closed():
    fired = []

    async def main():
        def on_timeout(now):
            fired.append(now)
            timer.close()
            return now + 1

        timer = Timer(asyncio.get_running_loop(), on_timeout)
        timer.set(1.0)
        await asyncio.sleep(5)

    run_virtual(main())
    assert fired == [1.0]


def test_a_rate_limit_refills_with_time():
    limit = RateLimit(rate=10, burst=3)
    assert [limit.take(now=5.0) for _ in range(4)] == [True, True, True, False]
    assert limit.take(now=5.125)
    assert not limit.take(now=5.125)
    assert [limit.take(now=60.0) for _ in range(4)] == [True, True, True, False]
