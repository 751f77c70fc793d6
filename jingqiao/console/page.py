"""A page being drawn: who looks, in which language and zone, and the template that shows it.

A router's function takes `page: ViewerPage` (or `DutyPage`, `SupervisorPage`, `AdminPage`) and ends with
`return page.show("name.html", …)`. Posts take the same types: the CSRF token is checked before they begin.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from config.messages import Language, text
from jingqiao.accounts.role import Role
from jingqiao.console import navigation, static_files
from jingqiao.console.parts import Parts, parts_of
from jingqiao.console.templates_ import environment
from jingqiao.console.visitor import Visitor, audited, check_post, need, visitor_of
from jingqiao.database import Beside

LANGUAGE_COOKIE: Final = "jingqiao_language"
THEME_COOKIE: Final = "jingqiao_theme"
THEMES: Final = ("auto", "light", "dark")


@dataclass(frozen=True, slots=True)
class Page:
    """One request for a page. visitor : None only on pages before the login."""

    request: Request
    parts: Parts
    visitor: Visitor | None
    language: Language

    @property
    def zone(self) -> ZoneInfo:
        """The office's time zone."""
        return self.parts.zone

    @property
    def person(self) -> Visitor:
        """The visitor of a page that needs a login."""
        assert self.visitor is not None
        return self.visitor

    @property
    def who(self) -> str:
        """How the visitor signs what he does."""
        return self.person.who

    def may(self, role: Role) -> bool:
        """Whether the visitor may do what a role may."""
        return self.visitor is not None and self.visitor.may(role)

    def say(self, key: str, /, **values: object) -> str:
        """A sentence of the catalogue."""
        return text(key, self.language, **values)

    def audited(self, action: str, subject: str = "", **details: object) -> Beside:
        """The audit row of what the visitor does, to be written in the act's own transaction."""
        return audited(self.parts, self.person, action, subject, **details)

    @property
    def wants_part(self) -> bool:
        """Whether htmx asks for a part of the page rather than the whole."""
        return self.request.headers.get("hx-request") == "true"

    def show(self, template: str, /, *, status: int = 200, **values: Any) -> HTMLResponse:
        """The template, drawn."""
        lacking = static_files.missing()
        if lacking:
            remedy = self.say("console.not_built", files=", ".join(lacking))
            return HTMLResponse(f"<!doctype html><meta charset=utf-8><title>Jingqiao</title><p>{remedy}", 503)
        drawn = (
            environment()
            .get_template(template)
            .render(
                page=self,
                say=self.say,
                visitor=self.visitor,
                language=self.language,
                theme=theme_of(self.request),
                themes=THEMES,
                navigation=navigation.entries_for(self.visitor),
                path=self.request.url.path,
                static=static_files.url,
                role=Role,
                now=self.parts.clock.now(),
                zone=self.zone,
                **values,
            )
        )
        return HTMLResponse(drawn, status, headers={"Cache-Control": "no-store"})

    def changed(self, path: str) -> Response:
        """After a post that changed something: live parts of the page draw themselves anew.

        path : where a browser without script is led.
        """
        if self.wants_part:
            return Response(status_code=204, headers={"HX-Trigger": "jingqiao:changed"})
        return RedirectResponse(path, 303)

    def refuse(self, status: int, sentence: str) -> Response:
        """Say why a post did nothing; the page in the browser stays, and learns how things are now."""
        if self.wants_part:
            return Response(
                status_code=status, headers={"X-Notice": quote(sentence), "HX-Trigger": "jingqiao:changed"}
            )
        return self.show("refused.html", status=status, sentence=sentence, refused=status)

    def go_to(self, path: str) -> Response:
        """Lead the browser on after a post."""
        if self.wants_part:
            return Response(status_code=204, headers={"HX-Redirect": path})
        return RedirectResponse(path, 303)


def language_of(request: Request) -> Language:
    """The visitor's choice, else the office's."""
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    if chosen == "en":
        return "en"
    return "zh" if chosen == "zh" else parts_of(request).settings.language


def theme_of(request: Request) -> str:
    """light, dark, or as the machine is set."""
    chosen = request.cookies.get(THEME_COOKIE, "auto")
    return chosen if chosen in THEMES else "auto"


def anybodys_page(request: Request) -> Page:
    """A page that needs no login."""
    return Page(request, parts_of(request), visitor_of(request), language_of(request))


def page_for(role: Role) -> Callable[[Request], Awaitable[Page]]:
    """A page for those who may do what a role may."""

    async def page(request: Request) -> Page:
        visitor = await run_in_threadpool(need, request, role)
        await check_post(request, visitor)
        return Page(request, parts_of(request), visitor, language_of(request))

    return page


OpenPage = Annotated[Page, Depends(anybodys_page)]
ViewerPage = Annotated[Page, Depends(page_for(Role.VIEWER))]
DutyPage = Annotated[Page, Depends(page_for(Role.DUTY))]
SupervisorPage = Annotated[Page, Depends(page_for(Role.SUPERVISOR))]
AdminPage = Annotated[Page, Depends(page_for(Role.ADMIN))]
