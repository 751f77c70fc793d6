"""The file of an asset: what people add is kept with who and when, dangers follow, exports come back."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest
import sqlalchemy as sa

from devices.component_codes import Scheme
from devices.registry import Registry
from jingqiao.database import reading
from jingqiao.dossier.asset_file import asset_file
from jingqiao.dossier.dangers import Limits, blind_to, dangers, last_inspections
from jingqiao.dossier.entries import UnknownAssetError, add_entry, announce_work, set_column
from jingqiao.dossier.exporting import asset_rows, sensor_rows, write_csv, write_geojson
from jingqiao.dossier.importing import import_files
from jingqiao.dossier.registry_store import load_registry, load_registry_version
from jingqiao.dossier.tables import control_request
from tests.jingqiao.dossier.test_importing import T0, files, same

DAY = 86_400_000_000


@pytest.fixture
def city(database, tmp_path):
    import_files(database, *files(tmp_path), at=T0, who="li")
    return database


def shown(database: sa.Engine, asset_id: str, now: int = T0 + 100 * DAY) -> dict:
    with reading(database) as connection:
        found = asset_file(connection, asset_id, now, "zh", Scheme(), Limits())
    json.dumps(found, allow_nan=False)
    return found


def test_the_file_shows_all_that_was_ever_done(city):
    add_entry(
        city,
        "A",
        "inspection",
        at=T0 + DAY,
        recorded_at=T0 + 2 * DAY,
        who="wang",
        details={"result": "defect"},
    )
    add_entry(city, "A", "repair", at=T0 + 3 * DAY, recorded_at=T0 + 3 * DAY, who="zhao", note="换垫圈")
    announce_work(city, "A", start=T0, end=T0 + DAY, kind="permit", note="清淤", recorded_at=T0, who="wang")
    found = shown(city, "A")
    assert [(e["what"], e["who"]) for e in found["history"]] == [
        ("permit", "wang"),
        ("inspection", "wang"),
        ("repair", "zhao"),
    ]
    assert found["history"][1]["recorded_at"] > found["history"][1]["at"]
    assert [s["sensor_id"] for s in found["sensors"]] == ["s1"]
    assert found["installed_on"] == "2015-03-01"


def test_a_status_changes_the_registry_and_keeps_what_it_was(city):
    assert set_column(city, "A", "status", "abandoned", at=T0 + 1, recorded_at=T0 + 1, who="li", why="改线")
    assert not set_column(city, "A", "status", "abandoned", at=T0 + 2, recorded_at=T0 + 2, who="li", why="")
    assert load_registry(city).assets.text("status", 0) == "abandoned"
    assert load_registry_version(city) == 2
    assert shown(city, "A")["history"][-1]["details"] == {"status": ["in_use", "abandoned"]}


def test_a_permit_is_asked_of_the_service_with_its_window(city):
    announce_work(
        city, "C", start=T0 + 5, end=T0 + 9, kind="intervention", note="加固", recorded_at=T0, who="wang"
    )
    with reading(city) as connection:
        name, payload = connection.execute(
            sa.select(control_request.c.name, control_request.c.payload).order_by(control_request.c.id.desc())
        ).first()
    expected = {"asset_id": "C", "from": T0 + 5, "to": T0 + 9, "kind": "intervention", "note": "加固"}
    assert (name, payload) == ("intervention", expected)


def test_an_unknown_asset_is_said_so(city):
    with pytest.raises(UnknownAssetError):
        add_entry(city, "nowhere", "note", at=T0, recorded_at=T0, who="li")
    with pytest.raises(UnknownAssetError):
        shown(city, "nowhere")


def test_an_export_imports_to_the_same_registry(city, tmp_path):
    before = load_registry(city)
    assets, sensors = tmp_path / "out-assets.csv", tmp_path / "out-sensors.csv"
    from devices.import_csv import ASSET_COLUMNS, SENSOR_COLUMNS, read_registry

    for path, columns, rows in (
        (assets, ASSET_COLUMNS, asset_rows(before)),
        (sensors, SENSOR_COLUMNS, sensor_rows(before)),
    ):
        with path.open("w", encoding="utf-8", newline="") as out:
            write_csv(columns, rows, out)
    same(before, read_registry(assets, sensors))
    assert import_files(city, assets, sensors, at=T0 + 1, who="li").empty


def test_no_cell_of_an_export_is_a_formula_to_excel_and_all_come_back_as_they_were(city, tmp_path):
    from devices.import_csv import ASSET_COLUMNS, read_assets

    names = ["=cmd|'/c calc'!A1", "+86 养护", "-1+1", "@SUM(A1)", "'=1", "''-x", "'quoted'", "plain"]
    rows = [
        {"asset_id": f"X{i}", "kind": "cover", "name": name, "lon": -114.5, "lat": -30.25}
        for i, name in enumerate(names)
    ]
    before = Registry.of(rows, []).assets
    path = tmp_path / "out.csv"
    with path.open("w", encoding="utf-8", newline="") as out:
        write_csv(ASSET_COLUMNS, asset_rows(Registry.of(rows, [])), out)
    with path.open(encoding="utf-8-sig", newline="") as file:
        told = list(csv.DictReader(file))
    assert [row["name"] for row in told if row["name"][:1] in "=+-@"] == []
    assert {row["lon"] for row in told} == {"-114.5"}, "numbers stay numbers"
    again = read_assets(path)
    assert [again.text("name", i) for i in range(len(names))] == names
    assert before.lon.tolist() == again.lon.tolist()


def test_a_map_export_can_be_read_back_in_its_own_coordinates(city, tmp_path):
    before = load_registry(city)
    out = io.StringIO()
    from devices.import_csv import ASSET_COLUMNS, read_assets

    write_csv(ASSET_COLUMNS, asset_rows(before, crs="bd09"), out)
    (tmp_path / "bd09.csv").write_text(out.getvalue(), "utf-8")
    rows = list(csv.DictReader(io.StringIO(out.getvalue().removeprefix("\ufeff"))))
    assert abs(float(rows[0]["lon"]) - 114.89) > 0.005
    again = read_assets(tmp_path / "bd09.csv", crs="bd09")
    np.testing.assert_allclose(again.lon, before.assets.lon, atol=1e-6)
    np.testing.assert_allclose(again.lat, before.assets.lat, atol=1e-6)


def test_geojson_has_a_point_for_each_asset_and_null_where_it_is_unknown(city):
    out = io.StringIO()
    write_geojson(asset_rows(load_registry(city)), out)
    features = json.loads(out.getvalue())["features"]
    assert [f["id"] for f in features] == ["A", "B", "C"]
    assert features[0]["geometry"] == {"type": "Point", "coordinates": [114.89, 30.39]}
    assert features[1]["geometry"] is None
    assert features[1]["properties"]["name"] == "二\n行"


# --- hidden dangers ----------------------------------------------------------------------------------

NOW = 20_000 * DAY


def found(assets: list[dict], sensors: list[dict], inspected: list[int] | None = None) -> list[tuple]:
    registry = Registry.of([{"kind": "cover", **a} for a in assets], sensors)
    when = np.array(inspected or [NOW] * len(assets), np.int64)
    return [(registry.asset_id(d.asset), d.name) for d in dangers(registry, when, NOW, Limits(365))]


SEEN = [{"sensor_id": "s", "asset_id": "A", "model": "native"}]


def test_a_sound_cover_is_in_no_list():
    assert found([{"asset_id": "A", "installed_on": 19_000, "design_life_years": 15.0}], SEEN) == []


def test_a_cover_is_over_age_from_the_day_after_its_design_life():
    assert found([{"asset_id": "A", "installed_on": 20_000 - 5479, "design_life_years": 15.0}], SEEN) == [
        ("A", "over_age")
    ]
    assert found([{"asset_id": "A", "installed_on": 20_000 - 5478, "design_life_years": 15.0}], SEEN) == []
    assert found([{"asset_id": "A", "installed_on": 1}], SEEN) == []


@pytest.mark.parametrize(
    ("low_lying", "fall_net", "listed"),
    [(1, 0, True), (1, None, True), (1, 1, False), (0, 0, False), (None, 0, False)],
)
def test_a_low_lying_cover_needs_a_fall_net(low_lying, fall_net, listed):
    expected = [("A", "no_fall_net")] if listed else []
    assert found([{"asset_id": "A", "low_lying": low_lying, "fall_net": fall_net}], SEEN) == expected


def test_an_abandoned_cover_is_listed_until_it_is_filled_and_for_nothing_else():
    facts = {"asset_id": "A", "installed_on": 1, "design_life_years": 1.0, "low_lying": 1}
    assert found([{**facts, "status": "abandoned"}], [], [0]) == [("A", "abandoned")]
    assert found([{**facts, "status": "filled"}], [], [0]) == []


def test_a_cover_is_listed_when_its_last_inspection_is_older_than_the_interval():
    covers = [{"asset_id": "A"}]
    assert found(covers, SEEN, [NOW - 365 * DAY]) == []
    assert found(covers, SEEN, [NOW - 366 * DAY]) == [("A", "not_inspected")]
    assert found(covers, SEEN, [0]) == [("A", "not_inspected")]


def test_a_cover_without_sensor_is_listed():
    assert found([{"asset_id": "A"}], []) == [("A", "no_sensor")]


@pytest.mark.parametrize(
    ("models", "low_lying", "blind"),
    [
        (["em310-tilt"], False, ["sunken"]),
        (["em310-tilt"], True, ["sunken", "flooded"]),
        (["em310-tilt", "em500-swl"], True, ["sunken"]),
        (["em500-swl"], False, ["missing", "tilted", "sunken", "loose"]),
        (["native"], True, []),
        (["em310-tilt", "native"], True, []),
    ],
)
def test_a_tilt_sensor_is_blind_for_even_sinking(models, low_lying, blind):
    assert blind_to(models, low_lying) == blind


def test_blind_covers_are_listed_with_their_own_sensors_only():
    covers = [{"asset_id": "A"}, {"asset_id": "B"}, {"asset_id": "Q", "kind": "bridge"}]
    sensors = [
        {"sensor_id": "1", "asset_id": "B", "model": "em310-tilt"},
        {"sensor_id": "2", "asset_id": "A", "model": "native"},
        {"sensor_id": "3", "asset_id": "Q", "model": "em310-tilt"},
        {"sensor_id": "4", "model": "em310-tilt"},
    ]
    assert found(covers, sensors) == [("B", "blind")]


def test_the_last_inspection_is_the_newest_of_inspections_and_repairs(city):
    for what, at in (("inspection", T0 + 5), ("repair", T0 + 9), ("note", T0 + 99)):
        add_entry(city, "B", what, at=at, recorded_at=at, who="li")
    with reading(city) as connection:
        assert last_inspections(connection, 3).tolist() == [0, T0 + 9, 0]


def test_the_file_and_the_list_judge_alike(city):
    registry = load_registry(city)
    now = T0 + 4000 * DAY
    with reading(city) as connection:
        inspected = last_inspections(connection, 3)
    of_list = [(registry.asset_id(d.asset), d.name) for d in dangers(registry, inspected, now, Limits())]
    of_files = [(i, d["danger"]) for i in ("A", "B", "C") for d in shown(city, i, now)["dangers"]]
    assert sorted(of_files) == sorted(of_list)
    assert ("A", "over_age") in of_list
