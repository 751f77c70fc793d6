"""In and out: the login, the logout, and the choice of language and light."""

from __future__ import annotations

from typing import Annotated, Final

import sqlalchemy as sa
from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from jingqiao.accounts import sessions
from jingqiao.accounts.tables import account
from jingqiao.console.page import LANGUAGE_COOKIE, THEME_COOKIE, THEMES, OpenPage, ViewerPage
from jingqiao.console.visitor import address_of, check_origin, cookie_name
from jingqiao.database import reading

router = APIRouter()
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


def _form(page: OpenPage, target: str, *, status: int = 200, name: str = "", fault: str = "") -> Response:
    with reading(page.parts.database) as connection:
        nobody = connection.execute(sa.select(account.c.name).limit(1)).first() is None
    return page.show(
        "login.html", status=status, target=own_path(target), name=name, fault=fault, nobody=nobody
    )
