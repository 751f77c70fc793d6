"""When a battery will be empty: a line through what it told, week by week."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from jingqiao.archive.contract import Archive

WEEK_US: Final = 7 * 86_400_000_000
LOOK_BACK_US: Final = 52 * WEEK_US
WEEKS_AT_LEAST: Final = 4
"""Fewer weeks say nothing: temperature moves a charge by as much."""
FARTHEST_US: Final = 10 * 52 * WEEK_US


@dataclass(frozen=True, slots=True)
class Forecast:
    """at : int  When the charge reaches the limit [µs since 1970]. pct_per_month : float  Its slope [%]."""

    at: int
    pct_per_month: float


def battery_forecasts(
    archive: Archive, sensor_ids: Sequence[str], now: int, empty_pct: float
) -> Mapping[str, Forecast]:
    """For those sensors whose `battery_pct` falls and was told for WEEKS_AT_LEAST weeks of the last year.

    Raises ArchiveUnavailableError.
    """
    if not sensor_ids:
        return {}
    table = archive.extremes(now - LOOK_BACK_US, now, sensor_ids, WEEK_US, ("battery_pct",))
    if "battery_pct_min" not in table.column_names:
        return {}
    found = {}
    for sensor_id in dict.fromkeys(sensor_ids):
        own = table.filter(pc.equal(table["sensor_id"], sensor_id))
        week = own["t"].cast("int64").to_numpy() + WEEK_US // 2
        low = own["battery_pct_min"].to_numpy(zero_copy_only=False).astype(np.float64)
        high = own["battery_pct_max"].to_numpy(zero_copy_only=False).astype(np.float64)
        forecast = fall(week.astype(np.float64), (low + high) / 2, now, empty_pct)
        if forecast is not None:
            found[sensor_id] = forecast
    return found


def fall(
    week: npt.NDArray[np.float64], pct: npt.NDArray[np.float64], now: int, empty_pct: float
) -> Forecast | None:
    """The least-squares line through weekly charges, or None where it does not fall to the limit in 10 years.

    A battery that was changed starts anew: only what came after the last rise by 20 % counts.
    """
    known = np.isfinite(pct)
    week, pct = week[known], pct[known]
    renewed = np.flatnonzero(np.diff(pct) > 20)
    if len(renewed):
        week, pct = week[renewed[-1] + 1 :], pct[renewed[-1] + 1 :]
    if len(pct) < WEEKS_AT_LEAST:
        return None
    slope, charge = np.polyfit((week - now) / WEEK_US, pct, 1)
    if slope >= 0:
        return None
    ahead = (empty_pct - charge) / slope * WEEK_US
    if ahead > FARTHEST_US:
        return None
    return Forecast(now + max(0, round(float(ahead))), float(slope) * 365.25 / 12 / 7)
