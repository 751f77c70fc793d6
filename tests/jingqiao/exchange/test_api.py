"""The CAP feed and the case records over HTTP, with tokens."""

import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from config.settings import Settings
from jingqiao.api.app import create_app
from jingqiao.clock import ManualClock
from jingqiao.database import writing
from jingqiao.dossier.importing import import_files
from jingqiao.incidents.desk import act
from jingqiao.incidents.incident import Action
from jingqiao.service import Service
from jingqiao.tokens.store import Scope, issue
from rules.alarm import Hazard, Severity
from tests.support.exchange import CAP
from tests.support.response import ROSTER, Phones, at, change

ATOM = "{http://www.w3.org/2005/Atom}"


class Outside:
    """Another system in front of the service."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        (folder / "roster.toml").write_text(ROSTER.replace("limits = [{ within = 0 }]\n", ""), "utf-8")
        self.clock = ManualClock(at("03:00:00"))
        settings = {"cap": CAP, **settings}
        self.service = Service(
            Settings(data_dir=folder / "data", roster=folder / "roster.toml", **settings),
            self.clock,
            Phones(self.clock),
        )
        self.service.webhooks.outlet.start()
        transport = httpx.ASGITransport(create_app(self.service))
        self.http = httpx.AsyncClient(transport=transport, base_url="http://office")
        with writing(self.service.database) as connection:
            self.tokens = {
                scope: issue(connection, name=scope, scopes=[scope], who="clerk", now=0)[1] for scope in Scope
            }
        self.seq = 0

    def happens(self, *changes: Any) -> None:
        self.seq += 1
        self.service.book.commit(self.seq, changes, self.clock.now())
        self.service.webhooks.outlet.take_in()

    def does(self, action: Action, incident_id: int = 1, why: str = "") -> None:
        act(
            self.service.database,
            incident_id,
            action,
            who="zhang",
            now=self.clock.now(),
            why=why,
            announcer=self.service.planner,
        )
        self.service.webhooks.outlet.take_in()

    async def get(self, path: str, scope: Scope | None = Scope.CASES_READ) -> httpx.Response:
        headers = {} if scope is None else {"Authorization": f"Bearer {self.tokens[scope]}"}
        return await self.http.get(path, headers=headers)


@pytest.fixture
async def outside(tmp_path: Path) -> AsyncIterator[Outside]:
    opened = Outside(tmp_path)
    yield opened
    await opened.http.aclose()
    await opened.service.close()


@pytest.mark.parametrize("path", ["/api/v1/cap", "/api/v1/cap/x", "/api/v1/cases", "/api/v1/cases/1"])
async def test_nothing_is_shown_without_the_right_token(outside: Outside, path: str) -> None:
    assert (await outside.get(path, None)).status_code == 401
    assert (await outside.get(path, Scope.ROSTER_READ)).status_code == 403


async def test_the_feed_leads_to_every_message(outside: Outside) -> None:
    outside.happens(change())
    outside.clock._now += 1_000_000
    outside.does(Action.RESOLVE)
    answer = await outside.get("/api/v1/cap", Scope.CAP_READ)
    assert answer.headers["content-type"].startswith("application/atom+xml")
    entries = ET.fromstring(answer.content).findall(f"{ATOM}entry")
    assert [entry.findtext(f"{ATOM}title", "").split()[0] for entry in entries] == ["[Cancel]", "[Alert]"]
    links = [entry.find(f"{ATOM}link").get("href", "") for entry in entries]  # type: ignore[union-attr]
    for link in links:
        message = await outside.get(link.removeprefix("http://office"), Scope.CAP_READ)
        assert (message.status_code, message.headers["content-type"]) == (200, "application/cap+xml")
        assert message.content.startswith(b"<?xml")
    assert (await outside.get("/api/v1/cap/none", Scope.CAP_READ)).status_code == 404


async def test_older_messages_are_on_the_next_page(outside: Outside) -> None:
    outside.happens(*(change(asset_id=f"420704010400000{number}") for number in range(5)))
    path, seen = "/api/v1/cap?limit=2", []
    while path:
        feed = ET.fromstring((await outside.get(path, Scope.CAP_READ)).content)
        seen += [entry.findtext(f"{ATOM}id") for entry in feed.findall(f"{ATOM}entry")]
        following = [link.get("href", "") for link in feed.findall(f"{ATOM}link[@rel='next']")]
        path = following[0].removeprefix("http://office") if following else ""
    assert len(seen) == len(set(seen)) == 5


async def test_without_cap_in_the_settings_the_feed_says_how_to_switch_it_on(tmp_path: Path) -> None:
    outside = Outside(tmp_path, cap=None)
    answer = await outside.get("/api/v1/cap", Scope.CAP_READ)
    assert (answer.status_code, "[cap]" in answer.text) == (404, True)
    await outside.http.aclose()
    await outside.service.close()


async def test_a_case_has_its_times_and_codes(outside: Outside) -> None:
    outside.happens(change(asset_id="4207040105000123"))
    for minutes, action, why in (
        (1, Action.ACK, ""),
        (20, Action.ON_SITE, ""),
        (60, Action.RESOLVE, "更换井盖"),
        (90, Action.CLOSE, "复核合格"),
    ):
        outside.clock._now = at("03:00:00") + minutes * 60_000_000
        outside.does(action, why=why)
    case = (await outside.get("/api/v1/cases/1")).json()
    assert case["case_number"] == "420704-20260923-000001"
    assert (case["major_class_code"], case["minor_class_code"]) == ("01", "05")
    assert (case["component_code"], case["district_code"]) == ("4207040105000123", "420704")
    assert (case["problem"], case["problem_name"]) == ("missing", "井盖缺失")
    assert [
        case[name]
        for name in ("filed_at", "dispatched_at", "arrived_at", "handled_at", "checked_at", "closed_at")
    ] == [
        "2026-09-22T19:00:00.000Z",
        "2026-09-22T19:01:00.000Z",
        "2026-09-22T19:20:00.000Z",
        "2026-09-22T20:00:00.000Z",
        "2026-09-22T20:30:00.000Z",
        "2026-09-22T20:30:00.000Z",
    ]
    assert (case["stage"], case["stage_name"], case["result"]) == ("closed", "结案", "复核合格")
    assert [(limit["stage"], limit["overdue"]) for limit in case["limits"]] == [
        ("on_site", False),
        ("repaired", False),
    ]
    assert (case["exercise"], case["parent_id"], case["photos"]) == (False, None, [])
    assert case["history"][0]["event"] == "opened"


async def test_a_case_says_in_which_street_and_grid_its_lid_lies_and_whose_it_is(
    outside: Outside, tmp_path: Path
) -> None:
    (tmp_path / "assets.csv").write_text(
        "asset_id,kind,owner,maintainer,street,community,grid_code\n"
        "4207040105000123,cover,市排水公司,养护一队,凤凰街道,凤凰社区,420704001001005\n"
        "4207040105000124,cover,,,,,\n",
        "utf-8",
    )
    import_files(outside.service.database, tmp_path / "assets.csv", None, at=outside.clock.now(), who="li")
    lids = [f"420704010500012{n}" for n in (3, 4, 5)]
    outside.happens(*(change(asset_id=lid) for lid in lids))
    names = ("street", "community", "grid_code", "owner", "maintainer")
    cases = (await outside.get("/api/v1/cases")).json()["cases"]
    assert {case["component_code"]: [case[name] for name in names] for case in cases} == {
        lids[0]: ["凤凰街道", "凤凰社区", "420704001001005", "市排水公司", "养护一队"],
        lids[1]: [None] * 5,
        lids[2]: [None] * 5,
    }
    assert (await outside.get("/api/v1/cases/1")).json() == cases[0]


async def test_a_case_that_is_reopened_has_no_times_of_its_first_life(outside: Outside) -> None:
    outside.happens(change())
    outside.does(Action.RESOLVE, why="好了")
    outside.clock._now += 60_000_000
    outside.does(Action.REOPEN, why="又坏了")
    case = (await outside.get("/api/v1/cases/1")).json()
    assert (case["stage"], case["handled_at"], case["closed_at"], case["result"]) == (
        "filed",
        None,
        None,
        None,
    )


async def test_cases_are_read_on_from_where_the_last_answer_ended(outside: Outside) -> None:
    outside.happens(*(change(asset_id=f"420704010400000{number}") for number in range(5)))
    first = (await outside.get("/api/v1/cases?limit=3")).json()
    second = (await outside.get(f"/api/v1/cases?limit=3&after={first['next']}")).json()
    assert [len(first["cases"]), first["more"], len(second["cases"]), second["more"]] == [3, True, 2, False]
    third = (await outside.get(f"/api/v1/cases?after={second['next']}")).json()
    assert (third["cases"], third["next"]) == ([], second["next"])
    outside.clock._now += 60_000_000
    outside.does(Action.ACK, incident_id=2)
    fourth = (await outside.get(f"/api/v1/cases?after={second['next']}")).json()
    assert [case["incident_id"] for case in fourth["cases"]] == [2]


async def test_cases_can_be_asked_for_by_time_and_stage(outside: Outside) -> None:
    outside.happens(change())
    outside.clock._now += 60_000_000
    outside.happens(change(hazard=Hazard.LOOSE, severity=Severity.YELLOW))
    later = (await outside.get("/api/v1/cases?changed_since=2026-09-23T03:01:00%2B08:00")).json()
    assert [case["problem"] for case in later["cases"]] == ["loose"]
    none = (await outside.get("/api/v1/cases?stage=closed")).json()
    assert none["cases"] == []


@pytest.mark.parametrize(
    "query",
    ["after=x", "after=1.", "after=-1.2", "changed_since=2026-09-23T03:00:00", "limit=0", "limit=501"],
)
async def test_a_question_that_makes_no_sense_is_refused(outside: Outside, query: str) -> None:
    assert (await outside.get(f"/api/v1/cases?{query}")).status_code == 422
    assert (await outside.get("/api/v1/cases/999")).status_code == 404


async def test_a_system_that_refuses_shows_in_health(tmp_path: Path) -> None:
    from jingqiao.api.health import health_of

    hook = {"name": "p", "url": "http://127.0.0.1:9/", "secret": "0123456789abcdef", "timeout_s": 0.2}
    outside = Outside(tmp_path, webhooks=[hook])
    outside.happens(change())
    outside.service.webhooks.send_due(outside.service.settings.webhooks[0])
    outside.clock._now += 16 * 60_000_000
    assert any("p" in problem and "1 条待发" in problem for problem in health_of(outside.service).problems)
    await outside.http.aclose()
    await outside.service.close()
