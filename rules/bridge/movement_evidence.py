"""What stands behind a verdict on what is no strain, in figures that an engineer would ask for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from devices.registry import Role
from rules.alarm import Hazard, Reason
from rules.bridge.movement_conditions import UNITS, movement_conditions
from rules.bridge.sag import Rate

if TYPE_CHECKING:
    from rules.bridge.movements import MovementDetector

REASONS: Final = (
    "rules_bridge.clear",
    "rules_bridge.movement.deflection_near",
    "rules_bridge.movement.deflection",
    "rules_bridge.movement.deflection_many",
    "rules_bridge.movement.displacement_near",
    "rules_bridge.movement.displacement",
    "rules_bridge.movement.tilt_near",
    "rules_bridge.movement.tilt",
    "rules_bridge.movement.temperature",
    "rules_bridge.shaking.long",
    "rules_bridge.shaking.strong",
    "rules_bridge.shaking.growing",
    "rules_bridge.sag",
    "rules_bridge.movement_fault.gap",
    "rules_bridge.movement_fault.stuck",
    "rules_bridge.movement_fault.spikes",
    "rules_bridge.movement_fault.range",
    "rules_bridge.movement_fault.saturated",
    "rules_bridge.movement_fault.noise",
    "rules_bridge.fault.clock",
)
FIRST_FAULT: Final = REASONS.index("rules_bridge.movement_fault.gap")
FAULT_UNITS: Final = {"gap": "%", "stuck": "h", "spikes": "", "clock": "min"}
DESIGNED: Final = (Role.DEFLECTION, Role.DISPLACEMENT, Role.TILT, Role.TEMPERATURE)
"""Roles that are compared with design values."""


def evidence_of(d: MovementDetector, channel: int, hazard: Hazard) -> tuple[Reason, Mapping[str, Any]]:
    """Reason and evidence of the latest verdict of a channel (slow path)."""
    column = d.hazards.index(hazard)
    value, limit = float(d.spoken.value[channel, column]), float(d.spoken.limit[channel, column])
    key = d.reasons[int(d.spoken.reason[channel, column])]
    role = Role(int(d.channels.role[channel]))
    level = int(d.level[channel, column])
    label = d.rules_of(channel).level.labels[max(level, 1) - 1]
    values: dict[str, Any] = {
        "sensor": d.registry.sensor_id(int(d.channels.sensor[channel])),
        "value": _round(value),
        "limit": _round(limit),
        "label": label,
    }
    facts: dict[str, Any] = {
        "unit": UNITS[role],
        "rule": key,
        "quantity": role.name.lower(),
        "level": level,
        "label": label,
    }
    if hazard is Hazard.SENSOR_FAULT:
        unit = "g" if role is Role.ACCELERATION else UNITS[role]
        kind = key.rpartition(".")[2]
        values |= {"unit": unit, "value": _round(value, 3), "limit": _round(limit, 3)}
        facts = {"unit": FAULT_UNITS.get(kind, unit), "rule": key, "quantity": facts["quantity"]}
    elif hazard is Hazard.DRIFT:
        rate = d.rate(channel)
        values["rate"] = _round(rate.a_month_mm) if rate else None
        values["days"] = rate.days if rate else None
        facts |= _rate_facts(rate)
    elif role in DESIGNED:
        values["share"] = round(100 * value / limit) if math.isfinite(limit) and limit else None
        own_row, at = np.array([channel]), d.seen_at(channel)
        values["count"] = int(d.design.events(d.rules, own_row, np.array([at]))[0])
        facts |= {"design_value": _round(limit), "level_2_in_a_month": values["count"]}
        if role is Role.TILT:
            facts["reference_deg"] = [_round(float(v), 3) for v in d.attitude.state["reference"][channel]]
    facts["conditions"] = movement_conditions(d, channel, hazard)
    facts |= d.works.evidence(channel)
    return Reason(key, values), facts


def _rate_facts(rate: Rate | None) -> dict[str, Any]:
    if rate is None:
        return {}
    return {
        "provisional": rate.provisional,
        "growth_mm": _round(rate.growth_mm),
        "mm_per_month": _round(rate.a_month_mm, 2),
        "certainty": _round(rate.certainty),
        "temperature_coefficient_mm_per_c": _round(rate.coefficient, 3),
        "days": rate.days,
    }


def _round(value: float, digits: int = 2) -> float | None:
    return round(value, digits) if math.isfinite(value) else None
