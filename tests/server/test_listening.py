"""What listeners say, summed up."""

from __future__ import annotations

from server.listening import Listening


def test_each_second_is_counted_by_how_much_of_it_was_made_up() -> None:
    listening = Listening()
    sounds = [(0, 1000), (40, 1000), (400, 1000), (0, 0)]  # the last one: nothing was played
    for missed, total in sounds:
        listening.add(missed, total)
    assert (listening.played_ms, listening.concealed_ms) == (3000, 440)
    [family] = listening.concealment.collect()
    below = {s.labels["le"]: s.value for s in family.samples if s.name.endswith("_bucket")}
    assert (below["0.0"], below["0.02"], below["0.05"], below["0.5"], below["+Inf"]) == (1, 1, 2, 3, 3)


def test_nobody_can_claim_to_have_missed_more_than_there_was() -> None:
    listening = Listening()
    listening.add(60_000, 1000)
    assert listening.concealed_ms == 1000
