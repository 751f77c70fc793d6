"""What is staged, resolved to rows: effects on lids, sensors, gateways and the bridge, with their truth."""

from __future__ import annotations

from dataclasses import dataclass, field

from simulator.effects import Effect
from simulator.truth import TruthEvent


@dataclass(frozen=True, slots=True)
class SensorEffect:
    """One staged fault of one lid sensor. `value` is what its kind says; times in s since start."""

    kind: str
    row: int
    start_s: float
    end_s: float
    value: float
    channel: str = ""


@dataclass(frozen=True, slots=True)
class GatewayOutage:
    """A gateway that forwards nothing for a while; `backfill`: its sensors send later what they kept."""

    gateway: int
    start_s: float
    end_s: float
    backfill: bool


@dataclass(frozen=True, slots=True)
class BridgeEffect:
    """One staged event at the bridge.

    kind : settlement, drift, overload, standing_load, or a sensor fault's name.
    section : str  "" = every section.  sensor : int  Registry row of one gauge, or -1.
    value : float  Final strain [µε], multiple of the design vehicle, or what the fault says.
    """

    kind: str
    start_s: float
    end_s: float
    value: float
    section: str = ""
    sensor: int = -1
    ramp_s: float = 1.0


@dataclass(slots=True)
class Stage:
    """Everything that is staged, resolved to rows."""

    lids: list[Effect] = field(default_factory=list)
    sensors: list[SensorEffect] = field(default_factory=list)
    gateways: list[GatewayOutage] = field(default_factory=list)
    bridge: list[BridgeEffect] = field(default_factory=list)
    truth: list[TruthEvent] = field(default_factory=list)
    permits: list[tuple[str, int, int, str, str]] = field(default_factory=list)
    """asset_id, from [µs], to [µs], kind, note: rows of `maintenance.csv`."""
