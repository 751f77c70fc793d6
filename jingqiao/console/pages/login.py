"""In and out: the login, the logout, and the choice of language and light."""

from __future__ import annotations

from typing import Annotated, Final

import sqlalchemy as sa
import structlog
from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from jingqiao.accounts import sessions
from jingqiao.accounts.external import admit
from jingqiao.accounts.oidc import OidcError, Pending
from jingqiao.accounts.role import Role
from jingqiao.accounts.tables import account
from jingqiao.console.page import LANGUAGE_COOKIE, THEME_COOKIE, THEMES, OpenPage, ViewerPage
from jingqiao.console.visitor import address_of, check_origin, cookie_name
from jingqiao.database import reading

router = APIRouter()
_log = structlog.get_logger()
OIDC_COOKIE: Final = "jingqiao_oidc"
_YEAR_S: Final = 365 * 86_400


@router.get("/login")
def look(page: OpenPage, next: str = "/") -> Response:  # noqa: A002 - the parameter's public name
    """The form; who is in already goes on."""
    if page.visitor is not None:
        return RedirectResponse(own_path(next), 303)
    return _form(page, next)


@router.post("/login")
def enter(
    page: OpenPage,
    name: Annotated[str, Form(max_length=256)] = "",
    password: Annotated[str, Form(max_length=1024)] = "",
    next: Annotated[str, Form(max_length=2048)] = "/",  # noqa: A002
) -> Response:
    """Name and password were given."""
    check_origin(page.request)
    parts = page.parts
    try:
        key = sessions.log_in(
            parts.database, name, password, address_of(page.request), parts.door_clock.now()
        )
    except sessions.LoginRefusedError:
        return _form(page, next, status=401, name=name, fault=page.say("console.login.refused"))
    except sessions.TooManyAttemptsError as error:
        minutes = -(-error.wait_s // 60)
        fault = page.say("console.login.too_many", minutes=minutes)
        answer = _form(page, next, status=429, name=name, fault=fault)
        answer.headers["Retry-After"] = str(error.wait_s)
        return answer
    answer = RedirectResponse(own_path(next), 303)
    set_session(page.request, answer, key)
    return answer


@router.get("/login/oidc")
def leave_for_provider(page: OpenPage, next: str = "/") -> Response:  # noqa: A002
    """Send the browser to the office's identity provider."""
    provider = page.parts.oidc
    if provider is None:
        return RedirectResponse("/login", 303)
    try:
        address, pending = provider.begin(_callback(page), own_path(next))
    except OidcError as error:
        return _provider_failed(page, error)
    answer = RedirectResponse(address, 303)
    answer.set_cookie(
        OIDC_COOKIE,
        pending.packed(),
        max_age=600,
        path="/login/oidc",
        httponly=True,
        samesite="lax",  # the provider sends the browser back from another site
        secure=page.request.url.scheme == "https",
    )
    return answer


@router.get("/login/oidc/callback")
def come_back(page: OpenPage) -> Response:
    """The provider sent the browser back."""
    provider, parts = page.parts.oidc, page.parts
    if provider is None:
        return RedirectResponse("/login", 303)
    now = parts.door_clock.now()
    try:
        pending = Pending.unpacked(page.request.cookies.get(OIDC_COOKIE, ""))
        identity = provider.finish(page.request.query_params, pending, _callback(page), now)
    except OidcError as error:
        return _provider_failed(page, error)
    role = provider.settings.create_role
    try:
        key = admit(
            parts.database,
            identity,
            create_role=None if role is None else Role(role),
            address=address_of(page.request),
            now=now,
        )
    except sessions.LoginRefusedError:
        return _form(page, "/", status=403, fault=page.say("console.login.no_account", name=identity.name))
    answer = RedirectResponse(own_path(pending.target), 303)
    answer.delete_cookie(OIDC_COOKIE, path="/login/oidc")
    set_session(page.request, answer, key)
    return answer


@router.post("/logout")
def leave(page: ViewerPage) -> Response:
    """End the session."""
    assert page.visitor is not None
    name = cookie_name(page.request)
    key = page.request.cookies.get(name, "")
    parts = page.parts
    sessions.log_out(parts.database, key, page.visitor.name, page.visitor.address, parts.door_clock.now())
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(name, path="/")
    return answer


@router.post("/preferences")
def prefer(
    page: OpenPage,
    language: Annotated[str, Form()] = "",
    theme: Annotated[str, Form()] = "",
    next: Annotated[str, Form(max_length=2048)] = "/",  # noqa: A002
) -> Response:
    """Remember a language or a theme in this browser."""
    check_origin(page.request)
    answer = RedirectResponse(own_path(next), 303)
    secure = page.request.url.scheme == "https"
    for cookie, value, known in (
        (LANGUAGE_COOKIE, language, ("zh", "en")),
        (THEME_COOKIE, theme, THEMES),
    ):
        if value in known:
            answer.set_cookie(
                cookie, value, max_age=_YEAR_S, path="/", httponly=True, samesite="lax", secure=secure
            )
    return answer


def set_session(request: Request, answer: Response, key: str) -> None:
    """Give the browser the key of its session."""
    answer.set_cookie(
        cookie_name(request),
        key,
        path="/",
        httponly=True,
        samesite="lax",  # a link in a chat must open the incident, not the login
        secure=request.url.scheme == "https",
        max_age=sessions.LONGEST_US // 1_000_000,
    )


def own_path(target: str) -> str:
    """A path of this very site, else the first page: nobody is led elsewhere by a link to the login."""
    plain = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if plain and "\\" not in target else "/"


def _callback(page: OpenPage) -> str:
    """Where the provider sends the browser back to; it must be registered there."""
    base = page.parts.settings.console.public_url or str(page.request.base_url)
    return f"{base.rstrip('/')}/login/oidc/callback"


def _provider_failed(page: OpenPage, error: OidcError) -> Response:
    _log.warning("nobody could be logged in by the identity provider", reason=str(error))
    return _form(page, "/", status=502, fault=page.say("console.login.provider_failed"))


def _form(page: OpenPage, target: str, *, status: int = 200, name: str = "", fault: str = "") -> Response:
    with reading(page.parts.database) as connection:
        nobody = connection.execute(sa.select(account.c.name).limit(1)).first() is None
    return page.show(
        "login.html",
        status=status,
        target=own_path(target),
        name=name,
        fault=fault,
        nobody=nobody,
        provider="" if page.parts.oidc is None else page.parts.oidc.settings.label,
    )
