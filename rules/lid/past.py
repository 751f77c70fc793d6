"""What was remembered of sensors at some moment, of a frame in which each is judged as far as it goes.

Whether a sensor was silent alone is asked about one moment, when others may have been judged far beyond it:
what each reading left behind is noted here for as long as the frame lasts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rules.lid.state import LidState

Sensors = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]
Float32 = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]


class Known(NamedTuple):
    """What silence is judged by, of k sensors.

    last : int64[k]  Event time of the latest reading [µs]; 0 = none.  gap_s, pace_s : As in `LidState` [s].
    missing : bool[k]  Its lid is said to be missing.  lit : bool[k]  It has a fuse: its lid has moved.
    """

    last: Int64
    gap_s: Float32
    pace_s: Float32
    missing: Bool
    lit: Bool

    def replaced(self, at: Int64, by: Known) -> Known:
        """The same with other rows `at`."""
        own: Sequence[npt.NDArray[Any]] = self
        others: Sequence[npt.NDArray[Any]] = by
        for column, other in zip(own, others, strict=True):
            np.put(column, at, other)
        return self


def known_of(own: LidState, rows: npt.NDArray[Any], lit: Bool) -> Known:
    """That of some rows of a state, copied. lit : bool[k]"""
    said = own.said[:, 0].take(rows)
    return Known(own.last.take(rows), own.gap.take(rows), own.pace.take(rows), said > 0, lit)


class Past:
    """What was known of the sensors of a frame after each of their readings in it.

    sensor : int32[k], begin : Known  Before the first of them.
    """

    def __init__(self, sensor: Sensors, begin: Known) -> None:
        never = np.full(len(sensor), np.iinfo(np.int64).min, np.int64)
        self._sensors = np.sort(sensor)
        self._notes: list[tuple[Sensors, Int64, Known]] = [(sensor, never, begin)]

    def note(self, sensor: Sensors, now: Int64, known: Known) -> None:
        """What is known after readings that came at `now` [µs]; those of a sensor in their order."""
        self._notes.append((sensor, now, known))

    def burned(self, sensor: int, at: int, known: Known) -> None:
        """A fuse has burned before anything that comes at `at` or later [µs]."""
        self.note(np.array([sensor], np.int32), np.array([at - 1], np.int64), known)

    def has(self, sensors: npt.NDArray[Any]) -> Bool:
        """bool[k]  Whether sensors are in the frame: of others nothing has changed in it."""
        at = np.minimum(np.searchsorted(self._sensors, sensors), len(self._sensors) - 1)
        return np.asarray(self._sensors[at] == sensors)

    def before(self, sensors: npt.NDArray[Any], moment: int) -> Known:
        """What was known of sensors of the frame before anything that came at `moment` or later [µs]."""
        self._merge()
        sensor, now, known = self._notes[0]
        rows = np.flatnonzero(np.isin(sensor, sensors) & (now < moment))
        # Of each the latest note: a stable order leaves those of one moment as they were made.
        rows = rows[np.lexsort((now[rows], sensor[rows]))]
        last = rows[np.searchsorted(sensor[rows], sensors, "right") - 1]
        return Known(
            known.last[last], known.gap_s[last], known.pace_s[last], known.missing[last], known.lit[last]
        )

    def _merge(self) -> None:
        if len(self._notes) == 1:
            return
        sensor, now, known = zip(*self._notes, strict=True)
        whole = Known(*(np.concatenate(parts) for parts in zip(*known, strict=True)))
        self._notes = [(np.concatenate(sensor), np.concatenate(now), whole)]
