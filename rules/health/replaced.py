"""Which sensor took whose place: a later one of the same role on the same cover, that speaks.

A crew that swaps a sensor under a new `sensor_id` leaves the old one in the registry, silent for ever. What
became of it is told by the newer one: fitted when the old one had fallen silent, or at most a beat before.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from devices.registry import UNBOUND, Kind, Registry

Int64 = npt.NDArray[np.int64]


class Replaced:
    """Sensors of a registry that may have been replaced, and by which.

    spoken : Those newer ones of which a word has come.
    """

    def __init__(self, registry: Registry, spoken: frozenset[int] = frozenset()) -> None:
        self.by: dict[int, int] = _successors(registry)
        self.old: dict[int, list[int]] = {}
        for old, new in self.by.items():
            self.old.setdefault(new, []).append(old)
        self._installed = registry.sensors.installed_at
        self._new = np.array(sorted(self.old), np.int32)
        self.spoken = set(spoken & self.old.keys())

    def heard(self, sensor: npt.NDArray[np.int32]) -> list[int]:
        """Those of the newer ones that speak now."""
        if not self.old:
            return []
        speak: list[int] = np.intersect1d(sensor, self._new).tolist()
        self.spoken.update(speak)
        return speak

    def is_replaced(self, old: int, heard: Int64, beat_us: Int64) -> bool:
        """Whether a silent sensor has a newer one in its place.

        heard, beat_us : int64[n]  Last word of each, and how often it should report [µs].
        """
        new = self.by.get(old, -1)
        fitted = new in self.spoken and self._installed[new] >= heard[old] - beat_us[old]
        return bool(fitted and heard[new] > heard[old])


def _successors(registry: Registry) -> dict[int, int]:
    """Sensor → the newest of its role that was fitted to its cover after it."""
    sensors = registry.sensors
    asset = sensors.asset
    dated = np.flatnonzero((asset != UNBOUND) & (sensors.installed_at > 0))
    newest: dict[tuple[int, int], int] = {}
    for s in dated[np.argsort(sensors.installed_at[dated], kind="stable")].tolist():
        if registry.assets.kind[asset[s]] == Kind.COVER:
            newest[int(asset[s]), int(sensors.role[s])] = s
    if not newest:
        return {}
    counts = np.bincount(asset[asset != UNBOUND])
    found = {}
    for s in np.flatnonzero((asset != UNBOUND) & (counts[np.maximum(asset, 0)] > 1)).tolist():
        new = newest.get((int(asset[s]), int(sensors.role[s])), s)
        if new != s and sensors.installed_at[new] > sensors.installed_at[s]:
            found[s] = new
    return found
