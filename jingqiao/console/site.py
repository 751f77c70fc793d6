"""Puts the console into an application: pages, files, headers, and what a refusal looks like."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exception_handlers import http_exception_handler, request_validation_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.middleware.gzip import GZipMiddleware

from config.messages import text
from jingqiao.api import city as api_city
from jingqiao.api import incidents as api_incidents
from jingqiao.api import office as api_office
from jingqiao.api.body_limit import BodyLimit
from jingqiao.console import events, static_files
from jingqiao.console.city import City
from jingqiao.console.city_pages import CITY_PAGES
from jingqiao.console.headers import SafeHeaders
from jingqiao.console.page import anybodys_page, language_of
from jingqiao.console.pages import (
    accounts,
    drills,
    incident,
    incidents,
    login,
    messages,
    now,
    roster,
)
from jingqiao.console.parts import Parts
from jingqiao.console.visitor import ForbiddenError, NotLoggedInError, visitor_of

PAGES = (
    now.router,
    incidents.router,
    incident.router,
    messages.router,
    roster.router,
    drills.router,
    accounts.router,
    *CITY_PAGES,
    login.router,
)
"""A page adds its router here."""
API = (api_incidents.router, api_office.router, api_city.router)
"""What programs get; it is in openapi.json."""


def add_console(app: FastAPI, parts: Parts) -> None:
    """Serve the console around these parts."""
    app.state.parts = parts
    app.state.city = City(parts)
    app.include_router(static_files.router)
    app.include_router(events.router)
    for api in API:
        app.include_router(api)
    for router in PAGES:
        app.include_router(router, include_in_schema=False)
    app.add_exception_handler(NotLoggedInError, _not_logged_in)
    app.add_exception_handler(ForbiddenError, _forbidden)
    app.add_exception_handler(RequestValidationError, _not_understood)
    app.add_exception_handler(StarletteHTTPException, _no_page)
    app.add_middleware(BodyLimit)
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)
    tiles = parts.settings.console.tiles
    app.add_middleware(SafeHeaders, images=(tiles.host,) if tiles is not None and tiles.host else ())


async def _not_logged_in(request: Request, _error: Exception) -> Response:
    path = request.url.path
    if _is_api(path):
        return JSONResponse({"detail": "log in, or send a token: Authorization: Bearer …"}, 401)
    target = path + (f"?{request.url.query}" if request.url.query else "")
    if request.headers.get("hx-request") == "true":
        return Response(status_code=401, headers={"HX-Redirect": "/login"})
    after = f"?next={quote(target, safe='')}" if request.method == "GET" and target != "/" else ""
    return RedirectResponse(f"/login{after}", 303)


async def _forbidden(request: Request, error: Exception) -> Response:
    assert isinstance(error, ForbiddenError)
    if _is_api(request.url.path):
        return JSONResponse({"detail": text(error.key, "en", **error.values)}, 403)
    sentence = text(error.key, language_of(request), **error.values)
    if static_files.missing():
        return Response(sentence, 403, media_type="text/plain; charset=utf-8")
    return anybodys_page(request).refuse(403, sentence)


async def _not_understood(request: Request, error: Exception) -> Response:
    """An address or a form with a part that can be none: said on a page that leads on."""
    assert isinstance(error, RequestValidationError)
    if _is_api(request.url.path) or not _is_page(request):
        return await request_validation_exception_handler(request, error)
    parts = dict.fromkeys(str(fault["loc"][-1]) for fault in error.errors())
    page = anybodys_page(request)
    return page.refuse(422, page.say("console.refused.not_understood", parts=", ".join(parts)))


async def _no_page(request: Request, error: Exception) -> Response:
    """An address behind which there is nothing, for whoever is in; programs get JSON."""
    assert isinstance(error, StarletteHTTPException)
    if _is_api(request.url.path) or error.status_code != 404 or not _is_page(request):
        return await http_exception_handler(request, error)
    page = anybodys_page(request)
    return page.refuse(404, page.say("console.refused.not_there"))


def _is_page(request: Request) -> bool:
    """Whether a person looks: a page can be drawn, and somebody is logged in."""
    asked = "text/html" in request.headers.get("accept", "") or request.headers.get("hx-request") == "true"
    return asked and not static_files.missing() and visitor_of(request) is not None


def _is_api(path: str) -> bool:
    return path.startswith("/api/") or path == "/events"
