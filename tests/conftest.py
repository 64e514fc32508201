"""What all tests share."""

import os

from hypothesis import settings

# Slow machines are no failure, and CI tries the same examples each time: red means that the change did it.
settings.register_profile("roomtone", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("roomtone")
