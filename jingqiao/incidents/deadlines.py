"""Deadlines of an incident: which stage is to be reached by when, whether it was, and who is urged. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from zoneinfo import ZoneInfo

from config.limits import DEFAULT_LIMITS, STAGES, CountedIn, Limit, Stage, WorkTime
from config.roster import Roster
from jingqiao.incidents.clocks import due_at, guessed
from jingqiao.incidents.incident import Incident, State
from jingqiao.work_calendar import WorkCalendar, calendar_of
from rules.alarm import Hazard, Severity

Deadlines = Callable[[Incident], "tuple[Deadline, ...]"]
"""The deadlines of an incident by the roster of the moment."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """One stage of one incident.

    due_at : int  [µs since 1970 UTC]. met_at : int | None  When it was reached; None = not yet.
    within, clock : the limit, in units of its clock. urge : whom it tells when it is passed.
    guessed : bool  It reaches into a year whose holidays are not known.
    """

    stage: Stage
    due_at: int
    met_at: int | None
    within: float
    clock: CountedIn
    urge: tuple[str, ...]
    guessed: bool

    def overdue(self, now: int) -> bool:
        """Whether it was missed, or was not reached in time."""
        return (now if self.met_at is None else self.met_at) > self.due_at


def deadlines_by(roster: Roster | None) -> Deadlines:
    """The deadlines that a roster sets; without one those that hold when nothing is said."""
    limits = (*DEFAULT_LIMITS, *(roster.limits if roster else ()))
    work, zone = (roster.work, roster.zone) if roster else (WorkTime(), ZoneInfo("Asia/Shanghai"))
    calendar = calendar_of(work, zone)

    @cache  # a report asks for ten thousand incidents of a few kinds
    def limits_of(hazard: Hazard, severity: Severity) -> tuple[Limit | None, ...]:
        return tuple(limit_for(limits, hazard, severity, stage) for stage in STAGES)

    return lambda incident: tuple(
        _deadlines(incident, limits_of(incident.hazard, incident.severity), calendar)
    )


def limit_for(limits: Sequence[Limit], hazard: Hazard, severity: Severity, stage: Stage) -> Limit | None:
    """The last limit that fits; None where there is none, or one of 0."""
    for limit in reversed(limits):
        if (
            limit.stage in (None, stage)
            and (not limit.hazards or hazard.value in limit.hazards)
            and (not limit.severities or severity.colour in limit.severities)
        ):
            return limit if limit.within > 0 else None
    return None


def _deadlines(
    incident: Incident, limits: Sequence[Limit | None], calendar: WorkCalendar
) -> Iterator[Deadline]:
    """limits : of each stage, in their order."""
    if incident.exercise or incident.is_area or incident.state is State.FALSE_ALARM:
        return  # a drill has no limits, an area's members have their own, and there was nothing to see to
    for stage, limit, reached in zip(STAGES, limits, _reached(incident), strict=True):
        start = incident.resolved_at if stage == "closed" else incident.limits_from
        if limit is None or start is None:
            continue
        due = due_at(calendar, limit.clock, start, limit.within)
        yield Deadline(
            stage,
            due,
            reached,
            limit.within,
            limit.clock,
            limit.urge,
            guessed(calendar, limit.clock, start, due),
        )


def _reached(incident: Incident) -> Sequence[int | None]:
    """When each stage was reached; whoever did more than asked has done this as well."""
    times = {
        "answered": incident.acknowledged_at,
        "dispatched": incident.dispatched_at,
        "on_site": incident.on_site_at,
        "repaired": incident.resolved_at,
        "closed": incident.finished_at if incident.state is State.CLOSED else None,
    }
    reached: list[int | None] = []
    for stage in reversed(STAGES):
        own, later = times[stage], reached[-1] if reached else None
        reached.append(later if own is None else own if later is None else min(own, later))
    return reached[::-1]
