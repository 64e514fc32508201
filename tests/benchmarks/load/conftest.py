import pytest

from benchmarks.load.measure import Delay, Figures

DELAY = Delay(300.0, 900.0, 2000.0, 100, ())


@pytest.fixture
def figures():
    """A run's figures, of which a test says what matters to it."""

    def make(**said):
        facts = {
            "server": "Roomtone",
            "scenario": "fanout",
            "round": 1,
            "participants": 12,
            "subscriptions": 32,
            "profile": "SRTP_AEAD_AES_256_GCM",
            "seconds": 10.0,
            "received": 10_000,
            "forwarded": 50_000,
            "expected": 50_000,
            "octets": 40_000_000,
            "lost": 0,
            "retransmitted": 0,
            "dropped_by_server": 0,
            "dropped_by_generator": 0,
            "cpu_seconds": 0.5,
            "cpu_by_thread": {"python 1": 0.5},
            "memory_per_participant": 500_000.0,
            "join_p50": 0.03,
            "join_max": 0.05,
            "audio": DELAY,
            "video": DELAY,
            "all": DELAY,
            "stalls": 0,
            "generator_cpu": 0.2,
            "lateness_p99_ms": 0.4,
        }
        return Figures(**{**facts, **said})

    return make
