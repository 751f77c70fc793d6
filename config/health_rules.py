"""When a sensor counts as silent or its battery as low."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class BatteryType(BaseModel):
    """Voltage of a model's battery when full and when the device stops [V]."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    full_v: float = Field(gt=0, le=60)
    empty_v: float = Field(gt=0, le=60)


LITHIUM_THIONYL_CHLORIDE = BatteryType(full_v=3.6, empty_v=3.0)
"""ER-type cells (nearly all lid sensors): flat at 3.6 V, then a knee; 3.0 V is the usual cut-off [vendor]."""


class HealthRules(BaseModel):
    """Limits of `silent` and `battery_low`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    default_heartbeat_s: float = Field(default=86_400, gt=0)
    silent_after_heartbeats: float = Field(default=2.5, ge=1, le=100)
    long_silent_after_heartbeats: float = Field(default=7.0, ge=1, le=1000)
    silent_radio_loss: float = Field(default=0.05, ge=0, le=0.5)
    """Share of messages that the radio loses. Who reports often misses two running every day by that alone:
    silence counts only from so many that this would happen once a year; 0 = by the heartbeats above alone."""
    offline_hold_s: float = Field(default=300, ge=0)

    group_after_heartbeats: float = Field(default=1.25, ge=1, le=100)
    """A gateway is judged after this many of its sensors' heartbeats: before any of them alone is due."""
    group_least_members: int = Field(default=3, ge=2)
    group_share: float = Field(default=0.8, gt=0, le=1)
    outage_share: float = Field(default=0.5, gt=0, le=1)
    """Share of all sensors that are overdue together at which our own broker or uplink is to blame."""
    outage_least_members: int = Field(default=10, ge=2)

    battery_low_pct: float = Field(default=20, ge=0, le=100)
    battery_empty_pct: float = Field(default=10, ge=0, le=100)
    battery_hysteresis_pct: float = Field(default=5, ge=0, le=50)
    batteries: dict[str, BatteryType] = Field(default_factory=dict)
    """Model → battery; a model that is not here has a lithium thionyl chloride cell if it is below 4 V."""
