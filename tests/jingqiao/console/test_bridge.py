"""The bridge's page: every sensor on the drawing and in the list, its course, its works, its report."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote

import pytest
import sqlalchemy as sa

from jingqiao.console.elevation import DECK, LEFT, RIGHT, SOFFIT, elevation
from jingqiao.database import reading
from jingqiao.dossier.tables import control_request
from tests.support.bridge_console import BridgeOffice
from tests.support.response import BRIDGE, LID

GAUGES = [f"G{s}-{i}" for s in (0, 1) for i in range(4)]


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BridgeOffice]:
    made = BridgeOffice(tmp_path_factory.mktemp("bridge"))
    made.add_accounts()
    yield made
    made.close()


async def test_the_one_bridge_opens_at_once_and_shows_all_its_sensors(office: BridgeOffice) -> None:
    async with office.logged_in("viewer") as client:
        assert (await client.get("/bridges")).headers["location"] == f"/bridges/{BRIDGE}"
        page = (await client.get(f"/bridges/{BRIDGE}")).text
    assert "鄂钢跨线桥" in page
    for sensor in [*GAUGES, "T0", "TD", "D1"]:
        assert f'id="s-{sensor}"' in page
        assert f'href="#s-{sensor}"' in page
    assert "style=" not in page, "the content security policy forbids inline style"
    assert "works-form" not in page, "a viewer records no works"


async def test_gauges_that_moved_are_marked_and_the_others_are_quiet(office: BridgeOffice) -> None:
    async with office.logged_in("viewer") as client:
        page = (await client.get(f"/bridges/{BRIDGE}")).text
        course = (await client.get(f"/bridges/{BRIDGE}/course?days=30")).json()
    states = {row["sensor_id"]: row for row in course["gauges"]}
    assert [states[gauge]["severity"] for gauge in GAUGES[:3]] == ["orange"] * 3
    assert {states[gauge]["severity"] for gauge in GAUGES[4:]} == {None}
    assert 'class="mark orange" aria-label="G0-0 · 应变 · 上翼缘 · 橙色"' in page
    assert 'class="mark quiet" aria-label="G1-3 · 应变 · 下翼缘 · 正常"' in page


async def test_the_course_has_residual_and_cusum_of_every_judged_day_and_hours_with_temperature(
    office: BridgeOffice,
) -> None:
    async with office.logged_in("viewer") as client:
        course = (await client.get(f"/bridges/{BRIDGE}/course?days=30")).json()
        refused = await client.get(f"/bridges/{BRIDGE}/course?days=4000")
    moved = course["gauges"][0]
    assert len(moved["days"]) == len(moved["residual_ue"]) == len(moved["cusum"]) >= 25
    assert moved["residual_ue"][-1] == pytest.approx(40, abs=12)
    assert moved["cusum"][-1] > moved["cusum_limit"] > 0
    assert abs(course["gauges"][7]["cusum"][-1]) < moved["cusum_limit"]
    assert 700 <= len(moved["t"]) == len(moved["strain_ue"]) == len(moved["temperature_c"]) <= 721
    assert None not in moved["temperature_c"]
    assert refused.status_code == 422


async def test_works_are_recorded_with_who_and_why_by_supervisors_only(office: BridgeOffice) -> None:
    told = {"begin": "2026-09-24T08:00", "end": "2026-09-24T17:00", "why": "更换 2 号支座"}
    path = f"/bridges/{BRIDGE}/works"
    async with office.logged_in("duty") as client:
        assert (await client.post(path, data=told)).status_code == 403
    async with office.logged_in("supervisor") as client:
        for wrong in ({"why": " "}, {"end": "2026-09-24T07:00"}, {"begin": "yesterday"}):
            answer = await client.post(path, data=told | wrong, headers={"hx-request": "true"})
            assert answer.status_code == 422
            assert unquote(answer.headers["X-Notice"])
        assert (await client.post(path, data=told)).status_code == 303
        page = (await client.get(f"/bridges/{BRIDGE}")).text
    assert "更换 2 号支座" in page
    with reading(office.database) as connection:
        asked = connection.execute(sa.select(control_request).where(control_request.c.name == "intervention"))
        [row] = asked.mappings().all()
    assert (row["who"], row["payload"]["to"] - row["payload"]["from"]) == ("li", 9 * 3_600_000_000)


async def test_the_report_of_a_month_opens_with_a_policy_of_its_own(office: BridgeOffice) -> None:
    async with office.logged_in("viewer") as client:
        answer = await client.get(f"/bridges/{BRIDGE}/report?month=2026-09", timeout=120)
        bad = await client.get(f"/bridges/{BRIDGE}/report?month=2026-99")
        nothing = await client.get(f"/bridges/{BRIDGE}/report?month=2020-01")
    assert answer.status_code == 200
    assert "鄂钢跨线桥 结构监测月报 2026-09" in answer.text
    assert "script-src" not in answer.headers["content-security-policy"]
    assert (bad.status_code, nothing.status_code) == (422, 404)


async def test_what_is_no_bridge_has_no_page(office: BridgeOffice) -> None:
    async with office.logged_in("viewer") as client:
        assert (await client.get(f"/bridges/{LID}")).status_code == 404
    async with office.client() as client:
        assert (await client.get(f"/bridges/{BRIDGE}")).status_code == 303


def test_a_drawing_puts_sections_side_by_side_and_places_up_and_down() -> None:
    kinds = [("上翼缘", "gauge"), ("下翼缘", "gauge"), ("bottom flange", "gauge"), ("", "gauge")]
    kinds += [("", "temperature"), ("", "tilt")]
    sensors = [
        {"sensor_id": f"{section}{i}", "section": section, "location": place, "role": role}
        for section in ("A", "B", "")
        for i, (place, role) in enumerate(kinds)
    ]
    drawn = elevation(sensors)
    assert [name for _, name in drawn.sections] == ["A", "B", ""]
    at = {mark.sensor["sensor_id"]: mark for mark in drawn.marks}
    assert len(at) == len(sensors)
    assert DECK < at["A0"].y < at["A3"].y < at["A1"].y < SOFFIT
    assert at["A4"].y < DECK
    assert at["A5"].y > SOFFIT
    assert at["A1"].x != at["A2"].x
    assert all(LEFT <= mark.x <= RIGHT for mark in drawn.marks)
    assert len({(mark.x, mark.y) for mark in drawn.marks}) == len(drawn.marks)
