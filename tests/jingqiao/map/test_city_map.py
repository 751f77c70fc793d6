"""What the map shows is what stands in the incidents now, by district and view."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from devices.registry import Registry
from jingqiao.database import migrate, open_database, writing
from jingqiao.incidents.desk import act
from jingqiao.incidents.incident import Action
from jingqiao.incidents.tables import incident, incident_transition
from jingqiao.map.city_map import POINTS_AT_MOST, CityMap
from jingqiao.map.grid import View
from jingqiao.map.states import MapState
from rules.alarm import Hazard

ALL = View(0.0, 0.0, 1.0, 1.0)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sa.Engine]:
    engine = open_database(f"sqlite:///{tmp_path / 'city.sqlite'}")
    migrate(engine)
    yield engine
    engine.dispose()


def city(count: int = 6) -> Registry:
    rng = np.random.default_rng(5)
    assets = [
        {
            "asset_id": f"A{i}",
            "kind": "cover",
            "name": f"{i}号井",
            "district": "鄂城区" if i % 2 else "华容区",
            "lon": float(114.89 + rng.normal(0, 0.02)),
            "lat": float(30.39 + rng.normal(0, 0.02)),
        }
        for i in range(count)
    ]
    assets.append({"asset_id": "nowhere", "kind": "cover", "name": "无坐标"})
    return Registry.of(assets, [{"sensor_id": f"s{i}", "asset_id": f"A{i}"} for i in range(count - 1)])


def opened(database: sa.Engine, asset_id: str, hazard: str, severity: int, **other: Any) -> int:
    row = {
        "subject": asset_id or "gateway:g1",
        "asset_id": asset_id,
        "hazard": hazard,
        "severity": severity,
        "state": "open",
        "opened_at": 1,
        "event_at": 1,
        "changed_at": 1,
        "unit": "",
        "reason_key": "",
        "reason_values": {},
        "sensor_ids": [],
        "provisional": False,
        "evidence": {},
        "alarm_firing": True,
        "kind": "cover",
        "name": "",
        "district": "",
        "road": "",
        "episode": 0,
        "step": 0,
        "unreachable": False,
    }
    with writing(database) as connection:
        key = connection.execute(sa.insert(incident).values(row | other)).inserted_primary_key
        assert key is not None
        connection.execute(
            sa.insert(incident_transition).values(
                incident_id=key[0], at=1, event="opened", to_state="open", who="jingqiao", why=""
            )
        )
    return int(key[0])


def map_of(database: sa.Engine, registry: Registry) -> CityMap:
    return CityMap(database, lambda: registry)


def states(shown: dict[str, Any]) -> dict[str, MapState]:
    return {point[3]: MapState(point[2]) for point in shown["points"]}


def test_a_cover_shows_the_gravest_of_its_incidents(database: sa.Engine) -> None:
    city_map = map_of(database, city())
    opened(database, "A1", "silent", 2)
    opened(database, "A1", "tilted", 3)
    opened(database, "A2", "battery_low", 1)
    shown = states(city_map.view(ALL, 10))
    assert shown["A1"] is MapState.ORANGE
    assert shown["A2"] is MapState.SENSOR
    assert shown["A3"] is MapState.QUIET
    assert shown["A5"] is MapState.UNWATCHED
    assert "nowhere" not in shown


def test_silence_is_never_drawn_as_danger_however_grave(database: sa.Engine) -> None:
    city_map = map_of(database, city())
    opened(database, "A1", "silent", 4)
    assert states(city_map.view(ALL, 10))["A1"] is MapState.SILENT


def test_a_resolved_incident_leaves_the_map_at_the_next_look(database: sa.Engine) -> None:
    city_map = map_of(database, city())
    number = opened(database, "A1", "missing", 4)
    assert states(city_map.view(ALL, 10))["A1"] is MapState.RED
    act(database, number, Action.RESOLVE, who="张三", now=2)
    assert states(city_map.view(ALL, 10))["A1"] is MapState.QUIET


def test_a_silent_gateway_marks_the_covers_behind_it(database: sa.Engine) -> None:
    city_map = map_of(database, city())
    opened(database, "", "silent", 3, sensor_ids=["s1", "s2", "gone"])
    shown = states(city_map.view(ALL, 10))
    assert [shown[a] for a in ("A1", "A2", "A3")] == [MapState.SILENT, MapState.SILENT, MapState.QUIET]
    assert len(city_map.alerts(None)[0]) == 2


def test_the_list_has_what_the_map_has_gravest_first_and_says_how_many_there_are(
    database: sa.Engine,
) -> None:
    city_map = map_of(database, city())
    opened(database, "A1", "tilted", 2)
    opened(database, "A2", "missing", 4)
    opened(database, "nowhere", "tilted", 3)
    listed, total = city_map.alerts(None)
    assert [facts["asset_id"] for _, facts in listed] == ["A2", "nowhere", "A1"]
    assert total == 3
    assert city_map.alerts(ALL)[1] == 2, "what has no place is in no view"
    assert city_map.alerts(None, after=1, limit=1)[0][0][1]["asset_id"] == "nowhere"
    assert [f["asset_id"] for _, f in city_map.alerts(None, district="鄂城区")[0]] == ["A1"]


def test_a_district_shows_only_its_own(database: sa.Engine) -> None:
    city_map = map_of(database, city())
    assert city_map.districts() == ["华容区", "鄂城区"]
    assert set(states(city_map.view(ALL, 10, district="鄂城区"))) == {"A1", "A3", "A5"}
    assert city_map.view(ALL, 10, district="not there")["points"] == []


def test_clusters_count_every_cover_and_show_the_gravest_in_them(database: sa.Engine) -> None:
    count = POINTS_AT_MOST + 500
    city_map = map_of(database, city(count))
    opened(database, "A7", "missing", 4)
    opened(database, "A8", "tilted", 2)
    shown = city_map.view(ALL, 8)
    assert sum(cluster[2] for cluster in shown["clusters"]) + len(shown["points"]) == count
    assert max(cluster[3] for cluster in shown["clusters"]) == MapState.RED
    assert sum(cluster[4] for cluster in shown["clusters"]) == 2
    alone = city_map.view(ALL, 8, only_alerting=True)
    assert set(states(alone)) == {"A7", "A8"}


def test_counts_cover_the_whole_city(database: sa.Engine) -> None:
    city_map = map_of(database, city())
    opened(database, "A1", "flooded", 3)
    counts = city_map.counts()
    assert (counts["orange"], counts["quiet"], counts["unwatched"], counts["unplaced"]) == (1, 4, 2, 1)


def test_a_changed_registry_is_followed(database: sa.Engine) -> None:
    known = [city(3)]
    city_map = CityMap(database, lambda: known[0])
    assert len(city_map.view(ALL, 10)["points"]) == 3
    known[0] = city(5)
    assert len(city_map.view(ALL, 10)["points"]) == 5


@pytest.mark.parametrize("hazard", list(Hazard))
def test_every_hazard_has_a_state_on_the_map(hazard: Hazard, database: sa.Engine) -> None:
    city_map = map_of(database, city())
    opened(database, "A0", hazard.value, 1)
    assert city_map.state_of(0) >= MapState.SENSOR


def test_the_bounds_forgive_a_slip_of_the_pen(database: sa.Engine) -> None:
    registry = city(2000)
    registry.assets.lon[0] = 11.489
    bounds = CityMap(database, lambda: registry).bounds()
    assert bounds is not None
    assert bounds[0] > 114
    assert CityMap(database, lambda: Registry.of([], [])).bounds() is None
