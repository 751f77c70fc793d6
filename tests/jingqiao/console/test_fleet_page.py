"""The fleet's page, and dead letters that are tried again from it."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ingest.log import DeadLetter
from ingest.sqlite_log import SqliteLog
from jingqiao.accounts.audit import entries
from jingqiao.controls import open_requests
from jingqiao.database import reading
from rules.alarm import Hazard, Severity
from tests.support.city_console import CityOffice
from tests.support.eventually import eventually
from tests.support.response import LID, LID_2, change


@pytest.fixture
def office(tmp_path: Path) -> Iterator[CityOffice]:
    made = CityOffice(tmp_path)
    made.add_accounts()
    yield made
    made.close()


async def with_letters(office: CityOffice) -> None:
    log = SqliteLog(office.settings.log_path)
    now = office.clock.now()
    good = b'{"t": %d, "tilt_deg": 3}' % (now // 1000)
    await log.append(
        [],
        [
            DeadLetter(now, "jingqiao/v1/s0/readings", good, "codec", "an old fault"),
            DeadLetter(now, "jingqiao/v1/s0/readings", b"<script>", "json", "no JSON"),
        ],
    )
    log.close()


async def test_the_fleet_shows_silences_batteries_with_a_date_faults_and_loss_by_gateway(
    office: CityOffice,
) -> None:
    office.measure(LID)
    now = office.clock.now()
    office.engine.tick(now + 40 * 86_400 * 1_000_000)
    await office.engine_says(change(hazard=Hazard.SENSOR_FAULT, severity=Severity.BLUE, asset_id=LID_2))
    async with office.logged_in("viewer") as client:

        async def counted() -> bool:
            return "丢失率" in (await client.get("/fleet")).text

        await eventually(counted)
        page = (await client.get("/fleet")).text
        assert "古城路57号上水井" in page
        assert "14.3 %" in page, "one of seven was lost"
        more = (await client.get("/fleet/silent?after=0")).text
        assert "/assets/" in more
        assert (await client.get("/fleet/nothing")).status_code == 422


async def test_a_weak_battery_gets_the_date_on_which_it_will_be_empty(office: CityOffice) -> None:
    office.measure(LID)
    async with office.logged_in("viewer") as client:
        assert "没有电池不足的" in (await client.get("/fleet")).text, "22 % is not low yet"
    office.engine.rules_changed(
        office.engine.rules.model_copy(
            update={"health": office.engine.rules.health.model_copy(update={"battery_low_pct": 40})}
        )
    )
    office.measure(LID_2)
    await office.door_clock.advance(6)
    async with office.logged_in("viewer") as client:
        page = (await client.get("/fleet/battery")).text
    assert "22 %" in page
    assert "2027-01-" in page, "a line from 60 % to 22 % in a year reaches 10 % some four months later"


async def test_a_dead_letter_says_what_would_become_of_it_and_a_supervisor_has_it_tried_again(
    office: CityOffice,
) -> None:
    await with_letters(office)
    async with office.logged_in("viewer") as client:
        listed = (await client.get("/letters")).text
        assert "无法解码" in listed
        assert "不是 JSON" in listed
        assert "<script>" not in (await client.get("/letters/2")).text
        assert "现在可以用了" in (await client.get("/letters/1")).text
        assert "现在仍用不上" in (await client.get("/letters/2")).text
        assert (await client.get("/letters/77")).status_code == 404
        assert (await client.post("/letters/retry", data={"number": 1})).status_code == 403
    async with office.logged_in("duty") as client:
        assert (await client.post("/letters/retry", data={"number": 1})).status_code == 403
    async with office.logged_in("supervisor") as client:
        assert (await client.post("/letters/retry", data={})).status_code == 422
        answer = await client.post("/letters/retry", data={"number": 1, "why": "型号已改"})
        assert answer.headers["location"] == "/letters/1"
        await client.post("/letters/retry", data={"reason": "json"})
    asked = [item.control.payload for item in open_requests(office.database, retries=True)]
    assert [(p["letters"], p["who"], p["why"]) for p in asked] == [([1], "li", "型号已改"), ([2], "li", "")]
    with reading(office.database) as connection:
        rows = [r for r in entries(connection, 10) if r["action"] == "dead_letters.retry"]
    assert len(rows) == 2


async def test_the_fleet_shows_what_runs_where_and_leads_to_the_sensors(office: CityOffice) -> None:
    office.say_versions({0: ("v1.10", "v3.1", "6742d190"), 1: ("v1.9",)})
    async with office.logged_in("viewer") as client:

        async def counted() -> bool:
            return "/devices?model=em310-tilt&amp;firmware=v1.10" in (await client.get("/fleet")).text

        await eventually(counted)
        assert "/devices?model=em310-tilt&amp;untold=1" in (await client.get("/fleet")).text
        listed = (await client.get("/devices?model=em310-tilt&firmware=v1.10")).text
        assert "武昌大道55号电力井" in listed
        assert "6742d190" in listed
        assert "古城路57号上水井" not in listed
        untold = (await client.get("/devices?untold=1")).text
        assert "武昌大道55号电力井" not in untold
        assert "未报告" in untold
        more = re.search(r'href="(/devices\?untold=1&amp;after=\d+)"', untold)
        assert more is not None
        assert "<code>s0</code>" not in (await client.get(html.unescape(more[1]))).text
        assert "没有这样的传感器" in (await client.get("/devices?firmware=nothing")).text
        page = (await client.get(f"/assets/{LID}")).text
        assert "v1.10 · 硬件 v3.1 · 序列号 6742d190" in page
        told = (await client.get("/api/v1/fleet")).json()["firmware"]
        assert [(r["firmware"], r["sensors"]) for r in told][:2] == [("v1.10", 1), ("v1.9", 1)]


async def test_a_fleet_without_engine_or_log_says_so(tmp_path: Path) -> None:
    office = CityOffice(tmp_path, changed=lambda parts: replace(parts, fleet=None, rules=None))
    office.add_accounts()
    async with office.logged_in("viewer") as client:
        page = (await client.get("/fleet")).text
        assert "不知道设备的情况" in page
        assert (await client.get("/fleet/silent")).status_code == 404
        assert "没有无法处理的消息" in (await client.get("/letters")).text
    office.close()
