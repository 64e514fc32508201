"""What docs/ says about the server is what the server does."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import TypeAdapter

from server import messages
from server.auth import GUEST_MAY, HOST_MAY, LinkClaims, Permission, read_or_create_secret
from server.session import OFFER_BURST, OFFERS_PER_SECOND, SessionLimits
from server.settings import ENVIRONMENT_PREFIX, Settings
from server.words import WORDS

DOCS = Path(__file__).parents[2] / "docs"
PROTOCOL = (DOCS / "protocol.md").read_text()
to_page: TypeAdapter[messages.ToPage] = TypeAdapter(messages.ToPage)


def section(text: str, heading: str) -> str:
    """From a heading to the next one of the same or a higher level."""
    level = heading.count("#")
    _, found, rest = text.partition(f"\n{heading}\n")
    assert found, heading
    return re.split(rf"^#{{1,{level}}} ", rest, flags=re.MULTILINE)[0]


def examples(heading: str) -> dict[str, Any]:
    """The examples of one direction, by the heading above them."""
    parts = re.split(r"^#### (\w+)$", section(PROTOCOL, heading), flags=re.MULTILINE)
    return {
        name: json.loads(example)
        for name, text in zip(parts[1::2], parts[2::2], strict=True)
        for example in re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    }


def types(union: Any) -> set[str]:
    return {model.model_fields["type"].default for model in get_args(union)}


def table(text: str) -> list[list[str]]:
    """The rows of the first table, without its head."""
    rows = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows[2:]]


class TestMessages:
    @pytest.mark.parametrize(
        ("heading", "union", "adapter"),
        [
            ("### From the page", get_args(messages.FromPage)[0], messages.from_page),
            ("### From the server", messages.ToPage, to_page),
        ],
    )
    def test_every_message_has_an_example_that_is_valid_and_complete(
        self, heading: str, union: Any, adapter: TypeAdapter[Any]
    ) -> None:
        found = examples(heading)
        assert found.keys() == types(union)
        for name, example in found.items():
            message = adapter.validate_python(example)
            assert message.type == name
            assert example.keys() == type(message).model_fields.keys(), f"{name} leaves something out"
            assert json.loads(message.model_dump_json()) == example

    def test_links_within_the_document_lead_somewhere(self) -> None:
        headings = re.findall(r"^#+ (.+)$", PROTOCOL, re.MULTILINE)
        anchors = {heading.lower().replace(" ", "-") for heading in headings}
        for target in re.findall(r"\]\(#([\w-]+)\)", PROTOCOL):
            assert target in anchors

    def test_every_code_is_listed_with_its_words(self) -> None:
        listed = dict(table(section(PROTOCOL, "## Codes")))
        assert listed == {f"`{code}`": words for code, words in WORDS.items()}

    def test_limits_are_those_of_the_server(self) -> None:
        text = section(PROTOCOL, "### Limits")
        limits = SessionLimits()
        assert messages.MAX_MESSAGE == 256 * 1024 and "256 KiB" in text
        assert f"{limits.messages_per_second:g} a second, {limits.message_burst} at once" in text
        assert f"one in {1 / OFFERS_PER_SECOND:g} seconds, {OFFER_BURST} at once" in text
        assert f"| {limits.bad_messages} |" in text and "2 MB" in text
        assert f"{messages.MAX_SDP:,}, {messages.MAX_CHAT:,}, {messages.MAX_NAME} characters" in text


class TestTokens:
    def test_every_claim_is_listed(self) -> None:
        listed = {
            name for row in table(section(PROTOCOL, "## Tokens")) for name in re.findall(r"`(\w+)`", row[0])
        }
        assert listed == {*LinkClaims.model_fields, "aud", "iat"}

    def test_what_roles_may_is_as_written(self) -> None:
        text = section(PROTOCOL, "## Tokens")
        host, guest = re.search(r"A host may (.+?); a guest may (.+?)\.", text).groups()  # type: ignore[union-attr]
        assert tuple(re.findall(r"`(\w+)`", host)) == HOST_MAY
        assert tuple(re.findall(r"`(\w+)`", guest)) == GUEST_MAY
        (may,) = (row[1] for row in table(text) if row[0] == "`may`")
        assert set(re.findall(r"`(\w+)`", may)) == set(get_args(Permission))

    def test_the_commands_that_make_tokens_are_accepted(self, capsys: Any, tmp_path: Path) -> None:
        import shlex

        from server.__main__ import main

        commands = re.findall(r"\$\((\.venv/bin/python -m server .*)\)", PROTOCOL)
        assert len(commands) == 2
        read_or_create_secret(tmp_path)
        for command in commands:
            assert main([*shlex.split(command)[3:], "--data-directory", str(tmp_path)]) == 0
            assert capsys.readouterr().out.count(".") == 2


class TestSettings:
    def test_every_setting_is_listed_with_its_default_and_meaning(self) -> None:
        operating = (DOCS / "operating.md").read_text()
        listed = {row[0].strip("`"): (row[1], row[2]) for row in table(section(operating, "## Settings"))}
        assert list(listed) == list(Settings.model_fields)
        for name, field in Settings.model_fields.items():
            default, meaning = listed[name]
            assert meaning == field.description, name
            if name != "data_directory":
                value = field.get_default()
                assert default == (
                    "" if value in ("", (), None) else f"`{json.dumps(value)}`".replace('"', "")
                ), name

    def test_variables_that_are_named_exist(self) -> None:
        for document in (*DOCS.glob("*.md"), DOCS.parent / "README.md"):
            for name in re.findall(rf"\b{ENVIRONMENT_PREFIX}([A-Z_]+)\b", document.read_text()):
                assert name == "CONFIG" or name == "NAME" or name.lower() in Settings.model_fields, (
                    f"{document.name}: {name}"
                )


class TestCommands:
    def test_commands_name_the_python_that_has_the_packages(self) -> None:
        # `make run` installs into .venv, and a plain Debian has no `python`; the image's own has everything.
        for name in ("README.md", "docs/operating.md", "docs/protocol.md", "docs/congestion.md"):
            text = (DOCS.parent / name).read_text()
            bare = re.findall(r"(?<!\.venv/bin/)(?<!exec roomtone )python3? -m .*", text)
            assert bare == [], name


class TestFigures:
    def test_those_of_the_readme_are_those_of_the_bars(self) -> None:
        bars = (DOCS / "bars.md").read_text()
        rows = table(section((DOCS.parent / "README.md").read_text(), "## How it compares"))
        assert rows
        for _, ours, theirs in rows:
            for figure in re.findall(r"\d+(?:\.\d+)?", f"{ours} {theirs.removesuffix('Janus: 1')}"):
                assert re.search(rf"(?<![\d.]){re.escape(figure)}(?![\d.])", bars), figure
