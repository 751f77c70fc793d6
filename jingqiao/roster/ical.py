"""The roster as an iCalendar feed (RFC 5545): for phones and office calendars."""

from __future__ import annotations

from datetime import UTC, datetime

from icalendar import Calendar, Event

from config.messages import Language, text
from config.roster import Roster, Team
from jingqiao.roster.duty import Duty, pieces


def calendar_feed(
    roster: Roster,
    start: int,
    end: int,
    *,
    now: int,
    team_id: str | None = None,
    person: str | None = None,
) -> bytes:
    """Duties from `start` to `end` [µs since 1970 UTC], an event each; in UTC: no zone is misread.

    team_id, person : only these; None = all. Raises KeyError for one that the roster does not know.
    """
    if team_id is not None and team_id not in {team.id for team in roster.teams}:
        raise KeyError(team_id)
    language = roster.language if person is None else roster.people[person].language or roster.language
    calendar = Calendar()
    calendar.add("prodid", "-//Jingqiao//Roster//ZH")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", text("roster.calendar.name", language))
    calendar.add("x-wr-timezone", roster.timezone)
    for team in roster.teams:
        if team_id in (None, team.id):
            for begins, duty in pieces(roster, team, start, end):
                if person is None or person in duty.people:
                    calendar.add_component(_event(roster, team, begins, duty, now, language))
    return bytes(calendar.to_ical())


def _event(roster: Roster, team: Team, begins: int, duty: Duty, now: int, language: Language) -> Event:
    names = "、".join(roster.people[p].name for p in duty.people)
    event = Event()
    event.add("uid", f"{team.id}-{begins // 1_000_000}@jingqiao")
    event.add("dtstamp", _utc(now))
    event.add("dtstart", _utc(begins))
    event.add("dtend", _utc(duty.until))
    nobody = text("roster.calendar.nobody", language)
    event.add("summary", f"{names or nobody} · {team.name or team.id}")
    lines = [
        text(f"roster.calendar.{role}", language, name=roster.people[who].name)
        for role, who in (("deputy", duty.deputy), ("leader", duty.leader))
        if who is not None
    ]
    event.add("description", "\n".join([*lines, duty.note] if duty.note else lines))
    return event


def _utc(moment: int) -> datetime:
    return datetime.fromtimestamp(moment // 1_000_000, UTC)
