"""The dossier's page: everything of one cover, and who may write into it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from config.settings import ConsoleSettings
from jingqiao.accounts.audit import entries
from jingqiao.console.parts import Parts
from jingqiao.database import reading
from jingqiao.dossier.entries import announce_work
from tests.support.at_work import kept_back
from tests.support.city_console import CityOffice
from tests.support.response import LID, change

HOUR = 3600 * 1_000_000


@pytest.fixture
def office(tmp_path: Path) -> Iterator[CityOffice]:
    made = CityOffice(tmp_path)
    made.add_accounts()
    yield made
    made.close()


async def test_the_file_of_a_cover_has_its_place_its_alarms_and_what_was_announced(
    office: CityOffice,
) -> None:
    await office.engine_says(change(evidence={"turned_deg": 91.5, "baseline_tilt_deg": 0.4}))
    now = office.clock.now()
    announce_work(
        office.database,
        LID,
        start=now,
        end=now + HOUR,
        kind="permit",
        note="电力检修",
        recorded_at=now,
        who="李四",
    )
    async with office.logged_in("viewer") as client:
        page = (await client.get(f"/assets/{LID}")).text
    for words in (
        "武昌大道55号电力井",
        LID,
        "电力井盖",
        "仍在告警",
        "转过 [°]",
        "91.5",
        "电力检修",
        "看不到",
    ):
        assert words in page
    assert "entry-form" not in page, "a viewer writes nothing"


async def test_the_file_of_a_cover_says_what_announced_work_muted(office: CityOffice) -> None:
    number = kept_back(office)
    async with office.logged_in("viewer") as client:
        page = (await client.get(f"/assets/{LID}")).text
    for words in (f"#{number}", "电力检修", "已压住：", "直到作业结束", "井盖缺失"):
        assert words in page
    assert "仍在告警" not in page, "nothing rang"


async def test_curves_come_in_buckets_with_the_alarms_of_the_span(office: CityOffice) -> None:
    await office.engine_says(change())
    office.measure(LID)
    now = office.clock.now() // 1_000_000
    async with office.logged_in("viewer") as client:
        answer = await client.get(
            f"/assets/{LID}/history", params={"since": now - 365 * 86_400, "until": now + 60, "points": 300}
        )
        shown = answer.json()
        assert [curve["quantity"] for curve in shown["series"]] == [
            "tilt_deg",
            "temperature_c",
            "battery_pct",
        ]
        assert shown["series"][0]["name"] == "倾角"
        assert max(shown["series"][0]["max"]) == 74
        assert len(shown["series"][0]["t"]) <= 301
        assert [alarm["hazard"] for alarm in shown["alarms"]] == ["missing"]
        for wrong in ({"since": -1, "until": 5}, {"since": 0, "until": 5_000_000_000}, {"since": 0}):
            assert (await client.get(f"/assets/{LID}/history", params=wrong)).status_code == 422
        assert (await client.get("/assets/none/history?since=0&until=1")).status_code == 404
        assert (await client.get("/assets/none")).status_code == 404
        assert (await client.get("/assets/none/label")).status_code == 404


async def test_a_duty_officer_records_an_inspection_and_a_viewer_may_not(office: CityOffice) -> None:
    noted = {"what": "inspection", "text": "盖板完好 <b>"}
    async with office.logged_in("viewer") as client:
        assert (await client.post(f"/assets/{LID}/entries", data=noted)).status_code == 403
    async with office.logged_in("duty") as client:
        assert (await client.post(f"/assets/{LID}/entries", data=noted)).status_code == 303
        page = (await client.get(f"/assets/{LID}")).text
        assert "盖板完好 &lt;b&gt;" in page
        assert (await client.post("/assets/none/entries", data=noted)).status_code == 404
        assert (await client.post(f"/assets/{LID}/entries", data={"what": "note"})).status_code == 422
        assert (await client.post(f"/assets/{LID}/entries", data={"what": "status"})).status_code == 422
        del client.headers["X-CSRF-Token"]
        assert (await client.post(f"/assets/{LID}/entries", data=noted)).status_code == 403
    with reading(office.database) as connection:
        (row,) = entries(connection, 10, subject=f"asset:{LID}")
    assert (row["who"], row["action"], row["details"]) == ("duty", "asset.entry", {"what": "inspection"})


async def test_the_label_leads_to_the_address_that_phones_can_reach(tmp_path: Path) -> None:
    def reachable(parts: Parts) -> Parts:
        console = ConsoleSettings(public_url="http://10.0.0.5:8080")
        return replace(parts, settings=parts.settings.model_copy(update={"console": console}))

    office = CityOffice(tmp_path, changed=reachable)
    office.add_accounts()
    async with office.logged_in("viewer") as client:
        page = (await client.get(f"/assets/{LID}/label")).text
    assert f"http://10.0.0.5:8080/assets/{LID}" in page
    assert 'class="qr"' in page
    office.close()


async def test_what_the_rules_know_is_told_in_the_readers_words(office: CityOffice) -> None:
    office.measure(LID)
    async with office.logged_in("viewer") as client:
        page = (await client.get(f"/assets/{LID}/explain")).text
        assert "传感器失联" in page
        assert "相对基线转过的角度" in page
        unwatched = (await client.get("/assets/4207040105000105/explain")).text
        assert "没有" in unwatched
