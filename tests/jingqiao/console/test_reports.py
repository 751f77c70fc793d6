"""Reports on the console: read, printed, taken along."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from jingqiao.dossier.dangers import DANGERS, Limits, danger_rows, dangers
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


async def test_the_report_of_a_day_shows_what_rang_and_leads_to_it(office: CityOffice) -> None:
    await office.engine_says(change(), change(hazard=Hazard.TILTED, severity=Severity.ORANGE, asset_id=LID_2))
    async with office.logged_in("viewer") as client:
        page = (await client.get("/reports", params={"day": "2026-09-23"})).text
        for words in ("日报 2026-09-23", "井盖缺失", f"/assets/{LID}", "/incidents/1", "未到期"):
            assert words in page
        assert (
            "周报 2026-09-21 – 2026-09-27" in (await client.get("/reports?period=weekly&day=2026-09-23")).text
        )
        yesterday = (await client.get("/reports")).text
        assert "日报 2026-09-22" in yesterday
        file = await client.get("/reports/incidents.csv?day=2026-09-23")
        assert file.headers["content-disposition"].endswith('"jingqiao-daily-2026-09-23.csv"')
        assert "武昌大道55号电力井" in file.text
        for wrong in ("day=x", "period=yearly", "day=0001-01-01", "day=9999-12-31"):
            assert (await client.get(f"/reports?{wrong}")).status_code == 422


async def test_hidden_dangers_are_counted_listed_and_taken_along(office: CityOffice) -> None:
    async with office.logged_in("viewer") as client:

        async def counted() -> bool:
            return "/reports/dangers/no_sensor" in (await client.get("/reports")).text

        await eventually(counted)
        page = (await client.get("/reports/dangers/no_sensor")).text
        assert "42070401050" in page
        data = (await client.get("/reports/dangers/no_sensor/all.csv")).text
        assert len(data.splitlines()) == 1 + 44
        assert (await client.get("/reports/dangers/none")).status_code == 422


def test_the_lists_are_those_that_the_command_prints(office: CityOffice) -> None:
    registry, now = office.city, office.clock.now()
    inspected = np.where(np.arange(len(registry.assets)) % 3, 0, now).astype(np.int64)
    registry.assets.low_lying[::4] = 1
    registry.assets.installed_on[::5] = 3000
    registry.assets.design_life_years[::5] = 10
    slow: dict[str, list[int]] = {name: [] for name in DANGERS}
    for danger in dangers(registry, inspected, now, Limits()):
        slow[danger.name].append(danger.asset)
    fast = danger_rows(registry, inspected, now, Limits())
    assert {name: rows.tolist() for name, rows in fast.items()} == slow
    assert all(slow[name] for name in ("over_age", "no_fall_net", "not_inspected", "no_sensor", "blind"))
