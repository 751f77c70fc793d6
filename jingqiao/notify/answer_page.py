"""The page behind an answer link: the incident and one button. No login, no script; works on an old phone.

Opening it changes nothing (chat programs open links to show a preview); only the button answers.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from html import escape
from typing import Final

import sqlalchemy as sa
import structlog
from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse

from config.messages import Language, text
from config.roster import Roster
from jingqiao.database import reading
from jingqiao.incidents.desk import NotPossibleError, act
from jingqiao.incidents.event import Announcer
from jingqiao.incidents.incident import LIVE, Action, Incident
from jingqiao.incidents.store import find
from jingqiao.notify.links import BadLinkError, Ticket, verify
from jingqiao.notify.standing import has_answered
from jingqiao.notify.text import compose

_PAGE: Final = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>{title}</title>
<style>body{{font:18px/1.5 sans-serif;margin:1em;max-width:34em}}
button{{font:inherit;width:100%;padding:1em;background:#b00;color:#fff;border:0;border-radius:.4em}}
p{{overflow-wrap:anywhere}}</style></head>
<body><h1>{title}</h1>{body}{action}</body></html>"""


log = structlog.get_logger()


def answer_router(
    database: sa.Engine,
    roster: Callable[[], Roster],
    announcer: Announcer,
    key: bytes,
    now: Callable[[], int],
    on_commit: Callable[[], None] | None = None,
) -> APIRouter:
    """Routes `GET` and `POST /a/{token}`. on_commit : wakes the dispatcher after an answer."""
    router = APIRouter()

    def page(token: str, *, answer: bool) -> Response:
        try:
            return answered(token, answer=answer)
        except Exception:
            log.exception("an answer page failed; the phone was told to use another way")
            return _notice("answer.trouble", roster().language, 503)

    def answered(token: str, *, answer: bool) -> Response:
        book = roster()
        try:
            ticket = verify(key, token, now())
        except BadLinkError:
            return _notice("answer.bad_link", book.language, 403)
        with reading(database) as connection:
            incident = find(connection, ticket.incident_id)
        if incident is None or ticket.person not in book.people:
            return _notice("answer.bad_link", book.language, 403)
        language = book.people[ticket.person].language or book.language
        if answer and _asks(incident, ticket, book):
            # Somebody may finish it in this very moment: then the page shows that.
            with contextlib.suppress(NotPossibleError):
                act(
                    database,
                    incident.id,
                    Action.ACK,
                    who=ticket.person,
                    now=now(),
                    why="link",
                    announcer=announcer,
                    on_commit=on_commit,
                )
            with reading(database) as connection:
                incident = find(connection, ticket.incident_id) or incident
        return _show(incident, ticket, book, language)

    @router.get("/a/{token}")
    def look(token: str) -> Response:
        """The incident and the button."""
        return page(token, answer=False)

    @router.post("/a/{token}")
    def answer(token: str) -> Response:
        """The button was pressed."""
        return page(token, answer=True)

    return router


def _asks(incident: Incident, ticket: Ticket, roster: Roster) -> bool:
    """Whether the asking that this link belongs to still waits for an answer."""
    return (
        incident.state in LIVE
        and incident.unanswered_since is not None
        and incident.episode == ticket.episode
        and not has_answered(roster, ticket.person, incident)
    )


def _show(incident: Incident, ticket: Ticket, roster: Roster, language: Language) -> HTMLResponse:
    written = compose(incident, "step", language, roster.zone)
    lines = [line for line in written.body.splitlines() if "jingqiao incidents" not in line]
    body = "".join(f"<p>{_linked(line)}</p>" for line in lines)
    if _asks(incident, ticket, roster):
        label = escape(text("answer.button", language))
        action = f'<form method="post"><button type="submit">{label}</button></form>'
    else:
        who = incident.assignee or incident.acknowledged_by or ""
        name = roster.people[who].name if who in roster.people else who
        state = text(f"notify.state.{incident.state}", language)
        action = f"<p><b>{escape(text('answer.state', language, state=state, who=name))}</b></p>"
    return HTMLResponse(
        _PAGE.format(language=language, title=escape(written.title), body=body, action=action),
        headers=_headers(),
    )


def _linked(line: str) -> str:
    """A line of text as HTML; an address in it can be touched."""
    before, mark, rest = line.partition("https://")
    if not mark:
        return escape(line)
    address = escape(mark + rest, quote=True)
    return f'{escape(before)}<a href="{address}" rel="noreferrer">{address}</a>'


def _notice(key: str, language: Language, status: int) -> HTMLResponse:
    words = escape(text(key, language))
    return HTMLResponse(
        _PAGE.format(language=language, title="Jingqiao 井桥", body=f"<p>{words}</p>", action=""),
        status,
        headers=_headers(),
    )


def _headers() -> dict[str, str]:
    return {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY"}
