"""What listeners say, summed up."""

from __future__ import annotations

from server.listening import Listening
from server.messages import Heard


def test_each_second_is_counted_by_how_much_of_it_was_made_up() -> None:
    listening = Listening()
    sounds = [(0, 1000), (40, 1000), (400, 1000), (0, 0)]  # the last one: nothing was played
    for missed, total in sounds:
        listening.missed(missed, total)
    assert (listening.played_ms, listening.concealed_ms) == (3000, 440)
    [family] = listening.concealment.collect()
    below = {s.labels["le"]: s.value for s in family.samples if s.name.endswith("_bucket")}
    assert (below["0.0"], below["0.02"], below["0.05"], below["0.5"], below["+Inf"]) == (1, 1, 2, 3, 3)


def test_nobody_can_claim_to_have_missed_more_than_there_was() -> None:
    listening = Listening()
    listening.missed(60_000, 1000)
    assert listening.concealed_ms == 1000


def test_how_late_sound_was_and_for_how_long_pictures_froze_is_summed_up() -> None:
    listening = Listening()
    for buffered in (60, 900, 0):  # the last one: not known
        sound = Heard.Sound(slot=0, concealed_ms=0, total_ms=1000, buffered_ms=buffered)
        listening.heard(Heard(sounds=(sound,), frozen_ms=250))
    assert listening.frozen_ms == 750
    [family] = listening.buffered.collect()
    below = {s.labels["le"]: s.value for s in family.samples if s.name.endswith("_bucket")}
    assert (below["0.05"], below["0.1"], below["0.8"], below["1.6"]) == (0, 1, 1, 2)
