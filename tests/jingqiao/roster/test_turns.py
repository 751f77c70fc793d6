"""Turns of hours, days and weeks, layers, working days and days off, against a slow twin."""

from datetime import date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.roster import Roster, load_roster
from jingqiao.roster.duty import pieces, team_duty, who_is_on
from tests.jingqiao.roster.test_duty import PEOPLE, faults
from tests.support.response import at

ZONE = ZoneInfo("Asia/Shanghai")
TURNS = (
    'fallback = "e"\n'
    + PEOPLE
    + """
[[teams]]
id = "lids"
[[teams.shifts]]
from = "08:00"
rotation = [["a"], ["b"], ["c"]]
rotation_from = 2026-09-21
rotation_hours = 12
[[teams.shifts]]
layer = 1
on = "restdays"
days = ["mon", "tue", "wed", "thu", "fri"]
people = ["d"]
[[teams.shifts]]
layer = 2
from = "12:00"
to = "13:00"
days = ["wed"]
rotation = [["e"], ["d"]]
rotation_weeks = 2
rotation_from = 2026-09-21
"""
)


def roster(folder: Path, text: str = TURNS) -> Roster:
    (folder / "roster.toml").write_text(text, "utf-8")
    return load_roster(folder / "roster.toml", {})


@pytest.mark.parametrize(
    ("moment", "person", "until"),
    [
        ("2026-09-21 08:00:00", "a", "2026-09-21 20:00:00"),
        ("2026-09-21 20:00:00", "b", "2026-09-22 08:00:00"),
        ("2026-09-22 08:00:00", "c", "2026-09-22 20:00:00"),
        ("2026-09-22 20:00:00", "a", "2026-09-23 08:00:00"),
        ("2026-09-23 12:30:00", "e", "2026-09-23 13:00:00"),  # the upper layer's hour
        ("2026-09-30 12:30:00", "e", "2026-09-30 13:00:00"),  # the second week of its turn
        ("2026-10-07 12:30:00", "d", "2026-10-07 13:00:00"),
        ("2026-10-01 09:00:00", "d", "2026-10-01 20:00:00"),  # a Thursday, the national day
        ("2026-10-10 09:00:00", "c", "2026-10-10 20:00:00"),  # a Saturday that is worked
        ("2026-09-21 07:59:59", "c", "2026-09-21 08:00:00"),  # before the first turn they run backwards
    ],
)
def test_turns_layers_and_holidays_say_who_it_is(
    tmp_path: Path, moment: str, person: str, until: str
) -> None:
    duty = team_duty(roster(tmp_path), roster(tmp_path).teams[0], at(moment))
    assert (duty.people, duty.until) == ((person,), at(until))


def naive(book: Roster, moment: int) -> set[str]:
    """The slow twin: looks at each of the last 8 days' shifts, whether it reaches to the moment."""
    local = datetime.fromtimestamp(moment / 1e6, ZONE).replace(tzinfo=None)
    layers: dict[int, set[str]] = {}
    for shift in book.teams[0].shifts:
        for back in range(8):
            day = local.date() - timedelta(days=back)
            if f"{day:%a}".lower() not in shift.days:
                continue
            begin = datetime.combine(day, shift.from_ or book.handover)
            if shift.from_ is not None and shift.to is not None:
                end = datetime.combine(day, shift.to)
            else:
                end = begin
            if end <= begin:
                end += timedelta(days=1)
            holidays = {date(2026, 10, d) for d in range(1, 8)} | {date(2026, 9, 25)}
            extra = {date(2026, 9, 20), date(2026, 10, 10)}
            works = day in extra or (day.weekday() < 5 and day not in holidays)
            if not begin <= local < end or (shift.on == "restdays" and works):
                continue
            if not shift.rotation:
                layers.setdefault(shift.layer, set()).update(shift.people)
                continue
            start = datetime.combine(date(2026, 9, 21), time(8 if shift.rotation_hours else 0))
            length = timedelta(hours=12) if shift.rotation_hours else timedelta(weeks=2)
            reference = local if shift.rotation_hours else datetime.combine(day, datetime.min.time())
            turn = 0
            while start + (turn + 1) * length <= reference:
                turn += 1
            while start + turn * length > reference:
                turn -= 1
            layers.setdefault(shift.layer, set()).update(shift.rotation[turn % len(shift.rotation)])
    return layers[max(layers)] if layers else set()


@given(st.integers(at("2026-09-10 00:00:00") // 60_000_000, at("2026-10-20 00:00:00") // 60_000_000))
def test_who_is_on_is_what_the_slow_twin_says(minute: int) -> None:
    book = Roster.model_validate(BOOK)
    duty = team_duty(book, book.teams[0], minute * 60_000_000)
    assert set(duty.people) == naive(book, minute * 60_000_000)


@given(
    st.integers(at("2026-09-10 00:00:00") // 60_000_000, at("2026-10-20 00:00:00") // 60_000_000),
    st.floats(0, 0.999),
)
def test_nothing_changes_before_the_time_that_is_told(minute: int, part: float) -> None:
    book = Roster.model_validate(BOOK)
    moment = minute * 60_000_000
    duty = team_duty(book, book.teams[0], moment)
    assert duty.until > moment
    between = moment + int((duty.until - moment) * part)
    assert team_duty(book, book.teams[0], between).people == duty.people


def test_pieces_join_what_does_not_differ_and_leave_no_hole(tmp_path: Path) -> None:
    book = roster(tmp_path)
    start, end = at("2026-09-20 00:00:00"), at("2026-10-11 00:00:00")
    found = pieces(book, book.teams[0], start, end)
    assert [begin for begin, _ in found[1:]] == [duty.until for _, duty in found[:-1]]
    assert all(one.sources != other.sources for (_, one), (_, other) in pairwise(found))


def test_why_names_shift_layer_and_turn(tmp_path: Path) -> None:
    book = roster(tmp_path)
    (source,) = who_is_on(book, at("2026-09-21 21:00:00")).sources
    assert (source.person, source.kind, source.shift, source.layer, source.turn) == ("b", "rotation", 1, 0, 2)


def test_a_week_that_is_whole_only_without_holidays_is_a_fault(tmp_path: Path) -> None:
    text = (
        'fallback = "e"\n' + PEOPLE + '[[teams]]\nid = "t"\nshifts = [{ on = "workdays", people = ["a"] }]\n'
    )
    (fault,) = faults(tmp_path, text)
    assert "has nobody from Mon 00:00 to Mon 00:00" in fault


def test_a_turn_has_one_length(tmp_path: Path) -> None:
    (fault,) = faults(
        tmp_path, TURNS.replace("rotation_hours = 12", "rotation_hours = 12\nrotation_days = 2")
    )
    assert "one length" in fault


def test_a_role_that_nobody_has_is_a_fault_with_its_line(tmp_path: Path) -> None:
    text = TURNS + '[[limits]]\nwithin = 1\nurge = ["role:督办"]\n'
    (fault,) = faults(tmp_path, text)
    assert "limits.0.urge: nobody has the 'role:督办' → give somebody roles" in fault


BOOK = {
    "fallback": "e",
    "people": {p: {"name": p} for p in "abcde"},
    "teams": [
        {
            "id": "lids",
            "shifts": [
                {
                    "from": "08:00",
                    "rotation": [["a"], ["b"], ["c"]],
                    "rotation_from": "2026-09-21",
                    "rotation_hours": 12,
                },
                {
                    "layer": 1,
                    "on": "restdays",
                    "days": ["mon", "tue", "wed", "thu", "fri"],
                    "people": ["d"],
                },
                {
                    "layer": 2,
                    "from": "12:00",
                    "to": "13:00",
                    "days": ["wed"],
                    "rotation": [["e"], ["d"]],
                    "rotation_weeks": 2,
                    "rotation_from": "2026-09-21",
                },
            ],
        }
    ],
}
