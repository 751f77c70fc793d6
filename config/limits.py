"""Working time, and the limits within which an incident is to be seen to, as people write them."""

from __future__ import annotations

from datetime import date, time
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from config.rules import HazardName

Colour = Literal["red", "orange", "yellow", "blue"]
CountedIn = Literal["emergency_hours", "work_hours", "work_days", "days"]
"""The four clocks of GB/T 30428.8: 紧急工作时 (24 h a day), 工作时, 工作日, 自然日."""

Stage = Literal["answered", "dispatched", "on_site", "repaired", "closed"]
STAGES: Final[tuple[Stage, ...]] = ("answered", "dispatched", "on_site", "repaired", "closed")


WORDS: Final = ("duty", "deputy", "leader", "fallback")
ROLE: Final = "role:"


def _who(value: object) -> object:
    if isinstance(value, str) and value not in WORDS and not (value.startswith(ROLE) and value != ROLE):
        raise ValueError(f"{value!r} is none of {', '.join(WORDS)}, role:NAME")
    return value


Who = Annotated[str, BeforeValidator(_who)]
"""Whom to tell: `duty`, `deputy`, `leader`, `fallback`, or `role:NAME` (everybody with that role)."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _clock_time(value: object) -> object:
    if isinstance(value, str) and value == "24:00":
        return time(0, 0)
    return value


ClockTime = Annotated[time, BeforeValidator(_clock_time)]
"""`"08:00"` as a string, or a TOML local time; `"24:00"` is the end of the day."""


class Span(_Table):
    """Part of a working day; `to` at 24:00 (00:00) is the end of the day."""

    from_: ClockTime = Field(alias="from")
    to: ClockTime

    @property
    def minutes(self) -> tuple[int, int]:
        """[from, to) in minutes of the day."""
        end = self.to.hour * 60 + self.to.minute
        return self.from_.hour * 60 + self.from_.minute, end or 24 * 60


class HolidayYear(_Table):
    """What the State Council ordered for one year; stands in place of what is built in for that year.

    off : days that are free though Monday to Friday.
    on : Saturdays and Sundays that are worked (调休).
    """

    year: int = Field(ge=2000, le=2100)
    off: tuple[date, ...] = ()
    on: tuple[date, ...] = ()

    @model_validator(mode="after")
    def _of_the_year(self) -> HolidayYear:
        for day in (*self.off, *self.on):
            if day.year != self.year:
                raise ValueError(f"{day} does not lie in {self.year}")
        if both := set(self.off) & set(self.on):
            raise ValueError(f"{min(both)} stands under both off and on")
        return self


class WorkTime(_Table):
    """When the office works."""

    hours: tuple[Span, ...] = Field(
        default=(
            Span(**{"from": time(8, 30), "to": time(12, 0)}),
            Span(**{"from": time(14, 30), "to": time(17, 30)}),
        ),
        min_length=1,
    )
    years: tuple[HolidayYear, ...] = ()

    @model_validator(mode="after")
    def _in_order(self) -> WorkTime:
        last = 0
        for span in self.hours:
            start, end = span.minutes
            if start >= end or start < last:
                raise ValueError("hours have to follow each other within one day")
            last = end
        return self


class Limit(_Table):
    """Within how long a stage has to be reached, and who is told when it was not (督办).

    stage : none = every stage. hazards, severities : none = all.
    within : amount in the unit of `clock`; 0 = no limit. Counted from the opening (a reopening, a rise of the
        severity); `closed` from the repair.
    urge : words of an escalation step; `role:NAME` = everybody with that role.
    """

    stage: Stage | None = None
    hazards: tuple[HazardName, ...] = ()
    severities: tuple[Colour, ...] = ()
    within: float = Field(ge=0, le=10_000)
    clock: CountedIn = "emergency_hours"
    urge: tuple[Who, ...] = Field(default=("leader",), min_length=1)

    @model_validator(mode="after")
    def _whole_days(self) -> Limit:
        if self.clock in ("work_days", "days") and self.within != int(self.within):
            raise ValueError("days are counted whole; for parts of a day use work_hours or emergency_hours")
        return self


_LID: Final[tuple[HazardName, ...]] = ("missing", "tilted", "sunken", "loose", "damaged", "flooded")
_BRIDGE: Final[tuple[HazardName, ...]] = ("overload", "drift", "strain_limit")
_DEVICE: Final[tuple[HazardName, ...]] = ("silent", "sensor_fault", "battery_low")

DEFAULT_LIMITS: Final[tuple[Limit, ...]] = (
    Limit(stage="on_site", hazards=(*_LID, *_BRIDGE), severities=("red",), within=0.5),
    Limit(stage="repaired", hazards=_LID, severities=("red",), within=6),
    Limit(stage="on_site", hazards=(*_LID, *_BRIDGE), severities=("orange",), within=2),
    Limit(stage="repaired", hazards=_LID, severities=("orange",), within=24),
    Limit(stage="repaired", hazards=_LID, severities=("yellow",), within=3, clock="work_days"),
    Limit(stage="repaired", hazards=_LID, severities=("blue",), within=7, clock="work_days"),
    Limit(stage="repaired", hazards=_DEVICE, within=7, clock="work_days"),
)
"""On site within 30 min and repaired within 6 h: Tianjin's rule for dangerous lids. The others are ours."""
