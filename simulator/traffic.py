"""Vehicles over lids: crossings an hour by hour of the day, day of the week, and the lid's place."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from simulator.scenario import Scenario

Float = npt.NDArray[np.float64]

# Share of the busiest hour, by local hour: two peaks, a quiet night.
HOURLY: Final = np.array(
    [0.08, 0.05, 0.04, 0.04, 0.06, 0.14, 0.38, 0.82, 1.00, 0.82, 0.70, 0.68,
     0.62, 0.66, 0.70, 0.74, 0.84, 0.98, 0.92, 0.66, 0.50, 0.38, 0.24, 0.14]
)  # fmt: skip

# Busiest hour of a lid as a share of `peak_per_h`, by load class: the class says where it lies.
BY_LOAD_CLASS: Final = {"A15": 0.0, "B125": 0.05, "C250": 0.2, "D400": 0.6, "E600": 1.0, "F900": 1.0}


def share(scene: Scenario, t_s: Float) -> Float:
    """Traffic at instants [s since start] as a share of the busiest hour of a work day."""
    local_s = t_s + scene.start_us / 1e6 + scene.zone_s
    hour = (local_s / 3600) % 24
    low = hour.astype(np.int64) % 24
    part = hour - np.floor(hour)
    profile = HOURLY[low] * (1 - part) + HOURLY[(low + 1) % 24] * part
    weekday = (local_s // 86400 + 3) % 7  # 1970-01-01 was a Thursday
    return np.asarray(np.where(weekday >= 5, scene.traffic.weekend * profile, profile), np.float64)
