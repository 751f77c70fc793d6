"""A week of the roster: team by team, day by day, who is on from when to when; gaps are there, too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from config.roster import Roster, Team
from jingqiao.roster.duty import Duty, pieces


@dataclass(frozen=True, slots=True)
class Piece:
    """A time of unchanging duty within one day. start, end : int  [µs since 1970 UTC]"""

    start: int
    end: int
    duty: Duty


@dataclass(frozen=True, slots=True)
class Day:
    """One calendar day of the roster's zone."""

    day: date
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class TeamWeek:
    """Seven days of one team."""

    team: Team
    days: tuple[Day, ...]


def monday_of(roster: Roster, at: int) -> date:
    """The Monday of the week of a moment [µs]."""
    today = datetime.fromtimestamp(at / 1_000_000, roster.zone).date()
    return today - timedelta(days=today.weekday())


def week(roster: Roster, begin: date) -> tuple[TeamWeek, ...]:
    """Seven days from `begin` on, of every team."""
    days = [begin + timedelta(days=n) for n in range(7)]
    return tuple(TeamWeek(team, tuple(_day(roster, team, day) for day in days)) for team in roster.teams)


def _day(roster: Roster, team: Team, day: date) -> Day:
    start, end = _midnight(roster, day), _midnight(roster, day + timedelta(days=1))
    found = pieces(roster, team, start, end)
    ends = [begins for begins, _ in found[1:]] + [end]
    return Day(day, tuple(Piece(begins, ends[n], duty) for n, (begins, duty) in enumerate(found)))


def _midnight(roster: Roster, day: date) -> int:
    moment = datetime(day.year, day.month, day.day, tzinfo=roster.zone)
    return round(moment.timestamp() * 1_000_000)
