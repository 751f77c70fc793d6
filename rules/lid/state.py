"""What is remembered of every lid sensor: a few rows of float32, one gather and one scatter a channel."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
T = TypeVar("T", bound=np.generic)

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


class Sink(IntEnum):
    """Columns of the displacement state.

    BASE : baseline [mm].  COUNT, SINCE : as for tilt.  A, B : the two changes before the latest [mm].
    LEVEL : median of the latest three [mm].  SLOW : half-day mean [mm].  RUN : as for tilt.
    DAY, SUM, N : the day that is being added up.  S0, S1, S2, Y0, Y1, Y2 : forgetting regression of the
    days' means on their day.  RATE, RATE_SE : slope and its standard error [mm/d].
    JITTER : usual step between neighbours [mm].
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

    LEVEL : latest [mm].  BASE : distance when dry [mm].  COUNT : readings.  RUN : as for tilt.
    """

    LEVEL = 0
    BASE = 1
    COUNT = 2
    RUN = 3
    RATE = 4


UNKNOWN: Final = {"phase": -1}
"""What a column holds of an unknown sensor where that is not 0."""

WATCH: Final = 7
"""Byte of `said` that keeps a sensor under watch, and remembers which switches it has sent."""
WATCHED: Final = np.uint8(1)
SENT: Final = {"open": np.uint8(2), "water_alarm": np.uint8(4)}
"""Bits of that byte."""
UNDER_WATCH: Final = np.array([0xFF] * WATCH + [int(WATCHED)], np.uint8).view(np.uint64)[0]
"""What of a whole row of `said` asks for a closer look."""

_WIDTH: Final = {"tilt": len(Tilt), "sink": len(Sink), "shock": len(Shock), "water": len(Water)}


def gather(table: npt.NDArray[T], rows: npt.NDArray[Any]) -> npt.NDArray[T]:
    """Copies of some rows, three times as fast as indexing by an array does it."""
    return table.take(rows, axis=0)


def scatter(table: Float32, rows: npt.NDArray[Any], values: Float32) -> None:
    """Write rows back, each as one piece of memory: twice as fast as by columns."""
    whole = np.dtype((np.void, table.itemsize * table.shape[1]))
    table.view(whole).ravel()[rows] = values.view(whole).ravel()


class LidState:
    """All state of n sensors.

    last : int64[n]  Event time of the latest reading [µs]; 0 = none.
    gap : float32[n]  Seconds between the latest two messages; 0 = unknown.
    events : float32[n]  Share of messages off schedule, over the latest dozen or so.
    phase : float32[n]  Where in its heartbeat the latest message on schedule came [s]; -1 = unknown.
    said : uint8[n, 8]  Latest level said of each hazard, and WATCH.
    tilt, sink, shock, water : float32[n, …]  Columns as the enums say.
    """

    def __init__(self, n: int) -> None:
        self.last = np.zeros(n, np.int64)
        self.gap = np.zeros(n, np.float32)
        self.events = np.zeros(n, np.float32)
        self.phase = np.full(n, -1, np.float32)
        self.said = np.zeros((n, 8), np.uint8)
        self.tilt = np.zeros((n, _WIDTH["tilt"]), np.float32)
        self.sink = np.zeros((n, _WIDTH["sink"]), np.float32)
        self.shock = np.zeros((n, _WIDTH["shock"]), np.float32)
        self.water = np.zeros((n, _WIDTH["water"]), np.float32)

    def __len__(self) -> int:
        return len(self.last)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All of it by name; views, not copies."""
        names = ("last", "gap", "events", "phase", "said", "tilt", "sink", "shock", "water")
        return {name: getattr(self, name) for name in names}

    def grow(self, n: int) -> None:
        """Make room for n sensors; the new ones are unknown."""
        for name, array in self.arrays().items():
            if n > len(array):
                more = np.full((n - len(array), *array.shape[1:]), UNKNOWN.get(name, 0), array.dtype)
                setattr(self, name, np.concatenate([array, more]))

    def forget(self, sensors: npt.NDArray[Any]) -> None:
        """Begin anew with these sensors; what was said of them stays until it is said otherwise."""
        for name, array in self.arrays().items():
            if name not in ("said", "last"):
                array[sensors] = UNKNOWN.get(name, 0)

    def bytes_per_sensor(self) -> int:
        """Size of it."""
        return sum(array.itemsize * int(np.prod(array.shape[1:])) for array in self.arrays().values())
