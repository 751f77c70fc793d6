"""Which days are worked in China, and when: built-in orders of the State Council, or the office's own. Pure.

A year that nobody has data for is guessed by its weekdays, and `known` says so: whoever shows a date that
depends on it has to say so too.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final

import chinese_calendar

from config.limits import HolidayYear, WorkTime

_LAST_BUILT_IN: Final = max(day.year for day in chinese_calendar.holidays)
_FIRST_BUILT_IN: Final = min(day.year for day in chinese_calendar.holidays)


class WorkCalendar:
    """Working days and hours in one time zone."""

    def __init__(self, work: WorkTime, zone: tzinfo) -> None:
        self._own: dict[int, HolidayYear] = {year.year: year for year in work.years}
        self._spans = tuple(span.minutes for span in work.hours)
        self.zone = zone

    def known(self, year: int) -> bool:
        """Whether the holidays of a year are known rather than guessed."""
        return year in self._own or _FIRST_BUILT_IN <= year <= _LAST_BUILT_IN

    def works(self, day: date) -> bool:
        """Whether a day is worked; in a year that is not known, Monday to Friday."""
        own = self._own.get(day.year)
        if own is not None:
            return day in own.on or (day.weekday() < 5 and day not in own.off)
        if self.known(day.year):
            return _by_order(day)
        return day.weekday() < 5

    def next_day(self, day: date) -> date:
        """The first working day after a day."""
        following = day + timedelta(days=1)
        while not self.works(following):
            following += timedelta(days=1)
        return following

    def spans(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        """Working hours of a day, as local times without a zone; none on a free day."""
        if self.works(day):
            midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - wall time of `zone`
            for start, end in self._spans:
                yield midnight + timedelta(minutes=start), midnight + timedelta(minutes=end)

    def close_of(self, day: date) -> datetime:
        """End of the working hours of a day, as local time without a zone."""
        return datetime(day.year, day.month, day.day) + timedelta(minutes=self._spans[-1][1])  # noqa: DTZ001


@lru_cache(maxsize=4096)
def _by_order(day: date) -> bool:
    """By the State Council's orders; the library looks through all of its days each time that it is asked."""
    return bool(chinese_calendar.is_workday(day))


def unknown_year(calendar: WorkCalendar, now: int, ahead_days: int = 21) -> int | None:
    """A year that is here, or comes within so many days, without its holidays; None = all is known.

    now : int  [µs since 1970 UTC]
    """
    today = datetime.fromtimestamp(now / 1_000_000, calendar.zone)
    years = (today.year, (today + timedelta(days=ahead_days)).year)
    return next((year for year in years if not calendar.known(year)), None)


@lru_cache(maxsize=16)
def calendar_of(work: WorkTime, zone: tzinfo) -> WorkCalendar:
    """The calendar of an office."""
    return WorkCalendar(work, zone)
