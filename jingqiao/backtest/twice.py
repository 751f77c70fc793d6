"""Instants at which a sensor measured two different things: its clock was set back, or a file holds two runs.

A reading that is sent again says the same as before and is no fault. Of different ones nobody can tell which
is whose: the first counts, and the person who made the file is told.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from devices.frame import Frame

_ROOM = 1 << 62


@dataclass(frozen=True, slots=True)
class Twice:
    """Of one sensor: row of its first reading that contradicts an earlier row, and how many there are."""

    sensor: int
    row: int
    count: int


def contradictions(frame: Frame) -> list[Twice]:
    """By sensor, rows as they stand in `frame`."""
    if len(frame) < 2 or not _any_twice(frame):
        return []
    order = np.lexsort((frame.time, frame.sensor))
    sensor, time = frame.sensor[order], frame.time[order]
    again = (sensor[1:] == sensor[:-1]) & (time[1:] == time[:-1])
    differs = np.zeros(len(again), bool)
    for column in frame.columns.values():
        values = column[order]
        # What one row did not measure, the other completes.
        differs |= again & (np.abs(values[1:] - values[:-1]) > 0)
    rows = order[1:][differs]
    return [
        Twice(one, int(rows[frame.sensor[rows] == one].min()), int((frame.sensor[rows] == one).sum()))
        for one in np.unique(frame.sensor[rows]).tolist()
    ]


def _any_twice(frame: Frame) -> bool:
    """Whether a sensor has two rows of one instant; by one plain sort, which is fast."""
    since = frame.time - frame.time.min()
    width = int(frame.sensor.max()) + 1
    if int(since.max()) >= _ROOM // width:
        return True
    key: npt.NDArray[np.int64] = since * width + frame.sensor
    key.sort()
    return bool((key[1:] == key[:-1]).any())
