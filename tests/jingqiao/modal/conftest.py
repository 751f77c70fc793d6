"""A bridge whose accelerometers have filled an archive."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from devices.frame import Flag, Frame
from devices.registry import Registry
from ingest.log import AccelerationBlock, Record
from jingqiao.archive.duckdb import DuckDBArchive
from tests.support.beam import shaken

START_US = 1_704_067_200_000_000
HOUR_US = 3_600_000_000
RATE_HZ = 50.0
SENSORS = ("A0", "A1", "A2", "A3")

Fill = Callable[..., DuckDBArchive]


@pytest.fixture(scope="session")
def shaking() -> np.ndarray:
    """float64[m, 4]  [g] Ten minutes and a bit of a beam of 2.3, 6.1 and 11.8 Hz."""
    return shaken((2.3, 6.1, 11.8), seed=1, channels=4, rate_hz=RATE_HZ, seconds=620)


@pytest.fixture
def registry() -> Registry:
    """A bridge B with four accelerometers and a thermometer; a bridge C with one."""
    sensors = [{"sensor_id": s, "asset_id": "B", "role": "acceleration"} for s in SENSORS]
    sensors.append({"sensor_id": "T", "asset_id": "B", "role": "temperature"})
    sensors.append({"sensor_id": "Z", "asset_id": "C", "role": "acceleration"})
    return Registry.of([{"asset_id": a, "kind": "bridge"} for a in ("B", "C")], sensors)


@pytest.fixture
def fill(tmp_path: Path, registry: Registry, shaking: np.ndarray) -> Fill:
    """Opens `data/archive.duckdb` and puts the same shaking at the begin of some hours."""

    def filled(hours: Sequence[int], *, silent: Sequence[int] = (), warm: float = 17.0) -> DuckDBArchive:
        (tmp_path / "data").mkdir(exist_ok=True)
        archive = DuckDBArchive(tmp_path / "data" / "archive.duckdb", lambda: registry)
        records: list[Record] = []
        size = int(10 * RATE_HZ)
        for hour in hours:
            since = START_US + hour * HOUR_US
            records += [
                AccelerationBlock(
                    sensor,
                    since + i * 10_000_000,
                    RATE_HZ,
                    shaking[i * size : (i + 1) * size, sensor].astype(np.float32),
                )
                for sensor in range(len(SENSORS))
                if sensor not in silent
                for i in range(62)
            ]
            records.append(thermometer(since + 60_000_000, warm))
        archive.write(list(enumerate(records, archive.offset() + 1)))
        return archive

    return filled


def thermometer(at: int, degrees: float) -> Frame:
    """A reading of T."""
    return Frame(
        np.array([len(SENSORS)], np.int32),
        np.array([at], np.int64),
        np.array([at], np.int64),
        np.array([-1], np.int64),
        np.array([Flag.GOOD], np.uint8),
        {"temperature_c": np.array([degrees], np.float32)},
    )
