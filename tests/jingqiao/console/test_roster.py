"""The roster's page: the week, its gaps, and changing it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from config.roster import Roster
from config.toml_file import load
from jingqiao.roster.week import monday_of, week
from tests.support.console import ConsoleOffice
from tests.support.response import ROSTER, at

NIGHTS = ROSTER.replace(
    'shifts = [{ people = ["zhang"] }]', 'shifts = [{ from = "20:00", to = "08:00", people = ["zhang"] }]'
)
SWAP = {"team": "lids", "from": "2026-09-24T20:00", "to": "2026-09-25T08:00", "person": "li", "why": "换班"}


@pytest.fixture
def office(tmp_path: Path) -> Iterator[ConsoleOffice]:
    made = ConsoleOffice(tmp_path)
    made.add_accounts()
    (tmp_path / "nights.toml").write_text(NIGHTS, "utf-8")
    made.roster = load(tmp_path / "nights.toml", Roster, {})  # read without its check, which refuses gaps
    yield made
    made.close()


def test_a_week_tells_of_every_hour_also_of_those_with_nobody(office: ConsoleOffice) -> None:
    roster = office.parts.roster()
    first = monday_of(roster, at("03:00:00"))
    assert first == date(2026, 9, 21)
    lids = week(roster, first)[0]
    assert [len(day.pieces) for day in lids.days] == [3] * 7
    for day in lids.days:
        assert [piece.duty.people for piece in day.pieces] == [("zhang",), (), ("zhang",)]
        assert all(one.end == two.start for one, two in zip(day.pieces, day.pieces[1:], strict=False))
        assert day.pieces[-1].end - day.pieces[0].start == 24 * 3_600_000_000


async def test_gaps_are_said_loudly_and_other_weeks_are_a_click_away(office: ConsoleOffice) -> None:
    async with office.logged_in("viewer") as client:
        page = (await client.get("/roster")).text
        assert "无人值班" in page
        assert "2026-09-21 08:00 – 2026-09-21 20:00" in " ".join(page.split())
        assert 'href="/roster?begin=2026-09-28"' in page
        assert "变更值班" not in page
        for mangled in ("x", "9999-12-31", "2026-13-01", ""):
            assert (await client.get(f"/roster?begin={mangled}")).status_code == 200


async def test_a_supervisor_swaps_a_night_and_takes_it_back_and_nobody_else_can(
    office: ConsoleOffice,
) -> None:
    async with office.logged_in("duty") as client:
        assert (await client.post("/roster/overrides", data=SWAP)).status_code == 403
    async with office.logged_in("supervisor") as client:
        done = await client.post("/roster/overrides", data=SWAP | {"instead_of": "zhang"})
        assert done.status_code == 303
        page = (await client.get("/roster")).text
        assert "代 张三: 换班 (李四)" in page
        taken = await client.post("/roster/overrides/1/withdraw")
        assert taken.status_code == 303
        assert "代 张三" not in (await client.get("/roster")).text
        assert (await client.post("/roster/overrides/1/withdraw")).status_code == 404


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"to": "2026-09-24T19:00"}, "结束时间须在开始之后"),
        ({"from": "yesterday"}, "请填写完整"),
        ({"person": "ghost"}, "花名册里没有"),
        ({"team": "ghosts"}, "没有班组"),
        ({"from": "2026-09-01T20:00", "to": "2026-09-02T08:00"}, "已经过去"),
        ({"instead_of": "wang"}, "不当班"),
    ],
)
async def test_a_change_that_cannot_be_is_refused_with_the_reason(
    office: ConsoleOffice, wrong: dict[str, str], said: str
) -> None:
    async with office.logged_in("supervisor") as client:
        answer = await client.post("/roster/overrides", data=SWAP | wrong)
    assert answer.status_code == 422
    assert said in answer.text


BOTH_WAYS = {
    "team": "lids",
    "one": "zhang",
    "from": "2026-09-24T20:00",
    "to": "2026-09-25T08:00",
    "other": "li",
    "back_from": "2026-09-26T20:00",
    "back_to": "2026-09-27T08:00",
    "why": "婚假",
}
EVERY_NIGHT = NIGHTS.replace(
    'shifts = [{ from = "20:00", to = "08:00", people = ["zhang"] }]',
    'shifts = [{ from = "20:00", to = "08:00", days = ["mon", "tue", "wed", "thu", "fri"],'
    ' people = ["zhang"] },'
    ' { from = "20:00", to = "08:00", days = ["sat", "sun"], people = ["li"] }]',
)


async def test_two_people_swap_both_ways_in_one_act(office: ConsoleOffice, tmp_path: Path) -> None:
    (tmp_path / "nights.toml").write_text(EVERY_NIGHT, "utf-8")
    office.roster = load(tmp_path / "nights.toml", Roster, {})
    async with office.logged_in("supervisor") as client:
        page = (await client.get("/roster?begin=2026-09-21")).text
        assert "两人对调" in page
        answer = await client.post("/roster/swaps", data=BOTH_WAYS | {"begin": "2026-09-21"})
        assert answer.headers["location"] == "/roster?begin=2026-09-21"
        told = (await client.get("/api/v1/roster/overrides")).json()
        assert [(row["people"], row["instead_of"], row["why"]) for row in told] == [
            (["li"], "zhang", "婚假"),
            (["zhang"], "li", "婚假"),
        ]
        body = {
            "team": "lids",
            "one": "zhang",
            "other": "li",
            "from_at": "2026-09-28T20:00:00+08:00",
            "until_at": "2026-09-29T08:00:00+08:00",
        }
        made = await client.post("/api/v1/roster/swaps", json=body)
        assert made.status_code == 201
        assert len(made.json()["ids"]) == 1, "nothing is given back"
        half = await client.post("/api/v1/roster/swaps", json=body | {"back_from": body["from_at"]})
        assert half.status_code == 422
        refused = await client.post("/roster/swaps", data=BOTH_WAYS | {"other": "zhang"})
        assert refused.status_code == 422
    async with office.logged_in("duty") as client:
        assert (await client.post("/roster/swaps", data=BOTH_WAYS)).status_code == 403
