"""One cause behind many alarms: what else rang just now near by, and what that looks like.

Nothing is held back for it: a well that floods in a cloudburst floods. But whoever reads the first of forty
alarms is told that they are forty, and what they have in common. Of the first few of a group nothing can be
known yet; they carry no cause. Silence has its own groups (`rules/common_cause.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from devices.registry import UNBOUND, Registry
from rules.alarm import Hazard

Float64 = npt.NDArray[np.float64]

MINUTE: Final = 60_000_000
KEPT_US: Final = 24 * 60 * MINUTE
"""Alarms older than this have nothing to do with one of now."""
LISTED: Final = 20
"""Members that are named; all are counted."""
LIDS: Final = frozenset(
    {Hazard.MISSING, Hazard.TILTED, Hazard.SUNKEN, Hazard.LOOSE, Hazard.DAMAGED, Hazard.FLOODED}
)
COLUMNS: Final = 5


@dataclass(frozen=True, slots=True)
class Kind:
    """What many alarms have in common.

    name : as it stands in the evidence.  least : so many make it one, this one included.
    within_m, within_us : no farther apart than this.
    """

    name: str
    least: int
    within_m: float
    within_us: int


CLOCK: Final = Kind("clock", 5, np.inf, 1_000_000)
"""Far apart and at one second: nothing in a city does that but a counter that was set."""
FIRMWARE: Final = Kind("firmware", 8, np.inf, 10 * MINUTE)
"""One model all over the city within minutes, and no other model."""
CLOUDBURST: Final = Kind("cloudburst", 4, 3_000, 120 * MINUTE)
"""Wells fill together; lids that are lifted, shaken or shifted meanwhile are so by the water."""
ROADWORKS: Final = Kind("roadworks", 3, 150, KEPT_US)
"""One street, one day: shaken, shifted or sunken by what drives or digs there."""
FAR_M: Final = 3_000.0
"""Spread over more than this is no neighbourhood."""


class Together:
    """Alarms of lids that began to fire within the latest day, by event time."""

    def __init__(self, registry: Registry) -> None:
        self._rows = np.zeros((0, COLUMNS), np.int64)
        self.registry_changed(registry)

    def registry_changed(self, registry: Registry) -> None:
        """Follow a grown registry."""
        self._registry = registry
        sensors = registry.sensors
        names = sensors.texts["model"]
        codes: dict[str, int] = {}
        self._model = np.array([codes.setdefault(name or "", len(codes)) for name in names.to_pylist()])
        self._models = len(codes)
        self._hazards = {hazard: row for row, hazard in enumerate(Hazard)}

    def note(self, asset: int, sensor: int, hazard: Hazard, at: int) -> dict[str, Any]:
        """Evidence of what an alarm that fires at `at` [µs] has in common with others; {} = nothing known.

        asset : registry index or UNBOUND.  sensor : the one that says so.
        """
        if hazard not in LIDS:
            return {}
        row = np.array([[at, asset, sensor, self._hazards[hazard], int(self._model[sensor])]], np.int64)
        newest = max(at, int(self._rows[:, 0].max(initial=at)))
        keep = self._rows[:, 0] > newest - KEPT_US
        keep &= (self._rows[:, 1] != asset) | (self._rows[:, 3] != row[0, 3]) | (asset == UNBOUND)
        others = self._rows[keep]
        self._rows = np.concatenate([others, row])
        return self._cause(row[0], others)

    def state(self) -> list[Any]:
        """JSON-ready state."""
        return list(self._rows.tolist())

    def restore(self, state: list[Any]) -> None:
        """The state that `state` gave."""
        self._rows = np.array(state, np.int64).reshape(-1, COLUMNS)

    def _cause(self, row: npt.NDArray[np.int64], others: npt.NDArray[np.int64]) -> dict[str, Any]:
        if len(others) < ROADWORKS.least - 1:
            return {}
        away = self._distances_m(int(row[1]), others[:, 1])
        apart = np.abs(others[:, 0] - row[0])
        flooded, rocked = self._hazards[Hazard.FLOODED], self._hazards[Hazard.MISSING]
        same = others[:, 3] == row[3]

        def near(kind: Kind) -> npt.NDArray[np.bool_]:
            # What lies nowhere may lie anywhere: it belongs to what is not bound to a place.
            return np.asarray((apart <= kind.within_us) & (np.isinf(kind.within_m) | (away <= kind.within_m)))

        spread = np.nanmax(away, initial=0.0) > FAR_M
        at_once = near(CLOCK) & same
        if spread and self._enough(at_once, CLOCK) and np.nanmax(away[at_once], initial=0.0) > FAR_M:
            return self._evidence(CLOCK, others[at_once])
        model = near(FIRMWARE) & same & (row[3] != flooded)
        alike = model & (others[:, 4] == row[4])
        one_of_many = self._models > 1 and alike.sum() == model.sum()
        if one_of_many and self._enough(alike, FIRMWARE) and np.nanmax(away[alike], initial=0.0) > FAR_M:
            return self._evidence(FIRMWARE, others[alike])
        wet = near(CLOUDBURST) & (others[:, 3] == flooded)
        if self._enough(wet, CLOUDBURST):
            return self._evidence(CLOUDBURST, others[wet])
        street = near(ROADWORKS) & (others[:, 3] != flooded) & (others[:, 3] != rocked)
        if row[3] not in (flooded, rocked) and self._enough(street, ROADWORKS):
            return self._evidence(ROADWORKS, others[street])
        return {}

    def _enough(self, where: npt.NDArray[np.bool_], kind: Kind) -> bool:
        return int(where.sum()) + 1 >= kind.least

    def _evidence(self, kind: Kind, members: npt.NDArray[np.int64]) -> dict[str, Any]:
        assets = sorted({int(asset) for asset in members[:, 1] if asset != UNBOUND})
        return {
            "common_cause": {
                "kind": kind.name,
                "together": len(members) + 1,
                "with": [self._registry.asset_id(asset) for asset in assets[:LISTED]],
            }
        }

    def _distances_m(self, asset: int, others: npt.NDArray[np.int64]) -> Float64:
        """float64[k]  From one asset to others on the plane of the city [m]; NaN where one is nowhere."""
        assets = self._registry.assets
        nowhere = np.full(len(others), np.nan)
        if asset == UNBOUND:
            return nowhere
        bound = others != UNBOUND
        lon = np.where(bound, assets.lon[np.where(bound, others, 0)], np.nan)
        lat = np.where(bound, assets.lat[np.where(bound, others, 0)], np.nan)
        east = (lon - assets.lon[asset]) * np.cos(np.radians(assets.lat[asset])) * 111_320
        return np.asarray(np.hypot(east, (lat - assets.lat[asset]) * 110_574), np.float64)
