import asyncio
import random
import time

import aiortc.clock
import pytest
from aioice import stun

from media.testing.clock import EPOCH, StandstillError, run_virtual


def test_hours_pass_at_once():
    async def main():
        loop = asyncio.get_running_loop()
        moments = [loop.time(), time.time(), aiortc.clock.current_ntp_time() >> 32]
        await asyncio.sleep(7200)
        return [
            after - before
            for before, after in zip(
                moments, [loop.time(), time.time(), aiortc.clock.current_ntp_time() >> 32], strict=True
            )
        ]

    assert run_virtual(main()) == [7200, 7200, 7200]


def test_the_real_clock_is_back_afterwards():
    async def main():
        return time.time()

    state = random.getstate()
    assert run_virtual(main()) == EPOCH.timestamp()
    assert time.time() != EPOCH.timestamp()
    assert random.getstate() == state


def test_things_happen_in_the_order_of_their_times():
    async def main():
        order = []

        async def act(delay):
            await asyncio.sleep(delay)
            order.append((delay, asyncio.get_running_loop().time()))

        await asyncio.gather(*[act(delay) for delay in (3, 1, 2.5, 0, 1.5)])
        return order

    assert run_virtual(main()) == [(0, 0), (1, 1), (1.5, 1.5), (2.5, 2.5), (3, 3)]


def test_what_is_due_at_the_same_moment_runs_in_the_order_in_which_it_was_asked_for():
    async def main():
        loop = asyncio.get_running_loop()
        order = []
        for number in range(20):
            loop.call_at(2, order.append, number)
            # As aiortc's handshake does, whose timeout is of the real clock: never due, and yet in the heap.
            loop.call_at(0.5 + number % 3, order.append, "cancelled").cancel()
        await asyncio.sleep(3)
        return order

    assert run_virtual(main()) == list(range(20))


def test_waiting_for_what_never_comes_is_an_error_and_no_hang():
    async def main():
        await asyncio.Event().wait()

    with pytest.raises(StandstillError):
        run_virtual(main())


def test_timeouts_are_virtual():
    async def main():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 1000)
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == pytest.approx(1000)


def test_executors_run_in_place():
    async def main():
        loop = asyncio.get_running_loop()
        assert await loop.run_in_executor(None, divmod, 7, 2) == (3, 1)
        with pytest.raises(ZeroDivisionError):
            await loop.run_in_executor(None, divmod, 7, 0)
        return loop.time()

    assert run_virtual(main()) == 0


def test_randomness_repeats():
    async def main():
        return random.random()  # noqa: TID251 - this is what aiortc uses

    assert run_virtual(main(), seed=5) == run_virtual(main(), seed=5) != run_virtual(main(), seed=6)


def test_sound_whose_number_is_its_length_is_no_stun():
    rtp = bytes.fromhex("8060 0004") + bytes(16) + bytes.fromhex("0024 0000")  # PRIORITY, and none in it

    async def main():
        with pytest.raises(ValueError, match="not STUN"):
            stun.parse_message(rtp)
        request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        return stun.parse_message(bytes(request)).message_class

    assert run_virtual(main()) is stun.Class.REQUEST
    with pytest.raises(Exception, match="unpack"):
        stun.parse_message(rtp)
