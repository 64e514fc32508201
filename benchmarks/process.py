"""A server under load: its process, its CPU time and memory as the kernel counts them, its place on a
core."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
STOP_TIMEOUT = 5.0  # s before a server that does not end is killed


class ServerProcess:
    """Runs `command`; what it prints goes to `log`. `core`: the only one it may use. `settings` go into its
    environment, from which Roomtone's settings of whoever runs this are kept away."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        core: int | None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self._log = log
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("ROOMTONE_")}
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**inherited, **(settings or {})},
            )
        if core is not None:
            os.sched_setaffinity(self._process.pid, {core})

    def cpu_seconds(self) -> float:
        """User and system time of all threads since the start, in steps of 10 ms (proc(5), stat)."""
        fields = self._read("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICK

    def cpu_by_thread(self) -> dict[str, float]:
        """Seconds on a core of each thread, by name and id."""
        seconds = {}
        for task in Path(f"/proc/{self._process.pid}/task").iterdir():
            try:
                spent = int((task / "schedstat").read_text().split()[0]) / 1e9
                seconds[f"{(task / 'comm').read_text().strip()} {task.name}"] = spent
            except (FileNotFoundError, ProcessLookupError):
                continue  # it ended meanwhile
        return seconds

    def memory(self) -> int:
        """Resident bytes (proc(5), statm)."""
        return int(self._read("statm").split()[1]) * _PAGE

    def check(self) -> None:
        """Raises RuntimeError, with what it last said, if the server has ended."""
        code = self._process.poll()
        if code is not None:
            raise RuntimeError(f"the server ended with code {code}:\n{self.said()}")

    def said(self) -> str:
        return self._log.read_text(errors="replace")[-2000:]

    def stop(self) -> None:
        if self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_TIMEOUT
        while self._process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        self._process.kill()
        self._process.wait()

    def _read(self, name: str) -> str:
        self.check()
        return Path(f"/proc/{self._process.pid}/{name}").read_text()
