"""The four clocks of GB/T 30428.8: when a limit that began at a moment is over. Pure functions of time.

- `emergency_hours` 紧急工作时: every hour counts, day and night.
- `work_hours` 工作时: only working hours count.
- `work_days` 工作日: the day of the beginning does not count; over at the close of the last working day.
- `days` 自然日: the day of the beginning does not count; over at the end (24:00) of the last day.
Days are counted as the Civil Code counts periods (art. 201-203). Times are wall times of the office's zone.
"""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final

from config.limits import CountedIn
from jingqiao.work_calendar import WorkCalendar

_HOUR_US: Final = 3_600_000_000
_QUARTER_US: Final = 900_000_000
_MICROSECOND: Final = timedelta(microseconds=1)


def due_at(calendar: WorkCalendar, clock: CountedIn, start: int, amount: float) -> int:
    """When `amount` units of a clock are over.

    start : int  [µs since 1970 UTC]. amount : float  Hours or whole days; > 0.
    """
    if clock == "emergency_hours":
        return start + round(amount * _HOUR_US)
    local = datetime.fromtimestamp(start // 1_000_000, calendar.zone).replace(tzinfo=None)
    local += timedelta(microseconds=start % 1_000_000)
    match clock:
        case "work_hours":
            end = _after_work(calendar, local, round(amount * _HOUR_US) * _MICROSECOND)
        case "work_days":
            day = local.date()
            for _ in range(int(amount)):
                day = calendar.next_day(day)
            end = calendar.close_of(day)
        case "days":
            midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
            end = midnight + timedelta(days=int(amount) + 1)
    return _micros(calendar, end)


def guessed(calendar: WorkCalendar, clock: CountedIn, start: int, end: int) -> bool:
    """Whether a period depends on a year whose holidays nobody has told us."""
    if clock not in ("work_hours", "work_days"):
        return False
    first, last = (_local_year(calendar.zone, at // _QUARTER_US) for at in (start, end))
    return not all(calendar.known(year) for year in range(first, last + 1))


@lru_cache(maxsize=65_536)
def _local_year(zone: tzinfo, quarter: int) -> int:
    """The local year of a quarter of an hour since 1970 UTC: no year begins within one."""
    return datetime.fromtimestamp(quarter * _QUARTER_US // 1_000_000, zone).year


def _after_work(calendar: WorkCalendar, begin: datetime, left: timedelta) -> datetime:
    day = begin.date()
    while True:
        for start, end in calendar.spans(day):
            available = end - max(start, begin)
            if available >= left:
                return max(start, begin) + left
            left -= max(available, timedelta(0))
        day = calendar.next_day(day)


def _micros(calendar: WorkCalendar, local: datetime) -> int:
    """µs since 1970 UTC of a wall time."""
    whole = local.replace(microsecond=0, tzinfo=calendar.zone)
    return round(whole.timestamp()) * 1_000_000 + local.microsecond
