"""Baselines come from the engine into the file: once complete, once more when redone."""

from __future__ import annotations

import numpy as np
import pytest
import sqlalchemy as sa

from config.rules import RuleSet
from devices.frame import Flag, Frame
from devices.registry import Registry
from jingqiao.database import reading
from jingqiao.dossier.baselines import BaselineBook
from jingqiao.dossier.tables import baseline
from rules.engine import Engine

HOUR = 3_600_000_000
T0 = 1_700_000_000_000_000


@pytest.fixture
def engine() -> Engine:
    registry = Registry.of(
        [{"asset_id": "A", "kind": "cover"}],
        [{"sensor_id": "s0", "asset_id": "A"}, {"sensor_id": "s1", "asset_id": "A"}],
    )
    return Engine(registry, RuleSet())


def hear(engine: Engine, hour: int, tilt: float, sensor: int = 1) -> None:
    at = np.array([T0 + hour * HOUR], np.int64)
    engine.apply(
        Frame(
            np.array([sensor], np.int32),
            at,
            at,
            np.array([-1], np.int64),
            np.array([Flag.GOOD], np.uint8),
            {"tilt_deg": np.array([tilt], np.float32)},
        )
    )


def kept(database: sa.Engine) -> list[tuple]:
    columns = (baseline.c.sensor_row, baseline.c.quantity, baseline.c.value, baseline.c.at, baseline.c.who)
    with reading(database) as connection:
        return [tuple(row) for row in connection.execute(sa.select(*columns).order_by(baseline.c.id))]


def test_a_baseline_is_written_down_once_when_commissioning_is_over(database, engine):
    book = BaselineBook(database)
    hear(engine, 0, 3.0)
    assert book.note(engine.snapshot(), T0) == 0
    for hour in range(1, 40):
        hear(engine, hour, 3.0)
    assert book.note(engine.snapshot(), T0 + 40 * HOUR) == 1
    assert book.note(engine.snapshot(), T0 + 41 * HOUR) == 0
    assert BaselineBook(database).note(engine.snapshot(), T0 + 42 * HOUR) == 0
    assert kept(database) == [(1, "tilt_deg", 3.0, T0 + 40 * HOUR, "rules")]


def test_a_redone_baseline_is_added_and_the_old_one_stays(database, engine):
    book = BaselineBook(database)
    for hour in range(40):
        hear(engine, hour, 3.0)
    book.note(engine.snapshot(), T0)
    engine.control("rebaseline", {"sensor_id": "s1"}, T0 + 40 * HOUR)
    for hour in range(40, 80):
        hear(engine, hour, 5.0)
    book.note(engine.snapshot(), T0 + 80 * HOUR)
    assert [(row[0], round(row[2], 3)) for row in kept(database)] == [(1, 3.0), (1, 5.0)]


def test_what_is_no_snapshot_is_refused(database):
    with pytest.raises(ValueError, match="snapshot"):
        BaselineBook(database).note(b"nothing", T0)
