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
    heeded : bool[c]  All but thermometers that have no design value and compensate no deflection.
    """

    sensor: npt.NDArray[np.int32]
    of_sensor: npt.NDArray[np.int32]
    role: npt.NDArray[np.int8]
    asset: npt.NDArray[np.int32]
    low: Float
    high: Float
    heeded: Bool

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
    role, asset = sensors.role[sensor], sensors.asset[sensor]
    bending = np.isin(asset, asset[role == Role.DEFLECTION])
    return MovementChannels(
        sensor.astype(np.int32),
        of_sensor,
        role,
        asset,
        np.where(np.isfinite(low), low, -np.inf),
        np.where(np.isfinite(high), high, np.inf),
        (role != Role.TEMPERATURE) | bending | np.isfinite(low) | np.isfinite(high),
    )


@dataclass(frozen=True, slots=True)
class MovementRules:
    """By channel: see `config.bridge_rules.MovementLimits`, `ShakingLimits`, `SagLimits`, `FaultLimits`.

    grade : int8[c, 4]  Severity of level 0–3.
    range_low, range_high : What can be measured at all, in the unit of the role (of accelerations g).
    jump : What no structure goes away and comes back within one reading: the design value, where it is known.
    rail : Peaks below this are no end of a range.
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
    range_low: Float
    range_high: Float
    jump: Float
    rail: Float
    stuck_us: Float
    stuck_readings: Float
    spikes_a_day: Float
    noise_ratio: Float
    gap_share: Float
    heal_us: Float


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
    role = channels.role

    def by_role(mm: Float, degrees: Float, g: Float, celsius: Float) -> Float:
        table = {Role.TILT: degrees, Role.ACCELERATION: g, Role.TEMPERATURE: celsius}
        column = mm
        for kind, values in table.items():
            column = np.where(role == kind, values, column)
        return column

    size = np.fmax(
        np.where(np.isfinite(channels.low), np.abs(channels.low), 0.0),
        np.where(np.isfinite(channels.high), np.abs(channels.high), 0.0),
    )
    mm, degrees = of(lambda s: s.fault.movement_range_mm), of(lambda s: s.fault.movement_range_deg)
    g, never = of(lambda s: s.fault.movement_range_g), np.full(len(channels), np.inf)
    mm = np.maximum(mm, 3 * size)
    jump_mm, jump_deg = of(lambda s: s.fault.movement_jump_mm), of(lambda s: s.fault.movement_jump_deg)
    jump = by_role(jump_mm, jump_deg, never, never)
    warm_low, warm_high = of(lambda s: s.fault.temperature_low_c), of(lambda s: s.fault.temperature_high_c)
    return MovementRules(
        range_low=by_role(-mm, -degrees, -g, warm_low),
        range_high=by_role(mm, degrees, g, warm_high),
        jump=np.where(size > 0, size, jump),
        rail=by_role(jump_mm, never, np.ones(len(channels)), never),
        stuck_us=of(lambda s: s.fault.movement_stuck_s * 1e6),
        stuck_readings=of(lambda s: s.fault.stuck_readings),
        spikes_a_day=of(lambda s: s.fault.spikes_a_day),
        noise_ratio=of(lambda s: s.fault.noise_ratio),
        gap_share=of(lambda s: s.fault.gap_share),
        heal_us=of(lambda s: s.fault.heal_s * 1e6),
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
        warm_low=warm_low,
        warm_high=warm_high,
    )
