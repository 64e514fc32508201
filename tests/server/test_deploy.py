"""The Dockerfile, compose.yaml and Caddyfile, as far as they can be tried without an engine."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from server.__main__ import main
from server.settings import ENVIRONMENT_PREFIX, Settings, load

ROOT = Path(__file__).parents[2]
COMPOSE = (ROOT / "compose.yaml").read_text()
CADDYFILE = (ROOT / "docs" / "deploy" / "Caddyfile").read_text()


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile as (instruction, arguments), comments out and continued lines joined."""
    lines = [
        line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.lstrip().startswith("#")
    ]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [
        (word, rest.strip())
        for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line)
    ]


def all_of(name: str) -> list[str]:
    return [rest for word, rest in instructions() if word == name]


def environment() -> dict[str, str]:
    pairs = (pair.partition("=") for line in all_of("ENV") for pair in line.split())
    return {name: value for name, _, value in pairs}


def service(name: str) -> str:
    """The text of one service in compose.yaml."""
    found = re.search(rf"^  {name}:\n((?:    .*\n|\n)+)", COMPOSE, re.MULTILINE)
    assert found
    return found[1]


class TestDockerfile:
    def test_everything_that_is_copied_is_there_and_not_ignored(self) -> None:
        kept = [
            line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")
        ]
        for line in all_of("COPY"):
            if not line.startswith("--from="):
                source = line.split()[0]
                assert (ROOT / source).exists(), source
                assert any(fnmatch(source.removeprefix("./"), pattern) for pattern in kept), source

    def test_everything_the_server_reads_is_copied(self) -> None:
        copied = {line.split()[0] for line in all_of("COPY")}
        assert {"server", "media", "static", "requirements.lock", ".ci/compile.py"} <= copied
        assert "COPY --from=compiled /compiled ./" in (ROOT / "Dockerfile").read_text()

    def test_it_does_not_run_as_root_and_the_data_is_its_own(self) -> None:
        words = [word for word, _ in instructions()]
        (user,) = all_of("USER")
        assert user != "root" and any("useradd" in run and user in run for run in all_of("RUN"))
        assert words.index("USER") > max(i for i, word in enumerate(words) if word in ("COPY", "RUN"))
        assert all_of("VOLUME") == [environment()["ROOMTONE_DATA_DIRECTORY"]]
        assert re.search(rf"install -d -o {user} -g {user} -m 700 /data", all_of("RUN")[-1])

    def test_every_variable_is_a_setting(self) -> None:
        settings = load(environment=environment())
        assert any(name.startswith(ENVIRONMENT_PREFIX) for name in environment())
        assert settings.host == "0.0.0.0" and not settings.first_room

    def test_packages_are_installed_from_the_lock_with_hashes(self) -> None:
        installs = [run for run in all_of("RUN") if "pip install" in run]
        for install, lock in zip(installs, ("compile.lock", "requirements.lock"), strict=True):
            assert "--require-hashes" in install and install.endswith(lock)
            assert "--only-binary=:all:" in install

    def test_the_image_has_the_python_that_the_project_needs(self) -> None:
        versions = {line.split()[0] for line in all_of("FROM")}
        assert versions == {"python:3.11-slim"}

    def test_the_command_is_accepted(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        command = [*json.loads(all_of("ENTRYPOINT")[0]), *json.loads(all_of("CMD")[0])]
        assert command[:3] == ["python", "-m", "server"]
        with pytest.raises(SystemExit) as stop:
            main([*command[3:], "--help"])
        assert stop.value.code == 0 and "serve" in capsys.readouterr().out

    async def test_the_health_check_tells_a_healthy_server_from_none(
        self, make_app: Any, aiohttp_server: Any, unused_tcp_port: int
    ) -> None:
        (check,) = all_of("HEALTHCHECK")
        command = json.loads(check.partition("CMD ")[2])
        assert command[0] == "python" and ":8080/" in command[2]
        healthy = await aiohttp_server(make_app())
        ill = web.Application()
        ill_server = await aiohttp_server(ill)
        for port, expected in ((healthy.port, 0), (ill_server.port, 1), (unused_tcp_port, 1)):
            code = command[2].replace(":8080/", f":{port}/")
            run = asyncio.to_thread(subprocess.run, [sys.executable, "-c", code], capture_output=True)
            assert (await run).returncode == expected


class TestCompose:
    def test_ports_agree_everywhere(self) -> None:
        http, media = environment()["ROOMTONE_PORT"], environment()["ROOMTONE_MEDIA_PORT"]
        assert set(all_of("EXPOSE")[0].split()) == {f"{http}/tcp", f"{media}/udp", f"{media}/tcp"}
        assert (int(http), int(media)) == (Settings().port, Settings().media_port)
        published = set(re.findall(r'"(\d+:\d+/\w+)"', service("roomtone")))
        assert published == {f"{media}:{media}/udp", f"{media}:{media}/tcp"}, "HTTP only through Caddy"
        assert f"reverse_proxy roomtone:{http}" in CADDYFILE

    def test_every_variable_is_a_setting(self) -> None:
        names = re.findall(r"ROOMTONE_(\w+):", COMPOSE)
        assert names and {name.lower() for name in names} <= Settings.model_fields.keys()

    def test_settings_in_the_env_file_reach_the_server(self) -> None:
        assert "env_file:\n      - path: .env\n        required: false\n" in service("roomtone")
        (example,) = re.findall(r"^#   (ROOMTONE_\w+=\w+)$", COMPOSE, re.MULTILINE)
        assert load(environment=dict([example.split("=")])) != Settings()

    def test_no_setting_moves_the_server_away_from_where_it_is_looked_for(self) -> None:
        moved = {
            "HOST": "127.0.0.1",
            "PORT": "9000",
            "TLS_CERTIFICATE": "/etc/cert.pem",
            "TLS_KEY": "/etc/key.pem",
            "MEDIA_HOST": "203.0.113.7",
            "MEDIA_PORT": "443",
            "DATA_DIRECTORY": "/elsewhere",
        }
        env_file = {f"ROOMTONE_{name}": value for name, value in moved.items()}
        pinned = {
            name: value.strip('"')
            for name, value in re.findall(r"^      (ROOMTONE_\w+): (\S*)$", COMPOSE, re.MULTILINE)
        }
        as_it_is = load(environment=environment())
        assert load(environment=environment() | env_file | pinned) == as_it_is

    def test_the_manual_scrapes_where_there_is_somebody(self) -> None:
        targets = re.findall(r'targets: \["([^"]+)"\]', (ROOT / "docs" / "operating.md").read_text())
        domain = dict(re.findall(r"#   (\w+)=(\S+)", COMPOSE))["DOMAIN"]
        assert targets == [f"127.0.0.1:{Settings().port}", domain]

    def test_what_the_operator_has_to_say_is_asked_for(self) -> None:
        for variable in ("DOMAIN", "PUBLIC_ADDRESS"):
            assert f"${{{variable}:?" in COMPOSE and f"#   {variable}=" in COMPOSE
        example = re.findall(r"#   (\w+)=(\S+)", COMPOSE)
        load(
            environment={
                "ROOMTONE_PUBLIC_ADDRESSES": dict(example)["PUBLIC_ADDRESS"],
                "ROOMTONE_PUBLIC_URL": f"https://{dict(example)['DOMAIN']}",
            }
        )

    def test_the_readme_gives_what_is_asked_for(self) -> None:
        deploy = (ROOT / "README.md").read_text().partition("## Deploy it")[2].partition("\n## ")[0]
        asked = set(re.findall(r"\$\{(\w+):\?", COMPOSE))
        assert set(re.findall(r"\b([A-Z_]+)=\S", deploy)) == asked and "> .env" in deploy

    def test_volumes_are_declared_and_mounted_files_exist(self) -> None:
        declared = set(re.findall(r"^  (\w+):$", COMPOSE.partition("\nvolumes:\n")[2], re.MULTILINE))
        mounted = re.findall(r"^      - ([\w./-]+):(/[\w./-]+)(?::ro)?$", COMPOSE, re.MULTILINE)
        assert mounted
        for source, _ in mounted:
            assert source in declared or (ROOT / source).is_file(), source
        assert ("data", environment()["ROOMTONE_DATA_DIRECTORY"]) in mounted

    def test_the_container_can_do_little(self) -> None:
        text = service("roomtone")
        assert "read_only: true" in text and "cap_drop: [ALL]" in text and "no-new-privileges" in text

    def test_caddy_waits_until_the_server_is_healthy(self) -> None:
        assert "condition: service_healthy" in service("caddy")


def caddyfile() -> tuple[str, str]:
    """The block of global options, and the site."""
    code = "\n".join(line for line in CADDYFILE.splitlines() if not line.lstrip().startswith("#"))
    options, site = code.split("\n}\n", 1)
    assert options.startswith("{\n") and site.lstrip().startswith("{$DOMAIN} {")
    return options, site


def test_caddy_keeps_browsers_on_https() -> None:
    assert "Strict-Transport-Security" in caddyfile()[1]


def test_caddy_logs_nobody_s_address_and_no_room() -> None:
    options, site = caddyfile()
    assert "log" not in site, "no access log"
    # Its default log has these without being asked, with remote_ip and uri.
    excluded = re.search(r"\tlog \{\n\t\texclude (.+)\n\t\}", options)
    assert excluded
    assert set(excluded[1].split()) == {"http.log.error", "http.handlers.reverse_proxy", "http.stdlib"}
