"""A checkout sets itself up, and says exactly what it installs."""

import json
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-compile.lock")
TOP_LEVEL = {
    *("pyproject.toml", "Makefile", "Dockerfile", "compose.yaml", "LICENSE", *LOCKS),
    *("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"),
    *("server", "media", "static", "tests", "benchmarks", "docs"),
}
PIN = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>\S+)(?P<marker> ;[^\\]+)?(?P<hashes>(?: --hash=\S+)+)$")


def pins(lock: str) -> dict[str, str]:
    """Name to version, after a look that a line holds a pin with its hashes and nothing else."""
    found = {}
    for line in (ROOT / lock).read_text().replace("\\\n", "").splitlines():
        if line.startswith("#"):
            continue
        pin = PIN.match(re.sub(r" +", " ", line))
        assert pin, f"{lock}: {line[:80]}"
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", part) for part in pin["hashes"].split())
        assert pin["name"] not in found
        found[pin["name"]] = pin["version"]
    return found


def requirement_names(requirements: list[object]) -> set[str]:
    return {re.split(r"[^A-Za-z0-9-]", entry)[0] for entry in requirements if isinstance(entry, str)}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_versions_and_hashes_and_no_address(lock: str) -> None:
    assert pins(lock)
    assert not re.search(r"https?:|file:|index-url|find-links|trusted-host", (ROOT / lock).read_text())


def test_the_locks_pin_all_that_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    runtime = requirement_names(project["project"]["dependencies"])
    tools = set().union(*(requirement_names(group) for group in project["dependency-groups"].values()))
    assert runtime <= pins("requirements.lock").keys()
    assert tools <= pins("requirements-dev.lock").keys()
    assert not tools & pins("requirements.lock").keys()


def test_tests_run_on_the_versions_that_the_server_runs_on() -> None:
    assert pins("requirements.lock").items() <= pins("requirements-compile.lock").items()
    assert pins("requirements-compile.lock").items() <= pins("requirements-dev.lock").items()


def test_the_page_lock_holds_hashes_and_no_address() -> None:
    packages = json.loads((ROOT / "tests/page/package-lock.json").read_text())["packages"]
    installed = {path: package for path, package in packages.items() if path}
    assert "node_modules/typescript" in installed
    assert all(package["integrity"].startswith("sha512-") for package in installed.values())
    assert not any("resolved" in package for package in installed.values())


def test_ci_runs_what_a_developer_runs() -> None:
    script = ROOT / ".ci/run"
    assert os.access(script, os.X_OK)
    assert script.read_text().splitlines()[-1] == "make test"


def test_the_top_level_is_what_the_project_says() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    names = {path.split("/")[0] for path in listed.splitlines()}
    assert {name for name in names if not name.startswith(".")} <= TOP_LEVEL


class Machine:
    """A machine with only the commands a test gives it; each call of one is written down."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "calls.log"
        self.log.touch()
        for name in ("bash", "env"):
            (folder / name).symlink_to(shutil.which(name) or pytest.fail(f"no {name} here"))

    def add(self, name: str, body: str = ":") -> None:
        command = self.folder / name
        command.write_text(f'#!{self.folder}/bash\necho "{name} $*" >>"{self.log}"\n{body}\n')
        command.chmod(0o755)

    def install(self, *packages: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.folder / "bash", ROOT / ".ci/debian-install", *packages],
            env={"PATH": str(self.folder)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )

    def calls(self) -> list[str]:
        return self.log.read_text().splitlines()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(tmp_path)
    machine.add("sleep")
    return machine


def test_root_installs_packages_without_sudo(machine: Machine) -> None:
    machine.add("id", "echo 0")
    machine.add("apt-get")
    assert machine.install("chromium").returncode == 0
    update, install = (call for call in machine.calls() if call.startswith("apt-get"))
    assert update.endswith(" update")
    assert install.endswith(" install --no-install-recommends chromium")


def test_others_install_packages_through_sudo(machine: Machine) -> None:
    machine.add("id", "echo 1000")
    machine.add("sudo", '[ "$1" = -n ] && shift; "$@"')
    machine.add("apt-get")
    assert machine.install("chromium").returncode == 0
    assert any(call.startswith("sudo env DEBIAN_FRONTEND=noninteractive apt-get") for call in machine.calls())


def test_an_install_that_fails_once_is_tried_again(machine: Machine) -> None:
    machine.add("id", "echo 0")
    machine.add("apt-get", f'[ -e "{machine.folder}/tried" ] || {{ >"{machine.folder}/tried"; exit 100; }}')
    assert machine.install("chromium").returncode == 0
    assert machine.calls().count("sleep 5") == 1


@pytest.mark.parametrize(
    ("commands", "reason"),
    [
        ({"id": "echo 0"}, "this system has no apt-get"),
        ({"id": "echo 1000", "apt-get": ":"}, "there is no sudo"),
        ({"id": "echo 1000", "apt-get": ":", "sudo": "exit 1"}, "sudo asks for a password"),
        ({"id": "echo 0", "apt-get": "exit 100"}, "apt-get failed twice"),
    ],
)
def test_an_install_that_cannot_be_done_says_what_to_do(
    machine: Machine, commands: dict[str, str], reason: str
) -> None:
    for name, body in commands.items():
        machine.add(name, body)
    result = machine.install("chromium")
    assert result.returncode == 1
    assert reason in result.stderr
    assert "sudo apt-get install chromium" in result.stderr
