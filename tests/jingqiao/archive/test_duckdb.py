"""The embedded archive keeps what the log says, once."""

from pathlib import Path

import duckdb
import numpy as np
import pytest

from devices.frame import Flag, Frame
from devices.registry import Registry
from ingest.log import AccelerationBlock, Record, StrainBlock, Tick
from jingqiao.archive.contract import ArchiveUnavailableError
from jingqiao.archive.duckdb import DuckDBArchive

REGISTRY = Registry.of(
    [{"asset_id": "a", "kind": "cover"}],
    [{"sensor_id": "s0", "asset_id": "a"}, {"sensor_id": "s1", "asset_id": "a"}],
)


def frame(sensors: list[int], times: list[int], **columns: list[float]) -> Frame:
    n = len(sensors)
    return Frame(
        np.array(sensors, np.int32),
        np.array(times, np.int64),
        np.array(times, np.int64),
        np.full(n, -1, np.int64),
        np.full(n, Flag.GOOD, np.uint8),
        {name: np.array(values, np.float32) for name, values in columns.items()},
    )


def open_archive(tmp_path: Path) -> DuckDBArchive:
    return DuckDBArchive(tmp_path / "archive.duckdb", lambda: REGISTRY)


def test_readings_come_back_by_time_with_their_sensor_and_without_what_nobody_sent(tmp_path: Path) -> None:
    archive = open_archive(tmp_path)
    archive.write(
        [
            (1, frame([1, 0], [2_000_000, 1_000_000], tilt_deg=[2.0, np.nan], water_mm=[np.nan, 5.0])),
            (2, Tick(3_000_000)),
            (3, StrainBlock(0, 1_000_000, 50.0, np.array([1, 2], np.float32))),
        ]
    )
    rows = archive.readings(0, 10_000_000).to_pylist()
    assert [(r["sensor_id"], r["t"].timestamp(), r["tilt_deg"], r["water_mm"]) for r in rows] == [
        ("s0", 1.0, None, 5.0),
        ("s1", 2.0, 2.0, None),
    ]
    assert set(rows[0]) == {"sensor_id", "t", "tilt_deg", "water_mm"}
    assert archive.readings(0, 10_000_000, ["s1"])["sensor_id"].to_pylist() == ["s1"]
    assert archive.offset() == 3
    archive.close()


def test_records_written_again_after_a_crash_are_stored_once(tmp_path: Path) -> None:
    records: list[tuple[int, Record]] = [
        (1, frame([0], [1], tilt_deg=[1.0])),
        (2, frame([0], [2], tilt_deg=[2.0])),
    ]
    archive = open_archive(tmp_path)
    archive.write(records[:1])
    archive.close()
    archive = open_archive(tmp_path)
    archive.write(records)
    archive.write(records)
    assert archive.readings(0, 10)["tilt_deg"].to_pylist() == [1.0, 2.0]
    assert archive.offset() == 2
    archive.close()


def test_a_file_that_is_no_archive_is_refused_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "archive.duckdb").write_bytes(b"x" * 20_000)
    with pytest.raises(ArchiveUnavailableError, match=r"archive\.duckdb cannot be opened"):
        open_archive(tmp_path)


def test_years_shrink_to_buckets_that_keep_every_peak(tmp_path: Path) -> None:
    archive = open_archive(tmp_path)
    n = 1000
    rng = np.random.default_rng(2)
    tilt, times = rng.normal(0, 1, n).astype(np.float32), np.arange(n) * 3 - 500
    tilt[437] = 90
    sensors = [i % 2 for i in range(n)]
    archive.write([(1, frame(sensors, times.tolist(), tilt_deg=tilt.tolist()))])
    table = archive.extremes(-600, 3000, ["s1", "s0", "unknown"], 100, ["tilt_deg", "water_mm", "no such"])
    assert table.column_names == ["sensor_id", "t", "tilt_deg_min", "tilt_deg_max"]
    naive = {}
    for sensor, time, value in zip(sensors, times.tolist(), tilt.tolist(), strict=True):
        naive.setdefault((f"s{sensor}", time // 100 * 100), []).append(value)
    rows = zip(*(table[name].to_pylist() for name in ("tilt_deg_min", "tilt_deg_max")), strict=True)
    keys = zip(table["sensor_id"].to_pylist(), table["t"].cast("int64").to_pylist(), strict=True)
    assert dict(zip(keys, rows, strict=True)) == {
        key: (min(values), max(values)) for key, values in sorted(naive.items())
    }
    assert archive.extremes(0, 1, ["unknown"], 100, ["tilt_deg"]).num_rows == 0
    assert (archive.count(-600, 3000), archive.count(5000, 6000)) == (n, 0)
    archive.close()


def counted(sensor: int, seqs: list[int], gateway: int, start: int = 0) -> Frame:
    made = frame([sensor] * len(seqs), list(range(start, start + len(seqs))), tilt_deg=[1.0] * len(seqs))
    return Frame(
        made.sensor,
        made.time,
        made.received,
        np.array(seqs, np.int64),
        made.flag,
        made.columns,
        np.full(len(seqs), gateway, np.int32),
    )


def test_lost_messages_are_counted_by_gateway_whatever_the_order_they_came_in(tmp_path: Path) -> None:
    archive = open_archive(tmp_path)
    archive.write([(1, counted(0, [5, 7, 6, 6, 10], 11)), (2, counted(1, [1, 2, 60_000, -1], 12))])
    rows = archive.losses(0, 100).to_pylist()
    assert rows == [
        {"gateway": 11, "sensors": 1, "received": 4, "lost": 2},
        {"gateway": 12, "sensors": 1, "received": 3, "lost": 0},
    ]
    assert archive.losses(50, 100).num_rows == 0
    archive.close()


def test_raw_blocks_of_strain_and_acceleration_come_back_each_in_its_own_column(tmp_path: Path) -> None:
    archive = open_archive(tmp_path)
    archive.write(
        [
            (1, StrainBlock(0, 1_000_000, 50.0, np.array([1, 2], np.float32))),
            (2, AccelerationBlock(1, 2_000_000, 100.0, np.array([0.25, -0.25], np.float32))),
        ]
    )
    rows = archive.blocks(0, 10_000_000, ["s0", "s1"]).to_pylist()
    assert [(r["sensor_id"], r["strain_ue"], r["acceleration_g"]) for r in rows] == [
        ("s0", [1.0, 2.0], None),
        ("s1", None, [0.25, -0.25]),
    ]
    assert archive.block_hours(0, 10_000_000, ["s1"])["hour"].to_pylist() == [0]
    assert archive.block_hours(0, 2_000_000, ["s1"])["hour"].to_pylist() == []
    archive.forget_blocks(3_000_000)
    assert len(archive.blocks(0, 10_000_000, ["s0", "s1"])) == 0
    archive.close()


def test_an_archive_from_before_acceleration_was_kept_takes_it(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "archive.duckdb")) as old:
        old.execute(
            "CREATE TABLE strain_blocks (sensor INTEGER, start BIGINT, rate_hz DOUBLE, strain_ue FLOAT[])"
        )
        old.execute("INSERT INTO strain_blocks VALUES (0, 1, 50.0, [1.0])")
    archive = open_archive(tmp_path)
    archive.write([(1, AccelerationBlock(1, 2, 100.0, np.array([0.5], np.float32)))])
    assert archive.blocks(0, 10, ["s0", "s1"])["strain_ue"].to_pylist() == [[1.0], None]
    archive.close()
