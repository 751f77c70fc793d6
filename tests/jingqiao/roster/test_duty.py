"""Who is on duty: weekly shifts, handovers, overrides, districts and kinds, and nobody."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.faults import FaultsError
from config.roster import Escalation, Roster, Step, gaps, load_roster
from config.shifts import WEEK_MIN, shift_minutes
from jingqiao.roster.duty import people_for, who_is_on
from jingqiao.roster.escalation import step_at, steps_due
from tests.support.response import LID, at

PEOPLE = "".join(f'[people.{p}]\nname = "{p.upper()}"\nchannels = ["json://{p}"]\n' for p in "abcde")

WEEK = (
    'fallback = "e"\n'
    + PEOPLE
    + """
[[teams]]
id = "lids"
districts = ["鄂城区", "420704"]
kinds = ["cover"]
deputy = "c"
leader = "d"
shifts = [
  { days = ["mon", "tue", "wed", "thu", "fri"], from = "08:00", to = "20:00", people = ["a"] },
  { days = ["mon", "tue", "wed", "thu", "fri"], from = "20:00", to = "08:00", people = ["b"] },
  { days = ["sat", "sun"], people = ["c"], deputy = "a" },
]

[[teams]]
id = "rest"
shifts = [{ people = ["d"] }]

[[overrides]]
team = "lids"
from = 2026-10-01T08:00:00
to = 2026-10-02T08:00:00
people = ["d"]
note = "国庆"
"""
)


def roster(tmp_path: Path, text: str = WEEK) -> Roster:
    path = tmp_path / "roster.toml"
    path.write_text(text, "utf-8")
    return load_roster(path, {})


def faults(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(FaultsError) as raised:
        roster(tmp_path, text)
    return [str(fault).partition("roster.toml")[2] for fault in raised.value.faults]


@pytest.mark.parametrize(
    ("moment", "person", "until"),
    [
        ("2026-09-23 07:59:59", "b", "2026-09-23 08:00:00"),  # a Wednesday
        ("2026-09-23 08:00:00", "a", "2026-09-23 20:00:00"),
        ("2026-09-23 19:59:59", "a", "2026-09-23 20:00:00"),
        ("2026-09-23 20:00:00", "b", "2026-09-24 08:00:00"),
        ("2026-09-26 07:00:00", "b", "2026-09-26 08:00:00"),  # Saturday, still Friday's night shift
        ("2026-09-26 08:00:00", "c", "2026-09-27 08:00:00"),
        ("2026-09-28 03:00:00", "c", "2026-09-28 08:00:00"),  # Monday night belongs to Sunday's shift
        ("2026-10-01 08:00:00", "d", "2026-10-01 20:00:00"),  # the holiday's swap
        ("2026-10-02 08:00:00", "a", "2026-10-02 20:00:00"),
    ],
)
def test_the_shift_of_the_moment_answers(tmp_path: Path, moment: str, person: str, until: str) -> None:
    duty = who_is_on(roster(tmp_path), at(moment), "鄂城区", "cover")
    assert (duty.people, duty.until) == ((person,), at(until))


def test_a_shift_ends_where_a_swap_begins(tmp_path: Path) -> None:
    duty = who_is_on(roster(tmp_path), at("2026-10-01 07:00:00"), "鄂城区", "cover")
    assert (duty.people, duty.until) == (("b",), at("2026-10-01 08:00:00"))


def test_the_team_that_names_it_most_exactly_answers(tmp_path: Path) -> None:
    book = roster(tmp_path)
    moment = at("2026-09-23 09:00:00")
    assert who_is_on(book, moment, "鄂城区", "cover").teams == ("lids",)
    assert who_is_on(book, moment, "", "cover", LID).teams == ("lids",)  # by the code's first six digits
    assert who_is_on(book, moment, "鄂城区", "bridge").teams == ("rest",)
    assert who_is_on(book, moment).teams == ("rest",)


def test_a_missing_deputy_is_the_next_one_up(tmp_path: Path) -> None:
    duty = who_is_on(roster(tmp_path), at("2026-09-23 09:00:00"))
    assert people_for(duty, ("duty", "deputy", "leader")) == ["d", "e"]


def test_a_roster_with_faults_names_them_all_with_their_lines(tmp_path: Path) -> None:
    text = (
        'fallback = "x"\n'
        '[people.a]\nname = "A"\n\n'
        '[[teams]]\nid = "lids"\nleader = "y"\n'
        'shifts = [{ days = ["mon"], from = "08:00", to = "20:00", people = ["a"] }]\n\n'
        '[[overrides]]\nteam = "lid"\nfrom = 2026-10-01T08:00:00\nto = 2026-10-02T08:00:00\n'
    )
    assert faults(tmp_path, text) == [
        ":1: fallback: nobody is called 'x' → add [people.x], or use: a",
        ':2: people.a.channels: cannot be told anything → add a channel, e.g. channels = ["wecombot://KEY"]',
        ":5: teams.0.shifts: team 'lids' has nobody from Mon 00:00 to Mon 08:00 → "
        "add a shift for that time, or lengthen one",
        ":5: teams.0.shifts: team 'lids' has nobody from Mon 20:00 to Mon 00:00 → "
        "add a shift for that time, or lengthen one",
        ":7: teams.0.leader: nobody is called 'y' → add [people.y], or use: a",
        ":11: overrides.0.team: no team 'lid' → use one of: lids",
    ]


def test_a_key_of_a_channel_never_shows_in_a_representation(tmp_path: Path) -> None:
    assert "json://" not in repr(roster(tmp_path))


def test_a_secret_comes_from_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "roster.toml"
    path.write_text(WEEK.replace("json://a", "json://${A_HOST}"), "utf-8")
    assert load_roster(path, {"A_HOST": "phone-a"}).people["a"].channels[0].url == "json://phone-a"


@given(st.integers(0, WEEK_MIN - 1))
def test_a_minute_is_a_gap_exactly_when_nobody_has_it(minute: int) -> None:
    """The slow, obvious twin of `gaps`: ask for each minute of the week."""
    team = Roster.model_validate(
        {
            "fallback": "a",
            "people": {"a": {"name": "A"}},
            "teams": [
                {
                    "id": "t",
                    "shifts": [
                        {"days": ["mon", "sun"], "from": "22:00", "to": "06:30", "people": ["a"]},
                        {"days": ["wed"], "people": ["a"]},
                        {"days": ["tue", "thu"], "from": "09:00", "to": "24:00", "people": ["a"]},
                    ],
                }
            ],
        }
    )
    covered = any(
        start <= moment < end
        for shift in team.teams[0].shifts
        for start, end in shift_minutes(shift, team.handover)
        for moment in (minute, minute + WEEK_MIN)
    )
    in_gap = any(start <= minute < end for start, end in gaps(team.teams[0], team.handover))
    assert in_gap == (not covered)


POLICY = Escalation(
    steps=(Step(after_min=0, who=("duty",)), Step(after_min=5, who=("deputy",))), repeat_min=10, repeats=2
)


def test_steps_and_repeats_are_due_at_their_times() -> None:
    since = at("03:00:00")
    times = [step.at for index in range(9) if (step := step_at(POLICY, since, index)) is not None]
    assert times == [at("03:00:00"), at("03:05:00"), at("03:15:00"), at("03:25:00")]


@given(st.integers(0, 6), st.integers(0, 40))
def test_what_is_due_is_what_is_not_done_and_not_later(done: int, minutes: int) -> None:
    now = at("03:00:00") + minutes * 60_000_000
    expected = [
        step
        for index in range(done, 10)
        if (step := step_at(POLICY, at("03:00:00"), index)) is not None and step.at <= now
    ]
    assert list(steps_due(POLICY, at("03:00:00"), done, now)) == expected


ROTATION = (
    'fallback = "e"\n'
    + PEOPLE
    + """
[[teams]]
id = "lids"
[[teams.shifts]]
from = "20:00"
to = "08:00"
rotation = [["a"], ["b", "c"], ["d"]]
rotation_from = 2026-09-21
[[teams.shifts]]
from = "08:00"
to = "20:00"
people = ["e"]
"""
)


@pytest.mark.parametrize(
    ("moment", "people"),
    [
        ("2026-09-21 20:00:00", ("a",)),
        ("2026-09-28 07:59:00", ("a",)),  # Sunday's night shift belongs to the group that began it
        ("2026-09-28 20:00:00", ("b", "c")),
        ("2026-10-05 20:00:00", ("d",)),
        ("2026-10-12 20:00:00", ("a",)),
        ("2026-09-20 20:00:00", ("d",)),  # before the first day the turns run backwards
        ("2026-10-12 12:00:00", ("e",)),
    ],
)
def test_groups_take_turns_week_by_week(tmp_path: Path, moment: str, people: tuple[str, ...]) -> None:
    assert who_is_on(roster(tmp_path, ROTATION), at(moment)).people == people


def test_a_rotation_without_a_first_day_is_refused_with_its_line(tmp_path: Path) -> None:
    text = ROTATION.replace("rotation_from = 2026-09-21\n", "")
    (fault,) = faults(tmp_path, text)
    assert "a rotation needs rotation_from" in fault
