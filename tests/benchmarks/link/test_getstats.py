import pytest

from benchmarks.link import getstats

SECOND = getstats.SAMPLES


def poll(at, *streams):
    return {"at": at, "streams": list(streams), "paths": []}


def audio(made, concealed, *, peer=0, ssrc=1):
    return {
        "peer": peer,
        "ssrc": ssrc,
        "type": "inbound-rtp",
        "kind": "audio",
        "totalSamplesReceived": made,
        "concealedSamples": concealed,
        "jitterBufferDelay": made / SECOND * 0.1 * SECOND,
        "jitterBufferEmittedCount": made,
    }


def video(decoded, *, peer=0, ssrc=2):
    return {"peer": peer, "ssrc": ssrc, "type": "inbound-rtp", "kind": "video", "framesDecoded": decoded}


def test_only_what_grew_since_the_first_poll_counts():
    polls = [poll(0.0, audio(10 * SECOND, 9000)), poll(1.0, audio(11 * SECOND, 9000 + SECOND / 4))]
    sounds = getstats.sound(polls)
    assert getstats.concealed_share(sounds, 0.0, 1.0) == pytest.approx(0.25)
    assert sounds[0].buffered == pytest.approx(0.1)


def test_a_new_connection_begins_from_nothing():
    polls = [
        poll(0.0, audio(10 * SECOND, 5000)),
        poll(1.0, audio(SECOND, SECOND / 2, peer=1)),
        poll(2.0, audio(2 * SECOND, SECOND / 2, peer=1)),
    ]
    assert getstats.concealed_share(getstats.sound(polls), 0.0, 2.0) == pytest.approx(0.25)


def test_time_without_a_connection_is_concealed():
    polls = [poll(0.0, audio(SECOND, 0)), poll(1.0), poll(2.0, audio(SECOND, 0, peer=1))]
    assert getstats.concealed_share(getstats.sound(polls), 0.0, 2.0) == pytest.approx(0.5)


def test_nothing_played_is_nothing_heard():
    assert getstats.concealed_share([], 0.0, 1.0) == 1.0


@pytest.mark.parametrize(
    ("concealed", "frames", "lasts"), [(0.5, 30, True), (0.5, 0, False), (0.0, 30, False), (0.5, 1, False)]
)
def test_a_moving_picture_beside_broken_sound_is_timed(concealed, frames, lasts):
    """A still every second does not move."""
    polls = [
        poll(t / 4, audio(SECOND * t / 4, SECOND * t / 4 * concealed), video(frames * t / 4))
        for t in range(41)
    ]
    found = getstats.picture_beside_broken_sound(polls, 2.0, 10.0)
    assert found == pytest.approx(8.0 if lasts else 0.0)
