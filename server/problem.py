"""Errors of the HTTP interface for programs: problem details (RFC 9457) with a stable `code`."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

from aiohttp import web

from server.words import WORDS

RETRY_AFTER = "5"  # seconds

log = logging.getLogger("roomtone")

STATUS: Mapping[str, int] = {
    "unauthorized": 401,
    "token-invalid": 401,
    "token-expired": 401,
    "token-wrong-room": 403,
    "token-forbidden": 403,
    "locked": 403,
    "not-found": 404,
    "method-not-allowed": 405,
    "not-acceptable": 406,
    "unsupported-codec": 406,
    "no-media": 406,
    "too-many-media": 406,
    "request-timeout": 408,
    "no-publisher": 409,
    "precondition-failed": 412,
    "too-large": 413,
    "unsupported-media-type": 415,
    "precondition-required": 428,
    "too-fast": 429,
    "internal": 500,
    "room-full": 503,
    "server-full": 503,
}
BAD_REQUEST = 400  # everything else: bad-sdp, bad-fragment


def problem(
    code: str, *, detail: str | None = None, headers: Mapping[str, str] | None = None
) -> web.Response:
    """The response for one refusal; `detail` for words that are not in WORDS (those of the media side)."""
    status = STATUS.get(code, BAD_REQUEST)
    more = dict(headers or {})
    if status == 401:
        # RFC 6750 section 3: what is wrong with the token, but only where there was one.
        more["WWW-Authenticate"] = "Bearer" if code == "unauthorized" else 'Bearer error="invalid_token"'
    if status in (409, 429, 503):
        more["Retry-After"] = RETRY_AFTER
    body = {
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": WORDS[code] if detail is None else detail,
        "code": code,
    }
    return web.Response(
        status=status, text=json.dumps(body), content_type="application/problem+json", headers=more
    )


@web.middleware
async def guard(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Our own failures are logged without whose request it was: aiohttp would tell the address. Whoever hung
    up before the answer is no failure."""
    try:
        return await handler(request)
    except web.HTTPNotFound:
        return problem("not-found")
    except web.HTTPMethodNotAllowed as error:
        return problem("method-not-allowed", headers={"Allow": error.headers["Allow"]})
    except web.HTTPException:
        raise
    except ConnectionError:
        return web.Response()  # to nobody
    except Exception:
        log.exception("A request failed")
        return problem("internal")
