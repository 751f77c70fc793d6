"""Importing into the dossier: whole or not at all, again is an update, and nothing is overwritten."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from config.faults import FaultsError
from devices.import_csv import read_registry
from devices.registry import ASSET_TEXTS, SENSOR_TEXTS, UNBOUND, Registry
from jingqiao.database import reading
from jingqiao.dossier.dangers import Limits, dangers
from jingqiao.dossier.diff import ASSET_NUMBERS, SENSOR_NUMBERS
from jingqiao.dossier.importing import import_files, plan_import, read_files
from jingqiao.dossier.registry_store import load_registry, load_registry_version
from jingqiao.dossier.tables import binding, control_request, entry

INSTALLED = 1_714_521_600_000_000
T0 = INSTALLED + 1_000_000
ASSETS = """\
asset_id,kind,name,lon,lat,installed_on,design_life_years,low_lying,fall_net,status
A,cover,雨水井,114.89,30.39,2015-03-01,15,1,0,in_use
B,cover,"二
行",,,,,,,
C,bridge,桥,114.9,30.4,,50.5,,,
"""
SENSORS = """\
sensor_id,asset_id,model,role,location,heartbeat_s,installed_at,e_gpa,alpha_per_c,strain_min_ue,strain_max_ue,section,group
s1,A,em310-tilt,,,21600,2024-05-01T00:00:00Z,,,,,,
s2,B,,,,,,,,,,,
g1,C,,,跨中,,,206.1,0.000012,-100.5,200.25,mid,1
"""


def files(folder: Path, assets: str = ASSETS, sensors: str = SENSORS) -> tuple[Path, Path]:
    (folder / "assets.csv").write_text(assets, encoding="utf-8")
    (folder / "sensors.csv").write_text(sensors, encoding="utf-8")
    return folder / "assets.csv", folder / "sensors.csv"


def same(expected: Registry, actual: Registry) -> None:
    for names, numbers, a, b in (
        (ASSET_TEXTS, ASSET_NUMBERS, expected.assets, actual.assets),
        (SENSOR_TEXTS, SENSOR_NUMBERS, expected.sensors, actual.sensors),
    ):
        for name in names:
            assert a.texts[name].to_pylist() == b.texts[name].to_pylist()
        for name in numbers:
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
            assert getattr(a, name).dtype == getattr(b, name).dtype


def rows(database: sa.Engine, table: sa.Table) -> list[dict]:
    with reading(database) as connection:
        return [dict(row) for row in connection.execute(table.select()).mappings()]


def test_what_is_imported_comes_back_as_the_same_columns(database, tmp_path):
    paths = files(tmp_path)
    import_files(database, *paths, at=T0, who="li")
    same(read_registry(*paths), load_registry(database))


def test_an_empty_database_has_an_empty_registry_of_version_0(database):
    registry = load_registry(database)
    assert (len(registry.assets), len(registry.sensors)) == (0, 0)
    assert load_registry_version(database) == 0


def test_importing_the_same_again_changes_nothing_and_makes_no_version(database, tmp_path):
    paths = files(tmp_path)
    import_files(database, *paths, at=T0, who="li")
    plan = import_files(database, *paths, at=T0 + 1, who="li")
    assert plan.empty
    assert load_registry_version(database) == 1
    assert [row["name"] for row in rows(database, control_request)] == ["registry"]


def test_an_update_keeps_rows_in_their_places_and_writes_down_before_and_after(database, tmp_path):
    import_files(database, *files(tmp_path), at=T0, who="li")
    assets = "asset_id,kind,name,status\nD,cover,新,\nC,bridge,桥,\nA,cover,雨水井,abandoned\n"
    sensors = "sensor_id,asset_id,heartbeat_s\nnew,D,\ns1,D,3600\n"
    plan = import_files(database, *files(tmp_path, assets, sensors), at=T0 + 5, who="wang")
    registry = load_registry(database)
    same(plan.registry, registry)
    assert registry.assets.texts["asset_id"].to_pylist() == ["A", "B", "C", "D"]
    assert registry.sensors.texts["sensor_id"].to_pylist() == ["s1", "s2", "g1", "new"]
    assert registry.sensors.asset.tolist() == [3, 1, 2, 3]
    assert registry.sensors.text("model", 0) == "em310-tilt"  # a column that the file leaves out stays
    assert registry.assets.lon[0] == 114.89
    history = [
        (r["what"], r["who"], r["asset_row"], r["sensor_row"], r["details"]) for r in rows(database, entry)
    ]
    assert history == [
        ("status", "wang", 0, None, {"status": ["in_use", "abandoned"]}),
        ("changed", "wang", None, 0, {"asset_id": ["A", "D"], "heartbeat_s": [21600.0, 3600.0]}),
    ]
    assert load_registry_version(database) == 2


def test_bindings_keep_their_times(database, tmp_path):
    import_files(database, *files(tmp_path), at=T0, who="li")
    sensors = "sensor_id,asset_id\ns1,B\n"
    import_files(database, *files(tmp_path, sensors=sensors), at=T0 + 5, who="li")
    kept = sorted(rows(database, binding), key=lambda row: row["id"])
    times = [(r["sensor_row"], r["asset_row"], r["from_at"], r["to_at"]) for r in kept]
    assert times == [(0, 0, INSTALLED, T0 + 5), (1, 1, T0, None), (2, 2, T0, None), (0, 1, T0 + 5, None)]


def test_a_file_with_one_bad_row_changes_nothing_at_all(database, tmp_path):
    paths = files(tmp_path, sensors=SENSORS + "s9,NOWHERE" + "," * 11 + "\n")
    with pytest.raises(FaultsError) as caught:
        import_files(database, *paths, at=T0, who="li")
    assert [fault.line for fault in caught.value.faults] == [5]
    assert load_registry_version(database) == 0
    assert len(load_registry(database).assets) == 0


def test_sensors_may_sit_on_assets_that_only_the_database_has(database, tmp_path):
    import_files(database, *files(tmp_path), at=T0, who="li")
    _, sensors = files(tmp_path, sensors="sensor_id,asset_id\nn,B\n")
    import_files(database, None, sensors, at=T0, who="li")
    assert load_registry(database).sensors.asset.tolist() == [0, 1, 2, 1]


def test_a_plan_alone_writes_nothing(database, tmp_path):
    planned = read_files(*files(tmp_path))
    with reading(database) as connection:
        plan = plan_import(connection, planned)
    assert plan.counts["assets_new"] == 3
    assert load_registry_version(database) == 0


def test_a_registry_that_has_changed_meanwhile_is_planned_anew(database, tmp_path):
    from jingqiao.dossier.importing import carry_out

    first = read_files(*files(tmp_path))
    with reading(database) as connection:
        stale = plan_import(connection, first)
    other = files(tmp_path, "asset_id,kind\nZ,cover\n", "sensor_id,asset_id\nz,Z\n")
    import_files(database, *other, at=T0, who="wang")
    carry_out(database, first, stale, at=T0, who="li")
    registry = load_registry(database)
    assert registry.assets.texts["asset_id"].to_pylist() == ["Z", "A", "B", "C"]
    assert registry.sensors.asset.tolist() == [0, 1, 2, 3]
    assert UNBOUND not in registry.sensors.asset


@pytest.mark.parametrize("from_bytes", [0, 1 << 20])
def test_a_compacted_registry_is_updated_as_a_plain_one(database, tmp_path, monkeypatch, from_bytes):
    monkeypatch.setattr("devices.registry._COMPACT_FROM_BYTES", from_bytes)
    import_files(database, *files(tmp_path), at=T0, who="li")
    plan = import_files(
        database, *files(tmp_path, ASSETS.replace("in_use", "filled"), SENSORS), at=T0 + 1, who="li"
    )
    assert (plan.counts["assets_changed"], plan.counts["sensors_changed"]) == (1, 0)
    registry = load_registry(database)
    assert registry.assets.texts["status"].to_pylist() == ["filled", "", ""]
    inspected = np.zeros(3, np.int64)
    named = {danger.name for danger in dangers(registry, inspected, T0, Limits()) if danger.asset == 0}
    assert named == set()


def test_the_schema_that_revisions_make_is_the_one_that_tables_say(database):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    import jingqiao.commands.tables
    import jingqiao.provisioning.tables
    from jingqiao.database import metadata

    ours = {
        *(binding.name, entry.name, control_request.name, "asset", "sensor", "baseline", "registry_version"),
        jingqiao.provisioning.tables.credential.name,
        jingqiao.provisioning.tables.refused.name,
        jingqiao.commands.tables.device_command.name,
    }
    with reading(database) as connection:
        context = MigrationContext.configure(
            connection,
            opts={"include_name": lambda name, kind, _: kind != "table" or name in ours},
        )
        only_ours = sa.MetaData()
        for name in ours:
            metadata.tables[name].to_metadata(only_ours)
        assert compare_metadata(context, only_ours) == []


@pytest.mark.parametrize("chunk", [1, 2, 3])
def test_rows_come_whole_whatever_the_chunks_that_carry_them(database, tmp_path, monkeypatch, chunk):
    monkeypatch.setattr("jingqiao.dossier.bulk.CHUNK", chunk)
    paths = files(tmp_path)
    done = []
    import_files(database, *paths, at=T0, who="li", progress=lambda rows, total: done.append((rows, total)))
    same(read_registry(*paths), load_registry(database))
    assert done[-1] == (9, 9)
    assert done == sorted(done)
