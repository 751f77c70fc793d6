"""Fleets on file."""

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from simulator import offline, truth
from simulator.scenario import Scenario


def scene(**more: object) -> Scenario:
    return Scenario.model_validate({"name": "test", "start": "2026-03-02T00:00:00+08:00", "days": 12, **more})


@pytest.mark.parametrize("file_format", ["parquet", "csv", "jsonl"])
def test_a_written_fleet_has_all_its_readings_in_each_format(
    tmp_path: Path, file_format: offline.Format
) -> None:
    fleet, assets, sensors = offline.generate(scene(), 3, 15)
    path = offline.write(tmp_path, fleet, assets, sensors, file_format)
    match file_format:
        case "parquet":
            n = pq.read_table(path).num_rows
        case "csv":
            with path.open(encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file))
            n = len(rows)
            assert all(int(row["t"]) > 1_700_000_000_000 for row in rows)
        case _:
            n = len([json.loads(line) for line in path.read_text("utf-8").splitlines()])
    assert n == fleet.readings.num_rows > 0
    assert {p.name for p in tmp_path.iterdir()} == {
        "assets.csv", "sensors.csv", "maintenance.csv", "truth.jsonl", path.name,
    }  # fmt: skip


def test_the_truth_comes_back_as_it_was(tmp_path: Path) -> None:
    event = {"at": "2d", "kind": "sink", "pick": "random:2", "to_mm": 30, "days": 5}
    fleet, _, _ = offline.generate(scene(event=[event]), 3, 40)
    truth.write(tmp_path / "truth.jsonl", fleet.truth)
    assert truth.read(tmp_path / "truth.jsonl") == fleet.truth
    assert len([e for e in fleet.truth if e.hazard == "sunken"]) == 2


def test_what_is_lost_is_missing_and_what_is_sent_twice_is_there_twice() -> None:
    whole, _, _ = offline.generate(scene(radio={"loss": 0, "duplicate": 0, "late": 0}), 3, 60)
    lossy, _, _ = offline.generate(scene(radio={"loss": 0.3, "duplicate": 0, "late": 0}), 3, 60)
    twice, _, _ = offline.generate(scene(radio={"loss": 0, "duplicate": 0.3, "late": 0}), 3, 60)
    n = whole.readings.num_rows
    assert lossy.readings.num_rows == pytest.approx(0.7 * n, rel=0.12)
    assert twice.readings.num_rows == pytest.approx(1.3 * n, rel=0.06)


def test_late_readings_come_after_younger_ones_of_the_same_sensor() -> None:
    fleet, _, _ = offline.generate(scene(radio={"late": 0.2, "late_s": 40000}), 3, 30)
    t = fleet.readings["t"].to_numpy().astype(np.int64)
    sensor = fleet.readings["sensor_id"].combine_chunks().indices.to_numpy()
    order = np.argsort(sensor, kind="stable")
    back = (np.diff(t[order]) < 0) & (np.diff(sensor[order]) == 0)
    assert back.sum() > 5


def test_a_permit_becomes_a_row_of_the_maintenance_file() -> None:
    event = {"at": "2d 09:00", "kind": "permit", "pick": "random:1", "minutes": 60}
    fleet, _, _ = offline.generate(scene(event=[event]), 3, 10)
    head, row = offline.maintenance_csv(fleet.permits).splitlines()
    assert head == "asset_id,from,to,kind,note"
    asset, start, end, kind, _ = row.split(",")
    assert asset == fleet.permits[0][0]
    assert (start, end, kind) == ("2026-03-04T00:50:00.000Z", "2026-03-04T02:15:00.000Z", "permit")


def test_faults_that_nobody_staged_are_in_the_truth_and_cost_nothing_when_missed() -> None:
    fleet, _, _ = offline.generate(scene(faults={"drift": 3, "stuck": 3, "clock": 3}), 3, 60)
    ailing = [e for e in fleet.truth if e.hazard == "sensor_fault"]
    assert len(ailing) > 5
    assert not any(e.required for e in ailing)
