"""What is asked of InfluxDB 2 itself: readings come back as they were written."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pydantic import SecretStr

from config.archive import InfluxArchiveSettings
from devices.frame import Flag, Frame
from devices.registry import Registry
from jingqiao.archive.contract import ArchiveUnavailableError
from jingqiao.archive.influxdb import InfluxDBArchive
from tests.support.influxd import BUCKET, ORG, TOKEN, Influxd

pytestmark = pytest.mark.influxd

REGISTRY = Registry.of([], [{"sensor_id": "lid 0"}, {"sensor_id": "lid-1"}])
START_US = 1_780_000_000_000_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influxd]:
    server = Influxd(tmp_path_factory.mktemp("influxd"))
    yield server
    server.stop()


def open_archive(server: Influxd, folder: Path, token: str = TOKEN) -> InfluxDBArchive:
    settings = InfluxArchiveSettings(
        kind="influxdb", url=server.url, org=ORG, bucket=BUCKET, token=SecretStr(token)
    )
    return InfluxDBArchive(settings, folder / "offset.json", lambda: REGISTRY)


def test_readings_come_back_by_time_for_the_sensors_asked_for(server: Influxd, tmp_path: Path) -> None:
    archive = open_archive(server, tmp_path)
    times = START_US + np.arange(4, dtype=np.int64) * 1_000_000
    frame = Frame(
        np.array([0, 1, 0, 1], np.int32),
        times,
        times,
        np.full(4, -1, np.int64),
        np.full(4, Flag.GOOD, np.uint8),
        {
            "tilt_deg": np.array([1.5, np.nan, 2.5, np.nan], np.float32),
            "water_mm": np.array([np.nan, 3, np.nan, 4], np.float32),
        },
    )
    archive.write([(1, frame)])
    archive.write([(1, frame)])  # written again after a crash: the same points
    everything = archive.readings(START_US, START_US + 10_000_000)
    assert everything["sensor_id"].to_pylist() == ["lid 0", "lid-1", "lid 0", "lid-1"]
    assert everything["tilt_deg"].to_pylist() == [1.5, None, 2.5, None]
    assert [t.timestamp() for t in everything["t"].to_pylist()] == [t / 1e6 for t in times.tolist()]
    one = archive.readings(START_US, START_US + 3_000_000, ["lid 0"])
    assert one["tilt_deg"].to_pylist() == [1.5, 2.5]
    archive.close()


def test_buckets_keep_the_least_and_the_greatest_value(server: Influxd, tmp_path: Path) -> None:
    archive = open_archive(server, tmp_path)
    start = START_US + 86_400_000_000
    times = start + np.arange(6, dtype=np.int64) * 1_000_000
    frame = Frame(
        np.array([0, 0, 0, 1, 0, 0], np.int32),
        times,
        times,
        np.full(6, -1, np.int64),
        np.full(6, Flag.GOOD, np.uint8),
        {
            "tilt_deg": np.array([1, 9, 2, 4, 3, 5], np.float32),
            "water_mm": np.full(6, np.nan, np.float32),
        },
    )
    archive.write([(1, frame)])
    table = archive.extremes(start, start + 10_000_000, ["lid 0"], 4_000_000, ["tilt_deg", "water_mm"])
    assert table.column_names == ["sensor_id", "t", "tilt_deg_min", "tilt_deg_max"]
    assert [(r["t"].timestamp(), r["tilt_deg_min"], r["tilt_deg_max"]) for r in table.to_pylist()] == [
        (start / 1e6, 1, 9),
        (start / 1e6 + 4, 3, 5),
    ]
    assert archive.extremes(start, start + 1, [], 1, ["tilt_deg"]).num_rows == 0
    assert archive.losses(0, 1) is None
    assert archive.count(start, start + 10_000_000) == 6
    assert archive.count(start - 2, start - 1) == 0
    archive.close()


def test_a_wrong_token_is_said_without_showing_it(server: Influxd, tmp_path: Path) -> None:
    archive = open_archive(server, tmp_path, "wrong-secret")
    with pytest.raises(ArchiveUnavailableError, match="HTTP 401") as raised:
        archive.readings(0, 1_000_000)
    assert "wrong-secret" not in str(raised.value)
    archive.close()
