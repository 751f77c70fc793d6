"""Who is on duty at a moment, for a district and a kind of asset, and why. A pure function of time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Literal

from config.limits import ROLE, Who
from config.roster import Override, Roster, Team
from config.shifts import WEEK_MIN, Shift, shift_minutes
from jingqiao.work_calendar import WorkCalendar, calendar_of


@dataclass(frozen=True, slots=True)
class Source:
    """Why a person is on duty.

    kind : `shift`, `rotation` (with its turn), or what an override did: `override` (everybody else out),
        `swap` (in place of one person), `extra` (beside the others).
    shift : int  Number of the shift in the team, counted from 1; 0 = none.
    turn : int | None  Group of the rotation that has its turn, counted from 1.
    of : str  Whom a swap replaces.
    note, who : str  What was written of an override, and by whom it was made.
    override : int | None  Number of the override in the database; None = it stands in the file.
    """

    team: str
    person: str
    kind: Literal["shift", "rotation", "override", "swap", "extra"]
    shift: int = 0
    layer: int = 0
    turn: int | None = None
    of: str = ""
    note: str = ""
    who: str = ""
    override: int | None = None


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
    sources : by what each of `people` is on duty, in their order.
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
    sources: tuple[Source, ...] = ()


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
        sources=tuple(source for duty in duties for source in duty.sources),
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
    own = [override for override in roster.overrides if override.team == team.id]
    covering = [o for o in own if _us(roster, o.from_) <= at < _us(roster, o.to)]
    running = _running(roster, team, at)
    sources = [source for item in running for source in item.sources(team.id)]
    deputy = next((item.shift.deputy for item in running if item.shift.deputy), None) or team.deputy
    leader = team.leader
    for override in covering:
        sources = _overridden(sources, override, team.id)
        deputy, leader = override.deputy or deputy, override.leader or leader
    people = tuple(dict.fromkeys(source.person for source in sources))
    effective = [
        o for o in covering if o.instead_of is None or any(source.of == o.instead_of for source in sources)
    ]
    return Duty(
        people,
        deputy,
        leader,
        roster.fallback,
        (team.id,),
        "override" if effective else "shift" if people else "nobody",
        effective[-1].note if effective else "",
        _until(roster, team, own, at),
        roles_of(roster),
        tuple({source.person: source for source in reversed(sources)}[person] for person in people),
    )


def pieces(roster: Roster, team: Team, start: int, end: int) -> list[tuple[int, Duty]]:
    """A time in pieces of unchanging duty: when each begins, and the duty until the next [µs]."""
    found: list[tuple[int, Duty]] = []
    at = start
    while at < end:
        duty = team_duty(roster, team, at)
        if found and replace(found[-1][1], until=duty.until) == duty:
            found[-1] = (found[-1][0], duty)
        else:
            found.append((at, duty))
        at = duty.until
    return found


@dataclass(frozen=True, slots=True)
class _Running:
    """A shift that covers the moment. number : int  Counted from 1. turn : int | None  Of its rotation."""

    shift: Shift
    number: int
    turn: int | None

    def sources(self, team: str) -> Iterator[Source]:
        for person in self.shift.group(self.turn):
            if self.turn is None:
                yield Source(team, person, "shift", self.number, self.shift.layer)
            else:
                turn = self.turn % len(self.shift.rotation) + 1
                yield Source(team, person, "rotation", self.number, self.shift.layer, turn)


def _running(roster: Roster, team: Team, at: int) -> list[_Running]:
    """Shifts that cover the moment: of the highest layer that has any."""
    local, minute = _wall(roster, at)
    calendar = calendar_of(roster.work, roster.zone)
    found = []
    for number, shift in enumerate(team.shifts, 1):
        for start, end in shift_minutes(shift, roster.handover):
            for now in (minute, minute + WEEK_MIN):
                began = (local - timedelta(minutes=now - start)).date()
                if start <= now < end and _counts(shift, calendar, began):
                    turn = shift.turn(began, local, roster.handover)
                    found.append(_Running(shift, number, turn))
    top = max((item.shift.layer for item in found), default=0)
    return [item for item in found if item.shift.layer == top]


def _counts(shift: Shift, calendar: WorkCalendar, day: date) -> bool:
    """Whether a shift is there on a day, by the holiday calendar."""
    return shift.on == "any" or calendar.works(day) == (shift.on == "workdays")


def _overridden(sources: Sequence[Source], override: Override, team: str) -> list[Source]:
    row = getattr(override, "row", None)
    who = getattr(override, "who", "")
    kind: Literal["override", "swap", "extra"] = "override"
    if override.extra:
        kind = "extra"
    elif override.instead_of is not None:
        kind = "swap"
    new = [
        Source(team, p, kind, of=override.instead_of or "", note=override.note, who=who, override=row)
        for p in override.people
    ]
    if override.extra:
        return [*sources, *new]
    if override.instead_of is not None:
        if all(source.person != override.instead_of for source in sources):
            return list(sources)
        return [*(source for source in sources if source.person != override.instead_of), *new]
    return new or list(sources)


def _until(roster: Roster, team: Team, overrides: Sequence[Override], at: int) -> int:
    """The next moment at which anything of the team's duty can change [µs]."""
    local, minute = _wall(roster, at)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    monday = midnight - timedelta(days=local.weekday())
    ends: list[datetime] = []
    for shift in team.shifts:
        for edges in shift_minutes(shift, roster.handover):
            ends += [monday + timedelta(minutes=minute + (e - minute - 1) % WEEK_MIN + 1) for e in edges]
        if shift.rotation_hours is not None:
            turn = shift.turn(local.date(), local, roster.handover)
            if turn is not None and (end := shift.turn_ends(turn, roster.handover)) is not None:
                ends.append(end)
    moments = [_at(roster, end) for end in ends]
    moments += [_us(roster, edge) for o in overrides for edge in (o.from_, o.to)]
    return min((moment for moment in moments if moment > at), default=at + WEEK_MIN * 60_000_000)


def _wall(roster: Roster, at: int) -> tuple[datetime, int]:
    """Wall time of a moment, without a zone, and its minute of the week."""
    local = datetime.fromtimestamp(at / 1_000_000, roster.zone).replace(tzinfo=None)
    return local, local.weekday() * 24 * 60 + local.hour * 60 + local.minute


def _at(roster: Roster, wall: datetime) -> int:
    """µs since 1970 UTC of a wall time."""
    return round(wall.replace(tzinfo=roster.zone).timestamp() * 1_000_000)


def _us(roster: Roster, moment: datetime) -> int:
    """A moment of the file; without a zone it is meant in the roster's."""
    return round(moment.timestamp() * 1_000_000) if moment.tzinfo else _at(roster, moment)
