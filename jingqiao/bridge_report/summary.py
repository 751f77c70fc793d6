"""The month in figures: JSON-ready, for the page, for `--json`, and for the conclusions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from devices.frame import Frame
from devices.registry import Role
from jingqiao.bridge_report.course import DAY_US, Course
from jingqiao.bridge_report.month import Month
from rules.bridge.cells import BLOCK_US, LEAST_SAMPLES
from rules.bridge.gate import GaugeFault
from rules.bridge.movement_channels import CM_S2
from rules.bridge.movement_conditions import UNITS
from rules.bridge.parts import DRIFT

SLOT_US: Final = 600_000_000
MEASURES: Final[Mapping[Role, tuple[str, ...]]] = {
    Role.GAUGE: ("strain_ue",),
    Role.TEMPERATURE: ("temperature_c",),
    Role.DEFLECTION: ("displacement_mm",),
    Role.DISPLACEMENT: ("displacement_mm",),
    Role.TILT: ("tilt_x_deg", "tilt_y_deg", "tilt_deg"),
    Role.ACCELERATION: ("acceleration_rms_g", "vibration_g"),
}
MOVING: Final = (Role.DEFLECTION, Role.DISPLACEMENT, Role.TILT, Role.ACCELERATION)


def sensors_of(course: Course, frame: Frame, month: Month) -> list[dict[str, Any]]:
    """Every sensor of the bridge with what it is and how much of the month it told."""
    registry = course.engine.registry
    inside = (frame.time >= month.since) & (frame.time < month.until)
    end = min(month.until, int(frame.time[-1]) + 1) if len(frame) else month.until
    begin = max(month.since, int(frame.time[0])) if len(frame) else month.since
    rows = []
    for sensor in range(len(registry.sensors)):
        times = np.unique(frame.time[inside & (frame.sensor == sensor)])
        texts = {name: registry.sensors.text(name, sensor) for name in ("section", "location", "model")}
        role = Role(int(registry.sensors.role[sensor]))
        rows.append(
            {
                "sensor_id": registry.sensor_id(sensor),
                "sensor": sensor,
                "role": role.name.lower(),
                **texts,
                "unit": "µε" if role is Role.GAUGE else UNITS.get(role, ""),
                "design": _design(course, sensor),
                "readings": len(times),
                "availability": _availability(times, begin, end),
                "last_at": int(times[-1]) if len(times) else None,
                "daily": _daily(times, month),
            }
        )
    return rows


def _design(course: Course, sensor: int) -> tuple[float | None, float | None]:
    sensors = course.engine.registry.sensors
    gauge = sensors.role[sensor] == Role.GAUGE
    low, high = (
        (sensors.strain_min_ue, sensors.strain_max_ue) if gauge else (sensors.design_min, sensors.design_max)
    )
    return number(low[sensor]), number(high[sensor])


def _slot(times: npt.NDArray[np.int64]) -> int:
    usual = int(np.median(np.diff(times))) if len(times) > 2 else SLOT_US
    return max(SLOT_US, 2 * usual)


def _availability(times: npt.NDArray[np.int64], begin: int, end: int) -> float | None:
    """Share of slots of 10 min (or twice the usual interval) in which it reported; None without time."""
    if end <= begin:
        return None
    slot = _slot(times)
    slots = max(1, (end - begin) // slot)
    return round(min(1.0, len(np.unique(times // slot)) / slots), 4)


def _daily(times: npt.NDArray[np.int64], month: Month) -> list[float]:
    """Availability of each day of the month."""
    slot = _slot(times)
    days = range(month.since, month.until, DAY_US)
    return [
        round(min(1.0, len(np.unique(times[(times >= d) & (times < d + DAY_US)] // slot)) * slot / DAY_US), 3)
        for d in days
    ]


def temperatures_of(course: Course) -> list[dict[str, Any]]:
    """Least, greatest and mean of each thermometer [°C]."""
    channels = np.flatnonzero(course.detector.channels.thermometer)
    return [
        {"sensor_id": _id(course, c), **_range(course.warm[:, c])} for c in channels.tolist() if len(channels)
    ]


def strains_of(course: Course, frame: Frame, month: Month) -> list[dict[str, Any]]:
    """Static and live strain of each gauge against its limits [µε]."""
    rows = []
    levels, limits = course.detector.levels, course.detector.limits.strain
    for c in gauges(course):
        sensor = int(course.detector.channels.sensor[c])
        live = live_peaks(frame, sensor, month)
        low, high = _design(course, sensor)
        design, usual = number(limits.design_live_ue[c]), number(levels.live[c])
        greatest = float(live.max()) if len(live) else None
        unit = design or usual or None
        extreme = _extremes(frame, sensor, month)
        rows.append(
            {
                "sensor_id": _id(course, c),
                "section": course.engine.registry.sensors.text("section", sensor),
                **_range(course.strain[:, c]),
                "peak_least": extreme[0],
                "peak_greatest": extreme[1],
                "compensated": _range(course.compensated[:, c]),
                "per_degree": _per_degree(course, c),
                "design_min": low,
                "design_max": high,
                "share": _share(extreme, low, high),
                "live_greatest": number(greatest),
                "live_p99": number(np.percentile(live, 99)) if len(live) else None,
                "live_unit": unit,
                "live_unit_is_design": design is not None,
                "live_times": number(greatest / unit, 2) if greatest is not None and unit else None,
                "over_1": int((live >= limits.overload_1[c] * unit).sum()) if unit and len(live) else 0,
                "over_2": int((live >= limits.overload_2[c] * unit).sum()) if unit and len(live) else 0,
            }
        )
    return rows


def live_peaks(frame: Frame, sensor: int, month: Month) -> npt.NDArray[np.float64]:
    """float64[k]  Greatest live-load strain of each block of 20 s, as the detector has it [µε]."""
    needed = [frame.get(name) for name in ("strain_ue", "strain_min_ue", "strain_max_ue", "strain_n")]
    own = (frame.sensor == sensor) & (frame.time >= month.since) & (frame.time < month.until)
    if needed[0] is None or not own.any():
        return np.empty(0)
    value = needed[0][own].astype(np.float64)
    low, high = (
        value if column is None else np.where(np.isfinite(column[own]), column[own], value)
        for column in needed[1:3]
    )
    n = np.ones(len(value)) if needed[3] is None else np.nan_to_num(needed[3][own], nan=1.0)
    good = np.isfinite(value)
    block = frame.time[own][good] // BLOCK_US
    value, low, high, n = value[good], low[good], high[good], n[good]
    if len(value) == 0:
        return np.empty(0)
    starts = np.flatnonzero(np.concatenate(([True], block[1:] != block[:-1])))
    middle = np.array([np.median(part) for part in np.split(value, starts[1:])])
    up = np.fmax.reduceat(high, starts) - middle
    down = middle - np.fmin.reduceat(low, starts)
    enough = np.add.reduceat(n, starts) >= LEAST_SAMPLES
    peaks: npt.NDArray[np.float64] = np.fmax(up, down)[enough]
    return peaks


def drifts_of(course: Course) -> list[dict[str, Any]]:
    """What the slow test knows of each gauge at the month's end."""
    slow = course.detector.slow
    rows = []
    for c in gauges(course):
        slope, p, days = slow.trend(c)
        frozen = bool(slow.frozen[c])
        rows.append(
            {
                "sensor_id": _id(course, c),
                "state": "final" if slow.complete[c] else "provisional" if frozen else "learning",
                "days": int(slow.days[c]),
                "residual_ue": number(slow.residual_ue[c]) if frozen else None,
                "sigma_ue": number(slow.sigma[c]),
                "cusum": number(max(slow.up[c], slow.down[c])) if frozen else None,
                "cusum_limit": number(slow.limits.cusum_h[c]),
                "slope_ue_per_month": number(slope),
                "p": number(p, 4),
                "trend_days": days,
                # By itself or, in the judgement of all gauges of its section, together with them.
                "moved": bool(course.detector.spoken.said[c, DRIFT] > 0),
            }
        )
    return rows


def movements_of(course: Course, frame: Frame, month: Month) -> list[dict[str, Any]]:
    """Deflection, displacement, tilt and shaking against their design values."""
    registry = course.engine.registry
    rows = []
    for sensor in range(len(registry.sensors)):
        role = Role(int(registry.sensors.role[sensor]))
        if role not in MOVING:
            continue
        own = (frame.sensor == sensor) & (frame.time >= month.since) & (frame.time < month.until)
        for name in MEASURES[role]:
            column = frame.get(name)
            if column is None or not np.isfinite(column[own]).any():
                continue
            values = column[own].astype(np.float64) * (CM_S2 if role is Role.ACCELERATION else 1.0)
            low, high = _design(course, sensor)
            found = _range(values, 2)
            rows.append(
                {
                    "sensor_id": registry.sensor_id(sensor),
                    "sensor": sensor,
                    "role": role.name.lower(),
                    "quantity": name,
                    "unit": UNITS[role],
                    **found,
                    "design_min": low,
                    "design_max": high,
                    "share": _share((found["least"], found["greatest"]), low, high)
                    if role is not Role.TILT
                    else None,
                }
            )
    return rows


def faults_of(course: Course) -> list[dict[str, Any]]:
    """Hours of each fault of each channel."""
    rows = []
    for c in range(len(course.detector.channels)):
        kinds, counts = np.unique(course.fault[:, c], return_counts=True)
        rows += [
            {"sensor_id": _id(course, c), "fault": GaugeFault(int(kind)).name.lower(), "hours": int(count)}
            for kind, count in zip(kinds, counts, strict=True)
            if kind
        ]
    return rows


def gauges(course: Course) -> list[int]:
    """Channels of gauges."""
    return [int(c) for c in np.flatnonzero(~course.detector.channels.thermometer)]


def number(value: Any, digits: int = 1) -> float | None:
    """Rounded; None for what is no number."""
    if value is None or not math.isfinite(value):
        return None
    return round(float(value), digits)


def _id(course: Course, channel: int) -> str:
    return course.engine.registry.sensor_id(int(course.detector.channels.sensor[channel]))


def _range(values: npt.NDArray[Any], digits: int = 1) -> dict[str, float | None]:
    known = values[np.isfinite(values)]
    if len(known) == 0:
        return {"least": None, "greatest": None, "mean": None}
    return {
        "least": number(known.min(), digits),
        "greatest": number(known.max(), digits),
        "mean": number(known.mean(), digits),
    }


def _extremes(frame: Frame, sensor: int, month: Month) -> tuple[float | None, float | None]:
    own = (frame.sensor == sensor) & (frame.time >= month.since) & (frame.time < month.until)
    low, high = None, None
    for name in ("strain_ue", "strain_min_ue", "strain_max_ue"):
        column = frame.get(name)
        if column is None or not np.isfinite(column[own]).any():
            continue
        least, most = float(np.nanmin(column[own])), float(np.nanmax(column[own]))
        low, high = (
            min(least, low if low is not None else least),
            max(most, high if high is not None else most),
        )
    return number(low), number(high)


def _share(found: tuple[Any, Any], low: float | None, high: float | None) -> float | None:
    """The greater part of a design value that was used [%]."""
    shares = [
        100 * value / bound
        for value, bound in ((found[1], high), (found[0], low))
        if value is not None and bound
    ]
    return round(max(shares)) if shares else None


def _per_degree(course: Course, channel: int) -> float | None:
    """Slope of the month's hourly strain over temperature [µε/°C], as the eye sees it in the plot."""
    x, y = course.beside[:, channel], course.strain[:, channel]
    both = np.isfinite(x) & np.isfinite(y)
    if both.sum() < 24 or np.ptp(x[both]) < 2:
        return None
    return number(np.polyfit(x[both], y[both], 1)[0])
