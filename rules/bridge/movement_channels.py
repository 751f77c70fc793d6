"""Which sensors of bridges measure something else than strain, and what limits hold for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from config.bridge_rules import BridgeRules
from devices.registry import UNBOUND, Kind, Registry, Role
from rules.alarm import Severity
from rules.bridge.channels import MOVEMENTS, NO_CHANNEL

Float = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

CM_S2: Final = 980.665
"""Standard gravity [cm/s²]."""


@dataclass(frozen=True, slots=True)
class MovementChannels:
    """Dense rows over the sensors of bridges that measure anything but strain.

    sensor : int32[c]  Registry index. of_sensor : int32[n_sensors]  Channel, or NO_CHANNEL.
    role : int8[c]  `Role`. asset : int32[c]  Row of the asset.
    low, high : float64[c]  Design values in the unit of the role; infinite where unknown.
    """

    sensor: npt.NDArray[np.int32]
    of_sensor: npt.NDArray[np.int32]
    role: npt.NDArray[np.int8]
    asset: npt.NDArray[np.int32]
    low: Float
    high: Float

    def __len__(self) -> int:
        return len(self.sensor)


def movement_channels(registry: Registry) -> MovementChannels:
    """The channels of a registry; sensors on covers, or on nothing, are none."""
    sensors = registry.sensors
    bound = sensors.asset != UNBOUND
    on_bridge = np.zeros(len(sensors), bool)
    on_bridge[bound] = registry.assets.kind[sensors.asset[bound]] == Kind.BRIDGE
    sensor = np.flatnonzero(on_bridge & np.isin(sensors.role, (*MOVEMENTS, Role.TEMPERATURE)))
    of_sensor = np.full(len(sensors), NO_CHANNEL, np.int32)
    of_sensor[sensor] = np.arange(len(sensor), dtype=np.int32)
    low, high = sensors.design_min[sensor].astype(np.float64), sensors.design_max[sensor].astype(np.float64)
    return MovementChannels(
        sensor.astype(np.int32),
        of_sensor,
        sensors.role[sensor],
        sensors.asset[sensor],
        np.where(np.isfinite(low), low, -np.inf),
        np.where(np.isfinite(high), high, np.inf),
    )


@dataclass(frozen=True, slots=True)
class MovementRules:
    """By channel: see `config.bridge_rules.MovementLimits`, `ShakingLimits`, `SagLimits`.

    grade : int8[c, 4]  Severity of level 0–3.
    """

    grade: npt.NDArray[np.int8]
    near: Float
    many: Float
    month_us: Float
    apart_us: Float
    reference_us: Float
    shaking_1: Float
    shaking_1_us: Float
    shaking_2: Float
    growing: Float
    sag_days: Float
    sag_mm: Float
    sag_share: Float
    sag_certainty: Float
    warm_low: Float
    warm_high: Float


def movement_rules(
    channels: MovementChannels, sets: Sequence[BridgeRules], class_of: npt.NDArray[np.uint16]
) -> MovementRules:
    """Limits by channel. sets, class_of : see `rules.detector.HasThresholds`."""
    which = class_of[channels.sensor]

    def of(get: Callable[[BridgeRules], float]) -> Float:
        column: Float = np.array([get(s) for s in sets], np.float64)[which]
        return column

    grades = [(s.movement.level_1, s.movement.level_2, s.movement.level_3) for s in sets]
    grade = np.array([[0, *(Severity[name.upper()] for name in names)] for names in grades], np.int8)
    return MovementRules(
        grade=grade[which],
        near=of(lambda s: s.movement.near),
        many=of(lambda s: s.movement.many),
        month_us=of(lambda s: s.movement.month_days * 86_400e6),
        apart_us=of(lambda s: s.movement.apart_s * 1e6),
        reference_us=of(lambda s: s.movement.reference_h * 3600e6),
        shaking_1=of(lambda s: s.shaking.level_1_cm_s2),
        shaking_1_us=of(lambda s: s.shaking.level_1_s * 1e6),
        shaking_2=of(lambda s: s.shaking.level_2_cm_s2),
        growing=of(lambda s: s.shaking.growing),
        sag_days=of(lambda s: s.sag.least_days),
        sag_mm=of(lambda s: s.sag.least_mm),
        sag_share=of(lambda s: s.sag.least_share),
        sag_certainty=of(lambda s: s.sag.certainty),
        warm_low=of(lambda s: s.fault.temperature_low_c),
        warm_high=of(lambda s: s.fault.temperature_high_c),
    )
