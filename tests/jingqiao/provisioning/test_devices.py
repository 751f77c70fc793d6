"""Sensors come, move and go; every step is a row and the service is told."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from devices.registry import UNBOUND, Role
from jingqiao.database import reading
from jingqiao.dossier.entries import UnknownAssetError, UnknownSensorError
from jingqiao.dossier.registry_store import load_registry, load_registry_version
from jingqiao.dossier.tables import binding, control_request, entry
from jingqiao.provisioning.devices import (
    NotBoundError,
    SensorExistsError,
    add,
    bind,
    listed,
    rebaseline,
    replace,
    unbind,
)
from tests.support.city import T0, small_city


@pytest.fixture
def database(tmp_path):
    with small_city(tmp_path) as engine:
        yield engine


def rows(database: sa.Engine, table: sa.Table, *names: str) -> list[tuple]:
    with reading(database) as connection:
        return [tuple(r) for r in connection.execute(sa.select(*(table.c[n] for n in names)))]


def requests(database: sa.Engine) -> list[str]:
    return [name for (name,) in rows(database, control_request, "name")]


def test_a_new_sensor_gets_the_next_row_its_role_and_its_binding(database):
    add(database, "n1", "B", model="em500-swl", facts={"location": "井底"}, at=T0 + 1, who="li")
    registry = load_registry(database)
    assert registry.sensor_index("n1") == 2
    assert registry.sensors.role[2] == Role.WATER
    assert registry.sensors.text("location", 2) == "井底"
    assert registry.asset_id(int(registry.sensors.asset[2])) == "B"
    assert (2, 1, T0 + 1, None) in rows(database, binding, "sensor_row", "asset_row", "from_at", "to_at")
    assert load_registry_version(database) == 2
    assert requests(database) == ["registry", "registry", "retry"]


@pytest.mark.parametrize(
    ("sensor_id", "asset_id", "model", "error"),
    [
        ("s1", "B", "native", SensorExistsError),
        ("n", "nowhere", "native", UnknownAssetError),
        ("a/b", "B", "native", ValueError),
        ("", "B", "native", ValueError),
        ("n", "B", "em310", ValueError),
    ],
)
def test_a_sensor_that_cannot_be_changes_nothing(database, sensor_id, asset_id, model, error):
    with pytest.raises(error):
        add(database, sensor_id, asset_id, model=model, at=T0 + 1, who="li")
    assert load_registry_version(database) == 1
    assert len(load_registry(database).sensors) == 2


def test_moving_a_sensor_ends_its_binding_and_redoes_its_baseline(database):
    bind(database, "s1", "B", at=T0 + 9, who="li", why="井盖换位")
    assert rows(database, binding, "sensor_row", "asset_row", "from_at", "to_at") == [
        (0, 0, T0, T0 + 9),
        (1, 2, T0, None),
        (0, 1, T0 + 9, None),
    ]
    assert load_registry(database).sensors.asset.tolist() == [1, 2]
    assert requests(database)[1:] == ["registry", "rebaseline"]
    assert [what for (what,) in rows(database, entry, "what")] == ["unbound", "bound", "rebaseline"]


def test_binding_a_sensor_where_it_is_changes_nothing(database):
    bind(database, "s1", "A", at=T0 + 9, who="li")
    assert load_registry_version(database) == 1


def test_an_unbound_sensor_stays_known(database):
    unbind(database, "s1", at=T0 + 2, who="li")
    assert load_registry(database).sensors.asset.tolist() == [UNBOUND, 2]
    with reading(database) as connection:
        assert [row["sensor_id"] for row in listed(connection, only_unbound=True)] == ["s1"]
    with pytest.raises(NotBoundError):
        unbind(database, "s1", at=T0 + 3, who="li")


def test_a_replacement_takes_over_place_role_and_facts(database):
    replace(database, "g1", "g2", at=T0 + 5, who="li", why="坏了")
    registry = load_registry(database)
    assert registry.sensors.asset.tolist() == [0, UNBOUND, 2]
    assert registry.sensors.text("location", 2) == "跨中"
    assert registry.sensors.role[2] == Role.GAUGE
    with pytest.raises(SensorExistsError):
        replace(database, "g2", "s1", at=T0 + 6, who="li")
    assert load_registry(database).sensors.asset.tolist() == [0, UNBOUND, 2]


def test_a_sensor_that_was_taken_off_can_replace_another(database):
    unbind(database, "s1", at=T0 + 2, who="li")
    replace(database, "g1", "s1", at=T0 + 5, who="li")
    assert load_registry(database).sensors.asset.tolist() == [2, UNBOUND]


def test_a_new_baseline_is_asked_of_the_service_with_who_and_why(database):
    rebaseline(database, "s1", at=T0 + 4, who="li", why="检修后")
    asked = rows(database, control_request, "name", "payload", "at", "who", "why", "taken_seq")
    assert asked[-1] == ("rebaseline", {"sensor_id": "s1", "sensor": 0}, T0 + 4, "li", "检修后", None)
    with pytest.raises(UnknownSensorError):
        rebaseline(database, "nobody", at=T0, who="li", why="")
