"""Failures of detectors: named and counted, so that one sensor's evidence never stops the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from devices.registry import UNKNOWN, Registry
from rules.detector import Detector

FAULTS_KEPT: Final = 100


@dataclass(frozen=True, slots=True)
class EngineFault:
    """A detector that failed on one sensor's evidence (or in a tick or control: sensor_id is "")."""

    detector: str
    sensor_id: str
    at: int
    error: str


class Faults:
    """The latest failures, and how many there were.

    now : () → the engine's time [µs].
    """

    def __init__(self, registry: Registry, detectors: Sequence[Detector], now: Callable[[], int]) -> None:
        self.registry = registry
        self.latest: list[EngineFault] = []
        self.count = 0
        self._detectors = detectors
        self._now = now

    def note(self, d: int, sensor: int, error: Exception) -> None:
        """Detector `d` failed on a sensor; UNKNOWN = on none in particular."""
        self.count += 1
        sensor_id = "" if sensor == UNKNOWN else self.registry.sensor_id(sensor)
        self.latest.append(
            EngineFault(self._detectors[d].name, sensor_id, self._now(), f"{type(error).__name__}: {error}")
        )
        del self.latest[:-FAULTS_KEPT]

    def safely(self, d: int, call: Callable[[], Sequence[Any]]) -> Sequence[Any]:
        """What a call of detector `d` gives; nothing when it fails."""
        try:
            return call()
        except Exception as error:
            self.note(d, UNKNOWN, error)
            return ()
