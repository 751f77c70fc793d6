"""Units of what alarms tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rules.alarm import Hazard

UNITS: Final[Mapping[Hazard, str]] = {
    Hazard.MISSING: "°",
    Hazard.TILTED: "°",
    Hazard.SUNKEN: "mm",
    Hazard.LOOSE: "",
    Hazard.DAMAGED: "",
    Hazard.FLOODED: "mm",
    Hazard.OVERLOAD: "µε",
    Hazard.DRIFT: "µε",
    Hazard.STRAIN_LIMIT: "µε",
    Hazard.SILENT: "h",
    Hazard.SENSOR_FAULT: "",
    Hazard.BATTERY_LOW: "%",
}
"""Unit of a hazard's value where neither the detector's evidence nor the reason's key names another."""


def unit_of(hazard: Hazard, reason: str) -> str:
    """Unit of the value behind a reason: a lid can be missing by an angle or by `…_mm`."""
    return "mm" if reason.endswith("_mm") else UNITS[hazard]
