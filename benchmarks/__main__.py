"""`python -m benchmarks NAME [options]`: each benchmark is a module of this package with `main(argv) ->
int`."""

from __future__ import annotations

import sys
from importlib import import_module

BENCHMARKS = {
    "load": ("benchmarks.load", "what forwarding costs the server, beside Janus if asked to"),
    "first-picture": ("benchmarks.first_picture", "from click to the first remote picture, in Chromium"),
    "adapt": ("benchmarks.adapt", "how sound and picture fare on poor networks, simulated"),
    "link": ("benchmarks.link", "how a call fares in Chromium behind a bad link, beside Janus if asked to"),
    "hotpath": ("benchmarks.hotpath", "the relay's work for one packet, piece by piece"),
}


def main(argv: list[str]) -> int:
    if not argv or argv[0] not in BENCHMARKS:
        print("usage: python -m benchmarks NAME [options]; NAME --help says which")
        for name, (_, about) in BENCHMARKS.items():
            print(f"  {name:14} {about}")
        return 0 if argv[:1] in ([], ["-h"], ["--help"]) else 2
    module, _ = BENCHMARKS[argv[0]]
    result: int = import_module(module).main(argv[1:])
    return result


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
