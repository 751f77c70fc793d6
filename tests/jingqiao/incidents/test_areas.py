"""Area incidents: many of one cause are one thing to handle, and each of them stays."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.registry import Registry
from jingqiao.database import reading
from jingqiao.incidents.areas import listed_areas, rule_of
from jingqiao.incidents.book import IncidentBook
from jingqiao.incidents.facts import asset_facts
from jingqiao.incidents.incident import Action, Incident, State
from jingqiao.incidents.merging import CannotMergeError, merge, split
from jingqiao.incidents.nearby import cell_of, clusters
from jingqiao.incidents.store import members_of, transitions_of
from rules.alarm import AlarmState, Hazard, Severity
from tests.support.response import ROSTER, Office, change

PLACES = {
    **{f"N{i}": (114.880 + i * 0.002, 30.390) for i in range(8)},  # 190 m apart
    **{f"F{i}": (114.980 + i * 0.002, 30.390) for i in range(3)},  # 10 km away
}
WELLS = Registry.of(
    [
        {"asset_id": name, "kind": "cover", "district": "鄂城区", "road": "古城路", "lon": lon, "lat": lat}
        for name, (lon, lat) in PLACES.items()
    ],
    [],
)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    opened = Office(tmp_path, ROSTER)
    opened.book = IncidentBook(
        opened.database,
        lambda asset_id, sensor_id: asset_facts(WELLS, asset_id, sensor_id),
        opened.planner,
        opened.dispatcher.wake,
        area_rule=lambda: rule_of(opened.roster.calm),
    )
    yield opened
    opened.close()


def flooded(*names: str, severity: Severity = Severity.ORANGE, **fields: Any) -> list[Any]:
    return [change(hazard=Hazard.FLOODED, asset_id=n, severity=severity, **fields) for n in names]


def areas(office: Office, *, live: bool = True) -> list[tuple[Incident, list[str]]]:
    with reading(office.database) as connection:
        return [
            (area, sorted(member.asset_id for member in members_of(connection, area.id)))
            for area in listed_areas(connection, live=live)
        ]


async def test_a_cloudburst_is_one_area_incident_that_lists_its_wells(office: Office) -> None:
    await office.engine_says(*flooded("N0", "N1", "N2", "N3", "N4", "F0", "F1"))
    ((area, members),) = areas(office)
    assert members == ["N0", "N1", "N2", "N3", "N4"]
    assert (area.severity, area.hazard, area.state, area.district) == (
        Severity.ORANGE,
        Hazard.FLOODED,
        State.OPEN,
        "鄂城区",
    )
    assert len(office.incidents()) == 7


async def test_wells_that_follow_within_the_half_hour_join_and_later_ones_do_not(office: Office) -> None:
    for minute, name in enumerate(["N0", "N1", "N2", "N3", "N4"]):
        await office.until(f"03:{minute * 5:02d}:00")
        await office.engine_says(*flooded(name))
    assert [members for _, members in areas(office)] == [["N0", "N1", "N2", "N3", "N4"]]
    await office.until("03:49:00")
    await office.engine_says(*flooded("N5"))
    await office.until("04:30:00")
    await office.engine_says(*flooded("N6"))
    assert [members for _, members in areas(office)] == [["N0", "N1", "N2", "N3", "N4", "N5"]]


async def test_other_hazards_and_far_places_stand_alone(office: Office) -> None:
    await office.engine_says(*flooded("N0", "N1", "N2"), *flooded("F0", "F1", "F2"))
    await office.engine_says(change(asset_id="N3"), change(asset_id="N4"))
    assert areas(office) == []


async def test_what_the_engine_says_of_a_shared_cause_counts_more_than_nearness(office: Office) -> None:
    await office.engine_says(*flooded("N0", "N1", "F0", "F1", "F2", evidence={"area": "南湖排水区"}))
    assert [members for _, members in areas(office)] == [["F0", "F1", "F2", "N0", "N1"]]


async def test_one_answer_to_the_area_answers_for_all_and_is_told_once(office: Office) -> None:
    await office.engine_says(*flooded("N0", "N1", "N2", "N3", "N4"))
    ((area, _),) = areas(office)
    await office.until("03:01:00")
    office.phones.got.clear()
    await office.does("li", Action.ACK, area.id)
    await office.until("04:00:00")
    assert {(i.state, i.acknowledged_by) for i in office.incidents()} == {(State.ACKNOWLEDGED, "li")}
    assert [(when, to) for when, to, *_ in office.phones.got] == [("03:01:00", "张三")]


async def test_a_red_one_that_joins_pages_by_itself_and_lifts_the_area(office: Office) -> None:
    await office.engine_says(*flooded("N0", "N1", "N2", "N3", "N4"))
    ((area, _),) = areas(office)
    await office.does("li", Action.ACK, area.id)
    office.phones.got.clear()
    await office.engine_says(*flooded("N5", severity=Severity.RED))
    assert [title for _, _, title, _ in office.phones.got] == ["【红色】井内水位高 #7"]
    ((area, members),) = areas(office)
    assert (area.severity, len(members)) == (Severity.RED, 6)
    await office.does("li", Action.ACK, area.id)
    assert {i.state for i in office.incidents()} == {State.ACKNOWLEDGED}


async def test_the_area_is_over_when_its_last_member_is(office: Office) -> None:
    names = ["N0", "N1", "N2", "N3", "N4"]
    await office.engine_says(*flooded(*names))
    await office.engine_says(*flooded(*names[:4], state=AlarmState.CLEAR))
    assert len(areas(office)) == 1
    await office.engine_says(*flooded(names[4], state=AlarmState.CLEAR))
    assert areas(office) == []
    assert [area.state for area, _ in areas(office, live=False)] == [State.RESOLVED]


async def test_people_merge_and_split_and_both_leave_their_rows(office: Office) -> None:
    await office.engine_says(*flooded("N0", "F0"), change(asset_id="N1"))
    now = office.clock.now()
    area = merge(office.database, [1, 2, 3], who="li", why="同一水管爆裂", now=now)
    assert (area.severity, area.is_area) == (Severity.RED, True)
    split(office.database, 3, who="wang", why="与水管无关", now=now)
    ((left, members),) = areas(office)
    assert (left.severity, members) == (Severity.ORANGE, ["F0", "N0"])
    with reading(office.database) as connection:
        rows = [(r["event"], r["who"], r["why"]) for r in transitions_of(connection, 3)]
        own = [(r["event"], r["who"], r["why"]) for r in transitions_of(connection, area.id)]
    assert rows[1:] == [("merged", "li", "#4 同一水管爆裂"), ("split", "wang", "#4 与水管无关")]
    assert own == [
        ("opened", "li", "同一水管爆裂"),
        ("split", "wang", "#3 与水管无关"),
        ("lowered", "jingqiao", ""),
    ]


async def test_what_was_taken_out_by_hand_is_not_taken_in_again(office: Office) -> None:
    await office.engine_says(*flooded("N0", "N1", "N2", "N3", "N4"))
    split(office.database, 1, who="wang", why="", now=office.clock.now())
    await office.engine_says(*flooded("N5"))
    assert [members for _, members in areas(office)] == [["N1", "N2", "N3", "N4", "N5"]]


async def test_what_cannot_be_merged_is_refused_and_nothing_happens(office: Office) -> None:
    await office.engine_says(*flooded("N0", "F0", "F1"))
    await office.does("zhang", Action.CLOSE, 3)
    now = office.clock.now()
    for ids, key in (([1], "few"), ([1, 3], "ended")):
        with pytest.raises(CannotMergeError) as raised:
            merge(office.database, ids, who="li", why="", now=now)
        assert raised.value.key == key
    area = merge(office.database, [1, 2], who="li", why="", now=now)
    for ids, key in (([1, area.id], "taken"), ([area.id, 1], "area")):
        with pytest.raises(CannotMergeError) as raised:
            merge(office.database, ids, who="li", why="", now=now)
        assert raised.value.key == key


async def test_when_areas_break_every_incident_is_told_alone(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr("jingqiao.incidents.areas.gather", broken)
    await office.engine_says(*flooded("N0", "N1", "N2", "N3", "N4"))
    assert len(office.phones.got) == 5


@given(st.sets(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), max_size=30))
def test_clusters_are_what_a_walk_from_neighbour_to_neighbour_reaches(cells: set[tuple[int, int]]) -> None:
    """The slow twin joins sets until nothing changes."""
    twin = [{cell} for cell in cells]
    merged = True
    while merged:
        merged = False
        for one in twin:
            for other in twin:
                if one is not other and any(
                    max(abs(a - c), abs(b - d)) <= 1 for a, b in one for c, d in other
                ):
                    one.update(other)
                    twin.remove(other)
                    merged = True
                    break
            if merged:
                break
    assert sorted(map(sorted, clusters(cells))) == sorted(map(sorted, twin))


@given(st.floats(73, 135), st.floats(18, 53), st.floats(0, 2 * math.pi), st.floats(0, 980), st.just(1000.0))
def test_places_within_the_radius_lie_in_cells_that_touch(
    lon: float, lat: float, bearing: float, metres: float, radius: float
) -> None:
    north, east = metres * math.cos(bearing), metres * math.sin(bearing)
    near = (lon + east / (111_320 * math.cos(math.radians(lat))), lat + north / 111_320)
    if round(lat) != round(near[1]):
        return  # columns are narrowed anew at each half degree
    (a, b), (c, d) = cell_of(lon, lat, radius), cell_of(*near, radius)
    assert max(abs(a - c), abs(b - d)) <= 1
