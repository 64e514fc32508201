"""The command line: `python -m server serve`, `token` and `check`."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import logging
import os
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic.fields import FieldInfo

from server.auth import Permission, Tokens, read_secret
from server.check import find_doubts, find_problems
from server.settings import Problem, Settings, SettingsError, load

# Not on the command line: every user of the machine can read the arguments of a process.
NO_FLAG = ("secret", "metrics_token")
_PATTERNS = {"string_pattern_mismatch": "letters, digits, - and _ only, at most 64 of them"}
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except SettingsError as error:
        _tell(error.problems)
        return 1
    return code


def _tell(problems: Sequence[Problem]) -> None:
    for problem in problems:
        print(f"roomtone: {problem}", file=sys.stderr)


def _serve(options: argparse.Namespace) -> int:
    # Imported here, so that `token` and `check` answer at once and need no media.
    from server.serve import serve

    settings = _settings(options)
    problems = find_problems(settings)
    if problems:
        raise SettingsError(problems)
    _tell(find_doubts(settings))
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(message)s")
    # Below, aioice and aiortc tell addresses and names; nobody's address belongs into a log.
    for chatty in ("aioice", "aiortc", "asyncio"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # It has an error for every request that is no HTTP, with the address and what was asked for. Failures of
    # ours are logged by server.problem.guard.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    asyncio.run(serve(settings))
    return 0


def _check(options: argparse.Namespace) -> int:
    settings = _settings(options)
    problems = find_problems(settings, running=options.running)
    if problems:
        raise SettingsError(problems)
    _tell(find_doubts(settings))
    where = settings.url()
    if where.endswith(":0"):
        where = f"{where.removesuffix(':0')} on a free port"
    media = f"port {settings.media_port}" if settings.media_port else "a free port"
    print(f"The settings are fine. Roomtone would run at {where}, with sound and picture on {media}.")
    return 0


def _token(options: argparse.Namespace) -> int:
    settings = _settings(options)
    secret = _servers_secret(settings)
    may = tuple(options.may) if options.may else None
    try:
        token = Tokens(secret).link(
            options.room,
            options.role,
            lifetime=options.expires if options.expires is not None else settings.link_hours * 3600,
            now=time.time(),
            identity=options.identity,
            name=options.name,
            may=may,
        )
    except ValueError as error:
        print(f"roomtone: the token can't be made: {_reason(error)}", file=sys.stderr)
        return 1
    print(token if options.raw else f"{settings.url()}/r/{options.room}#{token}")
    return 0


def _servers_secret(settings: Settings) -> bytes:
    """The secret that the server signs with. It is never made here: a link that is signed with another one
    opens nothing. Raises SettingsError."""
    if settings.secret is not None:
        return settings.secret.get_secret_value().encode()
    directory = settings.data_directory
    try:
        return read_secret(directory)
    except FileNotFoundError:
        text = (
            f"There is no secret of a server in {directory}. Name the server's --config or --data-directory, "
            f"run this as the user that the server runs as (you are {_user()}), or start the server once."
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        text = f"The secret in {directory} can't be read by {_user()}: {reason}"
    raise SettingsError([Problem("data_directory", text)])


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # one without a name, as in containers
        return str(os.geteuid())


def _reason(error: ValueError) -> str:
    from pydantic import ValidationError

    if not isinstance(error, ValidationError):
        return str(error)
    details = error.errors(include_url=False, include_context=False)
    return "; ".join(
        f"{detail['loc'][0]}: {_PATTERNS.get(detail['type'], detail['msg'])}" for detail in details
    )


def _settings(options: argparse.Namespace) -> Settings:
    given = vars(options)
    flags = {name: given[name] for name in Settings.model_fields if given.get(name) is not None}
    return load(flags, config=options.config)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m server", description="Roomtone: video sessions in which the voice stays."
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, run, text in (
        ("serve", _serve, "run the server"),
        ("check", _check, "say what is wrong with the settings, if anything"),
        ("token", _token, "make a link for a host or a guest"),
    ):
        command = commands.add_parser(name, help=text, description=text.capitalize() + ".")
        command.set_defaults(run=run)
        if name == "token":
            _add_token_options(command)
        if name == "check":
            command.add_argument(
                "--running",
                action="store_true",
                help="for a server that runs with them now: its ports are not looked at, being in use",
            )
        _add_settings(command)
    return parser


def _add_token_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--room", required=True, help="name of the room: letters, digits, - and _")
    parser.add_argument("--role", choices=("host", "guest"), default="guest")
    parser.add_argument("--name", help="name that the person goes by; without it they choose one themselves")
    parser.add_argument(
        "--identity", help="makes the link personal: opening it again takes over the same place"
    )
    parser.add_argument("--expires", type=_duration, metavar="8h", help="how long it works: 30m, 8h, 2d")
    parser.add_argument(
        "--may",
        type=_permissions,
        metavar="join,publish",
        help=f"what it allows, instead of what the role does: {', '.join(get_args(Permission))}",
    )
    parser.add_argument("--raw", action="store_true", help="print the token alone, not a link")


def _add_settings(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "settings", "Also in a TOML file and, as ROOMTONE_NAME, in the environment; flags win over both."
    )
    group.add_argument("--config", type=Path, metavar="FILE", help="TOML file with settings")
    for name, field in Settings.model_fields.items():
        if name in NO_FLAG:
            continue
        options: dict[str, Any] = {"dest": name, "default": None, "help": _help(field)}
        if field.annotation is bool:
            group.add_argument(f"--{_dashed(name)}", action=argparse.BooleanOptionalAction, **options)
        elif field.annotation == tuple[str, ...]:
            group.add_argument(f"--{_dashed(_singular(name))}", action="append", metavar="VALUE", **options)
        else:
            group.add_argument(f"--{_dashed(name)}", metavar="VALUE", **options)


def _help(field: FieldInfo) -> str:
    shown = field.get_default(call_default_factory=True)
    return f"{field.description} [{shown}]" if shown or shown == 0 else str(field.description)


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _singular(name: str) -> str:
    return re.sub(r"(ss)?e?s$", r"\1", name) if name.endswith("sses") else name.removesuffix("s")


def _duration(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text)
    if match is None or not float(match[1]):
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration such as 30m, 8h or 2d")
    return float(match[1]) * _UNITS[match[2]]


def _permissions(text: str) -> list[str]:
    permissions = [part.strip() for part in text.split(",") if part.strip()]
    for permission in permissions:
        if permission not in get_args(Permission):
            raise argparse.ArgumentTypeError(
                f"{permission!r} is not one of {', '.join(get_args(Permission))}"
            )
    return permissions


if __name__ == "__main__":
    sys.exit(main())
