import math

import numpy as np
import pytest

from benchmarks.link import sources
from benchmarks.link.sound import RATE, compare

LENGTH = 14.0  # s


@pytest.fixture(scope="module")
def speech():
    """Something like speech, at 8 kHz."""
    step = sources.RATE // RATE
    samples = sources._babble(0)[: int(LENGTH) * sources.RATE]
    return samples.reshape(-1, step).mean(axis=1)


def chunks(samples, start=0.0, size=80):
    whole = (samples * 32767).astype(np.int16)
    return [(start + at / RATE, whole[at : at + size]) for at in range(0, len(whole) - size + 1, size)]


def late(samples, seconds):
    return np.concatenate((np.zeros(int(seconds * RATE), np.float32), samples))[: len(samples)]


def test_the_delay_from_mouth_to_ear_is_found(speech):
    found = compare(chunks(speech), chunks(late(speech, 0.3)), 5.0, 12.0)
    assert len(found.delays) > 20
    assert all(delay == pytest.approx(0.3, abs=0.002) for _, delay in found.delays)


def test_a_delay_that_grows_is_followed(speech):
    ear = late(speech, 0.1)
    ear[8 * RATE :] = late(speech, 0.5)[8 * RATE :]
    found = compare(chunks(speech), chunks(ear), 5.0, 12.0)
    assert found.delays[0][1] == pytest.approx(0.1, abs=0.002)
    assert found.delays[-1][1] == pytest.approx(0.5, abs=0.002)


def test_other_speech_has_no_delay(speech):
    other = sources._babble(1)[: int(LENGTH) * sources.RATE].reshape(-1, sources.RATE // RATE).mean(axis=1)
    assert compare(chunks(speech), chunks(other), 5.0, 12.0).delays == ()


def test_a_gap_is_as_long_as_the_silence(speech):
    ear = late(speech, 0.2)
    ear[int(8.0 * RATE) : int(8.8 * RATE)] = 0
    found = compare(chunks(speech), chunks(ear), 5.0, 12.0)
    assert found.longest_gap == pytest.approx(0.8, abs=0.1)


def test_whole_speech_has_no_gap(speech):
    assert compare(chunks(speech), chunks(late(speech, 0.2)), 5.0, 12.0).longest_gap <= 0.04


def test_chunks_that_never_came_are_silence(speech):
    ear = [(at, samples) for at, samples in chunks(late(speech, 0.2)) if not 8.0 <= at < 9.0]
    assert compare(chunks(speech), ear, 5.0, 12.0).longest_gap == pytest.approx(1.0, abs=0.1)


def test_sound_is_back_when_speech_is_heard_again(speech):
    ear = late(speech, 0.2)
    ear[int(7.0 * RATE) : int(8.4 * RATE)] = 0
    found = compare(chunks(speech), chunks(ear), 5.0, 12.0)
    assert found.back_after(7.5) == pytest.approx(0.9, abs=0.1)


def test_speech_is_prompt_again_when_its_delay_is_what_it_was(speech):
    ear = late(speech, 0.1)
    ear[6 * RATE : 9 * RATE] = late(speech, 0.9)[6 * RATE : 9 * RATE]
    found = compare(chunks(speech), chunks(ear), 4.5, 13.0)
    assert found.prompt_after(7.0, before=6.0) == pytest.approx(2.6, abs=0.5)
    assert found.prompt_after(7.0, before=4.5) == math.inf, "nothing is known of before"
    ear[6 * RATE :] = late(speech, 0.9)[6 * RATE :]
    assert compare(chunks(speech), chunks(ear), 4.5, 13.0).prompt_after(7.0, before=6.0) == math.inf


def test_sound_that_never_comes_back_is_told(speech):
    ear = late(speech, 0.2)
    ear[int(7.0 * RATE) :] = 0
    assert compare(chunks(speech), chunks(ear), 5.0, 12.0).back_after(7.5) == math.inf
