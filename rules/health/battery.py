"""`battery_low`: a battery that will soon be empty, by what the device says or by its voltage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from config.health_rules import LITHIUM_THIONYL_CHLORIDE, BatteryType, HealthRules
from devices.registry import Registry
from rules.alarm import Hazard, Reason, Severity
from rules.detector import FAR, Round, Verdicts

UNKNOWN_MODEL_HIGHEST_V: Final = 4.0
"""A sensor of unknown model above this is fed by something else than a lithium cell: no opinion."""

REASONS: Final = (
    "rules_health.battery.good",
    "rules_health.battery.low",
    "rules_health.battery.empty",
    "rules_health.battery.alarm",
)


class BatteryLow:
    """Charge by `battery_pct`, else by `battery_v` on the model's discharge line, else the device's alarm."""

    name = "battery"
    hazards: tuple[Hazard, ...] = (Hazard.BATTERY_LOW,)
    horizon_us = FAR
    ahead_sensors = 2000
    ahead_readings = 100_000
    ahead_columns = frozenset({"battery_pct", "battery_v", "battery_alarm"})
    reasons: tuple[str, ...] = REASONS

    def __init__(self, registry: Registry, rules: HealthRules) -> None:
        n = len(registry.sensors)
        self._registry = registry
        self._level = np.zeros(n, np.int8)
        self._charge = np.full(n, np.nan, np.float32)
        self.thresholds_changed([rules], np.zeros(n, np.uint16))

    def thresholds_changed(self, sets: Sequence[HealthRules], class_of: npt.NDArray[np.uint16]) -> None:
        """Follow new limits."""
        self._class_of = class_of
        self._low = np.array([rules.battery_low_pct for rules in sets], np.float32)
        self._empty = np.array([rules.battery_empty_pct for rules in sets], np.float32)
        self._gap = np.array([rules.battery_hysteresis_pct for rules in sets], np.float32)
        self._batteries = sets[0].batteries
        self._set_models()

    def registry_changed(self, registry: Registry) -> None:
        """Follow a grown registry."""
        more = len(registry.sensors) - len(self._level)
        self._registry = registry
        self._level = np.concatenate([self._level, np.zeros(more, np.int8)])
        self._charge = np.concatenate([self._charge, np.full(more, np.nan, np.float32)])
        self._class_of = np.concatenate([self._class_of, np.zeros(more, np.uint16)])
        self._set_models()

    def observe(self, batch: Round) -> Sequence[Verdicts]:
        """Judge the charge of whoever tells something of it."""
        charge = self._charges(batch.sensor, batch.columns)
        alarm = batch.columns.get("battery_alarm")
        told = ~np.isnan(charge)
        if alarm is not None:
            told |= ~np.isnan(alarm)
        if not told.any():
            return ()
        sensor, time = batch.sensor, batch.time
        if not told.all():
            sensor, time, charge = sensor[told], time[told], charge[told]
            alarm = None if alarm is None else alarm[told]
        of = self._class_of
        low, empty = (_at(limit, of, sensor) for limit in (self._low, self._empty))
        before = self._level.take(sensor)
        self._charge[sensor] = charge
        if alarm is None and not np.count_nonzero(before) and (charge >= low).all():
            # Nearly always; told all the same, for whatever is on its way to be settled by it.
            nothing = np.zeros(len(sensor), np.int8)
            limit = np.full(len(sensor), low, np.float32)
            good = nothing.view(np.uint8)
            return (Verdicts(Hazard.BATTERY_LOW, sensor, time, nothing, charge, limit, good),)
        level, is_empty, rung = self._levels(sensor, charge, alarm)
        self._level[sensor] = level
        reason = level.astype(np.uint8)
        reason[rung & ~is_empty] = 3
        limit = np.where(level >= Severity.YELLOW, empty, low).astype(np.float32)
        return (Verdicts(Hazard.BATTERY_LOW, sensor, time, level, charge, limit, reason),)

    def begin(self, sensor: npt.NDArray[np.int32]) -> None:
        """Nothing is kept for the time of a frame."""

    def end(self) -> None:
        """Nothing was."""

    def waits(self, sensor: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
        """Silence says nothing of a battery."""
        return np.full(len(sensor), FAR, np.int64)

    def waits_first(self) -> int:
        """No sensor waits."""
        raise LookupError("silence says nothing of a battery")

    def apart(self, sensor: npt.NDArray[np.int32]) -> bool:
        """Nothing is ever due."""
        del sensor
        return True

    def run(
        self,
        sensor: npt.NDArray[np.int32],
        time: npt.NDArray[np.int64],
        now: npt.NDArray[np.int64],
        columns: Mapping[str, npt.NDArray[np.float32]],
        valid: npt.NDArray[np.bool_],
        held: npt.NDArray[np.int8],
    ) -> tuple[npt.NDArray[np.int64], Sequence[Verdicts]]:
        """Take in readings up to the first that tells of another charge; see `rules.detector.RunsAhead`."""
        del time, now
        if not columns:
            return np.asarray(valid.sum(axis=0)), ()
        charge, alarm = self._charges(sensor, columns), columns.get("battery_alarm")
        charge = np.broadcast_to(charge, valid.shape)
        told = ~np.isnan(charge) if alarm is None else ~np.isnan(charge) | ~np.isnan(alarm)
        # As long as the level is what it was, this is what it was judged by.
        level, _, _ = self._levels(sensor, charge, alarm)
        before = self._level.take(sensor)
        stops = ~valid | told & ((level != before) | (level != held[0]))
        done = np.where(stops.any(axis=0), stops.argmax(axis=0), len(valid))
        told = told & (np.arange(len(valid))[:, None] < done)
        some = np.flatnonzero(told.any(axis=0))
        latest = len(valid) - 1 - told[::-1, some].argmax(axis=0)
        self._charge[sensor[some]] = charge[latest, some]
        return done, ()

    def tick(self, now: int) -> Sequence[Verdicts]:
        """Batteries do not change by waiting."""
        del now
        return ()

    def due(self) -> int:
        """Never."""
        return FAR

    def explain(self, sensor: int, hazard: Hazard) -> tuple[Reason, Mapping[str, Any]]:
        """The charge as last told."""
        del hazard
        of = int(self._class_of[sensor])
        measured = float(self._charge[sensor])
        charge = measured if np.isfinite(measured) else None
        low, empty, level = float(self._low[of]), float(self._empty[of]), int(self._level[sensor])
        conditions = [
            {"name": "battery_low", "value": charge, "limit": low, "unit": "%", "holds": level >= 1},
            {"name": "battery_empty", "value": charge, "limit": empty, "unit": "%", "holds": level >= 2},
        ]
        return Reason(REASONS[level]), {"charge_pct": charge, "conditions": conditions}

    def sees(self, sensor: int) -> Mapping[Hazard, str]:
        """Any device that tells its charge, its voltage or an alarm."""
        told = np.isfinite(self._charge[sensor]) or self._level[sensor] > 0
        return {Hazard.BATTERY_LOW: f"rules_health.{'sees' if told else 'blind'}.battery"}

    def control(self, name: str, payload: Mapping[str, Any]) -> Sequence[Verdicts]:
        """Nothing concerns batteries: a new one is seen by its charge."""
        del name, payload
        return ()

    def snapshot(self) -> Mapping[str, npt.NDArray[Any]]:
        """Levels and charges."""
        return {"level": self._level, "charge": self._charge}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take a snapshot."""
        try:
            self._level, self._charge = np.array(state["level"]), np.array(state["charge"])
        except KeyError as error:
            raise ValueError(f"no state of batteries: {error}") from error

    def _levels(
        self,
        sensor: npt.NDArray[np.int32],
        charge: npt.NDArray[np.float32],
        alarm: npt.NDArray[np.float32] | None,
    ) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """Level by the one before, whether it is empty, and whether the device says so itself."""
        of, before = self._class_of, self._level.take(sensor)
        low, empty, gap = (_at(limit, of, sensor) for limit in (self._low, self._empty, self._gap))
        # A level once reached is left only a gap above its limit: charge and voltage wander with temperature.
        rung = np.zeros(charge.shape, bool) if alarm is None else alarm > 0.5
        is_empty = charge < np.where(before >= Severity.YELLOW, empty + gap, empty)
        is_low = (charge < np.where(before >= Severity.BLUE, low + gap, low)) | rung
        level = np.where(is_empty, Severity.YELLOW, np.where(is_low, Severity.BLUE, 0)).astype(np.int8)
        return level, is_empty, rung

    def _charges(
        self, sensor: npt.NDArray[np.int32], columns: Mapping[str, npt.NDArray[np.float32]]
    ) -> npt.NDArray[np.float32]:
        """float32[k]  Charge [%]; NaN = not told. Of columns [r, k] it is float32[r, k]."""
        percent = columns.get("battery_pct")
        volts = columns.get("battery_v")
        if volts is None:
            return np.full(len(sensor), np.nan, np.float32) if percent is None else percent
        model = self._one_model if self._one_model is not None else self._model.take(sensor)
        full, dead = self._full_v[model], self._dead_v[model]
        by_volts = np.minimum(np.maximum(100 * (volts - dead) / (full - dead), 0), 100)
        foreign = volts > UNKNOWN_MODEL_HIGHEST_V
        if np.count_nonzero(foreign):
            by_volts = np.where(foreign & (model == 0), np.float32(np.nan), by_volts)
        charge = by_volts if percent is None else np.where(np.isnan(percent), by_volts, percent)
        return charge.astype(np.float32)

    def _set_models(self) -> None:
        kinds: list[BatteryType] = [LITHIUM_THIONYL_CHLORIDE, *self._batteries.values()]
        row_of = {model.lower(): i for i, model in enumerate(self._batteries, 1)}
        self._full_v = np.array([kind.full_v for kind in kinds], np.float32)
        self._dead_v = np.array([kind.empty_v for kind in kinds], np.float32)
        models = self._registry.sensors.texts["model"].dictionary_encode()
        rows = np.array([row_of.get(m.lower(), 0) for m in models.dictionary.to_pylist()] or [0], np.uint8)
        self._model = rows[models.indices.to_numpy(zero_copy_only=False)]
        one = len(self._model) > 0 and bool((self._model == self._model[0]).all())
        self._one_model = int(self._model[0]) if one else None


def _at(
    table: npt.NDArray[np.float32], class_of: npt.NDArray[np.uint16], sensor: npt.NDArray[np.int32]
) -> Any:
    """Each sensor's limit; of a table with one row, that one for all: no gathering."""
    return table[0] if len(table) == 1 else table[class_of.take(sensor)]
