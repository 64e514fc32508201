import itertools

from media.congestion.reference.probe_controller import LimitedBy, ProbeController


def test_the_reference_starts_with_three_and_six_times_and_goes_on_while_it_succeeds():
    probes = ProbeController(300_000, 5_000_000, itertools.count(1), now=0.0)
    first, second = probes.poll(), probes.poll()
    assert first is not None and second is not None
    assert (first.bitrate, second.bitrate) == (900_000, 1_800_000)
    assert probes.poll() is None
    probes.on_estimate(1_700_000, LimitedBy.DELAY, now=0.2)
    further = probes.poll()
    assert further is not None and further.bitrate == 3_400_000


def test_the_reference_does_not_probe_while_loss_limits():
    probes = ProbeController(300_000, 5_000_000, itertools.count(1), now=0.0)
    probes.poll(), probes.poll()
    probes.on_estimate(300_000, LimitedBy.LOSS, now=7.0)
    probes.process(1.0, now=20.0)
    assert probes.poll() is None
    probes.on_estimate(300_000, LimitedBy.DELAY, now=20.1)
    probes.process(1.0, now=20.2)
    assert probes.poll() is not None
