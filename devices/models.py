"""The device models that a registry may name, and what each can measure: who is blind for which hazard."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_TILT: Final = ("tilt_deg", "tilt_x_deg", "tilt_y_deg")
_RADAR: Final = ("distance_mm", "displacement_mm")

MODELS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "native": (),  # says in each message what it measures
        # Milesight: tilt with a switch under the lid, ultrasonic and radar level, submersible level
        "em310-tilt": _TILT,
        "em320-tilt": _TILT,
        "em310-udl": _RADAR,
        "em400-mud": (*_RADAR, "tilt_alarm"),
        "em400-udl": (*_RADAR, "tilt_alarm"),
        "em400-tld": (*_RADAR, "tilt_alarm"),
        "em500-swl": ("water_mm",),
        "em500-udl": _RADAR,
        # DingTek: manhole level and lid, open door, fill level
        "dc410": (*_TILT, "open", "water_alarm"),
        "dc413": (*_TILT, "open", "water_alarm"),
        "do200": ("tilt_alarm", "open"),
        "df530": (*_RADAR, "tilt_alarm"),
        "df555": (*_RADAR, "tilt_alarm"),
        "df702": (*_RADAR, "tilt_alarm"),
        # Netvox: acceleration and surface temperature, tilt switch
        "r718e": ("vibration_g",),
        "r718ea": _TILT,
        "r718eb": ("vibration_g",),
        "r718x": _RADAR,
        # Decentlab
        "dl-kl66": ("strain_ue",),
        "dl-dlr2-012": ("strain_ue",),
        "dl-ctd10": ("water_mm",),
        "dl-lid": _RADAR,
        # Dragino: ultrasonic and laser distance
        "ldds04": _RADAR,
        "ldds20": _RADAR,
        "ldds45": _RADAR,
        "ldds75": _RADAR,
        "llds12": _RADAR,
        "elsys": (),  # generic: says in each message what it measures
    }
)
"""Registry `model` → quantities it can deliver; empty where that depends on the single device."""
