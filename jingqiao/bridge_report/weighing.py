"""Calibration by crossings: a truck of known weight at a known time, and what the gauges showed of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import sqlalchemy as sa

from devices.frame import Frame
from devices.registry import Registry, Role
from jingqiao.database import writing
from jingqiao.dossier.entries import asset_row, write_entry
from jingqiao.dossier.registry_store import request_control
from jingqiao.dossier.tables import entry

LEAST_PEAK_UE: Final = 8.0
"""A gauge that shows less of a crossing did not see it [µε]."""
FEW_PASSES_ERROR: Final = 0.25
"""Share of a weight that is admitted as its error while fewer than three crossings are known."""
LEAST_ERROR: Final = 0.10
"""No smaller error is claimed: lane and speed matter, and calibration crossings are careful ones."""


class NoCrossingError(ValueError):
    """No gauge shows a load at that time."""


def peaks_of(frame: Frame, registry: Registry, since: int, until: int) -> dict[str, float]:
    """Sensor id → greatest live-load strain of a window above its median [µε], where there is one.

    frame : fast strain or its features, by registry index. since, until : [µs].
    """
    value, low, high = (frame.get(name) for name in ("strain_ue", "strain_min_ue", "strain_max_ue"))
    found: dict[str, float] = {}
    if value is None:
        return found
    inside = (frame.time >= since) & (frame.time <= until)
    for sensor in np.flatnonzero(registry.sensors.role == Role.GAUGE).tolist():
        own = inside & (frame.sensor == sensor) & np.isfinite(value)
        if own.sum() < 3:
            continue
        middle = float(np.median(value[own]))
        tops = [column[own] for column in (value, low, high) if column is not None]
        peak = max(float(np.nanmax(np.abs(top - middle))) for top in tops if np.isfinite(top).any())
        if peak >= LEAST_PEAK_UE:
            found[registry.sensor_id(sensor)] = round(peak, 2)
    return found


def record(
    database: sa.Engine,
    asset_id: str,
    weight_t: float,
    peaks: Mapping[str, float],
    *,
    at: int,
    recorded_at: int,
    who: str,
    note: str,
) -> dict[str, dict[str, float]]:
    """Keep a crossing in the bridge's file and give the service the calibration by all of them since the last
    works; returns it: sensor id → {ue_per_t, error, passes}. Raises NoCrossingError, UnknownAssetError.
    """
    if not peaks:
        raise NoCrossingError(asset_id)
    with writing(database) as connection:
        row = asset_row(connection, asset_id)
        details = {"weight_t": weight_t, "peaks_ue": dict(peaks)}
        write_entry(
            connection,
            "calibration",
            at=at,
            recorded_at=recorded_at,
            who=who,
            asset_row=row,
            note=note,
            details=details,
        )
        rows = connection.execute(
            sa.select(entry.c.what, entry.c.at, entry.c.details)
            .where(entry.c.asset_row == row, entry.c.what.in_(("calibration", "intervention", "rebaseline")))
            .order_by(entry.c.at)
        ).all()
        changed = max((r.details.get("to") or r.at for r in rows if r.what != "calibration"), default=0)
        passes = [r.details for r in rows if r.what == "calibration" and r.at >= changed]
        factors = factors_of(passes)
        payload = {"asset_id": asset_id, "gauges": factors}
        request_control(connection, "calibrate", payload, recorded_at, recorded_at, who, note)
    return factors


def factors_of(passes: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Sensor id → {ue_per_t, error, passes} from crossings {weight_t, peaks_ue}.

    The factor is the mean; the error, as a share, is twice the scatter of a single crossing.
    """
    by: dict[str, list[float]] = {}
    for one in passes:
        for sensor_id, peak in one["peaks_ue"].items():
            by.setdefault(sensor_id, []).append(float(peak) / float(one["weight_t"]))
    found: dict[str, dict[str, float]] = {}
    for sensor_id, units in by.items():
        mean = float(np.mean(units))
        error = FEW_PASSES_ERROR
        if len(units) >= 3:
            error = max(LEAST_ERROR, 2 * float(np.std(units, ddof=1)) * math.sqrt(1 + 1 / len(units)) / mean)
        found[sensor_id] = {"ue_per_t": round(mean, 4), "error": round(error, 3), "passes": len(units)}
    return found
