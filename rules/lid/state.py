"""What is remembered of every lid sensor: one row each, one gather and one scatter a round."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]

EPOCH_US: Final = 1_577_836_800_000_000
"""2020-01-01T00:00Z: hours since then keep 15 s of precision in float32 for a lifetime of sensors."""
HOUR_US: Final = 3_600_000_000


class Tilt(IntEnum):
    """Columns of the tilt state.

    BASE : baseline of `tilt_deg` [°].  X, Y, Z : baseline of the normal.  COUNT : readings in the baseline.
    SINCE : first reading [h].  CHANGE : latest change [°].  CREEP : what of it came slowly [°].
    RUN : consecutive readings at or over the lowest limit.  LAST : latest raw value [°].
    STILL : readings since it last moved.  MOVES : share of readings that moved.
    PASSING : when it last leaned and lay flat again at once [h]; 0 = never.
    PASSES : share of readings that a wheel on the lid was caught by.
    LAST_X, LAST_Y : latest inclinations of the axes [°].
    OFF : day's mean of the distance from CREEP [°].  ROUGH : mean distance from that: noise, sun, play [°].
    """

    BASE = 0
    X = 1
    Y = 2
    Z = 3
    COUNT = 4
    SINCE = 5
    CHANGE = 6
    CREEP = 7
    RUN = 8
    LAST = 9
    STILL = 10
    MOVES = 11
    PASSING = 12
    OFF = 13
    ROUGH = 14
    LAST_X = 15
    LAST_Y = 16
    PASSES = 17


class Sink(IntEnum):
    """Columns of the displacement state.

    BASE : baseline [mm].  COUNT, SINCE : as for tilt.  A, B : the two changes before the latest [mm].
    LEVEL : median of the latest three [mm].  SLOW : half-day mean [mm].  RUN : as for tilt.
    DAY, SUM, N : the day that is being added up.  S0, S1, S2, Y0, Y1, Y2 : forgetting regression of the
    days' means on their day.  RATE, RATE_SE : slope and its standard error [mm/d].
    JITTER : usual step between neighbours [mm].  SWING : mean distance from SLOW: sun, noise [mm].
    """

    BASE = 0
    COUNT = 1
    SINCE = 2
    A = 3
    B = 4
    LEVEL = 5
    SLOW = 6
    RUN = 7
    DAY = 8
    SUM = 9
    N = 10
    S0 = 11
    S1 = 12
    S2 = 13
    Y0 = 14
    Y1 = 15
    Y2 = 16
    RATE = 17
    RATE_SE = 18
    JITTER = 19
    SWING = 20


class Shock(IntEnum):
    """Columns of the rocking state, twice: vibration peaks, then tilt steps (`STEP` further on).

    START : of the window [h].  PEAK : greatest in it, as a logarithm.  COUNT, MEAN, M2 : reference windows.
    SCORE : CUSUM.
    HIT, HIT_TILT, HIT_MM : latest violent shock [h] and what tilt and displacement were before it.
    HIT_RUN : consecutive readings that have not come back from it.
    """

    START = 0
    PEAK = 1
    COUNT = 2
    MEAN = 3
    M2 = 4
    SCORE = 5
    STEP_PEAK = 6
    STEP_COUNT = 7
    STEP_MEAN = 8
    STEP_M2 = 9
    STEP_SCORE = 10
    HIT = 11
    HIT_TILT = 12
    HIT_MM = 13
    HIT_RUN = 14


class Water(IntEnum):
    """Columns of the water state.

    LEVEL, BEFORE : the latest two [mm].  COUNT : readings.  RUN : as for tilt.
    DRY : distance to the bottom of the well, or its usual water [mm].  DRY_COUNT, DRY_SINCE : as for tilt.
    """

    LEVEL = 0
    BEFORE = 1
    COUNT = 2
    RUN = 3
    DRY = 4
    DRY_COUNT = 5
    DRY_SINCE = 6


WATCH: Final = 7
"""Byte of `said` that keeps a sensor under watch, and remembers which switches it has sent."""
WATCHED: Final = np.uint8(1)
SENT: Final = {"open": np.uint8(2), "water_alarm": np.uint8(4)}
"""Bits of that byte."""
UNDER_WATCH: Final = np.array([0xFF] * WATCH + [int(WATCHED)], np.uint8).view(np.uint64)[0]
"""What of a whole row of `said` asks for a closer look."""

_SHAPE: Final[tuple[tuple[str, type[np.generic], int], ...]] = (
    ("last", np.int64, 1),
    ("beat", np.int64, 1),
    ("said", np.uint8, 8),
    ("gap", np.float32, 1),
    ("events", np.float32, 1),
    ("pace", np.float32, 1),
    ("wobble", np.float32, 1),
    ("tilt", np.float32, len(Tilt)),
    ("sink", np.float32, len(Sink)),
    ("shock", np.float32, len(Shock)),
    ("water", np.float32, len(Water)),
)
"""Parts of a row: name, type, columns."""


class LidState:
    """All state of n sensors, in one table whose row is one sensor.

    A round then costs one gather and one scatter, each of a few neighbouring cache lines a sensor: what is
    remembered of a million sensors lies in no cache. The parts are views of the table.

    last : int64[n]  Event time of the latest reading [µs]; 0 = none.
    gap : float32[n]  Seconds between the latest two messages; 0 = unknown.
    events : float32[n]  Share of messages off schedule, over the latest dozen or so.
    pace, wobble : float32[n]  Usual time between messages on schedule and its error [s]; 0 = unknown.
    beat : int64[n]  Event time of the latest message on schedule [µs]; 0 = none.
    said : uint8[n, 8]  Latest level said of each hazard, and WATCH.
    tilt, sink, shock, water : float32[n, …]  Columns as the enums say.
    """

    def __init__(self, n: int) -> None:
        self._hold(np.zeros((n, _ROW_BYTES), np.uint8))

    def __len__(self) -> int:
        return len(self._table)

    def _hold(self, table: npt.NDArray[np.uint8]) -> None:
        self._table = table
        parts = _parts(table)
        self.last: npt.NDArray[np.int64] = parts["last"]
        self.said: npt.NDArray[np.uint8] = parts["said"]
        self.gap: Float32 = parts["gap"]
        self.events: Float32 = parts["events"]
        self.pace: Float32 = parts["pace"]
        self.wobble: Float32 = parts["wobble"]
        self.beat: npt.NDArray[np.int64] = parts["beat"]
        self.tilt: Float32 = parts["tilt"]
        self.sink: Float32 = parts["sink"]
        self.shock: Float32 = parts["shock"]
        self.water: Float32 = parts["water"]

    def take(self, sensors: npt.NDArray[Any]) -> LidState:
        """Rows of some sensors, copied."""
        some = LidState.__new__(LidState)
        some._hold(self._table.take(sensors, axis=0))
        return some

    def put(self, sensors: npt.NDArray[Any], rows: LidState) -> None:
        """Write the rows of some sensors back, each as one piece of memory."""
        self._table.view(_ROW).ravel()[sensors] = rows._table.view(_ROW).ravel()

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All of it by name; views, not copies."""
        return {name: getattr(self, name) for name, _, _ in _SHAPE}

    def grow(self, n: int) -> None:
        """Make room for n sensors; the new ones are unknown."""
        if n > len(self):
            self._hold(np.concatenate([self._table, LidState(n - len(self))._table]))

    def forget(self, sensors: npt.NDArray[Any]) -> None:
        """Begin anew with these sensors; what was said of them stays until it is said otherwise."""
        for name, array in self.arrays().items():
            if name not in ("said", "last"):
                array[sensors] = 0

    @classmethod
    def of(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> LidState:
        """The state of which `arrays` was told. Raises ValueError when it does not fit."""
        lengths = {len(array) for array in arrays.values()}
        if len(lengths) != 1:
            raise ValueError("lid state has columns of different lengths")
        state = cls(lengths.pop())
        for name, own in state.arrays().items():
            given = arrays.get(name)
            if given is None or given.dtype != own.dtype or given.shape[1:] != own.shape[1:]:
                raise ValueError(f"lid state {name} does not fit")
            own[:] = given
        return state


def _parts(table: npt.NDArray[np.uint8]) -> dict[str, npt.NDArray[Any]]:
    parts: dict[str, npt.NDArray[Any]] = {}
    at = 0
    for name, kind, columns in _SHAPE:
        size = columns * np.dtype(kind).itemsize
        part = table[:, at : at + size].view(kind)
        parts[name] = part[:, 0] if columns == 1 else part
        at += size
    return parts


_ROW_BYTES: Final = -(-sum(columns * np.dtype(kind).itemsize for _, kind, columns in _SHAPE) // 8) * 8
"""Whole words, so that the next row's int64 is aligned."""
_ROW: Final = np.dtype((np.void, _ROW_BYTES))
