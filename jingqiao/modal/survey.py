"""A bridge's hours that were not analysed yet: samples out of the archive, modes into observations."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute

from devices.registry import Registry, Role
from jingqiao.modal.child import Identifies
from jingqiao.modal.observation import HOUR_US, Observation
from jingqiao.modal.window import WINDOW_US, NoWindow, Window, window_of

Read = Callable[[int, int, Sequence[str]], pa.Table]
"""(since, until, sensor ids) → rows of the archive."""

SETTLED_US: Final = 600_000_000
"""An hour is analysed so long after its end: sensors buffer."""

COLDEST_C, WARMEST_C = -50.0, 85.0
"""No structure is colder or warmer."""


def due(hours: Iterable[int], known: Collection[int], until: int) -> list[int]:
    """Hours that were not analysed and are over by `until` [µs]."""
    return [hour for hour in hours if hour not in known and hour + HOUR_US <= until]


@dataclass(frozen=True, slots=True)
class Sensors:
    """Ids of what a survey asks for. thermometers : the bridge's; without any, all that measures on it."""

    accelerometers: tuple[str, ...]
    thermometers: tuple[str, ...]


def sensors_of(registry: Registry, asset: int) -> Sensors:
    """The accelerometers of an asset, and what knows its temperature."""
    rows = np.flatnonzero(registry.sensors.asset == asset)
    role = registry.sensors.role[rows]
    warm = rows[role == Role.TEMPERATURE]
    others = warm if len(warm) else rows
    return Sensors(
        tuple(registry.sensor_id(int(row)) for row in rows[role == Role.ACCELERATION]),
        tuple(registry.sensor_id(int(row)) for row in others),
    )


def survey(
    blocks: Read,
    readings: Read,
    sensors: Sensors,
    hours: Iterable[int],
    identify: Identifies,
) -> Iterator[Observation]:
    """Observations of hours, by time.

    blocks : as `Archive.blocks`. readings : as `Archive.readings`. hours : their begins [µs]. Of an hour, the
    ten minutes that most sensors cover are analysed; one of which no accelerometer sent blocks is passed
    over. Raises what the readers do.
    """
    for hour in hours:
        table = blocks(hour - WINDOW_US, hour + HOUR_US, sensors.accelerometers)
        if table["acceleration_g"].null_count == len(table):
            continue
        found = _first_window(table, sensors.accelerometers, hour)
        if isinstance(found, NoWindow):
            yield Observation(hour, problem=found.problem, left_out=found.left_out)
            continue
        modes = tuple(identify(found))
        warm = _temperature(readings(hour, hour + HOUR_US, sensors.thermometers))
        yield Observation(
            found.start,
            found.sensor_ids,
            modes,
            "" if modes else "modes",
            warm,
            found.rate_hz,
            found.left_out,
        )


def _first_window(table: pa.Table, ids: Sequence[str], hour: int) -> Window | NoWindow:
    """The first ten minutes of an hour that all sensors cover; else those that most cover; else why not."""
    begun = max(hour, int(pa.compute.min(table["start"]).cast(pa.int64()).as_py()))
    starts = range(begun, max(begun, hour + HOUR_US - WINDOW_US) + 1, WINDOW_US)
    best: Window | NoWindow | None = None
    for start in starts:
        found = window_of(table, ids, start)
        if isinstance(found, Window) and len(found.sensor_ids) == len(ids):
            return found
        if best is None or _covered(found) > _covered(best):
            best = found
    assert best is not None, "there is one start at least"
    return best


def _covered(found: Window | NoWindow) -> int:
    return len(found.sensor_ids) if isinstance(found, Window) else 0


def _temperature(readings: pa.Table) -> float | None:
    """Median of the sensors' means: one dead of three does no harm. None where nothing was measured."""
    if "temperature_c" not in readings.column_names:
        return None
    values = readings["temperature_c"].to_numpy().astype(np.float64)
    believed = (values >= COLDEST_C) & (values <= WARMEST_C)
    names = np.array(readings["sensor_id"].to_pylist(), object)[believed]
    means = [float(values[believed][names == name].mean()) for name in dict.fromkeys(names.tolist())]
    return round(float(np.median(means)), 2) if means else None
