"""The map's page and what it asks of the server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from config.settings import ConsoleSettings, TileSettings
from jingqiao.console.parts import Parts
from jingqiao.map.geojson import read_geojson
from jingqiao.map.layers import Layer, map_folder, store
from jingqiao.map.states import MapState
from rules.alarm import Hazard, Severity
from tests.support.city_console import CityOffice
from tests.support.response import LID, LID_2, change

WHOLE = {"west": 114.8, "east": 115.0, "south": 30.3, "north": 30.5, "zoom": 15}


@pytest.fixture
def office(tmp_path: Path) -> Iterator[CityOffice]:
    made = CityOffice(tmp_path)
    made.add_accounts()
    yield made
    made.close()


async def view(client: Any, **more: Any) -> dict[str, Any]:
    answer = await client.get("/map/view", params={**WHOLE, **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_an_alarm_shows_on_the_map_and_in_the_list_beside_it(office: CityOffice) -> None:
    await office.engine_says(change(), change(asset_id=LID_2, hazard=Hazard.SILENT, severity=Severity.YELLOW))
    async with office.logged_in("viewer") as client:
        states = {point[3]: MapState(point[2]) for point in (await view(client))["points"]}
        assert (states[LID], states[LID_2]) == (MapState.RED, MapState.SILENT)
        page = (await client.get("/map")).text
        assert page.index(f"/assets/{LID}") < page.index(f"/assets/{LID_2}")
        assert "失联" in page
        only = await view(client, alerting=True)
        assert {point[3] for point in only["points"]} == {LID, LID_2}


async def test_the_list_keeps_to_district_and_map_when_asked(office: CityOffice) -> None:
    await office.engine_says(change(), change(asset_id="4207040105000103"))
    async with office.logged_in("viewer") as client:
        assert "4207040105000103" in (await client.get("/map/list")).text
        there = (await client.get("/map/list", params={"district": "华容区"})).text
        assert "4207040105000103" in there
        assert LID not in there
        away = (await client.get("/map/list", params={"bbox": "1,1,2,2"})).text
        assert "这里没有告警" in away


async def test_a_long_list_goes_on_where_it_ended(office: CityOffice) -> None:
    await office.engine_says(*(change(asset_id=f"42070401050{i:05d}") for i in range(100, 170)))
    async with office.logged_in("viewer") as client:
        first = (await client.get("/map/list")).text
        found = re.search(r'hx-get="(/map/list\?after=50[^"]*)"', first)
        assert found is not None
        rest = (await client.get(found[1].replace("&amp;", "&"))).text
    assert first.count('class="alert red"') == 50
    assert rest.count('class="alert red"') == 20
    assert "hx-get" not in rest


@pytest.mark.parametrize(
    "wrong",
    [
        {"west": 116},
        {"south": 40},
        {"north": "nan"},
        {"zoom": 99},
        {"west": -999},
        {"district": "x" * 100},
    ],
)
async def test_a_view_that_is_none_is_refused(office: CityOffice, wrong: dict[str, Any]) -> None:
    async with office.logged_in("viewer") as client:
        assert (await client.get("/map/view", params={**WHOLE, **wrong})).status_code == 422
        for bbox in ("1,2,3", "a,b,c,d", "nan,1,2,3", "3,1,2,3", "1,5,2,3"):
            assert (await client.get("/map/list", params={"bbox": bbox})).status_code == 422


async def test_imported_lines_are_drawn_and_unknown_ones_are_not_there(
    office: CityOffice, tmp_path: Path
) -> None:
    file = tmp_path / "p.json"
    file.write_text('{"type": "LineString", "coordinates": [[114.88, 30.39], [114.89, 30.39]]}', "utf-8")
    folder = map_folder(office.settings.data_dir)
    store(folder, Layer("rain", "雨水管网", "rain", 1, 2, 1, "me", "p.json"), read_geojson(file))
    async with office.logged_in("viewer") as client:
        assert "雨水管网" in (await client.get("/map")).text
        answer = await client.get("/map/layers/rain", params=WHOLE)
        assert len(answer.json()["lines"]) == 1
        for name in ("none", "..%2Fx", "A"):
            assert (await client.get(f"/map/layers/{name}", params=WHOLE)).status_code == 404


async def test_nobody_sees_the_map_without_logging_in(office: CityOffice) -> None:
    async with office.client() as client:
        for path in ("/map", "/map/list", "/map/view", "/map/layers/x", "/search?q=1", "/search/found?q=1"):
            assert (await client.get(path)).status_code == 303


async def test_tiles_in_chinese_coordinates_move_covers_and_open_their_host_alone(tmp_path: Path) -> None:
    tiles = TileSettings(url="http://10.0.0.7/t/{z}/{x}/{y}.png", crs="gcj02")

    def with_tiles(parts: Parts) -> Parts:
        console = ConsoleSettings(tiles=tiles)
        return replace(parts, settings=parts.settings.model_copy(update={"console": console}))

    office = CityOffice(tmp_path, changed=with_tiles)
    office.add_accounts()
    async with office.logged_in("viewer") as client:
        page = await client.get("/map")
        assert "img-src 'self' data: http://10.0.0.7;" in page.headers["content-security-policy"]
        points = {point[3]: point for point in (await view(client))["points"]}
    assert 100 < (points[LID][0] - 114.8901) * 96_000 < 1000, "metres to the east"
    office.close()


async def test_the_search_box_leads_to_the_cover_that_was_meant(office: CityOffice) -> None:
    async with office.logged_in("viewer") as client:
        assert (await client.get("/search", params={"q": LID})).headers["location"] == f"/assets/{LID}"
        found = (await client.get("/search/found", params={"q": "55号"})).text
        assert f"/assets/{LID}" in found
        assert "没有找到" in (await client.get("/search", params={"q": "<b>x"})).text
        assert "<b>x" not in (await client.get("/search", params={"q": "<b>x"})).text
        assert (await client.get("/search/found?q=")).text.strip() == ""
