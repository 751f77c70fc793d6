"""Who is on duty at a moment, for a district and a kind of asset, and why. A pure function of time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal

from config.limits import ROLE, Who
from config.roster import WEEK_MIN, Override, Roster, Shift, Team, shift_minutes


@dataclass(frozen=True, slots=True)
class Duty:
    """Who answers for something at a moment.

    people : tuple[str, ...]  Ids of those on duty; empty = nobody, which is a fault to shout about.
    deputy, leader : str | None  Who comes next.
    fallback : str  The last resort.
    teams : tuple[str, ...]  Teams that answer for it.
    because : `shift`, `override`, or `nobody`.
    note : str  Note of the override.
    until : int  When this ends [µs since 1970 UTC].
    roles : role → ids of those who have it, on duty or not.
    """

    people: tuple[str, ...]
    deputy: str | None
    leader: str | None
    fallback: str
    teams: tuple[str, ...]
    because: Literal["shift", "override", "nobody"]
    note: str
    until: int
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def who_is_on(roster: Roster, at: int, district: str = "", kind: str = "", asset_id: str = "") -> Duty:
    """Who is on duty.

    at : int  [µs since 1970 UTC]
    district, kind : str  As in the registry; "" = unknown: then only teams without such a limit answer, and
        where there is none, the first team of the file.
    asset_id : str  Its first six digits are a district as well.
    """
    duties = [team_duty(roster, team, at) for team in teams_for(roster, district, kind, asset_id)]
    people = tuple(dict.fromkeys(person for duty in duties for person in duty.people))
    first = next((duty for duty in duties if duty.people), duties[0])
    return Duty(
        people=people,
        deputy=next((duty.deputy for duty in duties if duty.deputy), None),
        leader=next((duty.leader for duty in duties if duty.leader), None),
        fallback=roster.fallback,
        teams=tuple(team for duty in duties for team in duty.teams),
        because=first.because,
        note=first.note,
        until=min(duty.until for duty in duties),
        roles=roles_of(roster),
    )


def roles_of(roster: Roster) -> dict[str, tuple[str, ...]]:
    """Who has which role."""
    found: dict[str, list[str]] = {}
    for id_, person in roster.people.items():
        for role in person.roles:
            found.setdefault(role, []).append(id_)
    return {role: tuple(ids) for role, ids in found.items()}


def teams_for(roster: Roster, district: str, kind: str, asset_id: str = "") -> Sequence[Team]:
    """Teams that answer for it: those that name it most exactly; never none."""
    places = {district, asset_id[:6]} - {""}
    ranked = [
        (bool(team.districts) + bool(team.kinds), team)
        for team in roster.teams
        if (not team.districts or places & set(team.districts)) and (not team.kinds or kind in team.kinds)
    ]
    if not ranked:
        return roster.teams[:1]
    best = max(rank for rank, _ in ranked)
    return [team for rank, team in ranked if rank == best]


def people_for(duty: Duty, who: Sequence[Who]) -> list[str]:
    """Ids behind the words of a step, each once; a missing deputy or leader is the next one up."""
    chosen: list[str] = []
    for word in who:
        match word:
            case "duty":
                chosen += duty.people or (duty.fallback,)
            case "deputy":
                chosen.append(duty.deputy or duty.leader or duty.fallback)
            case "leader":
                chosen.append(duty.leader or duty.fallback)
            case "fallback":
                chosen.append(duty.fallback)
            case _:
                chosen += duty.roles.get(word.removeprefix(ROLE)) or (duty.leader or duty.fallback,)
    return list(dict.fromkeys(chosen))


def team_duty(roster: Roster, team: Team, at: int) -> Duty:
    """Who is on duty in one team; `at` [µs since 1970 UTC]."""
    override = _override_at(roster, team, at)
    shifts = list(_shifts_at(roster, team, at))
    people = tuple(dict.fromkeys(person for shift, day, _ in shifts for person in shift.people_on(day)))
    deputy = next((shift.deputy for shift, _, _ in shifts if shift.deputy), None) or team.deputy
    until = min((end for _, _, end in shifts), default=None) or _next_start(roster, team, at)
    next_override = min(
        (start for o in roster.overrides if o.team == team.id and (start := _us(roster, o.from_)) > at),
        default=None,
    )
    if next_override is not None:
        until = min(until, next_override)
    if override is None:
        return Duty(
            people,
            deputy,
            team.leader,
            roster.fallback,
            (team.id,),
            "shift" if people else "nobody",
            "",
            until,
        )
    return Duty(
        override.people or people,
        override.deputy or deputy,
        override.leader or team.leader,
        roster.fallback,
        (team.id,),
        "override",
        override.note,
        min(_us(roster, override.to), until),
    )


def _override_at(roster: Roster, team: Team, at: int) -> Override | None:
    covering = [
        override
        for override in roster.overrides
        if override.team == team.id and _us(roster, override.from_) <= at < _us(roster, override.to)
    ]
    return covering[-1] if covering else None


def _shifts_at(roster: Roster, team: Team, at: int) -> Iterator[tuple[Shift, date, int]]:
    """Shifts that cover the moment, each with the day on which it began and its end [µs]."""
    local = datetime.fromtimestamp(at / 1_000_000, roster.zone)
    minute = local.weekday() * 24 * 60 + local.hour * 60 + local.minute
    for shift in team.shifts:
        for start, end in shift_minutes(shift, roster.handover):
            for now in (minute, minute + WEEK_MIN):
                if start <= now < end:
                    ends = local.replace(second=0, microsecond=0) + timedelta(minutes=end - now)
                    began = local - timedelta(minutes=now - start)
                    yield shift, began.date(), round(ends.timestamp() * 1_000_000)


def _next_start(roster: Roster, team: Team, at: int) -> int:
    """When the team's next weekly shift begins [µs]."""
    local = datetime.fromtimestamp(at / 1_000_000, roster.zone).replace(second=0, microsecond=0)
    minute = local.weekday() * 24 * 60 + local.hour * 60 + local.minute
    ahead = min(
        (
            (start - minute - 1) % WEEK_MIN + 1
            for shift in team.shifts
            for start, _ in shift_minutes(shift, roster.handover)
        ),
        default=WEEK_MIN,
    )
    return round((local + timedelta(minutes=ahead)).timestamp() * 1_000_000)


def _us(roster: Roster, moment: datetime) -> int:
    """A moment of the file; without a zone it is meant in the roster's."""
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=roster.zone)
    return round(zoned.timestamp() * 1_000_000)
