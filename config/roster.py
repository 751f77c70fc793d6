"""The duty roster as people write it: people, teams, weekly shifts, overrides, escalation. TOML, checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, time
from pathlib import Path
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from config.faults import FaultsError
from config.limits import ClockTime, Colour, Limit, Who, WorkTime
from config.messages import Language
from config.roster_faults import roster_faults
from config.shifts import Shift, week_gaps
from config.toml_file import load, read


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Channel(_Table):
    """A way to a person: a name that may be shown, and an apprise URL that may not.

    only : severities that it is used for; None = what the kind of channel is meant for (a call: red).
    beside : it is used at the same time as the person's first channel, not only when others fail.
    """

    name: str
    url: str = Field(repr=False)
    only: tuple[Colour, ...] | None = None
    beside: bool = False


class Person(_Table):
    """Somebody who can be told.

    channels : in the order in which they are tried; an apprise URL, or a table `{name, url, only, beside}`.
    roles : names by which steps and limits may call for them, beside the shifts: `role:督办`.
    """

    name: str
    roles: tuple[str, ...] = ()
    channels: tuple[Channel, ...] = ()
    language: Language | None = None

    @field_validator("channels", mode="before")
    @classmethod
    def _named(cls, value: object) -> object:
        if not isinstance(value, list):
            return value
        tables = [{"url": item} if isinstance(item, str) else item for item in value]
        return [
            {"name": table["url"].split(":", 1)[0], **table}
            if isinstance(table, dict) and isinstance(table.get("url"), str)
            else table
            for table in tables
        ]

    @model_validator(mode="after")
    def _reachable_below_red(self) -> Person:
        if self.channels and all(channel.beside for channel in self.channels):
            raise ValueError("every channel is beside another; leave `beside` out of one")
        return self


class Team(_Table):
    """Who answers for which districts and kinds of asset; nothing said = for all.

    districts : names as in the registry, or the six digits with which component codes begin.
    """

    id: str
    name: str = ""
    districts: tuple[str, ...] = ()
    kinds: tuple[Literal["cover", "bridge"], ...] = ()
    shifts: tuple[Shift, ...] = Field(min_length=1)
    deputy: str | None = None
    leader: str | None = None


class Override(_Table):
    """Somebody else for a time: a swap, a holiday, a temporary shift. The last one written wins.

    people : in place of whoever would be on duty.
    instead_of : only this person is replaced, where they would be on duty: a swap.
    extra : these people are on duty as well: a temporary shift.
    """

    team: str
    from_: datetime = Field(alias="from")
    to: datetime
    people: tuple[str, ...] = ()
    instead_of: str | None = None
    extra: bool = False
    deputy: str | None = None
    leader: str | None = None
    note: str = ""

    @model_validator(mode="after")
    def _forward(self) -> Override:
        if self.from_.replace(tzinfo=None) >= self.to.replace(tzinfo=None):
            raise ValueError("ends before it begins")
        if self.extra and self.instead_of is not None:
            raise ValueError("either extra or instead_of")
        if (self.extra or self.instead_of is not None) and not self.people:
            raise ValueError("needs people")
        return self


class Step(_Table):
    """Whom to tell when so many minutes passed without an answer."""

    after_min: float = Field(ge=0)
    who: tuple[Who, ...] = Field(min_length=1)


class Escalation(_Table):
    """What happens while nobody answers.

    repeat_min : after the last step everybody is told again so often; 0 = not again.
    repeats : how often at most.
    progress_min : after an answer somebody has to be on site (or done) within so long, else people are asked
        anew; 0 = never.
    answers : so many people have to answer before it stops.
    """

    steps: tuple[Step, ...] = Field(min_length=1)
    repeat_min: float = Field(default=0, ge=0)
    repeats: int = Field(default=0, ge=0)
    progress_min: float = Field(default=0, ge=0)
    answers: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _rising(self) -> Escalation:
        times = [step.after_min for step in self.steps]
        if times != sorted(times) or len(set(times)) < len(times):
            raise ValueError("after_min has to rise from step to step")
        return self


def _policy(
    *steps: tuple[float, tuple[Who, ...]], repeat_min: float = 0, repeats: int = 0, progress_min: float = 0
) -> Escalation:
    return Escalation(
        steps=tuple(Step(after_min=after, who=who) for after, who in steps),
        repeat_min=repeat_min,
        repeats=repeats,
        progress_min=progress_min,
    )


DEFAULT_ESCALATION: Final[Mapping[Colour, Escalation]] = {
    "red": _policy(
        (0, ("duty",)), (3, ("deputy",)), (8, ("leader",)), repeat_min=10, repeats=18, progress_min=30
    ),
    "orange": _policy(
        (0, ("duty",)), (5, ("deputy",)), (15, ("leader",)), repeat_min=30, repeats=4, progress_min=60
    ),
    "yellow": _policy((0, ("duty",)), (30, ("deputy",))),
    "blue": _policy((0, ("duty",))),
}
"""Ours, not a standard's: an urgent lid is to be guarded within 30 min (Tianjin), so a leader knows in 8."""


class Calm(_Table):
    """What keeps people below red from being woken for nothing. Red is never held.

    most_an_hour : messages below red that one person gets in any hour; the last of them is a summary.
    quiet_from, quiet_to : between them yellow and blue wait; the same time twice = no quiet hours.
    group_from : so many incidents of one kind in one area within `group_within_s` are told together.
    digest_min : how long what is too much waits for the summary.
    warn_ahead_h : how long before it a shift with nobody reachable is told of; 0 = never.
    red_together : red ones of one area at one moment in one message with their count; else each by itself.
    area_from : so many incidents of one kind near each other become one area incident; 0 = never.
    area_within_min, area_radius_m : how far apart in time and on the ground they may be.
    """

    most_an_hour: int = Field(default=12, ge=1)
    quiet_from: ClockTime = time(22, 0)
    quiet_to: ClockTime = time(7, 0)
    group_from: int = Field(default=3, ge=2)
    group_within_s: float = Field(default=120, gt=0)
    digest_min: float = Field(default=10, gt=0)
    warn_ahead_h: float = Field(default=24, ge=0)
    red_together: bool = False
    area_from: int = Field(default=5, ge=0)
    area_within_min: float = Field(default=30, gt=0)
    area_radius_m: float = Field(default=1000, ge=10)


class Roster(_Table):
    """The whole roster."""

    timezone: str = "Asia/Shanghai"
    handover: ClockTime = time(8, 0)
    language: Language = "zh"
    fallback: str
    people: Mapping[str, Person] = Field(min_length=1)
    teams: tuple[Team, ...]
    overrides: tuple[Override, ...] = ()
    escalation: Mapping[Colour, Escalation] = Field(default_factory=dict)
    calm: Calm = Calm()
    work: WorkTime = WorkTime()
    limits: tuple[Limit, ...] = ()
    answer_url: str | None = None
    """Where phones reach this service, e.g. `https://jingqiao.example.cn`: messages then carry a link that
    answers with one touch."""

    @field_validator("teams", mode="before")
    @classmethod
    def _some_team(cls, value: object) -> object:
        if value == []:
            raise ValueError("needs at least one team")
        return value

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError("no such time zone; e.g. Asia/Shanghai") from None
        return value

    @property
    def zone(self) -> ZoneInfo:
        """The time zone that shifts are meant in."""
        return ZoneInfo(self.timezone)

    def policy(self, colour: str) -> Escalation:
        """Escalation of a severity: the roster's own, else the default."""
        return self.escalation.get(colour) or DEFAULT_ESCALATION[colour]  # type: ignore[index,call-overload,no-any-return,unused-ignore]


def gaps(team: Team, handover: time) -> list[tuple[int, int]]:
    """Parts of the week in which a team has no shift, as [from, to) in minutes since Monday 00:00."""
    return week_gaps(team.shifts, handover)


def load_roster(path: Path, environment: Mapping[str, str] | None = None) -> Roster:
    """The roster of a file. Raises FaultsError with every fault: syntax, unknown people, gaps, channels."""
    roster = load(path, Roster, environment)
    _, lines = read(path, environment)
    faults = list(roster_faults(roster, str(path), lines))
    if faults:
        raise FaultsError(sorted(faults, key=lambda fault: fault.line or 0))
    return roster


def secrets_of(roster: Roster) -> Iterator[Any]:
    """Every channel's URL: what a log line must never hold."""
    for person in roster.people.values():
        for channel in person.channels:
            yield channel.url
