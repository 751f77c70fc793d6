"""`GET /roster.ics`: the duty roster for calendars. They send no headers: the token stands in the address."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import sqlalchemy as sa
from fastapi import APIRouter, HTTPException, Query, Response

from config.roster import Roster
from jingqiao.roster.ical import calendar_feed
from jingqiao.tokens.store import Scope, ScopeMissingError, UnknownTokenError, admit

BEFORE_DAYS = 7
MEDIA_TYPE = "text/calendar; charset=utf-8"


def calendar_routes(database: sa.Engine, roster: Callable[[], Roster], now: Callable[[], int]) -> APIRouter:
    """The route. A token of the scope `roster:read` opens it (`jingqiao tokens add`)."""
    router = APIRouter()

    @router.get("/roster.ics")
    def feed(
        token: str = Query(default="", description="token of the scope roster:read"),
        team: str | None = Query(default=None, description="only this team"),
        person: str | None = Query(default=None, description="only the duties of this person"),
        weeks: int = Query(default=8, ge=1, le=53, description="how far ahead"),
    ) -> Response:
        """Duties from a week ago to so many weeks ahead."""
        moment = now()
        try:
            admit(database, token, (Scope.ROSTER_READ,), moment)
        except UnknownTokenError:
            raise HTTPException(401, "no such token; `jingqiao tokens add` makes one") from None
        except ScopeMissingError as error:
            raise HTTPException(403, str(error)) from None
        book = roster()
        today = datetime.fromtimestamp(moment / 1_000_000, book.zone).replace(
            hour=0, minute=0, second=0, microsecond=0
        )
        start, end = (
            round((today + timedelta(days=days)).timestamp() * 1_000_000)
            for days in (-BEFORE_DAYS, 7 * weeks)
        )
        try:
            content = calendar_feed(book, start, end, now=moment, team_id=team, person=person)
        except KeyError as error:
            raise HTTPException(404, f"the roster has no {error.args[0]!r}") from None
        return Response(content, media_type=MEDIA_TYPE, headers={"Cache-Control": "no-store"})

    return router
