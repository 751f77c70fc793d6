"""The device models that a registry may name, and what each can measure: who is blind for which hazard."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_ANGLES: Final = ("tilt_deg", "tilt_x_deg", "tilt_y_deg")
_LEVEL: Final = ("distance_mm",)

MODELS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "native": (),
        # Milesight: angles under the lid, ultrasonic or radar level with a position switch, submersible
        "em310-tilt": (*_ANGLES, "tilt_alarm"),
        "em320-tilt": (*_ANGLES, "tilt_alarm"),
        "em310-udl": (*_LEVEL, "tilt_alarm"),
        "em400-mud": (*_LEVEL, "tilt_alarm", "water_alarm"),
        "em400-udl": (*_LEVEL, "tilt_alarm", "water_alarm"),
        "em400-tld": (*_LEVEL, "tilt_alarm", "water_alarm"),
        "em500-swl": ("water_mm",),
        "em500-udl": _LEVEL,
        # DingTek: level in the well, on some with the lid's angle
        "dc410": (*_LEVEL, "water_alarm", "tilt_deg", "tilt_alarm"),
        "dc413": (*_LEVEL, "water_alarm", "tilt_deg", "tilt_alarm"),
        "do200": (*_LEVEL, "water_alarm"),
        "df530": ("water_mm",),
        "df555": (*_LEVEL, "water_alarm"),
        "df702": (*_LEVEL, "water_alarm", "tilt_deg", "tilt_alarm"),
        # Netvox: acceleration, angles, level with angle
        "r718e": ("vibration_g",),
        "r718ea": _ANGLES,
        "r718eb": _ANGLES,
        "r718x": (*_LEVEL, "tilt_deg"),
        # Decentlab
        "dl-kl66": ("strain_ue",),
        "dl-dlr2-012": ("strain_ue",),
        "dl-ctd10": ("water_mm",),
        "dl-lid": _LEVEL,
        # Dragino: ultrasonic and laser level
        "ldds04": _LEVEL,
        "ldds20": _LEVEL,
        "ldds45": _LEVEL,
        "ldds75": _LEVEL,
        "llds12": _LEVEL,
        "elsys": (),
    }
)
"""Registry `model` → quantities that tell of a hazard; empty where the single device decides."""
