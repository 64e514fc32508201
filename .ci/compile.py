"""Compile the media plane to C with mypyc, from the same files that run uncompiled: .ci/compile.py FOLDER.

FOLDER gets a copy of `media` with an extension module beside each file that was compiled. Python prefers
those, and the files stay for tracebacks. Needs a C compiler and Python's headers; takes two to three minutes.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from mypyc.build import mypycify
from setuptools import setup

ROOT = Path(__file__).resolve().parent.parent
# What stays Python: the packages for tests and benchmarks, facts that the server is handed (tests hand it
# others), and classes that asyncio and aiortc call. None of it runs for a packet.
UNCOMPILED = {
    *("testing", "reference"),
    *("events.py", "errors.py", "settings.py", "dtls.py", "tcp.py", "__init__.py"),
}


def modules(media: Path) -> list[str]:
    """Paths of what is compiled, relative to the folder that holds `media`."""
    found = (path.relative_to(media.parent) for path in sorted(media.rglob("*.py")))
    return [str(path) for path in found if not UNCOMPILED & {*path.parts}]


def main(target: Path) -> None:
    shutil.rmtree(target / "media", ignore_errors=True)
    shutil.copytree(ROOT / "media", target / "media", ignore=shutil.ignore_patterns("__pycache__"))
    os.chdir(target)
    extensions = mypycify(["--strict", *modules(target / "media")], opt_level="2", debug_level="0")
    build = ["-q", "build_ext", "--inplace"]
    setup(name="roomtone-media", packages=[], ext_modules=extensions, script_args=build)
    shutil.rmtree("build")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: .ci/compile.py FOLDER")
    folder = Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    main(folder)
