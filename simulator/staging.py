"""Stage a scenario: every event to effects on rows of the registry, with the ground truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from config.faults import FaultsError
from devices.registry import Registry
from simulator.ailments import ailing
from simulator.lid_effects import course
from simulator.picking import BUSY_PER_H, SEES, Picker, seeing
from simulator.profiles import Lids, LidSensors
from simulator.scenario import KINDS, Event, Scenario
from simulator.stage import BridgeEffect, GatewayOutage, SensorEffect, Stage
from simulator.streams import stream
from simulator.truth import TruthEvent


def stage(scene: Scenario, registry: Registry, lids: Lids, sensors: LidSensors, seed: int) -> Stage:
    """Resolve every event of the scenario, and the sensor faults that befall a fleet by themselves.

    Raises FaultsError when an event names what the registry does not have, or nothing fits a `pick`.
    """
    staging = _Staging(scene, registry, lids, sensors, seed)
    for number, event in enumerate(scene.event):
        staging.add(number, event)
    if staging.picker.faults:
        raise FaultsError(staging.picker.faults)
    for fault, truth in ailing(scene, registry, sensors, seed):
        staging.result.sensors.append(fault)
        if truth:
            staging.result.truth.append(truth)
    stuck = [fault for fault in staging.result.sensors if fault.kind == "sensor_stuck"]
    staging.result.truth[:] = [
        _as_seen(event, scene, registry, sensors, stuck) for event in staging.result.truth
    ]
    return staging.result


def _as_seen(
    event: TruthEvent,
    scene: Scenario,
    registry: Registry,
    sensors: LidSensors,
    stuck: Sequence[SensorEffect],
) -> TruthEvent:
    """The event; marked `blind` and not required where all that could see it stands still then and a day on.

    A sensor that is stuck shows the same angle, height and shocks whatever befalls the lid; contact and
    water go on.
    """
    if not event.required or event.hazard not in SEES:
        return event
    mine = np.flatnonzero(np.isin(sensors.sensor, registry.sensor_indices(list(event.sensor_ids))))
    by = event.onset if event.reaches_limit_at is None else event.reaches_limit_at
    at_s = (by - scene.start_us) / 1e6
    dead = {fault.row for fault in stuck if fault.start_s <= at_s and at_s + 86400 < fault.end_s}
    alive = ("open", "water")
    for row in mine:
        sees = (*SEES[event.hazard], "open") if event.hazard == "tilted" else SEES[event.hazard]
        channels = [name for name in sees if sensors.has[name][row]]
        if any(name in alive or int(row) not in dead for name in channels):
            return event
    return replace(event, required=False, params={**event.params, "blind": "sensor_stuck"})


class _Staging:
    """What has been staged so far."""

    def __init__(
        self, scene: Scenario, registry: Registry, lids: Lids, sensors: LidSensors, seed: int
    ) -> None:
        self.scene, self.registry, self.lids, self.sensors = scene, registry, lids, sensors
        self.rng = stream(seed, "staging")
        self.picker = Picker(scene, registry, lids, sensors, self.rng)
        self.result = Stage()

    def add(self, number: int, event: Event) -> None:
        target, hazard, _ = KINDS[event.kind]
        match target:
            case "gateway":
                self._gateway(event)
            case "bridge":
                self._bridge(number, event)
            case "sensor":
                for sensor in self.picker.sensors(number, event):
                    self._sensor(event, hazard, sensor)
            case _:
                for lid in self.picker.lids(number, event, hazard):
                    self._lid(event, hazard, lid)

    def _us(self, t_s: float) -> int:
        return self.scene.start_us + round(t_s * 1e6)

    def _lid(self, event: Event, hazard: str, lid: int) -> None:
        what = course(event, lid, float(self.lids.gap_mm[lid]), self.rng)
        effect = what.effect
        self.result.lids.append(effect)
        asset_id = self.registry.asset_id(int(self.lids.asset[lid]))
        mine = np.flatnonzero(self.sensors.lid == lid)
        if event.kind == "permit":
            window = (self._us(effect.start_s - 600), self._us(effect.end_s + 900))
            self.result.permits.append((asset_id, *window, "permit", "例行养护"))
        if event.kind == "theft" and event.silence_after_s is not None:
            silent_from = event.at + event.silence_after_s
            self.result.sensors += [
                SensorEffect("silence", int(row), silent_from, np.inf, 0.0)
                for row in mine[~self.sensors.has["water"][mine]]  # that one hangs in the well
            ]
        if not hazard:
            return
        sees = bool(seeing(self.sensors, hazard)[mine].any())
        busy = event.kind != "loose" or self.lids.busiest_per_h[lid] >= BUSY_PER_H
        upright = effect.mode != "drag" or bool(
            (self.sensors.has["open"] | self.sensors.has["displacement"])[mine].any()
        )
        self.result.truth.append(
            TruthEvent(
                asset_id=asset_id,
                sensor_ids=tuple(self.registry.sensor_id(int(self.sensors.sensor[r])) for r in mine),
                hazard=hazard,
                onset=self._us(event.at),
                severity=what.severity,
                reaches_limit_at=None if what.limit_s is None else self._us(what.limit_s),
                ended=None if np.isinf(effect.end_s) else self._us(effect.end_s),
                required=sees and busy and upright and event.kind != "damage" and self._in_time(what.limit_s),
                params={"kind": event.kind, "size": round(effect.size, 3)} | event.parameters(),
            )
        )

    def _in_time(self, limit_s: float | None) -> bool:
        """Whether the limit is passed at all, a day before the curtain falls at the latest."""
        return limit_s is not None and limit_s <= (self.scene.days - 1) * 86400

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
        row = self.picker.bridge(number, event)
        if row is None:
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
        if not hazard:
            return
        gauges = [
            self.registry.sensor_id(int(i))
            for i in np.flatnonzero(self.registry.sensors.asset == row)
            if not event.section or self.registry.sensors.text("section", int(i)) == event.section
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
                params={"kind": event.kind, "section": event.section or ""} | event.parameters(),
            )
        )
