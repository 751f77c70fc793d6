"""The days that a report is about, in the office's zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

Period = Literal["daily", "weekly"]
PERIODS: Final[tuple[Period, ...]] = ("daily", "weekly")


@dataclass(frozen=True, slots=True)
class Span:
    """first, last : days, both included. start, end : int  [µs since 1970 UTC], `end` not included."""

    first: date
    last: date
    start: int
    end: int


def span_of(period: Period, day: date, zone: ZoneInfo) -> Span:
    """The day, or the week (Monday to Sunday) that it lies in."""
    first = day - timedelta(days=day.weekday()) if period == "weekly" else day
    last = first + timedelta(days=6) if period == "weekly" else day
    return Span(first, last, _midnight(first, zone), _midnight(last + timedelta(days=1), zone))


def latest_whole(period: Period, now: int, zone: ZoneInfo) -> date:
    """A day of the newest period that is over: yesterday, or a day of last week."""
    today = datetime.fromtimestamp(now / 1e6, zone).date()
    return today - timedelta(days=1 if period == "daily" else today.weekday() + 1)


def _midnight(day: date, zone: ZoneInfo) -> int:
    return round(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()) * 1_000_000
