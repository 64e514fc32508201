"""What forwarding costs the server under a given load, beside Janus under the same."""

from benchmarks.load.command import main

__all__ = ["main"]
