"""The dashboard in docs/grafana shows what a server with a call in it really exports."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack
from prometheus_client.parser import text_string_to_metric_families

from media.sfu import Sfu, SfuSettings
from server.app import create_app
from server.auth import Tokens
from server.settings import Settings
from tests.server.fakes import SECRET

DOCS = Path(__file__).parents[2] / "docs"
DASHBOARD = json.loads((DOCS / "grafana" / "roomtone.json").read_text())
PATIENCE = 20  # seconds; a guard against hanging, no bar for speed
COLUMNS = 24  # of Grafana's grid
ROOM = "quiet-harbour"
SCRAPER = "a token of the tests"

Labels = dict[str, set[str]]  # values by name


def panels() -> list[dict[str, Any]]:
    return list(DASHBOARD["panels"])


def charts() -> list[dict[str, Any]]:
    return [panel for panel in panels() if panel["type"] != "row"]


def expressions() -> Iterator[tuple[str, str, str]]:
    """(title, expression, legend)."""
    for panel in charts():
        for target in panel["targets"]:
            yield panel["title"], target["expr"], target["legendFormat"]


async def connect(client: Any, path: str, permission: Any) -> RTCPeerConnection:
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    if permission == "publish":
        peer.addTrack(AudioStreamTrack())
        peer.addTrack(VideoStreamTrack())
    else:
        peer.addTransceiver("audio", "recvonly")
        peer.addTransceiver("video", "recvonly")
    await peer.setLocalDescription(await peer.createOffer())
    token = Tokens(SECRET).link(ROOM, "guest", lifetime=60, now=time.time(), may=("join", permission))
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/sdp"}
    response = await client.post(f"{path}/{ROOM}", data=peer.localDescription.sdp, headers=headers)
    assert response.status == 201
    await peer.setRemoteDescription(RTCSessionDescription(await response.text(), "answer"))
    return peer


async def host(client: Any) -> Any:
    """A page that missed a part of what it heard, and said so."""
    token = Tokens(SECRET).link(ROOM, "host", lifetime=60, now=time.time(), name="Dr. Reed")
    socket = await client.ws_connect("/ws")
    sounds = [{"slot": 0, "concealed_ms": 60, "total_ms": 1000, "buffered_ms": 80}]
    for message in (
        {"type": "hello", "version": 1, "token": token},
        {"type": "nonsense"},
        {"type": "heard", "sounds": sounds, "frozen_ms": 300},
    ):
        await socket.send_json(message)
    while (await socket.receive_json())["type"] != "conditions":
        pass
    return socket


async def scrape(client: Any) -> str:
    response = await client.get("/metrics", headers={"Authorization": f"Bearer {SCRAPER}"})
    assert response.status == 200
    return await response.text()


@pytest.fixture
async def exported(
    make_settings: Callable[..., Settings], static: Any, aiohttp_client: Callable[..., Any]
) -> AsyncIterator[str]:
    """What /metrics says while somebody sends a picture, somebody watches it, and a host is there."""
    sfu = Sfu(SfuSettings(host="127.0.0.1", public_addresses=("127.0.0.1",)))
    await sfu.start()
    client = await aiohttp_client(create_app(make_settings(metrics_token=SCRAPER), sfu, SECRET, static))
    peers: list[RTCPeerConnection] = []
    try:
        async with asyncio.timeout(PATIENCE):
            page = await host(client)
            peers.append(await connect(client, "/whip", "publish"))
            shown: dict[str, Any] = {}
            while 'roomtone_media_paths{protocol="udp4"} 1.0' not in await scrape(client):
                await asyncio.sleep(0.05)
            peers.append(viewer := await connect(client, "/whep", "subscribe"))
            viewer.on("track", lambda track: shown.__setitem__(track.kind, track))
            while 'roomtone_media_pictures{state="motion"} 1.0' not in await scrape(client):
                await asyncio.sleep(0.05)
            text = await scrape(client)
            await page.close()
        yield text
    finally:
        for peer in peers:
            await peer.close()
        await sfu.close()


def series(text: str) -> dict[str, Labels]:
    """All labels with their values, by name of the series; families without a sample have none."""
    found: dict[str, Labels] = {}
    for family in text_string_to_metric_families(text):
        suffix = "_total" if family.type == "counter" else ""
        found.setdefault(family.name + suffix, {})
        for sample in family.samples:
            labels = found.setdefault(sample.name, {})
            for name, value in sample.labels.items():
                labels.setdefault(name, set()).add(value)
    return found


def test_what_the_dashboard_asks_for_is_exported(exported: str) -> None:
    known = series(exported)
    for title, expression, legend in expressions():
        names = re.findall(r"\b((?:roomtone|process)_\w+)", expression)
        assert names, f"{title} asks for nothing"
        for name in names:
            assert name in known, f"{title}: {name}"
        labels = known[names[0]]
        for label in re.findall(r"by \((\w+)\)", expression) + re.findall(r"{{(\w+)}}", legend):
            assert label == "instance" or label in labels or not labels, f"{title}: {label}"
        for label, value in re.findall(r'[{ ](\w+)="([^"]*)"', expression):
            assert label in labels, f"{title}: {label}"
            # Groups are there with 0, too; of levels only those that somebody is on.
            assert value in labels[label] or label == "level", f"{title}: {label} is never {value}"


def test_alerts_of_the_manual_ask_for_what_is_exported(exported: str) -> None:
    known = series(exported)
    rules = re.findall(r"^ +expr: (.+)$", (DOCS / "operating.md").read_text(), re.MULTILINE)
    assert len(rules) > 3
    for rule in rules:
        for name in re.findall(r"\b((?:roomtone|process)_\w+)", rule):
            assert name in known, rule
        for name, selector in re.findall(r"\b(roomtone_\w+){([^}]*)}", rule):
            for label, values in re.findall(r'(\w+)=~?"([^"]*)"', selector):
                assert set(values.split("|")) <= known[name][label], rule
    assert known["roomtone_full_total"]["limit"] == {"max_rooms", "max_connections", "max_peers"}


def test_groups_of_receivers_are_all_shown(exported: str) -> None:
    for name, labels in series(exported).items():
        asked = {
            value
            for _, expression, _ in expressions()
            if name in expression
            for value in re.findall(r'at_most="([^"]*)"', expression)
        }
        assert asked == labels.get("at_most", set()), name


def test_what_is_exported_is_on_the_dashboard_and_in_the_manual(exported: str) -> None:
    asked = " ".join(expression for _, expression, _ in expressions())
    operating = (DOCS / "operating.md").read_text()
    for family in text_string_to_metric_families(exported):
        if family.name.startswith("roomtone_"):
            assert family.name in asked
            assert family.name in re.sub(r"\{\w+\}", "", operating), family.name


def test_no_metric_tells_who_is_there(exported: str) -> None:
    assert "Reed" not in exported and ROOM not in exported
    allowed = {"connection", "code", "type", "reason", "quality", "le", "at_most", "phase", "share", "state"}
    allowed |= {"layer", "level", "camera", "packing", "protocol", "limit"}
    for name, labels in series(exported).items():
        if name.startswith("roomtone_"):
            assert labels.keys() <= allowed, name


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    ids = [panel["id"] for panel in panels()]
    assert len(ids) == len(set(ids))
    cells: dict[tuple[int, int], str] = {}
    for panel in panels():
        at = panel["gridPos"]
        assert at["x"] >= 0 and at["x"] + at["w"] <= COLUMNS and at["h"] > 0 and at["w"] > 0
        for cell in itertools.product(range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"])):
            assert cell not in cells, f"{panel['title']} lies on {cells[cell]}"
            cells[cell] = panel["title"]


def test_every_panel_says_what_it_shows_and_in_which_unit() -> None:
    titles = [panel["title"] for panel in panels()]
    assert len(titles) == len(set(titles))
    for panel in charts():
        assert panel["description"].endswith("."), panel["title"]
        defaults = panel["fieldConfig"]["defaults"]
        assert defaults["unit"], panel["title"]
        steps = [step["value"] for step in defaults["thresholds"]["steps"]]
        assert steps[0] is None and steps[1:] == sorted(steps[1:]), panel["title"]


def test_it_can_be_imported_with_any_data_source() -> None:
    names = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
    assert names["datasource"]["type"] == "datasource" and names["datasource"]["query"] == "prometheus"
    assert DASHBOARD["id"] is None and DASHBOARD["schemaVersion"] >= 38
    for panel in charts():
        for source in (panel["datasource"], *(target["datasource"] for target in panel["targets"])):
            assert source == {"type": "prometheus", "uid": "${datasource}"}
    for _, expression, _ in expressions():
        assert expression.count("(") == expression.count(")")
        assert set(re.findall(r"\$(\w+)", expression)) <= {*names, "__rate_interval"}
        assert re.search(r'instance=~"\$instance"', expression)
