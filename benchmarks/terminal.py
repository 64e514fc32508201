"""What the benchmarks have in common on a command line."""

from __future__ import annotations

import argparse
import sys


def progress(text: str) -> None:
    """One line that is written over on a terminal; nothing in a log."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def positive(text: str) -> int:
    """An argument's type."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number
