"""A network namespace of the benchmark's own, with one address on an interface that is not called loopback.

Nothing that is sent in it can leave the machine, no port is taken, and Janus, which announces no candidate on
a loopback interface, has one to announce. Packets to the address still take the kernel's loopback path.
"""

from __future__ import annotations

import os
import subprocess
import sys

ADDRESS = "10.77.0.1"
MARK = "ROOMTONE_BENCHMARK_NAMESPACE"


class SandboxError(Exception):
    """No namespace could be made; the words say what to do."""


def enter(module: str, argv: list[str]) -> None:
    """Start `python -m module argv` anew inside a namespace; returns only if this process is in one already.
    Raises SandboxError."""
    if os.environ.get(MARK):
        _configure()
        return
    unshare = ["unshare", "--net"] + ([] if os.geteuid() == 0 else ["--user", "--map-root-user"])
    try:
        subprocess.run([*unshare, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SandboxError(
            "The benchmark needs a network namespace, and `unshare --net` failed. Run it as root, or let "
            "users make namespaces (sysctl kernel.unprivileged_userns_clone=1)."
        ) from error
    sys.stdout.flush()
    os.environ[MARK] = "1"
    os.execvp("unshare", [*unshare, sys.executable, "-m", module, *argv])


def _configure() -> None:
    commands = (
        "link set lo up",
        # Both ends stay here: a pair of its own is up and running as soon as both are, which Janus asks for.
        "link add media type veth peer name media-peer",
        f"address add {ADDRESS}/24 dev media",
        "link set media up",
        "link set media-peer up",
    )
    try:
        for command in commands:
            subprocess.run(["ip", *command.split()], check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise SandboxError(
            "The benchmark needs the `ip` command: apt-get install iproute2 (with sudo if not root)."
        ) from None
    except subprocess.CalledProcessError as error:
        raise SandboxError(f"`ip {' '.join(error.cmd[1:])}` failed: {error.stderr.strip()}") from None
