"""Whether a sensor is silent alone: where its neighbours are silent with it, that says nothing of its lid."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from devices.registry import Registry
from rules.lid.past import Known

Sensors = npt.NDArray[np.intp]

NEAR_M: Final = 1000.0
METRES_PER_DEGREE: Final = 111_320.0
OVERDUE_PACES: Final = 1.5
"""Who has not been heard for so many of its paces is silent, or has lost a message."""
ALIVE_PACES: Final = 3.0
"""Neighbours that were silent for so long before the sensor's own last word are no witnesses."""
LEAST: Final = 3
"""Fewer neighbours prove nothing."""


class Neighbours:
    """Sensors by place.

    mine : bool[n]  Sensors that are asked about, and may be witnesses.
    """

    def __init__(self, registry: Registry, mine: npt.NDArray[np.bool_]) -> None:
        asset = registry.sensors.asset
        known = np.flatnonzero(mine & (asset >= 0))
        lat, lon = registry.assets.lat[asset[known]], registry.assets.lon[asset[known]]
        placed = np.isfinite(lat) & np.isfinite(lon)
        order = np.argsort(lat[placed], kind="stable")
        self._sensor, self._lat, self._lon = known[placed][order], lat[placed][order], lon[placed][order]
        self._nowhere = known[~placed]
        self._place = {int(s): i for i, s in enumerate(self._sensor.tolist())}

    def near(self, sensor: int) -> Sensors:
        """Other sensors within a kilometre; of a sensor without a place, all others without."""
        at = self._place.get(sensor)
        if at is None:
            return np.asarray(self._nowhere[self._nowhere != sensor], np.intp)
        lat, lon, reach = self._lat[at], self._lon[at], NEAR_M / METRES_PER_DEGREE
        band = slice(*np.searchsorted(self._lat, [lat - reach, lat + reach]).tolist())
        north = self._lat[band] - lat
        east = (self._lon[band] - lon) * np.cos(np.radians(lat))
        found = self._sensor[band][np.hypot(north, east) <= reach]
        return np.asarray(found[found != sensor], np.intp)


def silent_too(near: Known, own_last: int, due: int) -> bool:
    """Whether most neighbours of a silent sensor were silent with it until `due` [µs].

    near : Known  Of its neighbours, as of then. Those whose own lid has moved before they fell silent are no
    witnesses, like those whose lid is said to be missing. One that has just been heard again after
    a silence counts as silent: the sensor in question may be about to speak, too.
    own_last : int  Event time of the sensor's own last word [µs].
    """
    pace_us = near.pace_s.astype(np.float64) * 1e6
    witness = (pace_us > 0) & (near.last >= own_last - ALIVE_PACES * pace_us) & ~near.missing & ~near.lit
    if np.count_nonzero(witness) < LEAST:
        return False
    since, gap_us = due - near.last, near.gap_s.astype(np.float64) * 1e6
    back = (gap_us >= OVERDUE_PACES * pace_us) & (near.last > own_last)
    silent = (since >= OVERDUE_PACES * pace_us) | back
    return bool(2 * np.count_nonzero(silent & witness) > np.count_nonzero(witness))
