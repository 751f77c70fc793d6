"""The four clocks of GB/T 30428.8 against slow, obvious twins, and holidays that are known or not."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.limits import CountedIn, HolidayYear, WorkTime
from config.rules import HazardName
from jingqiao.incidents.clocks import due_at, guessed
from jingqiao.work_calendar import WorkCalendar, calendar_of
from rules.alarm import HAZARDS

SHANGHAI = ZoneInfo("Asia/Shanghai")
CALENDAR = calendar_of(WorkTime(), SHANGHAI)
ODD = WorkCalendar(
    WorkTime.model_validate(
        {
            "hours": [{"from": "22:00", "to": "24:00"}],
            "years": [{"year": 2030, "off": [date(2030, 1, 1)], "on": [date(2030, 1, 5)]}],
        }
    ),
    SHANGHAI,
)


def us(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).timestamp()) * 1_000_000


def local(moment: int) -> str:
    return f"{datetime.fromtimestamp(moment / 1e6, SHANGHAI):%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("clock", "start", "amount", "end"),
    [
        ("emergency_hours", "2026-09-30 23:50", 6, "2026-10-01 05:50"),
        ("work_hours", "2026-09-23 09:00", 2, "2026-09-23 11:00"),
        ("work_hours", "2026-09-23 11:00", 2, "2026-09-23 15:30"),  # over noon
        ("work_hours", "2026-09-30 17:00", 1, "2026-10-08 09:00"),  # over the week of the national day
        ("work_hours", "2026-09-23 03:00", 3.5, "2026-09-23 12:00"),  # begins in the night
        ("work_days", "2026-09-23 03:00", 1, "2026-09-24 17:30"),
        ("work_days", "2026-09-30 10:00", 1, "2026-10-08 17:30"),
        ("work_days", "2026-10-08 10:00", 2, "2026-10-10 17:30"),  # a Saturday that is worked
        ("days", "2026-09-30 10:00", 1, "2026-10-02 00:00"),
    ],
)
def test_a_limit_ends_when_its_clock_says(clock: CountedIn, start: str, amount: float, end: str) -> None:
    assert local(due_at(CALENDAR, clock, us(start), amount)) == end


MINUTES = st.integers(us("2025-12-20 00:00") // 60_000_000, us("2026-11-20 00:00") // 60_000_000)


@given(MINUTES, st.integers(1, 40 * 60))
def test_working_hours_are_minutes_counted_one_by_one(start: int, minutes: int) -> None:
    """The slow twin looks at every minute."""
    at, left = datetime.fromtimestamp(start * 60, SHANGHAI), minutes
    while left:
        minute = at.hour * 60 + at.minute
        worked = 510 <= minute < 720 or 870 <= minute < 1050
        left -= worked and CALENDAR.works(at.date())
        at += timedelta(minutes=1)
    assert due_at(CALENDAR, "work_hours", start * 60_000_000, minutes / 60) == round(at.timestamp() * 1e6)


@given(MINUTES, st.integers(1, 30))
def test_working_days_are_days_counted_one_by_one(start: int, amount: int) -> None:
    day, left = datetime.fromtimestamp(start * 60, SHANGHAI).date(), amount
    while left:
        day += timedelta(days=1)
        left -= CALENDAR.works(day)
    assert local(due_at(CALENDAR, "work_days", start * 60_000_000, amount)) == f"{day} 17:30"


@given(MINUTES, st.integers(1, 30), st.sampled_from(["emergency_hours", "work_hours", "work_days", "days"]))
def test_more_time_never_ends_earlier_and_nothing_ends_before_it_begins(
    start: int, amount: int, clock: CountedIn
) -> None:
    for calendar in (CALENDAR, ODD):
        ends = [due_at(calendar, clock, start * 60_000_000, n) for n in (amount, amount + 1)]
        assert start * 60_000_000 < ends[0] < ends[1]


def test_a_year_nobody_has_data_for_is_said_and_not_guessed_silently() -> None:
    last = max(year for year in range(2026, 2100) if CALENDAR.known(year))
    start, end = us(f"{last}-12-31 10:00"), us(f"{last + 1}-01-10 10:00")
    assert not guessed(CALENDAR, "work_days", us(f"{last}-12-01 10:00"), us(f"{last}-12-31 10:00"))
    assert guessed(CALENDAR, "work_days", start, end)
    assert not guessed(CALENDAR, "emergency_hours", start, end)


def test_the_office_can_enter_a_year_itself() -> None:
    assert ODD.known(2030)
    assert [ODD.works(date(2030, 1, day)) for day in (1, 2, 5, 6)] == [False, True, True, False]
    assert local(due_at(ODD, "work_hours", us("2030-01-04 12:00"), 3)) == "2030-01-05 23:00"


def test_a_day_of_another_year_or_a_contradiction_is_refused() -> None:
    with pytest.raises(ValueError, match="does not lie in 2030"):
        HolidayYear(year=2030, off=(date(2031, 1, 1),))
    with pytest.raises(ValueError, match="both off and on"):
        HolidayYear(year=2030, off=(date(2030, 1, 5),), on=(date(2030, 1, 5),))


def test_the_settings_know_every_hazard_of_the_rules() -> None:
    assert set(HazardName.__args__) == {hazard.value for hazard in HAZARDS}  # type: ignore[attr-defined]
