"""A detector whose verdict is its reading: `tilt_deg` is the level, so tests say what they mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from devices.registry import Registry
from rules.alarm import Hazard, Reason
from rules.detector import FAR, Round, Verdicts


class LevelDetector:
    """Level = the reading's column, -1 = no opinion, NaN = not judged; `poison` raises."""

    part = "lid"
    reasons = ("rules_health.test.level",)

    def __init__(
        self,
        registry: Registry,
        hazard: Hazard = Hazard.TILTED,
        column: str = "tilt_x_deg",
        poison: float | None = None,
    ) -> None:
        self.name = f"level-{hazard.value}-{column}"
        self.hazards = (hazard,)
        self._column = column
        self._poison = poison
        self.latest = np.full(len(registry.sensors), np.nan, np.float32)

    def observe(self, batch: Round) -> Sequence[Verdicts]:
        values = batch.columns.get(self._column)
        if values is None:
            return ()
        if self._poison is not None and (values == self._poison).any():
            raise ArithmeticError("poisoned reading")
        rows = np.flatnonzero(~np.isnan(values))
        sensor, value = batch.sensor[rows], values[rows]
        self.latest[sensor] = value
        return (
            Verdicts(
                self.hazards[0],
                sensor,
                batch.time[rows],
                value.astype(np.int8),
                value,
                np.ones(len(rows), np.float32),
                np.zeros(len(rows), np.uint8),
            ),
        )

    def tick(self, now: int) -> Sequence[Verdicts]:
        return ()

    def due(self) -> int:
        return FAR

    def explain(self, sensor: int, hazard: Hazard) -> tuple[Reason, Mapping[str, Any]]:
        return Reason(self.reasons[0]), {"latest": float(self.latest[sensor])}

    def registry_changed(self, registry: Registry) -> None:
        more = len(registry.sensors) - len(self.latest)
        self.latest = np.concatenate([self.latest, np.full(more, np.nan, np.float32)])

    def control(self, name: str, payload: Mapping[str, Any]) -> Sequence[Verdicts]:
        return ()

    def snapshot(self) -> Mapping[str, np.ndarray[Any, Any]]:
        return {"latest": self.latest}

    def restore(self, state: Mapping[str, np.ndarray[Any, Any]]) -> None:
        self.latest = np.array(state["latest"])
