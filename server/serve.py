"""Running the server: from settings to a process that serves until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import resource
import secrets
import signal
import ssl
import sys
import time

from aiohttp import web

from media.sfu import Sfu, SfuSettings
from server.app import create_app
from server.auth import Tokens, read_or_create_secret
from server.http_port import HttpPort
from server.messages import MAX_LINES
from server.session import CLOSE_GRACE
from server.settings import Problem, Settings, SettingsError

# fmt: off
ADJECTIVES = (
    "amber", "calm", "clear", "gentle", "golden", "hidden", "kind", "light",
    "mild", "morning", "open", "patient", "quiet", "still", "warm", "wide",
)
NOUNS = (
    "bay", "brook", "cedar", "cove", "dune", "field", "garden", "harbour",
    "hill", "lake", "lantern", "meadow", "orchard", "river", "shore", "valley",
)
# fmt: on

log = logging.getLogger("roomtone")


def load_secret(settings: Settings) -> bytes:
    """The secret that signs tokens, made where there is none yet. Raises SettingsError."""
    if settings.secret is not None:
        return settings.secret.get_secret_value().encode()
    try:
        return read_or_create_secret(settings.data_directory)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        text = f"The secret can't be kept in {settings.data_directory}: {reason}. Set another directory?"
        raise SettingsError([Problem("data_directory", text)]) from None


async def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM. Raises SettingsError where a port or file can't be used."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    raise_descriptor_limit()
    secret = load_secret(settings)
    sfu = Sfu(sfu_settings(settings))
    try:
        await sfu.start()
    except OSError as error:
        raise SettingsError(
            [Problem("media_port", f"Media can't listen on {settings.media_port}: {error}")]
        ) from None
    app = create_app(settings, sfu, secret)
    http = HttpPort(app, at_most=settings.max_http_connections, handshake_seconds=settings.hello_seconds)
    runner = web.AppRunner(
        app,
        access_log=None,
        shutdown_timeout=CLOSE_GRACE,
        handle_signals=False,
        # Until the first request, and between two.
        keepalive_timeout=settings.hello_seconds,
    )
    try:
        await runner.setup()
        assert runner.server is not None
        try:
            http.open(runner.server, settings.host, settings.port, ssl_context(settings))
        except OSError as error:
            raise SettingsError([Problem("port", f"HTTP can't listen on {settings.port}: {error}")]) from None
        _announce(settings, secret, http.port, sfu.media_port)
        # What is there by now stays. Looking through all of it for cycles, again and again, would hold up
        # packets for 30 to 50 ms.
        gc.collect()
        gc.freeze()
        await stop.wait()
        log.info("Stopping")
    finally:
        http.close()
        await runner.cleanup()
        await sfu.close()


def sfu_settings(settings: Settings) -> SfuSettings:
    """The media side's part of the settings."""
    return SfuSettings(
        host=settings.media_host or "::",  # IPv4, and IPv6 where there is any
        media_port=settings.media_port,
        public_addresses=settings.public_addresses,
        max_peers=settings.max_peers,
        max_media_lines=MAX_LINES,
    )


def room_name() -> str:
    """A name that is easy to read out and hard to guess."""
    ending = "".join(secrets.choice("abcdefghjkmnpqrstuvwxyz23456789") for _ in range(4))
    return f"{secrets.choice(ADJECTIVES)}-{secrets.choice(NOUNS)}-{ending}"


def _announce(settings: Settings, secret: bytes, port: int, media_port: int) -> None:
    """On standard output, not in the log: the links let people in."""
    url = settings.url(port)
    print(f"Roomtone is running at {url}")
    if settings.first_room:
        room, tokens, now, lifetime = room_name(), Tokens(secret), time.time(), settings.link_hours * 3600
        host = tokens.link(room, "host", lifetime=lifetime, now=now, identity="host")
        guest = tokens.link(room, "guest", lifetime=lifetime, now=now)
        print(f"Host link (keep private):   {url}/r/{room}#{host}")
        print(f"Guest link (for everybody): {url}/r/{room}#{guest}")
    print(f"Sound and picture use port {media_port}, UDP and TCP. Stop with Ctrl-C.")
    sys.stdout.flush()


def raise_descriptor_limit() -> None:
    """Each connection takes a file descriptor. The limit that systems begin with (1024) is for programs that
    use select(), which this is none of."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):  # macOS has no number for "as many as you like"
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def ssl_context(settings: Settings) -> ssl.SSLContext | None:
    if settings.tls_certificate is None or settings.tls_key is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(settings.tls_certificate, settings.tls_key)
    return context
