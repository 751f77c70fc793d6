"""Accounts and the audit log, for administrators; and everybody's own password."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query
from fastapi.responses import Response

from jingqiao.accounts import accounts, audit, sessions
from jingqiao.accounts.accounts import AccountError
from jingqiao.accounts.passwords import WeakPasswordError
from jingqiao.accounts.role import Role
from jingqiao.console.page import AdminPage, Page, ViewerPage
from jingqiao.console.visitor import actor_of
from jingqiao.database import reading

PAGE: Final = 100
NOBODY: Final = "-"
"""What the form says for an account that is nobody of the roster; an empty field means: leave it."""

router = APIRouter()
Word = Annotated[str, Form(max_length=256)]


@router.get("/accounts")
def listed(page: AdminPage) -> Response:
    """The page."""
    return _show(page)


@router.post("/accounts")
def add(
    page: AdminPage,
    name: Word,
    role: Annotated[Role, Form()],
    password: Word = "",
    display_name: Word = "",
    person: Word = "",
) -> Response:
    """Make an account."""
    assert page.visitor is not None
    try:
        accounts.add(
            page.parts.database,
            actor_of(page.request, page.visitor),
            name=name,
            role=role,
            password=None if not password and page.parts.oidc is not None else password,
            display_name=display_name,
            person=_known(page, person),
        )
    except (AccountError, WeakPasswordError) as error:
        return _show(page, fault=_words(page, error), status=422)
    return page.go_to("/accounts")


@router.post("/accounts/{name}")
def change(
    page: AdminPage,
    name: str,
    role: Annotated[Role | None, Form()] = None,
    display_name: Annotated[str | None, Form(max_length=128)] = None,
    person: Word = "",
    disabled: Annotated[bool | None, Form()] = None,
    password: Word = "",
) -> Response:
    """Change what the form names."""
    assert page.visitor is not None
    try:
        accounts.change(
            page.parts.database,
            actor_of(page.request, page.visitor),
            name,
            role=role,
            display_name=display_name,
            person="" if person == NOBODY else _known(page, person),
            disabled=disabled,
            password=password or None,
        )
    except (AccountError, WeakPasswordError) as error:
        return _show(page, fault=_words(page, error), status=422)
    return page.go_to("/accounts")


@router.get("/accounts/audit")
def log(
    page: AdminPage, who: str = "", subject: str = "", before: Annotated[int | None, Query(ge=1)] = None
) -> Response:
    """Who did what, newest first."""
    with reading(page.parts.database) as connection:
        rows = audit.entries(connection, PAGE, before=before, who=who, subject=subject)
    after = None
    if len(rows) == PAGE:
        kept = {"who": who, "subject": subject, "before": str(rows[-1]["id"])}
        after = "/accounts/audit?" + urlencode({key: value for key, value in kept.items() if value})
    return page.show("audit.html", rows=rows, who=who, subject=subject, after=after)


@router.get("/password")
def own(page: ViewerPage) -> Response:
    """The form for one's own password."""
    return page.show("password.html", fault="")


@router.post("/password")
def set_own(page: ViewerPage, current: Word, password: Word, again: Word) -> Response:
    """Set one's own password; all one's sessions end. Guessing the present one is as limited as a login."""
    visitor, parts = page.person, page.parts
    if password != again:
        return page.show("password.html", status=422, fault=page.say("console.password.differ"))
    try:
        sessions.confirm(
            parts.database,
            visitor.name,
            current,
            visitor.address[:64],
            parts.door_clock.now(),
            action="password.refused",
        )
        accounts.change(parts.database, actor_of(page.request, visitor), visitor.name, password=password)
    except sessions.LoginRefusedError:
        return page.show("password.html", status=422, fault=page.say("console.password.wrong"))
    except sessions.TooManyAttemptsError as error:
        fault = page.say("console.login.too_many", minutes=-(-error.wait_s // 60))
        answer = page.show("password.html", status=429, fault=fault)
        answer.headers["Retry-After"] = str(error.wait_s)
        return answer
    except WeakPasswordError as error:
        return page.show("password.html", status=422, fault=_words(page, error))
    return page.go_to("/login")


def _show(page: Page, *, fault: str = "", status: int = 200) -> Response:
    roster = page.parts.roster()
    return page.show(
        "accounts.html",
        status=status,
        fault=fault,
        accounts=accounts.listed(page.parts.database),
        roles=tuple(Role),
        people=[(id_, someone.name) for id_, someone in roster.people.items()],
    )


def _known(page: Page, person: str) -> str | None:
    """The roster's id, None for nobody. Raises AccountError."""
    if not person:
        return None
    if person not in page.parts.roster().people:
        raise AccountError("unknown_person", person=person)
    return person


def _words(page: Page, error: AccountError | WeakPasswordError) -> str:
    if isinstance(error, AccountError):
        return page.say(error.key, **error.values)
    return page.say("accounts.weak")
