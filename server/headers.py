"""What protects the page in the browser: headers on every response, and the check of who may open a
WebSocket."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

_HOST = re.compile(r"^(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?$")

HEADERS = {
    "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(self), "
    "geolocation=(), payment=(), usb=(), midi=(), browsing-topics=()",
    # Links carry the token after '#', which no browser sends; this keeps even the room's name from other
    # sites.
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Room pages don't belong into a search engine.
    "X-Robots-Tag": "noindex, nofollow",
}
HSTS = "max-age=31536000"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def content_security_policy(host: str) -> str:
    """Nothing inline, nothing from elsewhere. `host` is the Host header: older Safari does not count a
    WebSocket to the same host as 'self'."""
    sockets = f" ws://{host} wss://{host}" if _HOST.match(host) else ""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data: blob:",
            "media-src 'self' blob:",
            "font-src 'self'",
            "worker-src 'self'",
            "manifest-src 'self'",
            f"connect-src 'self'{sockets}",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def protect(*, tls: bool) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """An `on_response_prepare` signal handler that sets the headers; `tls`: this process itself speaks
    HTTPS."""

    async def on_prepare(request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(HEADERS)
        response.headers["Content-Security-Policy"] = content_security_policy(request.headers.get("Host", ""))
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.pop("Server", None)
        if tls:
            response.headers["Strict-Transport-Security"] = HSTS

    return on_prepare


def may_open_websocket(origin: str | None, host: str, allowed: tuple[str, ...]) -> bool:
    """Against cross-site WebSocket hijacking (RFC 6455, section 10.2): the page that opens a WebSocket must
    come from this host or from a listed site. Programs that are no browsers send no Origin, and hold a token
    anyway."""
    if origin is None:
        return True
    if origin in allowed:
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    # The scheme is left out: behind a proxy this process does not know whether people use HTTPS.
    return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower()
