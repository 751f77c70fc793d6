"""Why a sensor that is no gauge rings or does not: each test's figure now, against its limit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from devices.registry import Role
from rules.alarm import Hazard
from rules.bridge.movement_gate import KNOWN_CHANGES, KNOWN_US, LONGER, MovementFault

if TYPE_CHECKING:
    from rules.bridge.movements import MovementDetector

UNITS: Final = {
    Role.DEFLECTION: "mm",
    Role.DISPLACEMENT: "mm",
    Role.TILT: "°",
    Role.TEMPERATURE: "°C",
    Role.ACCELERATION: "cm/s²",
}


def movement_conditions(d: MovementDetector, channel: int, hazard: Hazard) -> list[dict[str, Any]]:
    """Rows {name, value, limit, unit, holds[, hold_s]}; what cannot be said yet has the value None."""
    role = Role(int(d.channels.role[channel]))
    if hazard is Hazard.SENSOR_FAULT:
        return _fault(d, channel, role)
    if hazard is Hazard.DRIFT:
        return _sag(d, channel)
    return _shaking(d, channel) if role is Role.ACCELERATION else _design(d, channel, role)


def _design(d: MovementDetector, channel: int, role: Role) -> list[dict[str, Any]]:
    now, name = float(d.own["now"][channel]), role.name.lower()
    low, high = float(d.channels.low[channel]), float(d.channels.high[channel])
    near = 1.0 if role is Role.TEMPERATURE else float(d.rules.near[channel])
    rows = []
    for bound, sign in ((high, 1), (low, -1)):
        if not math.isfinite(bound):
            continue
        # A design value on the far side of zero has no 0.8 of its own, see `DesignValues`.
        for limit in sorted({near * bound if bound * sign > 0 else bound, bound}, key=abs):
            rows.append(_row(name, now, limit, UNITS[role], now * sign >= limit * sign))
    if role is Role.DEFLECTION and rows:
        own, at = np.array([channel]), np.array([d.seen_at(channel)])
        many, count = float(d.rules.many[channel]), float(d.design.events(d.rules, own, at)[0])
        rows.append(_row("events", count, many, "", count >= many))
    return rows


def _shaking(d: MovementDetector, channel: int) -> list[dict[str, Any]]:
    rms, rules = float(d.own["now"][channel]), d.rules
    first, second = float(rules.shaking_1[channel]), float(rules.shaking_2[channel])
    least = float(rules.shaking_1_us[channel]) / 60e6
    stood = (d.seen_at(channel) - int(d.shaking.state["since"][channel])) / 60e6 if rms > first else 0.0
    return [
        _row("shaking", rms, first, "cm/s²", rms > first),
        _row("shaking_for", stood, least, "min", stood > least),
        _row("shaking", rms, second, "cm/s²", rms > second),
    ]


def _sag(d: MovementDetector, channel: int) -> list[dict[str, Any]]:
    rate = d.rate(channel)
    least_mm, certainty = d.least_sag_mm(channel), float(d.rules.sag_certainty[channel])
    days = int(np.isfinite(d.sag.state["kept"][channel, :, 0]).sum())
    growth, sure = (rate.growth_mm, rate.certainty) if rate else (math.nan, math.nan)
    return [
        _row("sag_days", days, int(d.rules.sag_days[channel]), "d", rate is not None),
        _row("sag", growth, least_mm, "mm", growth >= least_mm),
        _row("sag_certainty", sure, certainty, "σ", sure >= certainty),
    ]


def _fault(d: MovementDetector, channel: int, role: Role) -> list[dict[str, Any]]:
    gate, rules, at = d.gate.state, d.rules, d.seen_at(channel)
    found = MovementFault(int(gate["fault"][channel]))
    limit = max(float(rules.stuck_us[channel]), LONGER * float(gate["longest"][channel])) / 3600e6
    known = gate["changes"][channel] >= KNOWN_CHANGES and at - int(gate["first"][channel]) >= KNOWN_US
    stood = (at - int(gate["since"][channel])) / 3600e6 if known else math.nan
    rows = [_row("stands_still", stood, limit, "h", found is MovementFault.STUCK)]
    if role is not Role.ACCELERATION:
        spikes, most = float(gate["spikes"][channel]), float(rules.spikes_a_day[channel])
        rows.append(_row("lone_spikes", spikes, most, "", found is MovementFault.SPIKES))
    if gate["usual_n"][channel] > 0:
        share, least = 100 * float(gate["coverage"][channel]), 100 * float(rules.gap_share[channel])
        rows.append(_row("samples", share, least, "%", found is MovementFault.GAP))
    return rows


def _row(name: str, value: float, limit: float, unit: str, holds: bool) -> dict[str, Any]:
    return {"name": name, "value": _round(value), "limit": _round(limit), "unit": unit, "holds": bool(holds)}


def _round(value: float) -> float | None:
    return round(value, 2) if math.isfinite(value) else None
