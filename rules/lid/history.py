"""What back-filled readings show: lids that were open, tilted, sunken or flooded; recorded, never paged.

Those of a sensor that has not spoken in time since it was fitted also show how it was fitted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from rules.alarm import Hazard
from rules.detector import Verdicts
from rules.lid.angle import axes_of, between, normal, note_never, turn
from rules.lid.limits import Limits
from rules.lid.opinion import Opinion
from rules.lid.settlement import settle
from rules.lid.state import EPOCH_US, HOUR_US, LidState, Sink, Tilt, Water

Float32 = npt.NDArray[np.float32]
_OF_SEAT = [Sink.BASE, Sink.COUNT, Sink.SINCE]


def look_back(
    state: LidState,
    sensor: npt.NDArray[np.int32],
    time: npt.NDArray[np.int64],
    columns: Mapping[str, Float32],
    limits: Limits,
) -> Sequence[Verdicts]:
    """Verdicts above 0 on readings that came too late, each by itself against the baseline of now.

    Without a complete baseline only contact and water speak.
    """
    n = len(sensor)
    absent = np.full(n, np.nan, np.float32)
    angle, mm, water = shown(state.take(sensor), columns, limits)
    missing, tilted, sunken, flooded = (Opinion.none(n) for _ in range(4))
    with np.errstate(invalid="ignore"):
        missing.say(columns.get("open", absent) > 0.5, 4, absent, np.nan, "missing.contact")
        missing.say(angle >= limits["open_deg"], 4, angle, limits["open_deg"], "missing.angle")
        missing.say(np.abs(mm) >= limits["gone_mm"], 4, mm, limits["gone_mm"], "missing.gone_mm")
        for level, name in ((4, "tilt_urgent_deg"), (3, "tilt_defect_deg")):
            over = (angle >= limits[name]) & (missing.level < 0)
            tilted.say(over, level, angle, limits[name], "tilted.angle")
        for level, name in ((4, "sunk_urgent_mm"), (3, "sunk_defect_mm")):
            over = (mm >= limits[name]) & (missing.level < 0)
            sunken.say(over, level, mm, limits[name], "sunken.step_mm")
        for level, name in ((4, "flood_urgent_mm"), (3, "flood_mm")):
            flooded.say(water >= limits[name], level, water, limits[name], "flooded.level_mm")
    spoken = (
        (Hazard.MISSING, missing),
        (Hazard.TILTED, tilted),
        (Hazard.SUNKEN, sunken),
        (Hazard.FLOODED, flooded),
    )
    verdicts = []
    for hazard, opinion in spoken:
        i = np.flatnonzero(opinion.level > 0)
        if len(i):
            verdicts.append(
                Verdicts(
                    hazard,
                    sensor[i],
                    time[i],
                    opinion.level[i],
                    opinion.value[i],
                    opinion.limit[i],
                    opinion.reason[i],
                )
            )
    return verdicts


def shown(own: LidState, columns: Mapping[str, Float32], limits: Limits) -> tuple[Float32, Float32, Float32]:
    """Turn [°], change of height [mm] and level of water [mm] of a late reading for each row of a state.

    NaN = not measured, or no complete baseline to see it by.
    """
    absent = np.full(len(own), np.nan, np.float32)
    tilt, sink = own.tilt, own.sink
    angle = _angle(tilt, columns, absent)
    angle = np.where(tilt[:, Tilt.COUNT] >= limits["commission_readings"], angle, np.float32(np.nan))
    mm = columns.get("displacement_mm", absent) - sink[:, Sink.BASE]
    mm = np.where(sink[:, Sink.COUNT] >= limits["commission_readings"], mm, np.float32(np.nan))
    water = columns.get("water_mm", absent)
    if "distance_mm" in columns:
        wells = own.water
        known = wells[:, Water.DRY_COUNT] >= limits["commission_readings"]
        risen = np.where(known, wells[:, Water.DRY] - columns["distance_mm"], np.float32(np.nan))
        water = np.where(np.isnan(water), risen, water)
    return angle.astype(np.float32), mm.astype(np.float32), water.astype(np.float32)


def learn_seat(
    state: LidState,
    sensor: npt.NDArray[np.int32],
    time: npt.NDArray[np.int64],
    columns: Mapping[str, Float32],
    limits: Limits,
) -> None:
    """A baseline from readings that came late, for sensors that nothing timely is known of.

    It stays provisional: the first timely reading begins the day of commissioning, in which it is still
    learned and what rings against it is marked so.
    """
    own = state.take(sensor)
    hours = ((time - EPOCH_US) / HOUR_US).astype(np.float32)
    absent = np.full(len(sensor), np.nan, np.float32)
    tilt, both = columns.get("tilt_deg", absent), axes_of(own.tilt, columns)
    x, y = (absent if axis is None else axis for axis in (both.x_deg, both.y_deg))
    axes = ~np.isnan(x) & ~np.isnan(y)
    for some, has_tilt, has_axes in (
        (axes & ~np.isnan(tilt), True, True),
        (axes & np.isnan(tilt), False, True),
        (~axes & ~np.isnan(tilt), True, False),
    ):
        i = np.flatnonzero(some)
        if len(i) == 0:
            continue
        rows = own.tilt[i]
        flat, (along, across) = tilt[i] if has_tilt else None, (x[i], y[i]) if has_axes else (None, None)
        angle = turn(rows, flat, along, across, hours[i], limits.take(i))
        rows[:, Tilt.LAST] = tilt[i] if has_tilt else angle
        rows[:, Tilt.CHANGE] = angle
        if has_axes:
            rows[:, Tilt.LAST_X], rows[:, Tilt.LAST_Y] = x[i], y[i]
        own.tilt[i] = rows
    note_never(own.tilt, both)
    sunk = columns.get("displacement_mm", absent)
    i = np.flatnonzero(~np.isnan(sunk))
    if len(i):
        rows = own.sink[i]
        settle(rows, sunk[i], hours[i], np.zeros(len(i), np.float32), limits.take(i))
        kept = rows[:, _OF_SEAT]
        rows[:] = 0
        rows[:, _OF_SEAT] = kept
        own.sink[i] = rows
    own.tilt[own.tilt[:, Tilt.COUNT] > 0, Tilt.SINCE] = np.inf
    own.sink[own.sink[:, Sink.COUNT] > 0, Sink.SINCE] = np.inf
    state.put(sensor, own)


def _angle(tilt: Float32, columns: Mapping[str, Float32], absent: Float32) -> Float32:
    scalar: Float32 = np.abs(columns.get("tilt_deg", absent) - tilt[:, Tilt.BASE])
    axes = axes_of(tilt, columns)
    if axes.x_deg is None or axes.y_deg is None:
        return scalar
    now = normal(axes.x_deg, axes.y_deg)
    vector = between(now, (tilt[:, Tilt.X], tilt[:, Tilt.Y], tilt[:, Tilt.Z]))
    return np.asarray(np.fmax(scalar, vector), np.float32)
