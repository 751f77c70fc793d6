"""Nobody waits for what can be built before: the map's index, reports, lists, templates."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from devices.registry import Registry
from jingqiao.archive.contract import ArchiveUnavailableError
from jingqiao.console import city as city_module
from jingqiao.console import warming
from jingqiao.console.warming import keep_warm, warm
from jingqiao.map import city_map
from tests.support.city_console import CityOffice
from tests.support.response import change

VIEW = "/map/view?west=114.8&east=115&south=30.3&north=30.5&zoom=11"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[CityOffice]:
    made = CityOffice(tmp_path)
    made.add_accounts()
    yield made
    made.close()


def never(*_: object, **__: object) -> Any:
    raise AssertionError("somebody waits for this")


async def test_the_first_looks_find_everything_built(
    office: CityOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.engine_says(change())
    await asyncio.to_thread(warm, office.app.state.city)
    monkeypatch.setattr(city_map, "Grid", never)
    monkeypatch.setattr(city_map, "overlay", never)
    monkeypatch.setattr(city_module, "report", never)
    monkeypatch.setattr(city_module, "danger_rows", never)
    async with office.logged_in("viewer") as client:
        for path in ("/map", "/map/list", VIEW, "/reports", "/reports?period=weekly"):
            assert (await client.get(path)).status_code == 200, path
        assert "正在统计" not in (await client.get("/reports")).text


async def test_what_cannot_be_built_now_keeps_nothing_else_from_it(
    office: CityOffice, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def away(*_: object) -> None:
        raise ArchiveUnavailableError("InfluxDB is away")

    monkeypatch.setattr(office.app.state.city.map, "districts", away)
    monkeypatch.setattr(office.app.state.city.map, "bounds", never)
    await asyncio.to_thread(warm, office.app.state.city)
    monkeypatch.setattr(city_module, "report", never)
    async with office.logged_in("viewer") as client:
        assert (await client.get("/reports")).status_code == 200
    said = capsys.readouterr().out
    assert said.count("a part of the console could not be prepared") == 1
    assert "part=bounds" in said


async def test_it_is_built_again_for_another_registry_and_a_new_day_and_not_otherwise(
    office: CityOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[int] = []
    known = [office.city]
    monkeypatch.setattr(warming, "warm", lambda _: built.append(1))
    turns: asyncio.Queue[None] = asyncio.Queue()
    looks: asyncio.Queue[int] = asyncio.Queue()

    async def pause(_: float) -> None:
        looks.put_nowait(len(built))
        await turns.get()

    parts = replace(office.parts, registry=lambda: known[0])
    task = asyncio.create_task(keep_warm(office.app.state.city, parts, pause))
    assert await looks.get() == 1
    turns.put_nowait(None)
    assert await looks.get() == 1
    known[0] = Registry(office.city.assets, office.city.sensors)
    turns.put_nowait(None)
    assert await looks.get() == 2
    office.clock._now += 86_400_000_000
    turns.put_nowait(None)
    assert await looks.get() == 3
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
