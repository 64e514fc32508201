"""People whose cores talk to each other."""

from collections.abc import Iterator

import pytest

from tests.media.peers import Peer


@pytest.fixture
def pair() -> Iterator[tuple[Peer, Peer]]:
    """Alice, whom Bob receives."""
    alice, bob = Peer(seed=1), Peer(slots=1, publishes=False, seed=2)
    sources = alice.core.publications
    bob.core.slots[0].bind(sources["microphone"], sources["camera"], now=0.0)
    yield alice, bob
