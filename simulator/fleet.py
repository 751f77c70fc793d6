"""The fleet: what every sensor of a registry sends through a scenario, message by message, with the truth."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from devices.registry import Registry
from simulator import chirpstack, milesight, native, radio
from simulator.bridge import BridgeModel
from simulator.lid_readings import LidModel
from simulator.scenario import Scenario
from simulator.streams import stream
from simulator.truth import TruthEvent

Float = npt.NDArray[np.float64]

CHUNK_S: Final = 6 * 3600.0
"""Length of the stretches that are made at once; results never depend on how `advance` is called."""

_BACKFILL_ROWS: Final = 40


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message on its way to the broker.

    at : int  When it is delivered [µs since 1970 UTC]; what the payload tells may be older.
    """

    at: int
    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False


class Fleet:
    """All sensors of a registry, acting a scenario out. Deterministic by seed; no clock inside."""

    def __init__(self, registry: Registry, scenario: Scenario, seed: int | None = None) -> None:
        """Raises FaultsError when the scenario names what the registry does not have."""
        self.registry, self.scenario = registry, scenario
        self.seed = scenario.seed if seed is None else seed
        self._lids = LidModel(registry, scenario, self.seed)
        self._bridge = BridgeModel(registry, scenario, self._lids.weather, self._lids.stage, self.seed)
        self._ids: list[str] = registry.sensors.texts["sensor_id"].to_pylist()
        self._models: list[str] = registry.sensors.texts["model"].to_pylist()
        self._native = np.array([model == "native" for model in self._models], np.bool_)
        self._seq = [0] * len(self._ids)
        self._text_time = set(self._lids.sensors.sensor[self._lids.sensors.text_time].tolist())
        self._wake_deg = dict(
            zip(self._lids.sensors.sensor.tolist(), self._lids.sensors.wake_tilt_deg.tolist(), strict=True)
        )
        self._pending: list[tuple[int, int, Outgoing]] = []
        self._number = 0
        self._chunk = 0
        self.truth: list[TruthEvent] = sorted(self._lids.truth, key=lambda e: (e.onset, e.asset_id, e.hazard))
        self.permits = self._lids.stage.permits
        """asset_id, from [µs], to [µs], kind, note of every authorised opening."""
        self._announce()

    def advance(self, until_us: int) -> list[Outgoing]:
        """Messages delivered up to and including `until_us` that were not given before, in order of time."""
        end_s = self.scenario.days * 86400
        while self._chunk * CHUNK_S < end_s and self._us(self._chunk * CHUNK_S) <= until_us:
            self._make(self._chunk, self._chunk * CHUNK_S, min((self._chunk + 1) * CHUNK_S, end_s))
            self._chunk += 1
        found = []
        while self._pending and self._pending[0][0] <= until_us:
            found.append(heapq.heappop(self._pending)[2])
        return found

    def _us(self, t_s: float) -> int:
        return self.scenario.start_us + round(t_s * 1e6)

    def _push(self, message: Outgoing) -> None:
        self._number += 1
        heapq.heappush(self._pending, (message.at, self._number, message))

    def _announce(self) -> None:
        """Loggers with mains power say that they are there; sleeping sensors have no session to lose."""
        start = self.scenario.start_us
        for sensor in (*self._bridge.gauges.sensor.tolist(), *self._bridge.thermometers.tolist()):
            topic = native.topic(self._ids[sensor], "status")
            self._push(Outgoing(start, topic, native.status(start, True), retain=True))
        for effect in self._lids.stage.bridge:
            if effect.kind == "silence":
                at = self._us(effect.start_s + 90)
                topic = native.topic(self._ids[effect.sensor], "status")
                self._push(Outgoing(at, topic, native.status(at, False), retain=True))

    def _make(self, chunk: int, start_s: float, end_s: float) -> None:
        rng = stream(self.seed, "radio", chunk)
        lids = self._lids.readings(chunk, start_s, end_s)
        native_row = self._native[lids.sensor]
        way = radio.deliver(
            rng,
            self.scenario.radio,
            self._lids.stage.gateways,
            lids.t_s,
            lids.gateway,
            lids.rssi_dbm,
            native_row,
        )
        names = list(lids.columns)
        table = np.column_stack([lids.columns[name] for name in names])
        known = ~np.isnan(table)
        kept: dict[int, list[tuple[float, dict[str, Any]]]] = {}
        for i in np.argsort(lids.t_s, kind="stable").tolist():
            sensor, t_s, at_s = int(lids.sensor[i]), float(lids.t_s[i]), float(way.at_s[i])
            seq = self._next(sensor)
            if np.isnan(at_s):
                continue
            values = {names[c]: float(table[i, c]) for c in np.flatnonzero(known[i])}
            if native_row[i]:
                stated = self._us(t_s + float(lids.clock_s[i]))
                body = native.reading(stated, seq, values, sensor in self._text_time)
                if way.kept[i]:
                    kept.setdefault(sensor, []).append((at_s, body))
                    continue
                topic, payload = native.topic(self._ids[sensor], "readings"), native.encode(body)
            else:
                topic = chirpstack.topic(self._ids[sensor])
                payload = self._uplink(sensor, t_s, seq, values, int(lids.gateway[i]))
            self._push(Outgoing(self._us(at_s), topic, payload))
            if not np.isnan(way.again_s[i]):
                self._push(Outgoing(self._us(float(way.again_s[i])), topic, payload))
        for sensor, rows in kept.items():
            topic = native.topic(self._ids[sensor], "readings")
            for first in range(0, len(rows), _BACKFILL_ROWS):
                part = rows[first : first + _BACKFILL_ROWS]
                payload = native.encode([body for _, body in part])
                self._push(Outgoing(self._us(part[0][0]), topic, payload))
        self._bridge_messages(chunk, start_s, end_s, rng)

    def _bridge_messages(self, chunk: int, start_s: float, end_s: float, rng: np.random.Generator) -> None:
        slow = self._bridge.readings(chunk, start_s, end_s)
        wire = rng.uniform(0.05, 0.6, len(slow.sensor))
        for i, sensor in enumerate(slow.sensor.tolist()):
            both = {"strain_ue": float(slow.strain_ue[i]), "temperature_c": float(slow.temperature_c[i])}
            values = {name: value for name, value in both.items() if not np.isnan(value)}
            body = native.reading(self._us(float(slow.t_s[i])), self._next(sensor), values)
            at = self._us(float(slow.t_s[i] + wire[i]))
            self._push(Outgoing(at, native.topic(self._ids[sensor], "readings"), native.encode(body)))
        for block in self._bridge.blocks(chunk, start_s, end_s):
            payload = native.strain(
                self._us(block.t_s), self._next(block.sensor), block.rate_hz, block.strain_ue.tolist()
            )
            at = self._us(block.t_s + len(block.strain_ue) / block.rate_hz + 0.2)
            self._push(Outgoing(at, native.topic(self._ids[block.sensor], "strain"), payload))

    def _next(self, sensor: int) -> int:
        seq = self._seq[sensor]
        self._seq[sensor] = seq + 1
        return seq

    def _uplink(self, sensor: int, t_s: float, seq: int, values: dict[str, float], gateway: int) -> bytes:
        angles = milesight.axes(values["tilt_deg"], values["tilt_x_deg"], values["tilt_y_deg"])
        over = values["tilt_deg"] > self._wake_deg[sensor]
        model = self._models[sensor]
        encode = milesight.em320_tilt if model == "em320-tilt" else milesight.em310_tilt
        payload = encode(values.get("battery_pct", np.nan), angles, (False, False, over))
        if seq == 0:
            payload = milesight.introduction(sensor) + payload
        rssi = values["rssi_dbm"]
        snr = min(10.0, (rssi + 118.0) / 3.0)
        return chirpstack.uplink(self._ids[sensor], model, self._us(t_s), seq, payload, rssi, snr, gateway)
