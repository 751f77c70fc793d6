"""Now: what is open, who is on it, who is on duty, and how fresh all of this is."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.responses import Response

from config.roster import Roster
from jingqiao.console.board import Board, person_name
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
    """Everything the page shows.

    people : (id, name) of those to whom work can be given, whoever is on duty first.
    as_of : when the rules last judged anything [µs]; 0 = not yet.
    """

    board: Board
    people: tuple[tuple[str, str], ...]
    duty: tuple[OnDuty, ...]
    problems: tuple[str, ...]
    as_of: int


def now_view(page: Page) -> Now:
    """The view of the moment."""
    parts = page.parts
    roster, moment = parts.roster(), parts.clock.now()
    seen = parts.changes.seen_now()
    with reading(parts.database) as connection:
        shown = parts.boards.get(seen, connection, roster, page.language, moment)
    return Now(shown, to_whom(roster, moment), on_duty(roster, moment), parts.problems(), parts.applied_at())


def to_whom(roster: Roster, at: int) -> tuple[tuple[str, str], ...]:
    """(id, name) of everybody in the roster, whoever is on duty first."""
    on = [person for team in roster.teams for person in team_duty(roster, team, at).people]
    return tuple((id_, person_name(roster, id_)) for id_ in dict.fromkeys([*on, *roster.people]))


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
