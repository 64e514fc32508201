"""Settings: defaults, then a TOML file, then ROOMTONE_* in the environment, then flags. docs/operating.md
lists all."""

from __future__ import annotations

import difflib
import ipaddress
import math
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from server.messages import MAX_PEOPLE

ENVIRONMENT_PREFIX = "ROOMTONE_"
CONFIG_VARIABLE = "ROOMTONE_CONFIG"  # the TOML file, where --config does not name one
MIN_SECRET = 32  # bytes: RFC 7518 section 3.2 wants a key as long as the hash for HS256
MIN_METRICS_TOKEN = 16  # bytes: 128 bit, out of reach of guessing over the network (RFC 6749 section 10.10)
# TCP connections to HTTP beside the WebSockets: pages being loaded, WHIP and WHEP requests, whoever measures.
SPARE_CONNECTIONS = 256
USUAL_PORTS = {"http": 80, "https": 443}
RESERVED = 0.1  # of max_connections: so many more are there for people who come back into their session

Port = Annotated[int, Field(ge=0, le=65535)]


# By pydantic's type of error, where its own words are for programmers.
WHAT_TO_WRITE = {
    "bool_parsing": "Write true or false.",
    "bool_type": "Write true or false.",
    "int_parsing": "Write a whole number.",
    "int_type": "Write a whole number.",
    "int_from_float": "Write a whole number.",
    "float_parsing": "Write a number.",
    "float_type": "Write a number.",
    "string_type": "Write a text.",
    "tuple_type": "Write a list.",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with the settings: which one, and what to do."""

    setting: str
    message: str

    def __str__(self) -> str:
        return f"{self.setting}: {self.message}"


def unreadable(path: Path, error: OSError) -> str:
    """Words for a file that can't be read, and what to do."""
    if isinstance(error, FileNotFoundError):
        return f"There is no {path}. Is the path right, and complete from /?"
    if isinstance(error, IsADirectoryError):
        return f"{path} is a directory. Name the file in it."
    return f"{path} can't be read: {error.strerror}. Let the user that runs Roomtone read it."


class SettingsError(Exception):
    """The settings can't be used; `problems` says why, one by one."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


def default_data_directory() -> Path:
    """$XDG_STATE_HOME/roomtone, by default ~/.local/state/roomtone (XDG Base Directory Specification)."""
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(state).expanduser() / "roomtone"


class Settings(BaseModel):
    """Everything an operator can set. The name of a field is its key in the TOML file, ROOMTONE_NAME in the
    environment and --name on the command line."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    # where people reach the server
    host: str = Field("localhost", description="Address on which HTTP listens.")
    port: Port = Field(8080, description="HTTP port; 0 takes a free one.")
    public_url: str = Field(
        "", description="How browsers reach the server, such as https://talk.example.org; used in links."
    )
    allowed_origins: tuple[str, ...] = Field(
        (), description="Other sites whose pages may open the WebSocket, such as https://clinic.example.org."
    )
    tls_certificate: Path | None = Field(None, description="Certificate chain (PEM); HTTPS without a proxy.")
    tls_key: Path | None = Field(None, description="Private key (PEM) of the certificate.")

    # where sound and picture come in
    media_host: str = Field("", description="Address on which media listens; empty means all.")
    media_port: Port = Field(3478, description="Media port, both UDP and TCP; 0 takes a free one.")
    public_addresses: tuple[str, ...] = Field(
        (), description="Public IP addresses of a server behind NAT; empty means its own addresses."
    )

    # what is kept
    data_directory: Path = Field(
        default_factory=default_data_directory, description="Where the generated secret is kept."
    )
    secret: SecretStr | None = Field(
        None, description="Signs the links; at least 32 bytes. Empty: one is generated and kept."
    )
    metrics_token: SecretStr | None = Field(
        None, description="Bearer token for /metrics; at least 16 bytes. Without it there is no /metrics."
    )
    first_room: bool = Field(True, description="Print a host link and a guest link at the start.")
    log_level: Literal["info", "warning", "error"] = Field("info", description="The least that is logged.")

    # how long things last
    lease_seconds: float = Field(
        300, ge=0, le=3600, description="How long a lost participant keeps their place."
    )
    link_hours: float = Field(8, gt=0, le=8760, description="How long a link works.")
    session_hours: float = Field(
        12, gt=0, le=168, description="How long a page may come back without its link."
    )
    hello_seconds: float = Field(
        10, gt=0, le=60, description="How long a connection may stay silent: until TLS, a request, the hello."
    )
    heartbeat_seconds: float = Field(
        10, gt=0, le=60, description="Seconds between heartbeats on the WebSocket."
    )

    # how much a stranger can take
    max_rooms: int = Field(200, ge=1, le=10_000, description="Rooms at a time.")
    max_participants: int = Field(
        12, ge=2, le=MAX_PEOPLE, description=f"People in one room, the host included; at most {MAX_PEOPLE}."
    )
    max_waiting: int = Field(20, ge=1, le=200, description="People waiting at the door of one room.")
    max_connections: int = Field(
        1000,
        ge=2,
        le=100_000,
        description="WebSockets that said hello, at a time; a tenth more for people who come back.",
    )
    max_peers: int = Field(400, ge=2, le=10_000, description="WebRTC connections at a time.")
    messages_per_second: float = Field(20, ge=1, le=1000, description="Messages a page may send, on average.")
    message_burst: int = Field(100, ge=10, le=10_000, description="Messages a page may send at once.")
    max_bad_messages: int = Field(10, ge=0, le=1000, description="Unreadable messages before hanging up.")
    max_queued_bytes: int = Field(
        2_000_000, ge=500_000, le=100_000_000, description="Bytes queued to a slow page before hanging up."
    )

    @field_validator("public_addresses", "allowed_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return (
            [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
        )

    @field_validator("secret", "metrics_token", "tls_certificate", "tls_key", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("data_directory", mode="before")
    @classmethod
    def _empty_is_default(cls, value: object) -> object:
        return default_data_directory() if value == "" else value

    @field_validator("data_directory", "tls_certificate", "tls_key")
    @classmethod
    def _expand(cls, value: Path | None) -> Path | None:
        return value.expanduser() if value else value

    @field_validator("public_addresses")
    @classmethod
    def _addresses(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            try:
                address = ipaddress.ip_address(value)
            except ValueError:
                raise ValueError(
                    f"{value!r} is not an IP address. Give the address itself, such as 203.0.113.7."
                ) from None
            if address.is_unspecified or address.is_multicast:
                raise ValueError(
                    f"Nobody can reach {value!r}. Give the address that others see, such as 203.0.113.7."
                )
        return values

    @field_validator("allowed_origins")
    @classmethod
    def _origins(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        origins = []
        for value in values:
            origin = _origin(value)
            if origin is None or not origin.isascii():
                raise ValueError(
                    f"{value!r} is not an origin. Write scheme and host only, such as "
                    "https://clinic.example.org, and a name with other letters as its xn-- form."
                )
            origins.append(origin)
        return tuple(origins)

    @field_validator("public_url")
    @classmethod
    def _public_url(cls, value: str) -> str:
        value = value.rstrip("/")
        if value and _origin(value) is None:
            raise ValueError(f"{value!r} is not an address such as https://talk.example.org.")
        return value

    @field_validator("secret")
    @classmethod
    def _secret(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value().encode()) < MIN_SECRET:
            raise ValueError(
                f"The secret is too short: it needs at least {MIN_SECRET} bytes. "
                "Make one with 'openssl rand -base64 48', or leave it out and one is generated."
            )
        return value

    @field_validator("metrics_token")
    @classmethod
    def _metrics_token(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value().encode()) < MIN_METRICS_TOKEN:
            raise ValueError(
                f"The token is too short: it needs at least {MIN_METRICS_TOKEN} bytes. "
                "Make one with 'openssl rand -base64 32', or leave it out and there is no /metrics."
            )
        return value

    @property
    def tls(self) -> bool:
        return self.tls_certificate is not None

    @property
    def max_websockets(self) -> int:
        """With the reserve for people who come back."""
        return self.max_connections + math.ceil(self.max_connections * RESERVED)

    @property
    def max_http_connections(self) -> int:
        return self.max_websockets + SPARE_CONNECTIONS

    def url(self, port: int | None = None) -> str:
        """The address to print and to put into links; `port` is the real one where the setting is 0."""
        if self.public_url:
            return self.public_url
        scheme = "https" if self.tls else "http"
        host = "localhost" if self.host in ("", "0.0.0.0", "::", "127.0.0.1", "::1") else self.host
        if ":" in host:
            host = f"[{host}]"
        real = self.port if port is None else port
        return f"{scheme}://{host}" if real == USUAL_PORTS[scheme] else f"{scheme}://{host}:{real}"


def load(
    flags: Mapping[str, Any] | None = None,
    *,
    config: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """Read the settings from all their sources. `flags` holds only what was given. Raises SettingsError."""
    environment = os.environ if environment is None else environment
    if config is None and environment.get(CONFIG_VARIABLE):
        config = Path(environment[CONFIG_VARIABLE])
    problems: list[Problem] = []
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for values_of_source, source in (
        (dict(_from_file(config, problems)), f"in {config}"),
        (dict(_from_environment(environment, problems)), "in the environment"),
        (dict(flags or {}), "on the command line"),
    ):
        values |= values_of_source
        sources |= dict.fromkeys(values_of_source, source)
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_context=False):
            name = str(detail["loc"][0]) if detail["loc"] else "settings"
            text = WHAT_TO_WRITE.get(detail["type"]) or detail["msg"].removeprefix("Value error, ") + "."
            text = text.replace("..", ".").replace("Input should", "It should")
            problems.append(Problem(name, f"{text} (Set {sources.get(name, 'by default')}.)"))
    if problems:
        raise SettingsError(problems)
    return settings


def _from_file(path: Path | None, problems: list[Problem]) -> Iterator[tuple[str, Any]]:
    if path is None:
        return
    try:
        content = tomllib.loads(path.expanduser().read_text(encoding="utf-8"))
    except OSError as error:
        problems.append(Problem("config", unreadable(path, error)))
        return
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        text = (
            f'{path} is not valid TOML: {error}. Lines look like port = 8080 or host = "localhost", in UTF-8.'
        )
        problems.append(Problem("config", text))
        return
    for name, value in content.items():
        if name in Settings.model_fields:
            yield name, value
        else:
            problems.append(Problem(name, f"There is no such setting (in {path}).{_did_you_mean(name)}"))


def _from_environment(environment: Mapping[str, str], problems: list[Problem]) -> Iterator[tuple[str, str]]:
    for variable, value in environment.items():
        if not variable.startswith(ENVIRONMENT_PREFIX) or variable == CONFIG_VARIABLE:
            continue
        name = variable.removeprefix(ENVIRONMENT_PREFIX).lower()
        if name in Settings.model_fields:
            yield name, value
        else:
            text = f"There is no such setting (in the environment).{_did_you_mean(name, variable=True)}"
            problems.append(Problem(variable, text))


def _did_you_mean(name: str, *, variable: bool = False) -> str:
    near = difflib.get_close_matches(name.replace("-", "_").lower(), Settings.model_fields, n=1, cutoff=0.6)
    if not near:
        return " 'python -m server serve --help' lists the settings."
    meant = ENVIRONMENT_PREFIX + near[0].upper() if variable else near[0]
    return f" Did you mean {meant}?"


def _origin(value: str) -> str | None:
    """The origin as browsers send it (RFC 6454 section 6.2): in lower case, without the port that its scheme
    implies. None: it is none."""
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in USUAL_PORTS or not parts.hostname or "@" in parts.netloc:
        return None
    if value.lower() != f"{parts.scheme}://{parts.netloc}".lower():
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in (None, USUAL_PORTS[parts.scheme]) else "")
