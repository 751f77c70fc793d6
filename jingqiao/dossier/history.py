"""Years of an asset's readings, shrunk to what a screen shows, and what rang on them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from config.messages import Language
from devices.quantities import QUANTITIES
from devices.registry import Registry
from jingqiao.archive.contract import Archive
from jingqiao.backtest.view import plain, reason_text
from jingqiao.incidents.tables import alarm_change
from jingqiao.incidents.view import rfc3339
from rules.alarm import AlarmState, Reason, Severity

BUCKETS_S: Final = (
    *(1, 2, 5, 10, 30),
    *(60, 120, 300, 600, 1800),
    *(3600, 7200, 14_400, 28_800),
    *(86_400, 172_800, 604_800, 2_592_000),
)
"""Lengths that a bucket can have [s]: few, so that scrolling asks for the same ones again."""
POINTS_AT_MOST: Final = 4000
ALARMS_AT_MOST: Final = 500
LATE_AT_MOST: Final = 20
SHOWN: Final = (
    "tilt_deg",
    "tilt_x_deg",
    "tilt_y_deg",
    "displacement_mm",
    "distance_mm",
    "water_mm",
    "vibration_g",
    "strain_ue",
    "open",
    "temperature_c",
    "battery_v",
    "battery_pct",
    "rssi_dbm",
)
"""Quantities with a curve, in the order in which they stand below each other."""


def bucket_s(span_us: int, points: int) -> int:
    """The shortest bucket [s] that fits a span into so many points."""
    wanted = span_us / 1e6 / max(1, min(points, POINTS_AT_MOST))
    return next((length for length in BUCKETS_S if length >= wanted), BUCKETS_S[-1])


def history(
    archive: Archive, sensor_ids: Sequence[str], since: int, until: int, points: int
) -> dict[str, Any]:
    """Curves of some sensors, JSON-ready. Raises ArchiveUnavailableError.

    since, until : int  Event time [µs]. points : int  How many a curve should have at most.
    `series`: {sensor_id, quantity, unit, t: [s since 1970], min: […], max: […]}; `bucket_s`.
    """
    bucket = bucket_s(until - since, points)
    series: list[dict[str, Any]] = []
    if sensor_ids and until > since:
        table = archive.extremes(since, until, sensor_ids, bucket * 1_000_000, SHOWN)
        series = [
            curve
            for sensor_id in sensor_ids
            for curve in _curves(table.filter(pc.equal(table["sensor_id"], sensor_id)), sensor_id)
        ]
    order = {name: place for place, name in enumerate(SHOWN)}
    series.sort(key=lambda curve: (order[curve["quantity"]], curve["sensor_id"]))
    return {"since": since // 1_000_000, "until": until // 1_000_000, "bucket_s": bucket, "series": series}


def sensors_of(registry: Registry, asset: int) -> list[str]:
    """Ids of the sensors that are bound to an asset."""
    rows = (registry.sensors.asset == asset).nonzero()[0]
    return [registry.sensor_id(int(row)) for row in rows]


def alarms(
    connection: sa.Connection, asset_id: str, since: int, until: int, language: Language
) -> list[dict[str, Any]]:
    """What rang at an asset in a span, the oldest first, at most ALARMS_AT_MOST of the newest: each from when
    it fired until it cleared (None = it still does), as it was when it was gravest, with its evidence."""
    query = (
        sa.select(alarm_change)
        .where(alarm_change.c.subject == asset_id, alarm_change.c.event_at < until)
        .order_by(alarm_change.c.event_at, alarm_change.c.id)
    )
    found: list[dict[str, Any]] = []
    ringing: dict[str, dict[str, Any]] = {}
    for row in connection.execute(query).mappings():
        hazard = row["hazard"]
        alarm = ringing.get(hazard)
        if row["state"] == AlarmState.CLEAR:
            if alarm is not None:
                alarm["until"] = row["event_at"]
                del ringing[hazard]
        elif row["state"] == AlarmState.FIRING and (alarm is None or row["severity"] > alarm["level"]):
            told = {
                "level": row["severity"],
                "severity": Severity(row["severity"]).colour,
                "value": row["value"],
                "limit": row["limit"],
                "unit": row["unit"],
                "reason": reason_text(Reason(row["reason_key"], row["reason_values"]), language),
                "sensor_ids": list(row["sensor_ids"]),
                "evidence": plain(row["evidence"]),
                "provisional": row["provisional"],
                "historical": row["historical"],
            }
            if alarm is None:
                alarm = ringing[hazard] = {"hazard": hazard, "since": row["event_at"], "until": None}
                found.append(alarm)
            alarm |= told
    seen = [alarm for alarm in found if alarm["until"] is None or alarm["until"] >= since]
    return seen[-ALARMS_AT_MOST:]


def found_late(
    connection: sa.Connection, asset_ids: Collection[str], language: Language, most: int = LATE_AT_MOST
) -> list[dict[str, Any]]:
    """What was found at some assets in readings that came too late to page, the latest first; JSON-ready."""
    query = (
        sa.select(alarm_change)
        .where(alarm_change.c.asset_id.in_(asset_ids), alarm_change.c.historical)
        .order_by(alarm_change.c.event_at.desc(), alarm_change.c.id.desc())
        .limit(most)
    )
    return [
        {
            "hazard": row["hazard"],
            "severity": Severity(row["severity"]).colour,
            "event_at": rfc3339(row["event_at"]),
            "recorded_at": rfc3339(row["recorded_at"]),
            "reason": reason_text(Reason(row["reason_key"], row["reason_values"]), language),
            "sensor_ids": list(row["sensor_ids"]),
        }
        for row in connection.execute(query).mappings()
    ]


def _curves(table: pa.Table, sensor_id: str) -> list[dict[str, Any]]:
    seconds = pc.divide(table["t"].cast(pa.int64()), 1_000_000)
    curves = []
    for name in SHOWN:
        if f"{name}_min" not in table.column_names:
            continue
        there = pc.is_valid(table[f"{name}_min"])
        times = seconds.filter(there).to_pylist()
        if times:
            curves.append(
                {
                    "sensor_id": sensor_id,
                    "quantity": name,
                    "unit": QUANTITIES[name].unit,
                    "t": times,
                    "min": [_short(value) for value in table[f"{name}_min"].filter(there).to_pylist()],
                    "max": [_short(value) for value in table[f"{name}_max"].filter(there).to_pylist()],
                }
            )
    return curves


def _short(value: float) -> float:
    """Without the noise of float32."""
    return float(f"{value:.6g}")
