"""Write the lock files: names, versions and hashes, and never the address of an index.

requirements.lock is what the server runs on. requirements-dev.lock adds the tools, at the same versions;
requirements-compile.lock adds only those that compile the media plane, for the image.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEADER = "# Written by `make lock` from pyproject.toml. Install with pip's --require-hashes.\n"


def lock(target: str, *options: str) -> None:
    """Resolve pyproject.toml into `target` for every platform, with the same versions on every Python."""
    command = ["uv", "pip", "compile", "pyproject.toml", "--quiet", "--upgrade", "--universal"]
    command += ["--python-version", "3.11", "--fork-strategy", "fewest", "--generate-hashes"]
    command += ["--no-annotate", "--no-header", "--no-emit-index-url", "--no-emit-find-links", *options]
    # pip's settings in the environment (an index, a folder of wheels) must not leak into the lock.
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "UV_"))}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', '')}"
    result = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
    if re.search(r"https?://|file://|^--?(?!hash)", result.stdout, re.MULTILINE):
        raise SystemExit(f"{target} would carry an address or an option: not written")
    (ROOT / target).write_text(HEADER + result.stdout)


if __name__ == "__main__":
    lock("requirements.lock")
    lock("requirements-dev.lock", "--constraints", "requirements.lock", "--group", "dev")
    lock("requirements-compile.lock", "--constraints", "requirements-dev.lock", "--group", "compile")
