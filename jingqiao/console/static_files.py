"""Files of the console: our own and those of `make vendor`, under an address that changes with them."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response

ROOT: Final = Path(str(files("jingqiao.console").joinpath("static")))
NEEDED: Final = ("htmx.min.js", "uPlot.iife.min.js", "uPlot.min.css", "leaflet.js", "leaflet.css")
"""What `make vendor` brings."""
_TYPES: Final = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".json": "application/json",
}

router = APIRouter(include_in_schema=False)


def missing() -> tuple[str, ...]:
    """Front-end files that are not there."""
    return tuple(name for name in NEEDED if not (ROOT / "vendor" / name).exists())


@cache
def version() -> str:
    """Changes with any file: browsers may keep what lies under it for ever."""
    digest = hashlib.sha256()
    for path in sorted(ROOT.rglob("*")):
        if path.suffix in _TYPES:
            digest.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def url(name: str) -> str:
    """The address of a file."""
    return f"/static/{version()}/{name}"


@router.get("/static/{build}/{name:path}")
def static(build: str, name: str, request: Request) -> Response:
    """One file; compressed where that was done at build time and the browser takes it."""
    path = (ROOT / name).resolve()
    media_type = _TYPES.get(path.suffix)
    if media_type is None or not path.is_relative_to(ROOT) or not path.is_file():
        raise HTTPException(404)
    kept = "public, max-age=31536000, immutable" if build == version() else "no-cache"
    headers = {"Cache-Control": kept}
    packed = path.with_name(path.name + ".gz")
    if packed.exists() and "gzip" in request.headers.get("accept-encoding", ""):
        headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        return Response(packed.read_bytes(), media_type=media_type, headers=headers)
    return Response(path.read_bytes(), media_type=media_type, headers=headers)
