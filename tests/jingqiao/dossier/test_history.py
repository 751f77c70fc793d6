"""Years of readings fit on a screen, and alarms stand where they rang."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from devices.frame import Flag, Frame
from devices.registry import Registry
from jingqiao.archive.duckdb import DuckDBArchive
from jingqiao.database import reading
from jingqiao.dossier.history import BUCKETS_S, alarms, bucket_s, history, sensors_of
from rules.alarm import AlarmState, Hazard, Severity
from tests.support.response import LID, Office, at, change

REGISTRY = Registry.of(
    [{"asset_id": "a", "kind": "cover"}, {"asset_id": "b", "kind": "cover"}],
    [{"sensor_id": "s0", "asset_id": "a"}, {"sensor_id": "s1", "asset_id": "a"}, {"sensor_id": "s2"}],
)


@pytest.mark.parametrize(
    ("span_s", "points"), [(60, 600), (86_400, 600), (3 * 365 * 86_400, 600), (10, 4000)]
)
def test_a_bucket_is_the_shortest_that_keeps_to_the_points(span_s: int, points: int) -> None:
    chosen = bucket_s(span_s * 1_000_000, points)
    assert span_s / chosen <= points
    shorter = [length for length in BUCKETS_S if length < chosen]
    assert not shorter or span_s / shorter[-1] > points


def test_curves_come_by_quantity_and_sensor_without_what_was_never_measured(tmp_path: Path) -> None:
    archive = DuckDBArchive(tmp_path / "a.duckdb", lambda: REGISTRY)
    n = 2000
    tilt = np.full(n, 1.0, np.float32)
    tilt[1000] = 80
    water = np.where(np.arange(n) % 2, 5.0, np.nan).astype(np.float32)
    time = np.arange(n, dtype=np.int64) * 3600 * 1_000_000
    archive.write(
        [
            (
                1,
                Frame(
                    (np.arange(n) % 2).astype(np.int32),
                    time,
                    time,
                    np.full(n, -1, np.int64),
                    np.full(n, Flag.GOOD, np.uint8),
                    {"tilt_deg": tilt, "water_mm": water},
                ),
            )
        ]
    )
    shown = history(archive, ["s0", "s1"], 0, n * 3600 * 1_000_000, 100)
    assert [(c["quantity"], c["sensor_id"], c["unit"]) for c in shown["series"]] == [
        ("tilt_deg", "s0", "°"),
        ("tilt_deg", "s1", "°"),
        ("water_mm", "s1", "mm"),
    ]
    assert max(shown["series"][0]["max"]) == 80, "the one peak is not lost"
    assert all(len(c["t"]) <= 101 and len(c["t"]) == len(c["min"]) for c in shown["series"])
    assert shown["series"][0]["t"][1] - shown["series"][0]["t"][0] == shown["bucket_s"]
    assert history(archive, [], 0, 10, 100)["series"] == []
    archive.close()


def test_the_sensors_of_an_asset_are_those_bound_to_it() -> None:
    assert sensors_of(REGISTRY, 0) == ["s0", "s1"]
    assert sensors_of(REGISTRY, 1) == []


async def test_an_alarm_is_shown_from_its_first_firing_to_its_end_as_it_was_when_gravest(
    tmp_path: Path,
) -> None:
    office = Office(tmp_path)
    await office.engine_says(change(hazard=Hazard.TILTED, severity=Severity.YELLOW, value=16.0))
    await office.engine_says(
        change(hazard=Hazard.TILTED, severity=Severity.ORANGE, value=35.0, event_at=at("03:10:00"))
    )
    await office.engine_says(
        change(AlarmState.CLEAR, hazard=Hazard.TILTED, severity=Severity.ORANGE, event_at=at("03:20:00"))
    )
    await office.engine_says(change(hazard=Hazard.FLOODED, event_at=at("03:30:00")))
    with reading(office.database) as connection:
        found = alarms(connection, LID, 0, at("04:00:00"), "en")
        assert [(a["hazard"], a["severity"], a["value"], a["until"]) for a in found] == [
            ("tilted", "orange", 35.0, at("03:20:00")),
            ("flooded", "red", found[1]["value"], None),
        ]
        assert alarms(connection, LID, at("03:25:00"), at("03:29:00"), "en") == []
        assert [a["hazard"] for a in alarms(connection, LID, at("03:40:00"), at("03:50:00"), "en")] == [
            "flooded"
        ]
    office.close()
