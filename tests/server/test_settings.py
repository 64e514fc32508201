"""Where settings come from, and what is said about wrong ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.settings import Settings, SettingsError, load


def problems(flags: dict[str, object] | None = None, **sources: object) -> dict[str, str]:
    with pytest.raises(SettingsError) as error:
        load(flags, environment=sources.get("environment", {}), config=sources.get("config"))  # type: ignore[arg-type]
    return {problem.setting: problem.message for problem in error.value.problems}


def test_defaults_are_enough() -> None:
    settings = load(environment={})
    assert settings == Settings()
    assert settings.url() == "http://localhost:8080"


def test_flags_win_over_the_environment_which_wins_over_the_file(tmp_path: Path) -> None:
    config = tmp_path / "roomtone.toml"
    config.write_text('port = 1\nmedia_port = 1\nmax_rooms = 1\nhost = "0.0.0.0"\n')
    environment = {"ROOMTONE_PORT": "2", "ROOMTONE_MEDIA_PORT": "2", "HOME": "/"}
    settings = load({"port": "3"}, config=config, environment=environment)
    assert (settings.port, settings.media_port, settings.max_rooms) == (3, 2, 1)
    assert settings.host == "0.0.0.0"


def test_the_environment_can_name_the_file(tmp_path: Path) -> None:
    config = tmp_path / "roomtone.toml"
    config.write_text("port = 7\n")
    assert load(environment={"ROOMTONE_CONFIG": str(config)}).port == 7


def test_lists_are_separated_by_commas_in_the_environment() -> None:
    settings = load(environment={"ROOMTONE_PUBLIC_ADDRESSES": "203.0.113.7, 2001:db8::7"})
    assert settings.public_addresses == ("203.0.113.7", "2001:db8::7")


def test_empty_variables_are_like_none() -> None:
    names = ("SECRET", "METRICS_TOKEN", "TLS_KEY", "DATA_DIRECTORY", "PUBLIC_ADDRESSES", "PUBLIC_URL")
    assert load(environment={f"ROOMTONE_{name}": "" for name in names}) == Settings()


def test_a_misspelt_key_gets_a_suggestion(tmp_path: Path) -> None:
    config = tmp_path / "roomtone.toml"
    config.write_text('media-prot = 1\npublic_adress = "x"\nzzz = 1\n')
    found = problems(config=config)
    assert "Did you mean media_port?" in found["media-prot"]
    assert "Did you mean public_addresses?" in found["public_adress"]
    assert "--help" in found["zzz"]


def test_a_misspelt_variable_gets_a_suggestion() -> None:
    found = problems(environment={"ROOMTONE_PROT": "1"})
    assert "Did you mean ROOMTONE_PORT?" in found["ROOMTONE_PROT"]


def test_every_problem_is_named_at_once_with_its_source() -> None:
    found = problems(
        {"public_addresses": ["example.org"], "port": "70000"},
        environment={"ROOMTONE_SECRET": "short", "ROOMTONE_ALLOWED_ORIGINS": "https://a.example/path"},
    )
    assert found.keys() == {"public_addresses", "port", "secret", "allowed_origins"}
    assert "not an IP address" in found["public_addresses"] and "command line" in found["public_addresses"]
    assert "32 bytes" in found["secret"] and "environment" in found["secret"]


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("https://clinic.example.org", "https://clinic.example.org"),
        ("https://Clinic.Example.org", "https://clinic.example.org"),
        ("HTTPS://clinic.example.org:443", "https://clinic.example.org"),
        ("http://clinic.example.org:80", "http://clinic.example.org"),
        ("https://clinic.example.org:8443", "https://clinic.example.org:8443"),
        ("https://[2001:DB8::7]:443", "https://[2001:db8::7]"),
    ],
)
def test_an_origin_is_taken_as_browsers_send_it(written: str, sent: str) -> None:
    assert load({"allowed_origins": [written]}, environment={}).allowed_origins == (sent,)


@pytest.mark.parametrize(
    "value",
    [
        "clinic.example.org",
        "https://clinic.example.org/",
        "https://clinic.example.org?",
        "https://me@clinic.example.org",
        "ftp://clinic.example.org",
        "https://",
        "https://straße.example",
        "https://clinic.example.org:port",
        "https://[clinic",
    ],
)
def test_what_no_browser_sends_is_no_origin(value: str) -> None:
    assert "not an origin" in problems({"allowed_origins": [value]})["allowed_origins"]


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "224.0.0.1"])
def test_an_address_that_nobody_can_reach_is_refused(address: str) -> None:
    assert "Nobody can reach" in problems({"public_addresses": [address]})["public_addresses"]


@pytest.mark.parametrize(("name", "shortest"), [("secret", 32), ("metrics_token", 16)])
def test_what_could_be_guessed_is_refused(name: str, shortest: int) -> None:
    variable = f"ROOMTONE_{name.upper()}"
    message = problems(environment={variable: "m" * (shortest - 1)})[name]
    assert f"{shortest} bytes" in message and "openssl" in message and "environment" in message
    assert load(environment={variable: "m" * shortest})


def test_a_wrong_secret_is_not_repeated() -> None:
    found = problems(environment={"ROOMTONE_SECRET": "hunter2", "ROOMTONE_METRICS_TOKEN": "hunter2"})
    assert found.keys() == {"secret", "metrics_token"}
    assert "hunter2" not in "".join(found.values())
    settings = load(environment={"ROOMTONE_SECRET": "s" * 32, "ROOMTONE_METRICS_TOKEN": "m" * 32})
    assert "s" * 32 not in repr(settings) and "m" * 32 not in repr(settings)


@pytest.mark.parametrize("content", ["port = ", "\x00", "port = 1\nport = 2"])
def test_a_broken_file_is_named(tmp_path: Path, content: str) -> None:
    config = tmp_path / "roomtone.toml"
    config.write_text(content)
    assert "not valid TOML" in problems(config=config)["config"]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert "There is no" in problems(config=tmp_path / "none.toml")["config"]
    assert "is a directory" in problems(config=tmp_path)["config"]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("port", "abc", "Write a whole number."),
        ("first_room", "maybe", "Write true or false."),
        ("link_hours", "long", "Write a number."),
        ("max_rooms", "-3", "It should be greater than or equal to 1."),
        ("log_level", "loud", "It should be 'info', 'warning' or 'error'."),
        ("log_level", "debug", "It should be 'info', 'warning' or 'error'."),
        ("public_url", "talk.example.org", "such as https://talk.example.org."),
    ],
)
def test_a_wrong_value_is_answered_with_what_to_write(name: str, value: str, words: str) -> None:
    text = problems(environment={f"ROOMTONE_{name.upper()}": value})[name]
    assert words in text and text.endswith("(Set in the environment.)") and ".." not in text


def test_a_tenth_more_connections_are_there_for_who_comes_back() -> None:
    assert load({"max_connections": 1000}, environment={}).max_websockets == 1100
    assert load({"max_connections": 2}, environment={}).max_websockets == 3


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({"host": "0.0.0.0"}, "http://localhost:8080"),
        ({"host": "::1"}, "http://localhost:8080"),
        ({"host": "192.0.2.1", "port": 80}, "http://192.0.2.1"),
        ({"host": "2001:db8::1"}, "http://[2001:db8::1]:8080"),
        ({"host": "talk.example.org", "port": 443, "tls_certificate": "c"}, "https://talk.example.org"),
        ({"public_url": "https://talk.example.org/", "port": 9}, "https://talk.example.org"),
    ],
)
def test_the_address_in_links(settings: dict[str, object], url: str) -> None:
    assert load(settings, environment={}).url() == url


@pytest.mark.parametrize(
    "url", ["talk.example.org", "https://a.example/b", "ftp://a.example", "https://", "http://[x"]
)
def test_a_public_url_is_scheme_and_host(url: str) -> None:
    assert "public_url" in problems({"public_url": url})
