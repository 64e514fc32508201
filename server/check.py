"""`python -m server check`: would the server start with these settings, and if not, what has to be done?"""

from __future__ import annotations

import errno
import ipaddress
import os
import resource
import socket
import ssl
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from server.auth import SECRET_FILE
from server.settings import MIN_SECRET, Problem, Settings, unreadable

# Files that the process may have open beside HTTP: 512 media connections over TCP, and what it always has.
OTHER_DESCRIPTORS = 600


def find_problems(settings: Settings, *, running: bool = False) -> list[Problem]:
    """Everything that would keep the server from starting or from being reached, in the order of the
    settings. `running`: it has its ports already, so whether they are free is not looked at."""
    clash = list(_one_number(settings))
    return [
        *([] if running else _http_port(settings)),
        *_public_url(settings),
        *_tls(settings),
        *clash,
        *([] if running or clash else _media_port(settings)),
        *_data_directory(settings),
    ]


def find_doubts(settings: Settings) -> list[Problem]:
    """What the server starts with all the same, and may miss on a bad day."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = settings.max_http_connections + OTHER_DESCRIPTORS
    if most == resource.RLIM_INFINITY or needed <= most:
        return []
    text = f"They may need {needed} open files, and the process may have {most} (ulimit -Hn). Raise that, or "
    return [Problem("max_connections", text + "lower this: else newcomers may find the server silent.")]


def _http_port(settings: Settings) -> Iterator[Problem]:
    yield from _bindable(settings.host, settings.port, "host", "port", socket.SOCK_STREAM)


def _public_url(settings: Settings) -> Iterator[Problem]:
    url = urlsplit(settings.public_url)
    if url.scheme == "http" and not _is_local(url.hostname or ""):
        yield Problem(
            "public_url",
            "Browsers give camera and microphone to https:// alone. Set up HTTPS, and write https:// here.",
        )


def _is_local(host: str) -> bool:
    """Do browsers trust it without TLS (W3C Secure Contexts, section 3.1)?"""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _one_number(settings: Settings) -> Iterator[Problem]:
    if settings.media_port and settings.media_port == settings.port:
        yield Problem(
            "media_port",
            f"HTTP (port) has {settings.port} already. Media needs a port of its own: choose another.",
        )


def _media_port(settings: Settings) -> Iterator[Problem]:
    host = "" if settings.media_host == "::" else settings.media_host  # both are IPv4 and IPv6
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        problems = list(_bindable(host, settings.media_port, "media_host", "media_port", kind))
        yield from problems
        if problems:
            return


def _bindable(
    host: str, port: int, host_name: str, port_name: str, kind: socket.SocketKind
) -> Iterator[Problem]:
    protocol = "UDP" if kind is socket.SOCK_DGRAM else "TCP"
    try:
        addresses = socket.getaddrinfo(host or None, port, type=kind, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        yield Problem(host_name, f"{host!r} is not an address of this machine. Use 0.0.0.0 for all of them.")
        return
    failures: list[OSError] = []
    for family, _, _, _, address in addresses:
        try:
            with socket.socket(family, kind) as probe:
                if kind is socket.SOCK_STREAM:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind(address)
        except OSError as error:
            failures.append(error)
    # "localhost" may name an IPv6 address on a machine without IPv6: one working address is enough, unless
    # the other one is taken by somebody else.
    taken = next((failure for failure in failures if failure.errno == errno.EADDRINUSE), None)
    if taken is not None:
        yield Problem(
            port_name,
            f"{protocol} port {port} is in use. Stop the other program, or choose another port. "
            "If Roomtone itself has it, say check --running.",
        )
    elif len(failures) == len(addresses):
        if any(failure.errno in (errno.EACCES, errno.EPERM) for failure in failures):
            yield Problem(
                port_name, f"{protocol} port {port} is not permitted. Ports below 1024 need privileges."
            )
        else:
            yield Problem(
                host_name, f"{host!r} is not an address of this machine. Use 0.0.0.0 for all of them."
            )


def _tls(settings: Settings) -> Iterator[Problem]:
    certificate, key = settings.tls_certificate, settings.tls_key
    if certificate is None and key is None:
        return
    if certificate is None or key is None:
        missing = "tls_certificate" if certificate is None else "tls_key"
        yield Problem(missing, "A certificate and its key are needed together: set this one too, or neither.")
        return
    unreadable = [*_readable(certificate, "tls_certificate"), *_readable(key, "tls_key")]
    if unreadable:
        yield from unreadable
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=_no_password)
    except ssl.SSLError as error:
        if error.reason in ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH"):
            yield Problem(
                "tls_key", f"{key} does not belong to {certificate}. Use the key that it was made with."
            )
        else:
            yield Problem(
                "tls_certificate",
                f"{certificate} and {key} are not a certificate and a key in PEM form. Were they mixed up?",
            )
        return
    except ValueError:
        yield Problem(
            "tls_key", f"{key} has a password. Take it off ('openssl pkey'), and protect the file instead."
        )
        return
    yield from _validity(certificate)


def _no_password() -> str:
    raise ValueError("the key has a password")


def _readable(path: Path, name: str) -> Iterator[Problem]:
    try:
        path.open("rb").close()
    except OSError as error:
        yield Problem(name, unreadable(path, error))


def _validity(certificate: Path) -> Iterator[Problem]:
    from cryptography import x509

    leaf = x509.load_pem_x509_certificates(certificate.read_bytes())[0]
    now = time.time()
    if leaf.not_valid_after_utc.timestamp() < now:
        ended = leaf.not_valid_after_utc.date().isoformat()
        yield Problem("tls_certificate", f"{certificate} expired on {ended}. Renew it: browsers refuse it.")
    elif leaf.not_valid_before_utc.timestamp() > now:
        starts = leaf.not_valid_before_utc.date().isoformat()
        yield Problem(
            "tls_certificate", f"{certificate} is only valid from {starts}. Is this machine's clock right?"
        )


def _data_directory(settings: Settings) -> Iterator[Problem]:
    if settings.secret is not None:
        return
    path = settings.data_directory / SECRET_FILE
    try:
        secret = path.read_bytes().strip()
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        yield from _writable(settings.data_directory)
        return
    except OSError as error:
        yield Problem("data_directory", unreadable(path, error))
        return
    if len(secret) < MIN_SECRET:
        yield Problem(
            "secret", f"{path} is too short. Delete it and a new one is made; old links stop working."
        )
    if mode & 0o077:
        yield Problem("secret", f"Others on this machine can read {path}: chmod 600 {path}.")


def _writable(directory: Path) -> Iterator[Problem]:
    """Can something be made in the directory, or in what is there of its path? Only trying tells: root may
    write everywhere, but not into /proc or onto a disk that is mounted read-only."""
    existing = directory
    while not os.path.lexists(existing):
        existing = existing.parent
    if not os.path.isdir(existing):
        yield Problem(
            "data_directory", f"{directory} can't be used: {existing} is not a directory. Set another."
        )
        return
    try:
        with tempfile.TemporaryDirectory(prefix=".roomtone-", dir=existing):
            pass
    except OSError as error:
        yield Problem(
            "data_directory",
            f"{directory} can't be written: {error.strerror}. Give it to the user that runs Roomtone, or set "
            "another.",
        )
