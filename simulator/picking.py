"""Whom an event befalls: the asset or sensor it names, or chosen ones that can see its hazard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from config.faults import Fault
from devices.registry import Registry
from simulator.profiles import Lids, LidSensors
from simulator.scenario import Event, Scenario

Bool = npt.NDArray[np.bool_]

ANGLES: Final = ("tilt", "tilt_xy", "tilt_xyz")

SEES: Final[Mapping[str, tuple[str, ...]]] = {
    "missing": (*ANGLES, "displacement", "open"),
    "tilted": ANGLES,
    "sunken": ("displacement",),
    "loose": ("vibration",),
    "damaged": ("vibration", "displacement"),
    "flooded": ("water",),
}
"""Hazard → channels of which one is enough to see it."""

BUSY_PER_H: Final = 30.0
"""Crossings in the busiest hour from which a loose lid has to be found."""


def seeing(sensors: LidSensors, hazard: str) -> Bool:
    """bool[m]  Sensors that can see a hazard."""
    channels = SEES.get(hazard)
    if channels is None:
        return np.ones(len(sensors), np.bool_)
    return np.asarray(np.any([sensors.has[channel] for channel in channels], axis=0), np.bool_)


class Picker:
    """Picks lids and sensors; never the same lid for two picks. Collects faults instead of raising."""

    def __init__(
        self, scene: Scenario, registry: Registry, lids: Lids, sensors: LidSensors, rng: np.random.Generator
    ) -> None:
        self._scene, self._registry, self._lids, self._sensors = scene, registry, lids, sensors
        self._rng = rng
        self._taken: set[int] = set()
        self.faults: list[Fault] = []

    def lids(self, number: int, event: Event, hazard: str) -> Sequence[int]:
        """Rows of `Lids`; none when the event is at fault."""
        if event.asset is not None:
            found = np.flatnonzero(self._lids.asset == self._registry.asset_index(event.asset))
            if not len(found):
                self._fault(number, "asset", f"{event.asset} is no cover of this registry", "see assets.csv")
                return ()
            self._taken.add(int(found[0]))
            return (int(found[0]),)
        if event.pick is None:
            self._fault(number, "sensor", f"{event.kind} befalls a lid", "name it by asset, or pick")
            return ()
        count = int(event.pick.split(":")[1])
        free = np.setdiff1d(
            np.flatnonzero(self._fitting(event, hazard)),
            np.fromiter(self._taken, np.int64, len(self._taken)),
        )
        if len(free) < count:
            self._fault(number, "pick", f"only {len(free)} lids fit, {count} wanted", "pick fewer")
            return ()
        chosen = [int(i) for i in self._rng.choice(free, count, replace=False)]
        self._taken.update(chosen)
        return chosen

    def sensors(self, number: int, event: Event) -> Sequence[int]:
        """Registry rows of sensors; none when the event is at fault."""
        if event.sensor is not None:
            row = self._registry.sensor_index(event.sensor)
            if row < 0:
                self._fault(number, "sensor", f"{event.sensor} is not in this registry", "see sensors.csv")
                return ()
            return (row,)
        rows: list[int] = []
        for lid in self.lids(number, event, ""):
            mine = np.flatnonzero(self._sensors.lid == lid)
            if len(mine):
                rows.append(int(self._sensors.sensor[mine[0]]))
            else:
                self._fault(number, "asset", f"{event.asset} has no sensor", "name another")
        return rows

    def bridge(self, number: int, event: Event) -> int | None:
        """Registry row of the asset; None when the event is at fault."""
        row = self._registry.asset_index(event.asset or "")
        if row < 0:
            self._fault(number, "asset", f"{event.asset} is not in this registry", "see assets.csv")
            return None
        return row

    def _fitting(self, event: Event, hazard: str) -> Bool:
        able = seeing(self._sensors, hazard)
        if event.gateway is not None:
            able = able & (self._sensors.gateway == event.gateway)
        if event.mode == "drag":
            able = able & (self._sensors.has["open"] | self._sensors.has["displacement"])
        fits = np.zeros(len(self._lids), np.bool_)
        fits[self._sensors.lid[able]] = True
        if event.kind in ("loose", "damage"):
            fits &= self._lids.busiest_per_h >= BUSY_PER_H
        return fits

    def _fault(self, number: int, field: str, problem: str, remedy: str) -> None:
        self.faults.append(self._scene.fault(number, field, problem, remedy))
