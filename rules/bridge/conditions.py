"""Why a gauge rings or does not: each test's figure now, against its limit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from rules.alarm import Hazard

if TYPE_CHECKING:
    from rules.bridge.detector import BridgeDetector


def conditions_of(detector: BridgeDetector, channel: int, hazard: Hazard) -> list[dict[str, Any]]:
    """Rows {name, value, limit, unit, holds}; a test that has nothing to compare yet has the value None."""
    if hazard is not Hazard.DRIFT:
        spoken, at = detector.spoken, (channel, detector.hazards.index(hazard))
        if hazard is Hazard.SENSOR_FAULT or not math.isfinite(spoken.limit[at]):
            return []
        value, limit = float(spoken.value[at]), float(spoken.limit[at])
        return [_row(hazard.value, value, limit, "µε", bool(spoken.said[at]))]
    slow, fast, joint = detector.slow, detector.fast, detector.slow.joint
    limits, own = slow.limits, np.array([channel])
    rows = [
        _row(
            "shift",
            abs(float(fast.shift_ue[channel])),
            float(fast.limit[channel]),
            "µε",
            bool(fast.firing[channel]),
        )
    ]
    if bool(joint.several(own)[0]):
        section = int(joint.of_channel[channel])
        alone = float(joint.alone_sigma[section]) if joint.of_member("alone", own)[0] else 0.0
        far = math.sqrt(joint.limit(section, float(limits.joint_p[channel])))
        moves = bool(slow.joint_sign[channel])
        rows.append(_row("section", float(joint.distance[section]), far, "σ", moves))
        rows.append(_row("alone", alone, float(limits.alone_sigma[channel]), "σ", bool(slow.moved[channel])))
    else:
        height = max(float(slow.up[channel]), float(slow.down[channel]))
        rows.append(_row("cusum", height, float(limits.cusum_h[channel]), "σ", bool(slow.moved[channel])))
    change, share = detector.stiffness.change[channel], detector.stiffness.share[channel]
    percent = abs(100 * math.expm1(float(change)))
    found = bool(detector.stiffness.found[channel])
    return [*rows, _row("live_load", percent, 100 * float(share), "%", found)]


def _row(name: str, value: float, limit: float, unit: str, holds: bool) -> dict[str, Any]:
    return {"name": name, "value": _round(value), "limit": _round(limit), "unit": unit, "holds": holds}


def _round(value: float) -> float | None:
    return round(value, 1) if math.isfinite(value) else None
