"""What people change beside the roster's file: it persists, holds at once, and says who and why."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result
from icalendar import Calendar

from config.settings import Settings
from jingqiao.api.app import create_app
from jingqiao.cli import main
from jingqiao.clock import ManualClock
from jingqiao.database import migrate, open_database, reading, writing
from jingqiao.roster.current import CurrentRoster
from jingqiao.roster.overrides import (
    OverrideError,
    add_override,
    overrides,
    swap,
    with_overrides,
    withdraw,
)
from jingqiao.service import Service
from jingqiao.tokens.store import Scope, issue
from tests.jingqiao.roster.test_duty import WEEK, roster, who_is_on
from tests.support.response import ROSTER, Phones, at

NOW = at("2026-09-23 07:00:00")  # a Wednesday; a has the days, b the nights


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Any]:
    database = open_database(f"sqlite:///{tmp_path}/jingqiao.sqlite")
    migrate(database)
    yield database
    database.dispose()


def change(office: Any, tmp_path: Path, **values: Any) -> int:
    plain = {"team": "lids", "who": "d", "why": "病假", "now": NOW}
    with writing(office) as connection:
        return add_override(connection, roster(tmp_path), **(plain | values))


def on(office: Any, tmp_path: Path, moment: str) -> Any:
    with reading(office) as connection:
        book = with_overrides(roster(tmp_path), overrides(connection, NOW))
    return who_is_on(book, at(moment), "鄂城区", "cover")


def test_an_override_puts_others_on_for_its_time_and_says_by_whom_and_why(
    office: Any, tmp_path: Path
) -> None:
    number = change(
        office,
        tmp_path,
        people=["c"],
        from_at=at("2026-09-23 10:00:00"),
        until_at=at("2026-09-23 14:00:00"),
    )
    assert on(office, tmp_path, "2026-09-23 09:59:59").until == at("2026-09-23 10:00:00")
    duty = on(office, tmp_path, "2026-09-23 10:00:00")
    assert (duty.people, duty.because, duty.note, duty.until) == (
        ("c",),
        "override",
        "病假",
        at("2026-09-23 14:00:00"),
    )
    assert [(s.kind, s.who, s.override) for s in duty.sources] == [("override", "d", number)]
    assert on(office, tmp_path, "2026-09-23 14:00:00").people == ("a",)


def test_an_extra_shift_adds_and_a_swap_replaces_one_person(office: Any, tmp_path: Path) -> None:
    span = {"from_at": at("2026-09-23 08:00:00"), "until_at": at("2026-09-24 08:00:00")}
    change(office, tmp_path, people=["e"], extra=True, **span)
    change(office, tmp_path, people=["c"], instead_of="a", **span)
    duty = on(office, tmp_path, "2026-09-23 12:00:00")
    assert {(s.person, s.kind, s.of) for s in duty.sources} == {("e", "extra", ""), ("c", "swap", "a")}
    assert on(office, tmp_path, "2026-09-23 21:00:00").people == ("b", "e")  # a has no night


def test_a_swap_goes_both_ways(office: Any, tmp_path: Path) -> None:
    with writing(office) as connection:
        numbers = swap(
            connection,
            roster(tmp_path),
            team="lids",
            one="a",
            other="b",
            first=(at("2026-09-23 08:00:00"), at("2026-09-23 20:00:00")),
            back=(at("2026-09-24 20:00:00"), at("2026-09-25 08:00:00")),
            who="a",
            why="孩子生病",
            now=NOW,
        )
    assert len(numbers) == 2
    assert on(office, tmp_path, "2026-09-23 12:00:00").people == ("b",)
    assert on(office, tmp_path, "2026-09-24 21:00:00").people == ("a",)
    assert on(office, tmp_path, "2026-09-24 12:00:00").people == ("a",)


def test_what_is_taken_back_no_longer_holds_and_stays_on_record(office: Any, tmp_path: Path) -> None:
    span = {"from_at": at("2026-09-23 08:00:00"), "until_at": at("2026-09-24 08:00:00")}
    number = change(office, tmp_path, people=["c"], **span)
    with writing(office) as connection:
        assert withdraw(connection, number, who="e", why="好了", now=NOW)
        assert not withdraw(connection, number, who="e", why="好了", now=NOW)
        (row,) = overrides(connection)
    assert on(office, tmp_path, "2026-09-23 12:00:00").people == ("a",)
    assert (row.who, row.why, row.withdrawn_by, row.withdrawn_why) == ("d", "病假", "e", "好了")


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"team": "lid", "people": ["c"]}, "team"),
        ({"people": ["x"]}, "person"),
        ({"people": []}, "nobody"),
        (
            {"people": ["c"], "until_at": at("2026-09-23 06:00:00"), "from_at": at("2026-09-23 05:00:00")},
            "over",
        ),
        ({"people": ["c"], "until_at": at("2026-09-23 07:30:00")}, "backwards"),
        ({"people": ["c"], "extra": True, "instead_of": "a"}, "both"),
        ({"people": ["c"], "instead_of": "d"}, "not_on"),
    ],
)
def test_what_cannot_be_is_refused_with_what_would_be_right(
    office: Any, tmp_path: Path, values: dict[str, Any], key: str
) -> None:
    span = {"from_at": at("2026-09-23 08:00:00"), "until_at": at("2026-09-23 20:00:00")}
    with pytest.raises(OverrideError) as raised:
        change(office, tmp_path, **(span | values))
    assert raised.value.key == key


def test_a_change_that_names_somebody_who_left_does_not_hold_and_breaks_nothing(
    office: Any, tmp_path: Path
) -> None:
    span = {"from_at": at("2026-09-23 08:00:00"), "until_at": at("2026-09-23 20:00:00")}
    change(office, tmp_path, people=["c"], **span)
    smaller = roster(tmp_path).model_copy(
        update={"people": {k: v for k, v in roster(tmp_path).people.items() if k != "c"}}
    )
    with reading(office) as connection:
        assert with_overrides(smaller, overrides(connection, NOW)).overrides == smaller.overrides


def test_a_running_service_takes_a_change_of_another_process(office: Any, tmp_path: Path) -> None:
    heard: list[int] = []
    current = CurrentRoster(office, roster(tmp_path), ManualClock(NOW), lambda: heard.append(1))
    assert not current.step()
    span = {"from_at": at("2026-09-23 08:00:00"), "until_at": at("2026-09-23 20:00:00")}
    number = change(office, tmp_path, people=["c"], **span)
    assert current.step()
    assert who_is_on(current(), at("2026-09-23 12:00:00"), "鄂城区", "cover").people == ("c",)
    with writing(office) as connection:
        withdraw(connection, number, who="e", why="", now=NOW)
    assert current.step()
    assert who_is_on(current(), at("2026-09-23 12:00:00"), "鄂城区", "cover").people == ("a",)
    assert len(heard) == 2


def command(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "-c", str(folder / "jingqiao.toml")])


def test_the_commands_change_what_roster_now_and_why_say(tmp_path: Path) -> None:
    (tmp_path / "jingqiao.toml").write_text('data_dir = "."\nroster = "roster.toml"\n')
    (tmp_path / "roster.toml").write_text(ROSTER, "utf-8")
    made = command(
        tmp_path, "roster", "override", "lids", "li", "--to", "+2h", "--why", "培训", "--who", "wang"
    )
    assert (made.exit_code, made.stdout[:7]) == (0, "已登记，编号 ")
    now = json.loads(command(tmp_path, "roster", "now", "--json").stdout)
    assert [p["id"] for p in now[0]["people"]] == ["li"]
    why = command(tmp_path, "roster", "why", "--kind", "cover").stdout
    assert "李四：替班（培训，wang）" in why
    wrong = command(tmp_path, "roster", "swap", "lids", "wang", "zhang", "--to", "+2h")
    assert (wrong.exit_code, wrong.stderr) == (2, "王五 在这段时间不当班\n")
    assert command(tmp_path, "roster", "swap", "lids", "li", "li", "--to", "+1h").exit_code == 2
    assert command(tmp_path, "roster", "swap", "lids", "li", "wang", "--to", "+1h").exit_code == 0
    assert command(tmp_path, "roster", "extra", "lids", "office", "--to", "+1h").exit_code == 0
    now = json.loads(command(tmp_path, "roster", "now", "--json").stdout)
    assert [p["id"] for p in now[0]["people"]] == ["wang", "office"]
    assert len(json.loads(command(tmp_path, "roster", "changes", "--json").stdout)) == 3
    assert command(tmp_path, "roster", "changes").exit_code == 0
    assert command(tmp_path, "roster", "withdraw", "2").exit_code == 0
    assert command(tmp_path, "roster", "withdraw", "2").exit_code == 1
    calendar = command(tmp_path, "roster", "calendar", "--person", "li", "--weeks", "1")
    assert Calendar.from_ical(calendar.stdout_bytes).walk("VEVENT")[0]["SUMMARY"].startswith("李四")
    assert command(tmp_path, "roster", "calendar", "--team", "nobody").exit_code == 2


async def test_the_calendar_feed_needs_a_token_and_is_right_about_the_time_zone(tmp_path: Path) -> None:
    (tmp_path / "roster.toml").write_text(WEEK, "utf-8")
    clock = ManualClock(NOW)
    service = Service(
        Settings(data_dir=tmp_path / "d", roster=tmp_path / "roster.toml"), clock, Phones(clock)
    )
    with writing(service.database) as connection:
        _, good = issue(connection, name="cal", scopes=[Scope.ROSTER_READ], who="d", now=NOW)
        _, other = issue(connection, name="cap", scopes=[Scope.CAP_READ], who="d", now=NOW)
    transport = httpx.ASGITransport(create_app(service))
    async with httpx.AsyncClient(transport=transport, base_url="http://jq") as browser:
        answers = [
            await browser.get("/roster.ics", params=query)
            for query in (
                {},
                {"token": other},
                {"token": good, "team": "x"},
                {"token": good, "team": "lids", "weeks": "1"},
                {"token": good, "person": "a"},
            )
        ]
    await service.close()
    assert [answer.status_code for answer in answers] == [401, 403, 404, 200, 200]
    assert answers[3].headers["content-type"] == "text/calendar; charset=utf-8"
    events = Calendar.from_ical(answers[3].content).walk("VEVENT")
    (day,) = [e for e in events if e.start.isoformat() == "2026-09-23T00:00:00+00:00"]  # 08:00 in Ezhou
    assert (str(day["SUMMARY"]), day.end.isoformat()) == ("A · lids", "2026-09-23T12:00:00+00:00")
    assert {str(e["SUMMARY"]) for e in Calendar.from_ical(answers[4].content).walk("VEVENT")} == {"A · lids"}
