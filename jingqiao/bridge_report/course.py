"""The engine over a bridge's readings, looked at every hour of a month: what the report draws.

Nothing is computed again here: compensation, residuals, CUSUMs and faults are the detector's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from config.rules import RuleSet
from devices.frame import Frame
from devices.registry import Registry
from devices.strain import medians_of_blocks
from ingest.log import Control
from jingqiao.backtest.run import feed
from jingqiao.bridge_report.month import Month
from rules.alarm import AlarmChange
from rules.bridge.detector import BridgeDetector
from rules.engine import Engine

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

HOUR_US: Final = 3_600_000_000
DAY_US: Final = 24 * HOUR_US
LOOK_AFTER_US: Final = 600_000_000
"""So long after an hour it is over for sensors that report every few minutes."""


@dataclass(frozen=True, slots=True)
class Day:
    """One day of one gauge as the slow test had it: UTC day, residual and spread [µε], CUSUMs [σ]."""

    day: int
    residual_ue: float
    sigma_ue: float
    up: float
    down: float
    moved: bool


@dataclass(frozen=True, slots=True)
class Course:
    """A month of one bridge. Channels are the detector's: gauges and thermometers.

    engine, detector : as they stood at its end.
    hours : int64[h]  Hours of the month (event time // 1 h).
    strain, warm : float64[h, c]  Hourly medians of strain [µε] and of temperature [°C]; NaN = none.
    beside : float64[h, c]  Temperature beside a gauge [°C].
    compensated : float64[h, c]  What the model leaves of strain [µε]; NaN while it learns.
    fault : uint8[h, c]  `rules.bridge.gate.GaugeFault`.
    days : channel → its days, from the first that was judged.
    """

    engine: Engine
    detector: BridgeDetector
    hours: Int
    strain: Float
    warm: Float
    beside: Float
    compensated: Float
    fault: npt.NDArray[np.uint8]
    days: dict[int, list[Day]]
    changes: list[AlarmChange] = field(default_factory=list)


def replay(
    registry: Registry,
    rules: RuleSet,
    frame: Frame,
    controls: Sequence[Control],
    month: Month,
    progress: Callable[[int], None] = lambda _: None,
) -> Course:
    """Judge the readings from their beginning to the month's end.

    frame : by event time, of one asset's registry. progress : called with readings done since the last call.
    """
    engine = Engine(registry, rules)
    detector = next(d for d in engine.detectors if isinstance(d, BridgeDetector))
    frame = frame.take(frame.time < month.until)
    hours = np.arange(month.since // HOUR_US, -(-month.until // HOUR_US))
    n = len(detector.channels)
    strain = hourly(frame, "strain_ue", hours, detector)
    warm = hourly(frame, "temperature_c", hours, detector)
    course = Course(
        engine,
        detector,
        hours,
        strain,
        warm,
        _beside(warm, detector),
        np.full((len(hours), n), np.nan),
        np.zeros((len(hours), n), np.uint8),
        {c: [] for c in np.flatnonzero(~detector.channels.thermometer).tolist()},
    )
    if len(frame) == 0:
        return course
    course.changes.extend(engine.control("await_first_word", {}, int(frame.time[0])))
    waiting = [control for control in controls if control.at < month.until]
    row = 0
    for mark in _marks(frame, month):
        stop = int(np.searchsorted(frame.time, mark))
        due = [control for control in waiting if control.at < mark]
        waiting = waiting[len(due) :]
        course.changes.extend(feed(engine, frame.take(np.arange(row, stop)), due, progress))
        course.changes.extend(engine.tick(mark))
        _look(course, mark)
        row = stop
    course.changes.extend(engine.finish(int(frame.time[-1])))
    return course


def hourly(frame: Frame, name: str, hours: Int, detector: BridgeDetector) -> Float:
    """float64[h, c]  Hourly medians of a quantity of the detector's channels."""
    n = len(detector.channels)
    table = np.full((len(hours), n), np.nan)
    column = frame.get(name)
    if column is None or len(hours) == 0:
        return table
    channel = detector.channels.of_sensor[frame.sensor]
    hour = frame.time // HOUR_US
    good = (channel >= 0) & np.isfinite(column) & (hour >= hours[0]) & (hour <= hours[-1])
    place = (hour[good] - hours[0]) * n + channel[good]
    order = np.argsort(place, kind="stable")
    cells, lengths = np.unique(place[order], return_counts=True)
    medians = medians_of_blocks(column[good][order].astype(np.float64), lengths.astype(np.int64))
    table.reshape(-1)[cells] = medians
    return table


def _marks(frame: Frame, month: Month) -> list[int]:
    """When to look: after each day until the month, after each hour of it, and at the end of the readings."""
    first, last = int(frame.time[0]), int(frame.time[-1])
    days = range(first // DAY_US + 1, month.since // DAY_US + 1)
    hours = range(max(first, month.since) // HOUR_US + 1, min(last, month.until) // HOUR_US + 2)
    marks = {day * DAY_US + LOOK_AFTER_US for day in days}
    marks |= {hour * HOUR_US + LOOK_AFTER_US for hour in hours}
    return sorted(mark for mark in marks if mark > first)


def _look(course: Course, mark: int) -> None:
    detector, slow = course.detector, course.detector.slow
    for channel, days in course.days.items():
        day = int(slow.last_day[channel])
        if slow.frozen[channel] and day > 0 and (not days or days[-1].day != day):
            days.append(
                Day(
                    day,
                    float(slow.last_residual[channel]),
                    float(slow.sigma[channel]),
                    float(slow.up[channel]),
                    float(slow.down[channel]),
                    bool(slow.moved[channel]),
                )
            )
    at = mark // HOUR_US - 1 - int(course.hours[0])
    if not 0 <= at < len(course.hours):
        return
    course.fault[at] = detector.gate.fault
    judged = np.flatnonzero(slow.frozen & np.isfinite(detector.row[:, 0]))
    for channel in judged.tolist():
        _compensate(course, channel, at)


def _compensate(course: Course, channel: int, at: int) -> None:
    """The newest hour that the detector has ended for a gauge."""
    detector = course.detector
    ended = int(detector.tens.hour[channel]) - 1 - int(course.hours[0])
    if ended < 0:
        return
    seen = np.flatnonzero(np.isfinite(course.strain[: min(ended, at) + 1, channel]))
    if len(seen) == 0 or np.isfinite(course.compensated[seen[-1], channel]):
        return
    one = np.array([channel])
    value = course.strain[seen[-1], one]
    course.compensated[seen[-1], channel] = detector.model.residual(one, detector.row[one], value)[0]


def _beside(warm: Float, detector: BridgeDetector) -> Float:
    """Temperature beside each gauge: its own, else the mean of the thermometers that compensate it."""
    beside = warm.copy()
    for channel in np.flatnonzero(np.isnan(warm).all(axis=0)).tolist():
        sources: Any = detector.channels.sources[channel]
        known = sources[sources >= 0]
        if len(known):
            values = warm[:, known]
            n = np.isfinite(values).sum(axis=1)
            beside[:, channel] = np.where(n > 0, np.nansum(values, axis=1) / np.maximum(n, 1), np.nan)
    return beside
