import wave

import numpy as np

from benchmarks.link import sources


def test_long_pauses_are_cut_and_speech_is_kept():
    tone = np.sin(np.arange(sources.RATE) * 0.05).astype(np.float32)
    pause = np.zeros(sources.RATE // 2, np.float32)
    cut = sources._without_pauses(np.concatenate((tone, pause, tone)))
    assert len(cut) / sources.RATE == 2 + sources.PAUSE


def test_the_substitute_is_as_long_and_as_loud_as_speech():
    samples = sources._babble(0)
    assert len(samples) == sources.SPEECH_SECONDS * sources.RATE
    assert abs(np.sqrt((samples**2).mean()) - sources.LEVEL) < 0.02


def test_people_who_take_turns_are_never_heard_at_once():
    both = [sources._in_turns(sources._babble(index), first=index == 0) for index in range(2)]
    assert not (both[0] * both[1]).any()
    for samples in both:
        spoken = np.abs(samples.reshape(-1, int(sources.TURN * sources.RATE))).max(axis=1) > 0
        assert list(spoken[:-1] ^ spoken[1:]) == [True] * (len(spoken) - 1)


def test_two_people_do_not_sound_the_same():
    a, b = sources._babble(0), sources._babble(1)
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.1


def test_a_recording_is_what_chromium_reads(tmp_path):
    sources._write(tmp_path / "a.wav", sources._babble(0))
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (48_000, 1, 2)
