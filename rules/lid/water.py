"""How high the water stands: as it was sent, or as far as it has come nearer to a sensor that looks down."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from rules.lid.limits import Limits
from rules.lid.state import Water

Float32 = npt.NDArray[np.float32]

SHOW_WATER = frozenset({"water_mm", "distance_mm"})
"""Columns that show how high it stands."""
ACCEPT_MM = np.float32(100.0)
"""A distance within so much of the others belongs to the same dry well."""
WAS_WET_MM = np.float32(200.0)
"""A well whose bottom comes to lie this much deeper held water when the sensor was fitted."""


def stand(
    rows: Float32,
    columns: Mapping[str, Float32],
    turned: npt.NDArray[np.bool_],
    hours: Float32,
    limits: Limits,
) -> Float32 | None:
    """Water level [mm]; None = nothing that shows it was sent. `rows` are changed in place.

    rows : float32[k, Water]  State.
    turned : bool[k]  The lid leans: what its sensor looks at is not the well.
    hours : float32[k]  Event time [h].
    """
    level = columns.get("water_mm")
    distance = columns.get("distance_mm")
    if distance is not None:
        away = np.where(turned, np.float32(np.nan), distance)
        risen = _risen(rows, away, hours, limits)
        level = risen if level is None else np.where(np.isnan(level), risen, level)
    if level is None:
        return None
    wet = ~np.isnan(level)
    rows[:, Water.BEFORE] = np.where(wet, rows[:, Water.LEVEL], rows[:, Water.BEFORE])
    rows[:, Water.LEVEL] = np.where(wet, level, rows[:, Water.LEVEL])
    rows[:, Water.COUNT] += wet
    return np.asarray(level, np.float32)


def _risen(rows: Float32, distance_mm: Float32, hours: Float32, limits: Limits) -> Float32:
    """How much nearer the surface is than it was when the sensor was commissioned [mm]."""
    base, count = rows[:, Water.DRY], rows[:, Water.DRY_COUNT]
    young = (count < limits["commission_readings"]) | (
        hours - rows[:, Water.DRY_SINCE] < limits["commission_hours"]
    )
    with np.errstate(invalid="ignore"):
        start = ~np.isnan(distance_mm) & ((count == 0) | (young & (distance_mm > base + WAS_WET_MM)))
        learn = young & ~start & (np.abs(distance_mm - base) <= ACCEPT_MM)
    rows[:, Water.DRY] = np.where(
        start, distance_mm, np.where(learn, base + (distance_mm - base) / (count + 1), base)
    )
    rows[:, Water.DRY_COUNT] = np.where(start, np.float32(1), count + learn)
    rows[:, Water.DRY_SINCE] = np.where(start, hours, rows[:, Water.DRY_SINCE])
    return np.asarray(rows[:, Water.DRY] - distance_mm, np.float32)
