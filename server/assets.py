"""The page's files, from memory: compressed once, revalidated by ETag. Only what was found below the folder
is served, so a path can't lead out of it."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

COMPRESSIBLE = ("text/", "application/json", "image/svg+xml", "application/manifest+json")
# Not left to the machine's table of types, which differs between systems.
TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is sent."""

    body: bytes
    compressed: bytes | None
    content_type: str
    etag: str  # without quotes
    modified: int  # ns


class Assets:
    """Files below `folder` by their path relative to it. A file that changed on disk is read again, so that a
    developer sees an edit at the next reload."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._assets: dict[str, Asset] = {}

    def respond(self, request: web.Request, path: str, *, status: int = 200) -> web.Response:
        """The response for one path; instead of 200 it is 304 where the browser has it already. Raises
        HTTPNotFound."""
        asset = self._get(path)
        if asset is None:
            raise web.HTTPNotFound
        # "no-cache" means "ask first": a page and its modules always fit together, at the price of a 304
        # each.
        headers = {"Cache-Control": "no-cache", "Vary": "Accept-Encoding", "ETag": f'"{asset.etag}"'}
        known = request.if_none_match or ()
        if status == 200 and any(tag.value in (asset.etag, "*") for tag in known):
            return web.Response(status=304, headers=headers)
        body = asset.body
        if asset.compressed is not None and "gzip" in request.headers.get("Accept-Encoding", "").lower():
            body = asset.compressed
            headers["Content-Encoding"] = "gzip"
        response = web.Response(status=status, body=body, headers=headers, content_type=asset.content_type)
        if asset.content_type.startswith("text/"):
            response.charset = "utf-8"
        return response

    def _get(self, path: str) -> Asset | None:
        parts = path.split("/")
        if any(
            part in ("", ".", "..") or part.startswith(".") or "\\" in part or "\0" in part for part in parts
        ):
            return None
        file = self._folder.joinpath(*parts)
        try:
            modified = file.stat().st_mtime_ns
            asset = self._assets.get(path)
            if asset is None or asset.modified != modified:
                if not file.is_file():
                    return None
                asset = self._assets[path] = _load(file, modified)
        except OSError:
            return None
        return asset


def _load(file: Path, modified: int) -> Asset:
    body = file.read_bytes()
    content_type = TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    compressed = gzip.compress(body, mtime=0) if content_type.startswith(COMPRESSIBLE) else None
    if compressed is not None and len(compressed) >= len(body):
        compressed = None
    return Asset(body, compressed, content_type, hashlib.sha256(body).hexdigest()[:24], modified)
