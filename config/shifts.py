"""Shifts as people write them: days, hours, who takes turns, and where the week has a hole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from config.limits import ClockTime

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: Final[tuple[Weekday, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WEEK_MIN: Final = 7 * 24 * 60
"""Minutes of a week."""

KindOfDay = Literal["any", "workdays", "restdays"]


class Shift(BaseModel):
    """A weekly shift; `to` at or before `from` ends on the next day. Neither = the day from handover on.

    people : ids; all of them are told at the first step.
    rotation : groups of ids that take turns instead. A turn lasts `rotation_days` (or weeks): whoever has it
        when a shift begins has the whole shift. With `rotation_hours` they change within the shift as well.
    rotation_from : when the first group's turn begins; a day means that day at the shift's beginning.
    on : which days by the holiday calendar, beside `days`.
    layer : where shifts of several layers cover a moment, those of the highest answer.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    days: tuple[Weekday, ...] = WEEKDAYS
    from_: ClockTime | None = Field(default=None, alias="from")
    to: ClockTime | None = None
    people: tuple[str, ...] = ()
    rotation: tuple[tuple[str, ...], ...] = ()
    rotation_from: date | datetime | None = None
    rotation_hours: float | None = Field(default=None, gt=0)
    rotation_days: int | None = Field(default=None, ge=1)
    rotation_weeks: int | None = Field(default=None, ge=1)
    on: KindOfDay = "any"
    layer: int = 0
    deputy: str | None = None

    @model_validator(mode="after")
    def _somebody(self) -> Shift:
        if bool(self.people) == bool(self.rotation):
            raise ValueError("needs either people or rotation")
        if self.rotation and self.rotation_from is None:
            raise ValueError("a rotation needs rotation_from, the day on which its first group begins")
        if not all(self.rotation):
            raise ValueError("a group of the rotation is empty")
        lengths = (self.rotation_hours, self.rotation_days, self.rotation_weeks)
        if sum(length is not None for length in lengths) > 1:
            raise ValueError("a turn has one length: rotation_hours, rotation_days or rotation_weeks")
        if isinstance(self.rotation_from, datetime) and self.rotation_from.tzinfo is not None:
            raise ValueError("rotation_from is meant in the roster's time zone; write it without an offset")
        return self

    def turn(self, day: date, at: datetime, handover: time) -> int | None:
        """Which turn of the rotation it is, counted from 0 (backwards before it); None = no turns.

        day : on which the shift began. at : wall time of the moment.
        """
        if not self.rotation or self.rotation_from is None:
            return None
        if self.rotation_hours is not None:
            return (at - self.first_turn(handover)) // timedelta(hours=self.rotation_hours)
        first = self.rotation_from.date() if isinstance(self.rotation_from, datetime) else self.rotation_from
        return (day - first).days // (self.rotation_days or 7 * (self.rotation_weeks or 1))

    def group(self, turn: int | None) -> tuple[str, ...]:
        """Who has a turn."""
        return self.people if turn is None else self.rotation[turn % len(self.rotation)]

    def turn_ends(self, turn: int, handover: time) -> datetime | None:
        """Wall time at which a turn of hours ends; None where turns change with the shift."""
        if self.rotation_hours is None:
            return None
        return self.first_turn(handover) + (turn + 1) * timedelta(hours=self.rotation_hours)

    def first_turn(self, handover: time) -> datetime:
        """Wall time at which the first turn begins."""
        begin = self.rotation_from
        assert begin is not None
        return begin if isinstance(begin, datetime) else datetime.combine(begin, self.from_ or handover)


def shift_minutes(shift: Shift, handover: time) -> list[tuple[int, int]]:
    """Parts of the week that a shift covers: [from, to) in minutes since Monday 00:00, may pass the end."""
    start = shift.from_ or handover
    end = shift.to or (handover if shift.from_ is None else start)
    first = start.hour * 60 + start.minute
    length = (end.hour * 60 + end.minute - first) % (24 * 60) or 24 * 60
    return [
        (WEEKDAYS.index(day) * 24 * 60 + first, WEEKDAYS.index(day) * 24 * 60 + first + length)
        for day in shift.days
    ]


def week_gaps(shifts: Sequence[Shift], handover: time) -> list[tuple[int, int]]:
    """Parts of the week without a shift, as [from, to) in minutes since Monday 00:00.

    Any day of the week can be free and any can be worked: both weeks must be whole.
    """
    empty = [
        gap
        for kind in ("workdays", "restdays")
        for gap in _gaps([shift for shift in shifts if shift.on in ("any", kind)], handover)
    ]
    return list(_joined(sorted(empty)))


def week_time(minutes: int) -> str:
    """`Mon 08:00` of minutes since Monday 00:00."""
    day, rest = divmod(minutes % WEEK_MIN, 24 * 60)
    return f"{WEEKDAYS[day].capitalize()} {rest // 60:02d}:{rest % 60:02d}"


def _gaps(shifts: Sequence[Shift], handover: time) -> list[tuple[int, int]]:
    pieces: list[tuple[int, int]] = []
    for shift in shifts:
        for start, end in shift_minutes(shift, handover):
            pieces.append((start, min(end, WEEK_MIN)))
            if end > WEEK_MIN:
                pieces.append((0, end - WEEK_MIN))
    empty, covered = [], 0
    for start, end in sorted(pieces):
        if start > covered:
            empty.append((covered, start))
        covered = max(covered, end)
    if covered < WEEK_MIN:
        empty.append((covered, WEEK_MIN))
    return empty


def _joined(spans: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Spans in their order, those that overlap as one."""
    last: tuple[int, int] | None = None
    for start, end in spans:
        if last is not None and start < last[1]:
            last = (last[0], max(last[1], end))
            continue
        if last is not None:
            yield last
        last = (start, end)
    if last is not None:
        yield last
