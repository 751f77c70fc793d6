"""A bridge as the engine sees it now, sensor by sensor, with the days that its gauges came by. JSON-ready."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from devices.registry import UNKNOWN, Role
from rules.alarm import Severity
from rules.bridge.channels import NO_CHANNEL
from rules.bridge.detector import BridgeDetector
from rules.bridge.gate import GaugeFault
from rules.bridge.movements import MovementDetector
from rules.bridge.parts import DRIFT
from rules.engine import Engine

DAY_S: Final = 86_400
NO_COURSE: Final[Mapping[str, Any]] = {
    "severity": None,
    "fault": "",
    "model": "",
    "days": [],
    "residual_ue": [],
    "cusum": [],
    "cusum_limit": None,
}
"""Of what is no gauge, or of what no engine has seen."""


def bridge_state(engine: Engine, asset_id: str) -> list[dict[str, Any]]:
    """Every sensor of the asset, in the order of the registry; none of an asset that is not there.

    `severity` : colour of the gravest verdict on it, or None. `fault` : name of its fault, or "".
    Of gauges: `model` (learning, provisional, final), `days` (noon of the UTC days that were judged [s]),
    `residual_ue`, `cusum` (signed) and `cusum_limit` [σ], `sigma_ue`, `slope_ue_per_month`,
    `coefficient_ue_per_c`.
    """
    registry = engine.registry
    asset = registry.asset_index(asset_id)
    if asset == UNKNOWN:
        return []
    bridge = next((d for d in engine.detectors if isinstance(d, BridgeDetector)), None)
    moves = next((d for d in engine.detectors if isinstance(d, MovementDetector)), None)
    rows = []
    for sensor in np.flatnonzero(registry.sensors.asset == asset).tolist():
        texts = {name: registry.sensors.text(name, sensor) for name in ("section", "location", "group")}
        row: dict[str, Any] = {
            "sensor_id": registry.sensor_id(sensor),
            "role": Role(int(registry.sensors.role[sensor])).name.lower(),
            **texts,
            **NO_COURSE,
        }
        said = 0
        if bridge is not None and (channel := int(bridge.channels.of_sensor[sensor])) != NO_CHANNEL:
            said = int(bridge.spoken.said[channel, :3].max())
            fault = GaugeFault(int(bridge.gate.fault[channel]))
            row["fault"] = "" if fault is GaugeFault.NONE else fault.name.lower()
            if not bridge.channels.thermometer[channel]:
                row |= _gauge(bridge, channel)
        if moves is not None and (channel := int(moves.channels.of_sensor[sensor])) != NO_CHANNEL:
            said = max(said, int(moves.spoken.said[channel].max()))
        row["severity"] = Severity(said).colour if said else None
        rows.append(row)
    return rows


def _gauge(bridge: BridgeDetector, channel: int) -> dict[str, Any]:
    slow = bridge.slow
    frozen = bool(slow.frozen[channel])
    order = np.argsort(slow.kept_day[channel])
    residual, cusum = slow.kept[channel][order], slow.kept_cusum[channel][order]
    judged = np.isfinite(cusum) & np.isfinite(residual) & frozen
    slope, _, _ = slow.trend(channel)
    return {
        "model": "final" if slow.complete[channel] else "provisional" if frozen else "learning",
        "days": (slow.kept_day[channel][order][judged] * DAY_S + DAY_S // 2).tolist(),
        "residual_ue": [_number(v) for v in residual[judged]],
        "cusum": [_number(v) for v in cusum[judged]],
        "cusum_limit": _number(slow.limits.cusum_h[channel]),
        "sigma_ue": _number(slow.sigma[channel]),
        "slope_ue_per_month": _number(slope) if frozen else None,
        "coefficient_ue_per_c": _number(bridge.model.theta[channel, 1]) if frozen else None,
        "moved": bool(bridge.spoken.said[channel, DRIFT] > 0),
    }


def _number(value: Any) -> float | None:
    return round(float(value), 2) if math.isfinite(value) else None
