"""Who asks, and whether he may: sessions, roles and CSRF, as parameters of pages and API."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Final, cast
from urllib.parse import urlsplit

import sqlalchemy as sa
from fastapi import Request

from jingqiao.accounts import audit, sessions
from jingqiao.accounts.accounts import Actor
from jingqiao.accounts.role import Role, covers
from jingqiao.console.parts import Parts, parts_of
from jingqiao.database import Beside

COOKIE: Final = "jingqiao_session"
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class NotLoggedInError(Exception):
    """Nobody is logged in here."""


class ForbiddenError(Exception):
    """Logged in, but not for this. key : str  Sentence of `console.forbidden`."""

    def __init__(self, key: str, **values: object) -> None:
        self.key, self.values = f"console.forbidden.{key}", values
        super().__init__(key)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who may be here.

    name : the account's name.
    who : how acts are signed (the roster's id, where the account has one).
    csrf : what forms bring along.
    """

    name: str
    display_name: str
    who: str
    role: Role
    csrf: str
    address: str

    def may(self, role: Role) -> bool:
        """Whether he may do what a role may."""
        return covers(self.role, role)


def address_of(request: Request) -> str:
    """Where a request comes from; behind a proxy on this machine, what the proxy says (uvicorn does that)."""
    return request.client.host if request.client else ""


def cookie_name(request: Request) -> str:
    """The session cookie's name; over https a browser holds `__Host-` to this very host."""
    return f"__Host-{COOKIE}" if request.url.scheme == "https" else COOKIE


def visitor_of(request: Request) -> Visitor | None:
    """Who is logged in, if anybody; looked up once a request."""
    if not hasattr(request.state, "visitor"):
        request.state.visitor = _look_up(request, parts_of(request))
    return cast("Visitor | None", request.state.visitor)


def forget(request: Request) -> None:
    """Look the visitor up anew next time: a request that lasts for hours outlives sessions."""
    if hasattr(request.state, "visitor"):
        del request.state.visitor


def need(request: Request, role: Role) -> Visitor:
    """Who is logged in. Raises NotLoggedInError, and ForbiddenError where his role does not reach."""
    visitor = visitor_of(request)
    if visitor is None:
        raise NotLoggedInError
    if not visitor.may(role):
        raise ForbiddenError("role", role=role.value)
    return visitor


async def check_post(request: Request, visitor: Visitor) -> None:
    """Refuse a post that no page of ours sent. Raises ForbiddenError."""
    if request.method in SAFE_METHODS:
        return
    check_origin(request)
    shown = request.headers.get("x-csrf-token", "")
    if not shown:
        shown = str((await request.form()).get("csrf", ""))
    if not hmac.compare_digest(shown.encode(), visitor.csrf.encode()):
        raise ForbiddenError("csrf")


def check_origin(request: Request) -> None:
    """Refuse what another site's page makes a browser send. Raises ForbiddenError."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:  # https and localhost only
        ours = site in ("same-origin", "none")
    else:
        origin = request.headers.get("origin")
        ours = origin is None or urlsplit(origin).netloc == request.headers.get("host")
    if not ours:
        raise ForbiddenError("csrf")


def audited(parts: Parts, visitor: Visitor, action: str, subject: str, /, **details: object) -> Beside:
    """The audit row of an act, which the act writes in its own transaction: neither is without the other.

    subject : what it is about; behind a colon at its end comes the act's number (`incident:`).
    Details that say nothing are left out.
    """
    said = {key: value for key, value in details.items() if value not in (None, "", [])}

    def write(connection: sa.Connection, number: int) -> None:
        audit.note(
            connection,
            at=parts.door_clock.now(),
            who=visitor.name,
            action=action,
            subject=f"{subject}{number}" if subject.endswith(":") else subject,
            address=visitor.address,
            details=said,
        )

    return write


def actor_of(request: Request, visitor: Visitor) -> Actor:
    """The visitor as one who changes accounts."""
    return Actor(visitor.name, parts_of(request).door_clock.now(), visitor.address)


def _look_up(request: Request, parts: Parts) -> Visitor | None:
    key = request.cookies.get(cookie_name(request))
    if not key:
        return None
    idle_us = round(parts.settings.console.session_hours * 3600 * 1e6)
    session = sessions.session_of(parts.database, key, parts.door_clock.now(), idle_us)
    if session is None:
        return None
    account = session.account
    return Visitor(
        account.name, account.display_name, account.who, account.role, session.csrf, address_of(request)
    )
