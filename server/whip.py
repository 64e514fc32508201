"""WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep) over HTTP: POST an offer, PATCH for ICE, DELETE to stop."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import cast

from aiohttp import web

from media import sdp
from media.errors import MediaError
from server.clients import Clients, ClientSession, Protocol, trickles
from server.problem import problem
from server.words import Refusal

SDP = "application/sdp"
FRAGMENT = "application/trickle-ice-sdpfrag"
MAX_FRAGMENT = 16 * 1024  # bytes; a dozen candidates are about 2 KB
BODY_SECONDS = 10.0  # for a body to arrive

_IDENTITY = re.compile(r"[A-Za-z0-9_-]{1,64}")

# Any page may use these addresses: they take a bearer token, which no browser adds by itself.
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Location, ETag, Accept-Post, Accept-Patch, Retry-After",
}

log = logging.getLogger("roomtone")

Handler = Callable[["WhipApi", web.Request], Awaitable[web.Response]]


class WhipApi:
    """Handlers of both protocols."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def routes(self) -> list[web.RouteDef]:
        endpoint = "/{protocol:whip|whep}/{room:[A-Za-z0-9_-]{1,64}}"
        return [
            web.route("*", endpoint, self._endpoint),
            web.route("*", endpoint + "/{id:[A-Za-z0-9_-]{1,64}}", self._session),
        ]

    async def _endpoint(self, request: web.Request) -> web.Response:
        methods = {"POST": WhipApi._post}
        return await self._dispatch(request, methods, {"Accept-Post": SDP})

    async def _session(self, request: web.Request) -> web.Response:
        methods = {"PATCH": WhipApi._patch, "DELETE": WhipApi._delete}
        return await self._dispatch(request, methods, {"Accept-Patch": FRAGMENT})

    async def _dispatch(
        self, request: web.Request, methods: Mapping[str, Handler], accepts: Mapping[str, str]
    ) -> web.Response:
        """Run the method's handler, and turn what it raises into a problem."""
        allow = ", ".join([*methods, "OPTIONS"])
        if request.method == "OPTIONS":
            response = _preflight(allow, accepts)
        elif request.method not in methods:
            response = problem("method-not-allowed", headers={"Allow": allow})
        else:
            try:
                response = await methods[request.method](self, request)
            except (Refusal, MediaError) as error:
                more = accepts if error.code == "unsupported-media-type" else {}
                response = problem(error.code, detail=error.message, headers=more)
            except Exception:
                log.exception("A WHIP or WHEP request failed")
                response = problem("internal")
        response.headers.update(CORS)
        return response

    async def _post(self, request: web.Request) -> web.Response:
        protocol, room = _protocol(request), request.match_info["room"]
        # Before the body: it is waited for and kept, which a stranger is not to have for nothing.
        grant = self._clients.admit(protocol, room, _bearer(request))
        watches = request.query.get("participant") if protocol == "whep" else None
        if watches is not None and not _IDENTITY.fullmatch(watches):
            raise Refusal("not-found")
        offer = await _body(request, SDP, request.client_max_size)
        session = self._clients.open(grant, offer, watches=watches)
        return web.Response(
            status=201,
            text=session.answer,
            content_type=SDP,
            headers={"Location": f"/{protocol}/{room}/{session.id}", "ETag": f'"{session.etag}"'},
        )

    async def _patch(self, request: web.Request) -> web.Response:
        """New candidates (204), or an ICE restart (200 with our new credentials)."""
        session = self._find(request)
        try:
            fragment = sdp.parse_fragment(await _body(request, FRAGMENT, MAX_FRAGMENT))
        except sdp.SdpError:
            raise Refusal("bad-fragment") from None
        any_session = _check_precondition(request, session)
        if trickles(session, fragment):
            return web.Response(status=204)
        if not any_session:
            raise Refusal("precondition-required")
        if not fragment.pwd:
            raise Refusal("bad-fragment")
        ours = self._clients.restart_ice(session, fragment)
        return web.Response(
            text=sdp.serialize_fragment(ours), content_type=FRAGMENT, headers={"ETag": f'"{session.etag}"'}
        )

    async def _delete(self, request: web.Request) -> web.Response:
        self._clients.close(self._find(request))
        return web.Response()

    def _find(self, request: web.Request) -> ClientSession:
        place = request.match_info
        return self._clients.find(_protocol(request), place["room"], place["id"], _bearer(request))


def _check_precondition(request: web.Request, session: ClientSession) -> bool:
    """RFC 9725 section 4.3.1. True for "*", which an ICE restart needs. Raises Refusal."""
    tags = request.if_match
    if not tags:
        raise Refusal("precondition-required")
    if any(tag.value == "*" for tag in tags):
        return True
    if not any(tag.value == session.etag and not tag.is_weak for tag in tags):
        raise Refusal("precondition-failed")
    return False


def _preflight(allow: str, accepts: Mapping[str, str]) -> web.Response:
    return web.Response(
        headers={
            "Allow": allow,
            "Access-Control-Allow-Methods": allow,
            "Access-Control-Allow-Headers": "Authorization, Content-Type, If-Match",
            "Access-Control-Max-Age": "86400",
            **accepts,
        }
    )


def _protocol(request: web.Request) -> Protocol:
    return cast(Protocol, request.match_info["protocol"])


def _bearer(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Refusal("unauthorized")
    return token.strip()


async def _body(request: web.Request, content_type: str, limit: int) -> str:
    if request.content_type.lower() != content_type:
        raise Refusal("unsupported-media-type")
    if request.content_length is not None and request.content_length > limit:
        raise Refusal("too-large")
    try:
        async with asyncio.timeout(BODY_SECONDS):
            body = await request.read()
    except TimeoutError:
        raise Refusal("request-timeout") from None
    except web.HTTPRequestEntityTooLarge:
        raise Refusal("too-large") from None
    if len(body) > limit:
        raise Refusal("too-large")
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise Refusal("bad-sdp" if content_type == SDP else "bad-fragment") from None
