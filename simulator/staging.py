"""Who an event befalls: picks assets and sensors, makes the effects and the ground truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from config.faults import Fault, FaultsError
from devices.registry import Registry
from simulator.effects import LIMIT_LOOSE_MM, LIMIT_SUNK_MM, Effect
from simulator.profiles import Lids, LidSensors
from simulator.scenario import KINDS, Event, Scenario
from simulator.streams import stream
from simulator.truth import TruthEvent

# hazard → channels of which one is enough to see it
SEES: Final[Mapping[str, tuple[str, ...]]] = {
    "missing": ("tilt", "tilt_xy", "tilt_xyz", "displacement", "open"),
    "tilted": ("tilt", "tilt_xy", "tilt_xyz"),
    "sunken": ("displacement",),
    "loose": ("vibration",),
    "damaged": ("vibration", "displacement"),
    "flooded": ("water",),
}
_BUSY_PER_H: Final = 30.0


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


def stage(scene: Scenario, registry: Registry, lids: Lids, sensors: LidSensors, seed: int) -> Stage:
    """Resolve every event of the scenario.

    Raises FaultsError when an event names what the registry does not have, or nothing fits a `pick`.
    """
    staging = _Staging(scene, registry, lids, sensors, seed)
    for number, event in enumerate(scene.event):
        staging.add(number, event)
    if staging.faults:
        raise FaultsError(staging.faults)
    staging.result.truth.sort(key=lambda e: (e.onset, e.asset_id, e.hazard))
    return staging.result


class _Staging:
    """The state of resolving: who was taken already, and what was wrong."""

    def __init__(
        self, scene: Scenario, registry: Registry, lids: Lids, sensors: LidSensors, seed: int
    ) -> None:
        self.scene, self.registry, self.lids, self.sensors = scene, registry, lids, sensors
        self.rng = stream(seed, "staging")
        self.taken: set[int] = set()
        self.result = Stage()
        self.faults: list[Fault] = []

    def add(self, number: int, event: Event) -> None:
        target, hazard, _ = KINDS[event.kind]
        before = len(self.faults)
        match target:
            case "gateway":
                self._gateway(event)
            case "bridge":
                self._bridge(number, event)
            case "sensor":
                for sensor in self._pick_sensors(number, event):
                    self._sensor(event, hazard, sensor)
            case _:
                for lid in self._pick_lids(number, event, hazard):
                    self._lid(event, hazard, lid)
        assert len(self.faults) - before <= 1

    def _fault(self, number: int, field_name: str, problem: str, remedy: str) -> None:
        self.faults.append(Fault(self.scene.name, None, f"event.{number}.{field_name}", problem, remedy))

    def _us(self, t_s: float) -> int:
        return self.scene.start_us + round(t_s * 1e6)

    # lids

    def _pick_lids(self, number: int, event: Event, hazard: str) -> Sequence[int]:
        if event.asset is not None:
            row = self.registry.asset_index(event.asset)
            found = np.flatnonzero(self.lids.asset == row)
            if row < 0 or not len(found):
                self._fault(
                    number, "asset", f"{event.asset} is no cover of this registry", "name one of assets.csv"
                )
                return ()
            self.taken.add(int(found[0]))
            return (int(found[0]),)
        if event.pick is None:
            self._fault(number, "sensor", f"{event.kind} befalls a lid", "name it by asset, or pick")
            return ()
        count = int(event.pick.split(":")[1])
        sees = np.zeros(len(self.lids), np.bool_)
        sees[self.sensors.lid[self._seeing(hazard)]] = True
        if event.kind in ("loose", "damage"):
            sees &= self.lids.busiest_per_h >= _BUSY_PER_H
        free = np.setdiff1d(np.flatnonzero(sees), np.fromiter(self.taken, np.int64, len(self.taken)))
        if len(free) < count:
            self._fault(number, "pick", f"only {len(free)} lids fit, {count} wanted", "pick fewer")
            return ()
        chosen = [int(i) for i in self.rng.choice(free, count, replace=False)]
        self.taken.update(chosen)
        return chosen

    def _seeing(self, hazard: str) -> np.ndarray[Any, np.dtype[np.bool_]]:
        channels = SEES.get(hazard)
        if channels is None:
            return np.ones(len(self.sensors), np.bool_)
        return np.asarray(np.any([self.sensors.has[c] for c in channels], axis=0), np.bool_)

    def _lid(self, event: Event, hazard: str, lid: int) -> None:
        effect, severity, limit_s = self._effect(event, lid)
        self.result.lids.append(effect)
        asset_id = self.registry.asset_id(int(self.lids.asset[lid]))
        if event.kind == "permit":
            window = (self._us(effect.start_s - 600), self._us(effect.end_s + 900))
            self.result.permits.append((asset_id, *window, "permit", "例行养护"))
        mine = np.flatnonzero(self.sensors.lid == lid)
        if event.kind == "theft" and event.silence_after_s is not None:
            for row in mine:
                self.result.sensors.append(
                    SensorEffect("silence", int(row), event.at + event.silence_after_s, np.inf, 0.0)
                )
        if not hazard:
            return
        seeing = mine[self._seeing(hazard)[mine]]
        busy = event.kind != "loose" or self.lids.busiest_per_h[lid] >= _BUSY_PER_H
        grows = event.kind in ("sink", "loose", "flood")
        self.result.truth.append(
            TruthEvent(
                asset_id=asset_id,
                sensor_ids=tuple(self.registry.sensor_id(int(self.sensors.sensor[r])) for r in mine),
                hazard=hazard,
                onset=self._us(event.at),
                severity=severity,
                reaches_limit_at=None if limit_s is None else self._us(limit_s),
                ended=None if np.isinf(effect.end_s) else self._us(effect.end_s),
                required=bool(len(seeing))
                and busy
                and event.kind != "damage"
                and (limit_s is not None or not grows),
                params={"kind": event.kind, "size": round(effect.size, 3)} | event.parameters(),
            )
        )

    def _effect(self, event: Event, lid: int) -> tuple[Effect, str, float | None]:
        """The effect, how sudden it is, and when it passes its limit [s] if it does."""
        rng, at = self.rng, event.at
        azimuth = float(rng.uniform(0, 2 * np.pi))
        days = event.days or 0.0

        def make(size: float, ramp_s: float, end_s: float = np.inf, **more: str) -> Effect:
            return Effect(event.kind, lid, at, end_s, size, ramp_s, azimuth, **more)

        result: tuple[Effect, str, float | None]
        match event.kind:
            case "theft":
                mode = event.mode or "lift"
                size = {"lift": rng.uniform(35, 175), "flip": 178.0, "drag": rng.uniform(2, 9)}[mode]
                result = make(float(size), float(rng.uniform(2, 8)), mode=mode), "sudden", at
            case "tilt":
                end = at + event.minutes * 60 if event.minutes else np.inf
                result = make(event.tilt_deg or float(rng.uniform(12, 30)), 2.0, end), "sudden", at
            case "permit":
                end = at + (event.minutes or 90) * 60
                result = make(float(rng.uniform(40, 110)), 5.0, end), "sudden", None
            case "sink":
                size, curve = event.to_mm or 25.0, event.curve or ("linear" if days else "step")
                ramp = max(days * 86400, 1.0)
                share = min(LIMIT_SUNK_MM / size, 1.0)
                power = {"accelerating": 1 / 2.2, "step": 0.0}.get(curve, 1.0)
                limit = at + ramp * share**power if size >= LIMIT_SUNK_MM else None
                if curve == "step" and size >= LIMIT_SUNK_MM:
                    limit = at
                severity = "sudden" if curve == "step" else "fast" if days < 14 else "slow"
                result = make(size, ramp, curve=curve), severity, limit
            case "loose":
                size, ramp = event.to_mm or 8.0, max(days, 0.02) * 86400
                start = float(self.lids.gap_mm[lid])
                share = (LIMIT_LOOSE_MM - start) / size
                limit = at + ramp * max(share, 0.0) if share <= 1 else None
                result = make(size, ramp), "fast" if days < 14 else "slow", limit
            case "damage":
                result = make(event.tilt_deg or float(rng.uniform(0.6, 2.5)), 1.0), "sudden", None
            case "flood":
                size, ramp = event.level_mm or 600.0, (event.minutes or 30) * 60
                end = at + max((event.hours or 6) * 3600, 4 * ramp)
                result = make(size, ramp, end), "sudden", at + ramp * 300 / size if size >= 300 else None
            case _:
                result = make(2.5, 1.0, at + (event.hours or 8) * 3600), "sudden", None
        return result

    # sensors

    def _pick_sensors(self, number: int, event: Event) -> Sequence[int]:
        """Registry rows of sensors."""
        if event.sensor is not None:
            row = self.registry.sensor_index(event.sensor)
            if row < 0:
                self._fault(
                    number, "sensor", f"{event.sensor} is not in this registry", "name one of sensors.csv"
                )
                return ()
            return (row,)
        try_lids = self._pick_lids(number, event, "")
        return [int(self.sensors.sensor[np.flatnonzero(self.sensors.lid == lid)[0]]) for lid in try_lids]

    def _sensor(self, event: Event, hazard: str, sensor: int) -> None:
        lasts = event.days * 86400 if event.days else event.hours * 3600 if event.hours else np.inf
        end = np.inf if event.kind in ("sensor_drift", "battery") else event.at + lasts
        value = {
            "sensor_drift": event.per_day or 0.5,
            "battery": event.pct if event.pct is not None else 5.0,
            "sensor_spike": event.value or 60.0,
            "sensor_noise": event.factor or 12.0,
            "sensor_clock": event.offset_s or -5400.0,
            "wrong_setup": event.tilt_deg or 25.0,
        }.get(event.kind, 0.0)
        rows = np.flatnonzero(self.sensors.sensor == sensor)
        if len(rows):
            self.result.sensors.append(
                SensorEffect(event.kind, int(rows[0]), event.at, end, value, event.channel or "")
            )
        else:
            self.result.bridge.append(BridgeEffect(event.kind, event.at, end, value, sensor=sensor))
        if not hazard:
            return
        asset = int(self.registry.sensors.asset[sensor])
        self.result.truth.append(
            TruthEvent(
                asset_id=self.registry.asset_id(asset) if asset >= 0 else "",
                sensor_ids=(self.registry.sensor_id(sensor),),
                hazard=hazard,
                onset=self._us(event.at),
                severity="slow" if event.kind in ("sensor_drift", "battery") else "sudden",
                ended=None if np.isinf(end) else self._us(end),
                required=event.kind in ("silence", "battery"),
                params={"kind": event.kind, "value": value} | event.parameters(),
            )
        )

    def _gateway(self, event: Event) -> None:
        gateway = (event.gateway or 0) % self.scene.radio.gateways
        end = event.at + (event.hours or 12) * 3600
        self.result.gateways.append(GatewayOutage(gateway, event.at, end, bool(event.backfill)))
        rows = np.flatnonzero(self.sensors.gateway == gateway)
        self.result.truth.append(
            TruthEvent(
                asset_id="",
                sensor_ids=tuple(self.registry.sensor_id(int(self.sensors.sensor[r])) for r in rows),
                hazard="silent",
                onset=self._us(event.at),
                severity="sudden",
                ended=self._us(end),
                required=False,
                params={"kind": "gateway_outage", "gateway": gateway},
            )
        )

    def _bridge(self, number: int, event: Event) -> None:
        row = self.registry.asset_index(event.asset or "")
        if row < 0:
            self._fault(
                number, "asset", f"{event.asset} is not in this registry", "name the bridge of assets.csv"
            )
            return
        hazard = KINDS[event.kind][1]
        ramp = event.days * 86400 if event.days else (event.minutes or 5) * 60
        lasts = {"overload": 15.0, "standing_load": ramp}.get(event.kind, np.inf)
        default = {"settlement": 40.0, "drift": 60.0, "standing_load": 25.0, "overload": 2.2}[event.kind]
        size = event.factor if event.kind == "overload" else event.ue
        self.result.bridge.append(
            BridgeEffect(
                event.kind,
                event.at,
                event.at + lasts,
                default if size is None else size,
                event.section or "",
                ramp_s=5.0 if event.kind == "standing_load" else ramp,
            )
        )
        if hazard:
            gauges = [
                self.registry.sensor_id(int(i))
                for i in np.flatnonzero(self.registry.sensors.asset == row)
                if self.registry.sensors.text("section", int(i)) == event.section or not event.section
            ]
            self.result.truth.append(
                TruthEvent(
                    asset_id=event.asset or "",
                    sensor_ids=tuple(gauges),
                    hazard=hazard,
                    onset=self._us(event.at),
                    severity="sudden" if event.kind != "drift" else "fast" if ramp < 14 * 86400 else "slow",
                    reaches_limit_at=None if event.kind == "overload" else self._us(event.at + ramp),
                    ended=None if np.isinf(lasts) else self._us(event.at + lasts),
                    required=True,
                    params={"kind": event.kind, "section": event.section or ""} | event.parameters(),
                )
            )
