"""`python -m server check`: each thing that can be wrong is named with its setting and what to do."""

from __future__ import annotations

import os
import resource
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from server.__main__ import main
from server.check import find_doubts, find_problems
from server.settings import Settings
from tests.server.certificates import DAY, NOW, make_certificate


def problems(tmp_path: Path, **settings: Any) -> dict[str, str]:
    """With free ports and a usable data directory, unless said otherwise."""
    usable: dict[str, Any] = {
        "host": "127.0.0.1",
        "media_host": "127.0.0.1",
        "port": 0,
        "media_port": 0,
        "data_directory": tmp_path / "data",
    }
    running = settings.pop("running", False)
    found = find_problems(Settings(**(usable | settings)), running=running)
    return {problem.setting: problem.message for problem in found}


@pytest.fixture
def taken() -> Iterator[dict[str, int]]:
    """A UDP and a TCP port that somebody else has."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
    ):
        udp.bind(("127.0.0.1", 0))
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        yield {"UDP": udp.getsockname()[1], "TCP": tcp.getsockname()[1]}


def test_good_settings_have_no_problem(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path / "tls")
    assert problems(tmp_path) == {}
    assert problems(tmp_path, tls_certificate=certificate, tls_key=key) == {}
    assert [path.name for path in tmp_path.iterdir()] == ["tls"], "checking leaves nothing behind"


class TestPorts:
    def test_http_port_in_use(self, tmp_path: Path, taken: dict[str, int]) -> None:
        assert "in use" in problems(tmp_path, port=taken["TCP"])["port"]

    @pytest.mark.parametrize("protocol", ["UDP", "TCP"])
    def test_media_port_in_use(self, tmp_path: Path, taken: dict[str, int], protocol: str) -> None:
        message = problems(tmp_path, media_port=taken[protocol])["media_port"]
        assert protocol in message and "in use" in message

    def test_ports_of_a_running_server_are_not_looked_at(
        self, tmp_path: Path, taken: dict[str, int], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert problems(tmp_path, running=True, port=taken["TCP"], media_port=taken["UDP"]) == {}
        assert "of its own" in problems(tmp_path, running=True, port=9999, media_port=9999)["media_port"]
        ports = ["--port", str(taken["TCP"]), "--media-port", "0", "--data-directory", str(tmp_path)]
        assert main(["check", *ports, "--host", "127.0.0.1"]) == 1
        assert "check --running" in capsys.readouterr().err
        assert main(["check", *ports, "--host", "127.0.0.1", "--running"]) == 0

    @pytest.mark.parametrize("media_host", ["", "::"])
    def test_media_is_looked_for_over_ipv6_too(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, media_host: str
    ) -> None:
        asked: list[str | None] = []
        look_up = socket.getaddrinfo

        def record(host: str | None, *rest: Any, **more: Any) -> Any:
            asked.append(host)
            return look_up(host, *rest, **more)

        monkeypatch.setattr(socket, "getaddrinfo", record)
        assert problems(tmp_path, port=9, media_port=0, media_host=media_host).keys() <= {"port"}
        assert asked[1:] == [None, None], "the system's own list of all addresses"

    def test_one_number_for_both(self, tmp_path: Path) -> None:
        assert "of its own" in problems(tmp_path, port=9999, media_port=9999)["media_port"]

    @pytest.mark.parametrize("host", ["192.0.2.1", "no such host.invalid", "\x00"])
    @pytest.mark.parametrize("name", ["host", "media_host"])
    def test_a_host_that_is_not_ours(self, tmp_path: Path, name: str, host: str) -> None:
        assert "not an address of this machine" in problems(tmp_path, **{name: host})[name]

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may bind every port")
    def test_a_port_that_needs_privileges(self, tmp_path: Path) -> None:
        assert "1024" in problems(tmp_path, port=81)["port"]


class TestPublicUrl:
    def test_without_https_there_is_no_camera(self, tmp_path: Path) -> None:
        message = problems(tmp_path, public_url="http://talk.example.org")["public_url"]
        assert "https://" in message and "camera" in message

    @pytest.mark.parametrize(
        "url",
        ["https://talk.example.org", "http://localhost:8080", "http://127.0.0.1", "http://[::1]:80"],
    )
    def test_this_machine_needs_none(self, tmp_path: Path, url: str) -> None:
        assert problems(tmp_path, public_url=url) == {}


class TestDescriptors:
    @pytest.fixture
    def limit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(resource, "getrlimit", lambda what: (1024, 1024))

    def test_more_connections_than_open_files_are_doubted(self, limit: None) -> None:
        (doubt,) = find_doubts(Settings())
        assert doubt.setting == "max_connections" and "1024" in doubt.message

    def test_fewer_are_fine(self, limit: None) -> None:
        assert find_doubts(Settings(max_connections=100)) == []


class TestTls:
    def test_one_without_the_other(self, tmp_path: Path) -> None:
        certificate, key = make_certificate(tmp_path)
        assert "together" in problems(tmp_path, tls_certificate=certificate)["tls_key"]
        assert "together" in problems(tmp_path, tls_key=key)["tls_certificate"]

    def test_unreadable(self, tmp_path: Path) -> None:
        found = problems(tmp_path, tls_certificate=tmp_path / "none", tls_key=tmp_path)
        assert found["tls_certificate"].startswith(f"There is no {tmp_path / 'none'}.")
        assert found["tls_key"] == f"{tmp_path} is a directory. Name the file in it."

    def test_a_key_of_another_certificate(self, tmp_path: Path) -> None:
        certificate, _ = make_certificate(tmp_path / "a")
        _, key = make_certificate(tmp_path / "b")
        assert "does not belong" in problems(tmp_path, tls_certificate=certificate, tls_key=key)["tls_key"]

    def test_no_certificate_at_all(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_text("hello")
        found = problems(tmp_path, tls_certificate=tmp_path / "a", tls_key=tmp_path / "a")
        assert "PEM" in found["tls_certificate"]

    def test_a_key_with_a_password(self, tmp_path: Path) -> None:
        certificate, key = make_certificate(tmp_path, password=b"secret")
        assert "password" in problems(tmp_path, tls_certificate=certificate, tls_key=key)["tls_key"]

    def test_expired(self, tmp_path: Path) -> None:
        certificate, key = make_certificate(tmp_path, start=NOW - 9 * DAY, end=NOW - DAY)
        found = problems(tmp_path, tls_certificate=certificate, tls_key=key)
        assert "expired" in found["tls_certificate"] and "Renew" in found["tls_certificate"]

    def test_not_yet_valid(self, tmp_path: Path) -> None:
        certificate, key = make_certificate(tmp_path, start=NOW + DAY, end=NOW + 9 * DAY)
        found = problems(tmp_path, tls_certificate=certificate, tls_key=key)
        assert "clock" in found["tls_certificate"]


class TestData:
    def test_not_a_directory(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        assert "not a directory" in problems(tmp_path, data_directory=tmp_path / "file")["data_directory"]
        below = problems(tmp_path, data_directory=tmp_path / "file" / "data")
        assert f"{tmp_path / 'file'} is not a directory" in below["data_directory"]

    def test_a_link_to_nowhere(self, tmp_path: Path) -> None:
        (tmp_path / "data").symlink_to(tmp_path / "none")
        assert "not a directory" in problems(tmp_path)["data_directory"]

    def test_where_nobody_can_make_a_directory(self, tmp_path: Path) -> None:
        assert "can't be written" in problems(tmp_path, data_directory="/proc/none/data")["data_directory"]

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    def test_not_writable(self, tmp_path: Path) -> None:
        (tmp_path / "closed").mkdir(mode=0o500)
        found = problems(tmp_path, data_directory=tmp_path / "closed" / "data")
        assert "can't be written" in found["data_directory"]

    def test_a_secret_that_is_too_short(self, tmp_path: Path) -> None:
        (tmp_path / "secret").write_text("short")
        (tmp_path / "secret").chmod(0o600)
        assert "too short" in problems(tmp_path, data_directory=tmp_path)["secret"]

    def test_a_secret_that_others_can_read(self, tmp_path: Path) -> None:
        (tmp_path / "secret").write_text("s" * 64)
        (tmp_path / "secret").chmod(0o644)
        assert "chmod 600" in problems(tmp_path, data_directory=tmp_path)["secret"]

    def test_with_a_secret_of_its_own_nothing_is_kept(self, tmp_path: Path) -> None:
        assert problems(tmp_path, secret="s" * 32, data_directory="/proc/none") == {}
