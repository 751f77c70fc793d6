"""The roster's week: who is on, what was changed, where nobody is; and changing it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import Response

from config.roster import Roster
from jingqiao.accounts.role import Role
from jingqiao.console.board import person_name
from jingqiao.console.page import Page, SupervisorPage, ViewerPage
from jingqiao.console.rostering import override_for, swap_for, withdraw_for
from jingqiao.database import reading
from jingqiao.roster.overrides import OverrideError, OverrideRow, overrides
from jingqiao.roster.week import Piece, TeamWeek, monday_of, week

router = APIRouter()
Word = Annotated[str, Form(max_length=256)]


@dataclass(frozen=True, slots=True)
class Gap:
    """A time in which a team has nobody."""

    team: str
    piece: Piece


@dataclass(frozen=True, slots=True)
class Week:
    """Everything the page shows. before, after : first days of the neighbouring weeks."""

    days: Sequence[date]
    teams: Sequence[TeamWeek]
    gaps: Sequence[Gap]
    changes: Sequence[OverrideRow]
    before: date
    after: date


def week_view(roster: Roster, changes: Sequence[OverrideRow], begin: date) -> Week:
    """The week that begins on a day."""
    teams = week(roster, begin)
    gaps = [
        Gap(own.team.name or own.team.id, piece)
        for own in teams
        for day in own.days
        for piece in day.pieces
        if not piece.duty.people
    ]
    days = [begin + timedelta(days=n) for n in range(7)]
    return Week(days, teams, gaps, changes, begin - timedelta(days=7), begin + timedelta(days=7))


@router.get("/roster")
def shown(page: ViewerPage, begin: str = "") -> Response:
    """The page; a day that is none means this week."""
    return _show(page, begin)


@router.post("/roster/overrides")
def add(
    page: SupervisorPage,
    team: Word,
    from_: Annotated[str, Form(alias="from", max_length=40)],
    to: Annotated[str, Form(max_length=40)],
    person: Word,
    instead_of: Word = "",
    extra: Annotated[bool, Form()] = False,
    why: Word = "",
    begin: Word = "",
) -> Response:
    """Put somebody on duty for a time."""
    roster = page.parts.roster()
    try:
        start, end = _moment(from_, roster), _moment(to, roster)
    except ValueError:
        return _show(page, begin, fault=page.say("console.roster.bad_time"), status=422)
    try:
        override_for(
            page.parts,
            page.person,
            team=team,
            from_at=start,
            until_at=end,
            people=(person,) if person else (),
            instead_of=instead_of or None,
            extra=extra,
            why=why,
        )
    except OverrideError as error:
        fault = page.say(f"roster.refused.{error.key}", **error.values)
        return _show(page, begin, fault=fault, status=422)
    return page.go_to(f"/roster?begin={_day(begin, roster, page.parts.clock.now())}")


@router.post("/roster/swaps")
def exchange(
    page: SupervisorPage,
    team: Word,
    one: Word,
    from_: Annotated[str, Form(alias="from", max_length=40)],
    to: Annotated[str, Form(max_length=40)],
    other: Word,
    back_from: Annotated[str, Form(max_length=40)] = "",
    back_to: Annotated[str, Form(max_length=40)] = "",
    why: Word = "",
    begin: Word = "",
) -> Response:
    """Two people change their duties with each other, in one act; without the way back, one takes over."""
    roster = page.parts.roster()
    try:
        first = _moment(from_, roster), _moment(to, roster)
        back = (_moment(back_from, roster), _moment(back_to, roster)) if back_from or back_to else None
    except ValueError:
        return _show(page, begin, fault=page.say("console.roster.bad_time"), status=422)
    try:
        swap_for(page.parts, page.person, team=team, one=one, other=other, first=first, back=back, why=why)
    except OverrideError as error:
        fault = page.say(f"roster.refused.{error.key}", **error.values)
        return _show(page, begin, fault=fault, status=422)
    return page.go_to(f"/roster?begin={_day(begin, roster, page.parts.clock.now())}")


@router.post("/roster/overrides/{number}/withdraw")
def take_back(page: SupervisorPage, number: int, begin: Word = "") -> Response:
    """Take a change back."""
    if not withdraw_for(page.parts, page.person, number):
        fault = page.say("roster.changes.not_there", id=number)
        return _show(page, begin, fault=fault, status=404)
    return page.go_to(f"/roster?begin={_day(begin, page.parts.roster(), page.parts.clock.now())}")


def _show(page: Page, begin: str, *, fault: str = "", status: int = 200) -> Response:
    roster, now = page.parts.roster(), page.parts.clock.now()
    with reading(page.parts.database) as connection:
        changes = overrides(connection, now)
    view = week_view(roster, changes, _day(begin, roster, now))
    names = {id_: person.name for id_, person in roster.people.items()}
    return page.show(
        "roster.html",
        status=status,
        view=view,
        fault=fault,
        names=names,
        name=lambda person: person_name(roster, person),
        teams={team.id: team.name or team.id for team in roster.teams},
        today=datetime.fromtimestamp(now / 1e6, roster.zone).date(),
        may_change=page.may(Role.SUPERVISOR),
    )


def _day(begin: str, roster: Roster, now: int) -> date:
    """The day in the address; this week's Monday where it is none, or too far away to be meant."""
    this = monday_of(roster, now)
    try:
        day = date.fromisoformat(begin)
    except ValueError:
        return this
    return day if abs(day - this) <= timedelta(days=3660) else this


def _moment(local: str, roster: Roster) -> int:
    """µs of what an input of type `datetime-local` says. Raises ValueError."""
    moment = datetime.fromisoformat(local)
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=roster.zone)
    return round(zoned.timestamp() * 1_000_000)
