"""What stands behind a bridge verdict, in figures that an engineer would ask for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from rules.alarm import Hazard, Reason
from rules.bridge.conditions import conditions_of

if TYPE_CHECKING:
    from rules.bridge.detector import BridgeDetector

REASONS: Final = (
    "rules_bridge.clear",
    "rules_bridge.strain.history",
    "rules_bridge.strain.design",
    "rules_bridge.clear",
    "rules_bridge.overload.design",
    "rules_bridge.overload.usual",
    "rules_bridge.drift.settlement",
    "rules_bridge.drift.settlement_single",
    "rules_bridge.drift.slow",
    "rules_bridge.drift.slow_single",
    "rules_bridge.drift.stiffness",
    "rules_bridge.fault.gap",
    "rules_bridge.fault.stuck",
    "rules_bridge.fault.spikes",
    "rules_bridge.fault.range",
    "rules_bridge.fault.rate",
    "rules_bridge.fault.saturated",
    "rules_bridge.fault.noise",
    "rules_bridge.fault.lost_temperature",
    "rules_bridge.fault.clock",
)


MOST_NAMED: Final = 4
"""So many gauges that moved with one are named in a sentence; the evidence has them all."""
CURVE_DAYS: Final = 40
"""Days of the compensated curve that an alarm carries along."""


class Evidence:
    """Reads the detector's state for one channel (slow path)."""

    def __init__(self, detector: BridgeDetector) -> None:
        self.detector = detector

    def of(self, channel: int, hazard: Hazard) -> tuple[Reason, Mapping[str, Any]]:
        """Reason and evidence of the latest verdict."""
        d = self.detector
        column = d.hazards.index(hazard)
        key = d.reasons[int(d.spoken.reason[channel, column])]
        value, limit = float(d.spoken.value[channel, column]), float(d.spoken.limit[channel, column])
        sensor = d.registry.sensor_id(int(d.channels.sensor[channel]))
        values: dict[str, Any] = {"sensor": sensor, "value": _round(value), "limit": _round(limit)}
        facts: dict[str, Any] = {"unit": "" if hazard is Hazard.SENSOR_FAULT else "µε", "rule": key}
        if hazard is Hazard.DRIFT:
            more, evidence = self._drift(channel)
            values |= more
            facts |= evidence
            if key.endswith("stiffness"):
                facts["unit"] = "%"
        elif hazard is Hazard.STRAIN_LIMIT:
            level = 2 if key.endswith("design") else 1
            rules = d.rules_of(channel)
            values["label"] = rules.level.labels[level - 1]
            facts |= {"level": level, "label": values["label"], "peak_ue": _round(value)}
            facts["provisional"] = level == 1 and not bool(d.slow.complete[channel])
        elif hazard is Hazard.OVERLOAD:
            rules = d.rules_of(channel)
            multiple = (
                rules.overload.level_2 if d.spoken.said[channel, column] >= 3 else rules.overload.level_1
            )
            values["times"] = _round(value / (limit / multiple)) if limit else None
            facts |= {"strain_peak_ue": _round(value), "times": values["times"]}
            weight, error = float(d.weighing.weight_t[channel]), float(d.weighing.weight_error_t[channel])
            calibrated = math.isfinite(weight)
            values["weighed"] = f" (≈ {weight:.0f} ± {error:.0f} t)" if calibrated else ""
            if calibrated:
                facts |= {"weight_t": _round(weight), "weight_error_t": _round(error)}
                facts["calibration_passes"] = int(d.weighing.passes[channel])
        elif hazard is Hazard.SENSOR_FAULT:
            served = np.flatnonzero((d.channels.sources == channel).any(axis=1))
            facts["compensates"] = [d.registry.sensor_id(int(d.channels.sensor[g])) for g in served]
        facts["conditions"] = conditions_of(d, channel, hazard)
        facts |= d.works.evidence(channel)
        return Reason(key, values), facts

    def _drift(self, channel: int) -> tuple[dict[str, Any], dict[str, Any]]:
        d = self.detector
        key = d.reasons[int(d.spoken.reason[channel, d.hazards.index(Hazard.DRIFT)])]
        sudden = "settlement" in key
        neighbours = d.neighbours.companions(channel) if sudden else d.neighbours.drifting(channel)
        hours = not sudden and bool(d.slow.sudden[channel])
        if hours:
            neighbours = np.union1d(neighbours, d.neighbours.sudden(channel))
        names = [d.registry.sensor_id(int(d.channels.sensor[n])) for n in neighbours]
        slope, p, days = d.slow.trend(channel)
        sigma = float(d.fast.scale[channel] if sudden else d.slow.sigma[channel])
        shift = float(d.fast.shift_ue[channel] if sudden else d.slow.residual_ue[channel])
        if hours:
            shift = float(d.slow.sudden_ue[channel])
        with_temperature = bool(d.slow.with_temperature[channel]) or bool(d.fast.thermal.var_t[channel] > 0)
        confidence = _confidence(abs(shift) / max(sigma, 1e-6), len(names), with_temperature)
        minutes = float(d.fast.rise_s[channel]) / 60
        values = {
            "minutes": _round(minutes),
            "slope": f"{slope:+.1f}" if math.isfinite(slope) else "?",
            "days": days,
            "neighbours": len(names),
            "others": ", ".join(names[:MOST_NAMED]) + (" …" if len(names) > MOST_NAMED else ""),
        }
        provisional = not bool(d.slow.complete[channel])
        together, alone = d.slow.joint.sigmas(channel)
        facts = {
            "provisional": provisional,
            "compensated_ue": _round(shift),
            "sigma_ue": _round(sigma),
            "slope_ue_per_month": _round(slope) if math.isfinite(slope) else None,
            "mann_kendall_p": _round(p, 4) if math.isfinite(p) else None,
            "forecast_30_days_ue": _round(shift + slope) if math.isfinite(slope) else None,
            "temperature_part_ue": _round(float(d.slow.temperature_part[channel])),
            "temperature_coefficient_ue_per_c": _round(
                float(
                    d.model.theta[channel, 1]
                    if d.slow.frozen[channel]
                    else d.fast.beta(np.array([channel]))[0]
                )
            ),
            "neighbours": names,
            "live_load_change_percent": _round(100 * float(np.expm1(d.stiffness.change[channel]))),
            "live_load_days": int(d.stiffness.days[channel]),
            "moved_further": int(d.fast.moves[channel]),
            "cusum_sigma": _round(float(max(d.slow.up[channel], d.slow.down[channel]))),
            "joint_sigma": _round(together),
            "alone_sigma": _round(alone),
            "day_rho": _round(float(d.slow.rho[channel]), 2),
            "ewma_sigma": _round(float(d.slow.ewma[channel])),
            "model_error_ue": _round(float(d.slow.model_error[channel])),
            "with_temperature": with_temperature,
            "confidence": confidence,
            "daily_curve_ue": self._curve(channel),
        }
        if "single" not in key:
            facts["seen_also_by"] = names
        return values, facts

    def _curve(self, channel: int) -> list[float]:
        """The newest daily residuals with temperature removed, the oldest first [µε]."""
        slow = self.detector.slow
        if not slow.frozen[channel]:
            return []
        kept = slow.kept[channel][np.argsort(slow.kept_day[channel])]
        return [round(float(value), 1) for value in kept[np.isfinite(kept)][-CURVE_DAYS:]]


def _confidence(sigmas: float, neighbours: int, with_temperature: bool) -> float:
    """0–1, a rank and no probability: how far beyond noise, seen by how many, compensated or not."""
    far = min(sigmas / 10, 1.0)
    seen = (0.45, 0.8, 0.95)[min(neighbours, 2)]
    return round(seen * (0.6 + 0.4 * far) * (1.0 if with_temperature else 0.75), 2)


def _round(value: float, digits: int = 1) -> float | None:
    return round(value, digits) if math.isfinite(value) else None
