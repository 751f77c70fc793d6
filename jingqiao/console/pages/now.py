"""Now: what is open, who is on it, who is on duty, and how fresh all of this is."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.responses import Response

from config.roster import Roster
from jingqiao.console.board import Board, board, person_name
from jingqiao.console.page import Page, ViewerPage
from jingqiao.database import reading
from jingqiao.roster.duty import team_duty

router = APIRouter()


@dataclass(frozen=True, slots=True)
class OnDuty:
    """Who is on in one team. until : [µs since 1970 UTC]"""

    team: str
    people: tuple[str, ...]
    until: int


@dataclass(frozen=True, slots=True)
class Now:
    """Everything the page shows. as_of : when the rules last judged anything [µs]; 0 = not yet."""

    board: Board
    duty: tuple[OnDuty, ...]
    problems: tuple[str, ...]
    as_of: int


def now_view(page: Page) -> Now:
    """The view of the moment."""
    parts = page.parts
    roster, moment = parts.roster(), parts.clock.now()
    with reading(parts.database) as connection:
        shown = board(connection, roster, page.language, moment)
    return Now(shown, on_duty(roster, moment), parts.problems(), parts.applied_at())


def on_duty(roster: Roster, at: int) -> tuple[OnDuty, ...]:
    """Who is on at a moment, team by team."""
    duties = [(team, team_duty(roster, team, at)) for team in roster.teams]
    return tuple(
        OnDuty(team.name or team.id, tuple(person_name(roster, p) for p in duty.people), duty.until)
        for team, duty in duties
    )


@router.get("/")
def now(page: ViewerPage) -> Response:
    """The page."""
    return page.show("now.html", view=now_view(page))


@router.get("/now/board")
def part(page: ViewerPage) -> Response:
    """Its changing part."""
    return page.show("now_board.html", view=now_view(page))
