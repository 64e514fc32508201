"""The command line, and one real process from start to SIGTERM."""

from __future__ import annotations

import asyncio
import getpass
import os
import re
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

from server.__main__ import main
from server.auth import Tokens, read_or_create_secret
from tests.server.certificates import make_certificate

ROOT = Path(__file__).parents[2]
PATIENCE = 30  # seconds; a guard against hanging


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("ROOMTONE_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("ROOMTONE_DATA_DIRECTORY", str(tmp_path / "data"))


class TestHelp:
    @pytest.mark.parametrize("command", [[], ["serve"], ["token"], ["check"]])
    def test_every_command_explains_itself(
        self, command: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit) as stop:
            main([*command, "--help"])
        text = capsys.readouterr().out
        assert stop.value.code == 0
        for word in (
            ["--port", "--media-port", "--public-address", "--tls-key"] if command else ["serve", "token"]
        ):
            assert word in text

    def test_secrets_are_no_flags(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            main(["serve", "--help"])
        text = capsys.readouterr().out
        assert "--secret" not in text and "--metrics-token" not in text

    def test_without_a_command_it_says_what_there_is(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as stop:
            main([])
        assert stop.value.code == 2 and "COMMAND" in capsys.readouterr().err


class TestToken:
    @pytest.fixture(autouse=True)
    def secret(self, clean: None, tmp_path: Path) -> None:
        read_or_create_secret(tmp_path / "data")  # as the server does at its start

    def test_without_the_server_s_secret_there_is_no_link(
        self, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        other = tmp_path / "other"
        assert main(["token", "--room", "quiet-harbour", "--data-directory", str(other)]) == 1
        said = capsys.readouterr()
        assert not said.out and not other.exists()
        assert str(other) in said.err and "--config" in said.err and getpass.getuser() in said.err

    def test_a_secret_that_was_set_is_used(
        self, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ROOMTONE_SECRET", "s" * 32)
        raw, _ = self.token(capsys, tmp_path, "--raw", "--data-directory", str(tmp_path / "other"))
        assert Tokens(b"s" * 32).read_link(raw, now=time.time()).room == "quiet-harbour"

    def token(self, capsys: pytest.CaptureFixture[str], tmp_path: Path, *arguments: str) -> tuple[str, str]:
        assert main(["token", "--room", "quiet-harbour", *arguments]) == 0
        printed = capsys.readouterr().out.strip()
        return printed, printed.rpartition("#")[2]

    def test_a_link_is_printed(self, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        link, token = self.token(capsys, tmp_path, "--role", "host", "--name", "Dr. Reed", "--expires", "2h")
        assert link.startswith("http://localhost:8080/r/quiet-harbour#")
        now = time.time()
        claims = Tokens(read_or_create_secret(tmp_path / "data")).read_link(
            token, now=now, room="quiet-harbour"
        )
        assert claims.role == "host" and claims.name == "Dr. Reed"
        assert now + 7100 < claims.exp < now + 7300

    def test_the_public_url_is_in_the_link(self, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        link, _ = self.token(capsys, tmp_path, "--public-url", "https://talk.example.org")
        assert link.startswith("https://talk.example.org/r/quiet-harbour#")

    def test_the_bare_token_is_printed(self, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        raw, _ = self.token(capsys, tmp_path, "--raw", "--may", "join,publish", "--identity", "encoder")
        claims = Tokens(read_or_create_secret(tmp_path / "data")).read_link(raw, now=time.time())
        assert claims.may == ("join", "publish") and claims.sub == "encoder" and claims.role == "guest"

    @pytest.mark.parametrize(
        ("arguments", "word"),
        [
            (["--room", "a b"], "room"),
            (["--room", "r", "--name", "n" * 61], "name"),
            (["--room", "r", "--identity", "a b"], "sub"),
            (["--room", "r", "--may", "moderate"], "host"),
        ],
    )
    def test_what_can_not_be_signed_is_explained(
        self, capsys: pytest.CaptureFixture[str], arguments: list[str], word: str
    ) -> None:
        assert main(["token", *arguments]) == 1
        assert word in capsys.readouterr().err

    @pytest.mark.parametrize("arguments", [["--expires", "soon"], ["--expires", "0h"], ["--may", "fly"]])
    def test_wrong_options_are_explained(
        self, capsys: pytest.CaptureFixture[str], arguments: list[str]
    ) -> None:
        with pytest.raises(SystemExit) as stop:
            main(["token", "--room", "r", *arguments])
        assert stop.value.code == 2 and arguments[1] in capsys.readouterr().err


class TestCheck:
    def test_says_that_all_is_fine(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["check", "--port", "0", "--media-port", "0"]) == 0
        assert "fine" in capsys.readouterr().out

    def test_says_what_is_wrong(self, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        config = tmp_path / "roomtone.toml"
        config.write_text("max_room = 3\n")
        assert main(["check", "--config", str(config), "--public-address", "example.org"]) == 1
        errors = capsys.readouterr().err
        assert "Did you mean max_rooms?" in errors and "public_addresses" in errors

    def test_a_server_that_would_not_start_does_not_start(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["serve", "--port", "0", "--media-port", "0", "--tls-key", "/nowhere"]) == 1
        assert "tls_certificate" in capsys.readouterr().err


Starter = Callable[..., Awaitable[asyncio.subprocess.Process]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Starter]:
    environment = {**os.environ, "ROOMTONE_DATA_DIRECTORY": str(tmp_path / "data")}
    started: list[asyncio.subprocess.Process] = []

    async def start(*arguments: str) -> asyncio.subprocess.Process:
        running = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "server", "serve", "--port", "0", "--media-port", "0", *arguments),
            cwd=ROOT,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        started.append(running)
        return running

    yield start
    for running in started:
        if running.returncode is None:
            running.kill()
        await running.communicate()


async def test_a_process_prints_links_that_work_and_stops_when_told(start: Starter) -> None:
    process = await start()
    assert process.stdout is not None and process.stderr is not None
    async with asyncio.timeout(PATIENCE):
        lines = [(await process.stdout.readline()).decode() for _ in range(4)]
        address = re.search(r"Roomtone is running at (http://localhost:\d+)", lines[0])
        host_link, guest_link = (line.split()[-1] for line in lines[1:3])
        assert address and host_link.startswith(address[1] + "/r/")
        assert urlsplit(host_link).path == urlsplit(guest_link).path
        async with aiohttp.ClientSession() as client:
            async with client.get(urlsplit(host_link)._replace(fragment="").geturl()) as page:
                assert page.status == 200
            async with client.ws_connect(address[1] + "/ws") as socket:
                token = urlsplit(host_link).fragment
                await socket.send_json({"type": "hello", "version": 1, "token": token, "name": "Dr. Reed"})
                welcome = await socket.receive_json()
                assert welcome["state"] == "joined" and welcome["role"] == "host"
                process.send_signal(signal.SIGTERM)
                messages = [await socket.receive_json()]
                while messages[-1]["type"] != "bye":
                    messages.append(await socket.receive_json())
                assert messages[-1]["code"] == "restart" and messages[-1]["retry"]
        assert await process.wait() == 0
        errors = (await process.stderr.read()).decode()
    assert "Traceback" not in errors and "Reed" not in errors
    for private in (token, urlsplit(host_link).path.rpartition("/")[2], "127.0.0.1"):
        assert private not in errors


async def test_what_strangers_send_is_not_in_the_log(start: Starter) -> None:
    process = await start("--no-first-room")
    assert process.stdout is not None and process.stderr is not None
    async with asyncio.timeout(PATIENCE):
        port = int((await process.stdout.readline()).decode().rpartition(":")[2])
        for request in (
            b"GET /r/quiet-harbour HTTP/9.9.9\r\n\r\n",
            b"GET /r/quiet-harbour HTTP/1.1\r\nHost\x00: a\r\n\r\n",
            b"\x16\x03\x01quiet-harbour",
        ):
            reader, writer = await asyncio.open_connection("localhost", port)
            writer.write(request)
            writer.write_eof()
            await reader.read()
            writer.close()
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
        errors = (await process.stderr.read()).decode()
    for private in ("Traceback", "quiet-harbour", "127.0.0.1", "::1"):
        assert private not in errors


async def test_a_process_hangs_up_on_who_only_connects(start: Starter) -> None:
    process = await start("--no-first-room", "--hello-seconds", "0.05")
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        port = int((await process.stdout.readline()).decode().rpartition(":")[2])
        reader, writer = await asyncio.open_connection("localhost", port)
        assert await reader.read() == b""
        writer.close()


async def test_a_process_with_a_certificate_speaks_https(start: Starter, tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path / "tls")
    process = await start("--tls-certificate", str(certificate), "--tls-key", str(key), "--no-first-room")
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        address = (await process.stdout.readline()).decode().split()[-1]
        assert address.startswith("https://localhost:")
        async with aiohttp.ClientSession() as client, client.get(address, ssl=False) as page:
            assert page.status == 200
            assert "max-age=" in page.headers["Strict-Transport-Security"]
