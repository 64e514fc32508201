"""Rooms without sockets and an application without media, for all tests of the server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from server.app import create_app
from server.settings import Settings
from tests.server.fakes import SECRET, FakeSfu, House


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def fake_sfu() -> FakeSfu:
    return FakeSfu()


@pytest.fixture
def make_settings(tmp_path: Path) -> Callable[..., Settings]:
    def make(**more: Any) -> Settings:
        return Settings(data_directory=tmp_path, secret=SECRET.decode(), **more)

    return make


@pytest.fixture
def static(tmp_path: Path) -> Path:
    """A page of two files."""
    folder = tmp_path / "static"
    (folder / "js").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>Roomtone</title>" + "<p>quiet</p>" * 50)
    (folder / "js" / "main.js").write_text("export const quiet = true;\n" * 50)
    return folder


@pytest.fixture
def make_app(fake_sfu: FakeSfu, static: Path, make_settings: Callable[..., Settings]) -> Callable[..., Any]:
    def make(**settings: Any) -> Any:
        return create_app(make_settings(**settings), fake_sfu, SECRET, static)  # type: ignore[arg-type]

    return make


@pytest.fixture
async def client(make_app: Callable[..., Any], aiohttp_client: Callable[..., Any]) -> Any:
    """Asks the application over HTTP."""
    return await aiohttp_client(make_app())
