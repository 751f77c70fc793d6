"""Rows of the fleet's page: each a sensor, with the asset that it sits on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import sqlalchemy as sa

from devices.registry import UNBOUND, Registry
from jingqiao.archive.contract import Archive, ArchiveUnavailableError
from jingqiao.fleet.forecast import Forecast, battery_forecasts
from jingqiao.fleet.state import FleetState
from jingqiao.incidents.incident import LIVE
from jingqiao.incidents.tables import incident
from rules.alarm import Hazard
from rules.health.silent import EXPLAINED, LONG_SILENT

PAGE: Final = 50
DAY_US: Final = 86_400_000_000


def sensor_rows(registry: Registry, state: FleetState, rows: npt.NDArray[np.int64]) -> list[dict[str, Any]]:
    """What the tables say of some sensors."""
    found = []
    for row in rows.tolist():
        asset = int(registry.sensors.asset[row])
        heartbeat = float(registry.sensors.heartbeat_s[row])
        charge = float(state.charge_pct[row])
        found.append(
            {
                "sensor_id": registry.sensor_id(row),
                "model": registry.sensors.text("model", row),
                "asset_id": "" if asset == UNBOUND else registry.asset_id(asset),
                "name": "" if asset == UNBOUND else registry.assets.text("name", asset),
                "district": "" if asset == UNBOUND else registry.assets.text("district", asset),
                "heard": int(state.heard[row]) or None,
                "heartbeat_s": heartbeat if np.isfinite(heartbeat) else None,
                "long": bool(state.status[row] == LONG_SILENT),
                "with_gateway": bool(state.status[row] == EXPLAINED),
                "gateway": state.gateway_ids.get(int(state.gateway[row]), ""),
                "charge_pct": round(charge) if np.isfinite(charge) else None,
                "weak": int(state.weak[row]),
            }
        )
    return found


def with_forecasts(
    rows: Sequence[dict[str, Any]], archive: Archive | None, now: int, empty_pct: float
) -> list[dict[str, Any]]:
    """The same rows with `empty_at` [µs] and `pct_per_month`, where the archive can tell."""
    forecasts: Mapping[str, Forecast] = {}
    if archive is not None:
        try:
            forecasts = battery_forecasts(archive, [row["sensor_id"] for row in rows], now, empty_pct)
        except ArchiveUnavailableError:
            forecasts = {}
    nothing = {"empty_at": None, "pct_per_month": None}
    return [
        {**row, "empty_at": known.at, "pct_per_month": known.pct_per_month}
        if (known := forecasts.get(row["sensor_id"]))
        else {**row, **nothing}
        for row in rows
    ]


def by_model(registry: Registry, state: FleetState) -> list[dict[str, Any]]:
    """Models with how many sensors, silent ones and weak batteries each has, the commonest first."""
    encoded = registry.sensors.texts["model"]
    if not pa.types.is_dictionary(encoded.type):
        encoded = encoded.dictionary_encode()
    names = encoded.dictionary.to_pylist()
    code = encoded.indices.to_numpy(zero_copy_only=False)
    silent = np.zeros(len(code), bool)
    silent[state.silent] = True
    tallies = [
        np.bincount(code, weights=which, minlength=len(names)).astype(int)
        for which in (np.ones(len(code)), silent, state.weak > 0)
    ]
    rows = [
        {"model": name, "sensors": int(all_), "silent": int(quiet), "weak": int(weak)}
        for name, all_, quiet, weak in zip(names, *(t.tolist() for t in tallies), strict=True)
    ]
    return sorted(rows, key=lambda row: (-row["sensors"], row["model"]))


def losses(archive: Archive | None, now: int) -> list[dict[str, Any]] | None:
    """Messages lost in the last day by gateway key, the worst first; None where nobody counts them."""
    table = None if archive is None else archive.losses(now - DAY_US, now)
    if table is None:
        return None
    rows = [
        {**row, "share": row["lost"] / (row["lost"] + row["received"]) if row["received"] else 0.0}
        for row in table.to_pylist()
    ]
    return sorted(rows, key=lambda row: (-row["share"], -row["lost"]))


def faulty(connection: sa.Connection, limit: int) -> tuple[list[dict[str, Any]], int]:
    """Live incidents of sensor faults, the newest first, and how many there are."""
    live = (
        incident.c.hazard == Hazard.SENSOR_FAULT.value,
        incident.c.state.in_([state.value for state in LIVE]),
    )
    total = connection.scalar(sa.select(sa.func.count()).select_from(incident).where(*live)) or 0
    query = sa.select(incident).where(*live).order_by(incident.c.opened_at.desc()).limit(limit)
    return [dict(row) for row in connection.execute(query).mappings()], int(total)
