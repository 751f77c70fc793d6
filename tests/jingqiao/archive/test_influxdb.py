"""The InfluxDB archive against a real server that speaks its write API, also while that server is away."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pydantic import SecretStr

from config.archive import InfluxArchiveSettings
from devices.frame import Flag, Frame
from devices.registry import Registry
from ingest.log import Record, Tick
from jingqiao.archive.contract import ArchiveUnavailableError
from jingqiao.archive.feeder import ArchiveFeeder
from jingqiao.archive.influxdb import InfluxDBArchive
from tests.support.victoriametrics import VictoriaMetrics

pytestmark = pytest.mark.victoriametrics

REGISTRY = Registry.of([], [{"sensor_id": "lid 0, x=1"}, {"sensor_id": "gauge-1"}])
START_US = 1_780_000_000_000_000


@pytest.fixture
def server(tmp_path: Path) -> Iterator[VictoriaMetrics]:
    server = VictoriaMetrics(tmp_path)
    server.start()
    yield server
    server.stop()


def open_archive(server: VictoriaMetrics, tmp_path: Path) -> InfluxDBArchive:
    settings = InfluxArchiveSettings(
        kind="influxdb", url=server.url, org="jq", bucket="jq", token=SecretStr("t"), timeout_s=5
    )
    return InfluxDBArchive(settings, tmp_path / "offset.json", lambda: REGISTRY)


def frame(sensor: int, start_s: int, n: int, **columns: Sequence[float]) -> Frame:
    times = START_US + (start_s + np.arange(n, dtype=np.int64)) * 1_000_000
    return Frame(
        np.full(n, sensor, np.int32),
        times,
        times,
        np.full(n, -1, np.int64),
        np.full(n, Flag.GOOD, np.uint8),
        {name: np.array(values, np.float32) for name, values in columns.items()},
    )


class ListLog:
    """As much of a log as the feeder reads."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def read(self, after_seq: int, limit: int = 1000) -> Iterator[tuple[int, Record]]:
        yield from list(enumerate(self.records, 1))[after_seq : after_seq + limit]

    def __getattr__(self, name: str) -> Any:
        return getattr(SimpleNamespace(), name)


def test_readings_arrive_as_points_with_fields_and_time(server: VictoriaMetrics, tmp_path: Path) -> None:
    archive = open_archive(server, tmp_path)
    archive.write([(1, frame(0, 0, 2, tilt_deg=[1.5, np.nan], water_mm=[np.nan, 7.0])), (2, Tick(START_US))])
    assert server.points("lid 0, x=1") == {
        "readings_tilt_deg": [(START_US // 1000, 1.5)],
        "readings_water_mm": [(START_US // 1000 + 1000, 7)],
    }
    assert archive.offset() == 2
    archive.close()


def test_an_outage_delays_the_archive_and_loses_nothing(server: VictoriaMetrics, tmp_path: Path) -> None:
    archive = open_archive(server, tmp_path)
    log = ListLog()
    feeder = ArchiveFeeder(log, archive)  # type: ignore[arg-type]
    log.records = [frame(1, 0, 10, strain_ue=range(10))]
    assert feeder.feed_once()
    server.stop()
    log.records += [frame(1, 10, 10, strain_ue=range(10, 20)), frame(1, 20, 10, strain_ue=range(20, 30))]
    for _ in range(3):
        with pytest.raises(ArchiveUnavailableError, match="InfluxDB does not store"):
            feeder.feed_once()
    assert archive.offset() == 1
    server.start()
    while feeder.feed_once():
        pass
    assert archive.offset() == 3
    points = server.points("gauge-1")["readings_strain_ue"]
    assert [value for _, value in points] == list(range(30))
    assert [time for time, _ in points] == [START_US // 1000 + 1000 * i for i in range(30)]
    archive.close()


def test_a_restart_goes_on_from_the_confirmed_offset(server: VictoriaMetrics, tmp_path: Path) -> None:
    archive = open_archive(server, tmp_path)
    archive.write([(5, frame(1, 0, 1, strain_ue=[1.0]))])
    archive.close()
    assert open_archive(server, tmp_path).offset() == 5
