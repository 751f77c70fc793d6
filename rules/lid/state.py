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
    RUN : consecutive readings at or over the lowest limit; where wheels are caught, one that says the same
    as the one before counts for more.  LAST : latest raw value [°].
    STILL : readings since it last moved.  MOVES : share of readings that moved.
    PASSING : when it last leaned and lay flat again at once [h]; 0 = never.
    PASSES : share of readings that a wheel on the lid was caught by.
    LAST_X, LAST_Y : latest inclinations of the axes [°].
    STEP_X, STEP_Y : latest movement that was any, by the axes or, in STEP_X alone, by the inclination [°].
    GRAIN : least movement seen that was any: noise, or the step of a coarse scale [°]; 0 = none yet.
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
    STEP_X = 18
    STEP_Y = 19
    GRAIN = 20


class Sink(IntEnum):
    """Columns of the displacement state.

    BASE : baseline [mm].  COUNT, SINCE : as for tilt.  A, B : the two changes before the latest [mm].
    LEVEL : median of the latest three [mm].  SLOW : half-day mean [mm].  RUN : as for tilt.
    DAY, SUM, N : the day that is being added up.  MEAN, MEAN_DAY : mean of the latest whole day [mm], and its
    day; 0 = none.  PASSED_1 to PASSED_5 : day on which `forecast.DEPTHS_MM` were passed; 0 = they were not.
    GRAIN : least step seen that was any, the scale's mostly [mm]; 0 = none yet.
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
    MEAN = 11
    MEAN_DAY = 12
    PASSED_1 = 13
    PASSED_2 = 14
    PASSED_3 = 15
    PASSED_4 = 16
    PASSED_5 = 17
    GRAIN = 18
    JITTER = 19
    SWING = 20


class Shock(IntEnum):
    """Columns of the rocking state, twice: vibration peaks, then tilt steps (`STEP` further on).

    START : of the window [h].  PEAK : greatest shock in it [g].  STEP_SUM, STEP_N : sum and number of its
    steps [°].  COUNT, MEAN, M2 : reference windows, of logarithms.  SCORE : CUSUM.
    HIT, HIT_TILT, HIT_MM : latest violent shock [h] and what tilt and displacement were before it.
    HIT_RUN : consecutive readings that have not come back from it.
    """

    START = 0
    PEAK = 1
    COUNT = 2
    MEAN = 3
    M2 = 4
    SCORE = 5
    STEP_SUM = 6
    STEP_COUNT = 7
    STEP_MEAN = 8
    STEP_M2 = 9
    STEP_SCORE = 10
    HIT = 11
    HIT_TILT = 12
    HIT_MM = 13
    HIT_RUN = 14
    STEP_N = 15


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
SEATED: Final = np.uint8(8)
"""Somebody has said that the lid lies well where it lies, whatever the baseline of its height is."""
OPEN_RUN: Final = np.uint8(4)
CAUGHT: Final = np.uint8(6)
"""Bits of that byte. From these on, two bits each: readings running whose contact was open; momentary
openings of a contact on a lid that lay flat, of which one is forgotten a week. Three = three or more."""
UNDER_WATCH: Final = np.array([0xFF] * WATCH + [int(WATCHED)], np.uint8).view(np.uint64)[0]
"""What of a whole row of `said` asks for a closer look."""

_WORDS: Final[tuple[tuple[str, type[np.generic], int], ...]] = (
    ("last", np.int64, 1),
    ("beat", np.int64, 1),
    ("said", np.uint8, 8),
)
_NUMBERS: Final[tuple[tuple[str, int], ...]] = (
    ("gap", 1),
    ("events", 1),
    ("pace", 1),
    ("wobble", 1),
    ("tilt", len(Tilt)),
    ("sink", len(Sink)),
    ("shock", len(Shock)),
    ("water", len(Water)),
)
"""Parts of a row: first of eight bytes each, then of float32: name, (type,) columns."""
_NAMES: Final = (*(name for name, _, _ in _WORDS), *(name for name, _ in _NUMBERS))
_WORDS_BYTES: Final = 8 * len(_WORDS)
_ROW_BYTES: Final = _WORDS_BYTES + -(-4 * sum(columns for _, columns in _NUMBERS) // 8) * 8
"""Whole words, so that the next row's int64 is aligned."""
_ROW: Final = np.dtype((np.void, _ROW_BYTES))


class LidState:
    """All state of n sensors, in one table whose row is one sensor.

    A round then costs one gather and one scatter, each of a few neighbouring cache lines a sensor: what is
    remembered of a million sensors lies in no cache. The parts are views of the table. Where the same sensors
    are asked for again and again, their rows are taken out for that long and lie column by column.

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
        return len(self.last)

    def _hold(self, table: npt.NDArray[np.uint8]) -> None:
        self._table = table
        self._out: LidState | None = None
        self._out_of = np.empty(0, np.int32)
        self._out_row = np.empty(0, np.int32)
        self._show(table[:, :_WORDS_BYTES].view(np.int64), table[:, _WORDS_BYTES:].view(np.float32))

    def _show(self, words: npt.NDArray[np.int64], numbers: Float32) -> None:
        """Name the columns of int64[n, 3] and float32[n, …]."""
        self._words, self._numbers = words, numbers
        self.last, self.beat = words[:, 0], words[:, 1]
        self.said: npt.NDArray[np.uint8] = words[:, 2:].view(np.uint8)
        self.gap, self.events, self.pace, self.wobble = (numbers[:, column] for column in range(4))
        at = 4
        self.tilt: Float32 = numbers[:, at : (at := at + len(Tilt))]
        self.sink: Float32 = numbers[:, at : (at := at + len(Sink))]
        self.shock: Float32 = numbers[:, at : (at := at + len(Shock))]
        self.water: Float32 = numbers[:, at : (at := at + len(Water))]

    def watched(self) -> npt.NDArray[np.bool_]:
        """bool[n]  Sensors of which anything is said, or that are under watch."""
        return np.asarray((self.said.view(np.uint64)[:, 0] & UNDER_WATCH) != 0)

    # --- rows -----------------------------------------------------------------------------------

    def take(self, sensors: npt.NDArray[Any]) -> LidState:
        """Rows of some sensors, copied."""
        some = LidState.__new__(LidState)
        if self._out is None:
            some._hold(self._table.take(sensors, axis=0))
            return some
        rows = self._rows(sensors)
        words, numbers = self._out._words, self._out._numbers
        if isinstance(rows, slice):
            some._show(words[rows].copy("F"), numbers[rows].copy("F"))
        else:
            some._show(words.T.take(rows, axis=1).T, numbers.T.take(rows, axis=1).T)
        return some

    def put(self, sensors: npt.NDArray[Any], rows: LidState) -> None:
        """Write the rows of some sensors back, as `take` gave them."""
        if self._out is None:
            self._table.view(_ROW).ravel()[sensors] = rows._table.view(_ROW).ravel()
        elif len(rows) == len(self._out) and isinstance(self._rows(sensors), slice):
            self._out = rows
        else:
            at = self._rows(sensors)
            self._out._words[at], self._out._numbers[at] = rows._words, rows._numbers

    def repeat(self, times: int) -> LidState:
        """All rows, and all again, so many times; column by column."""
        some = LidState.__new__(LidState)
        k = len(self)
        words = np.empty((self._words.shape[1], times, k), np.int64)
        numbers = np.empty((self._numbers.shape[1], times, k), np.float32)
        words[:], numbers[:] = self._words.T[:, None], self._numbers.T[:, None]
        some._show(words.reshape(len(words), -1).T, numbers.reshape(len(numbers), -1).T)
        return some

    def copy(self) -> LidState:
        """The same, column by column."""
        some = LidState.__new__(LidState)
        some._show(self._words.copy("F"), self._numbers.copy("F"))
        return some

    def rows(self, at: npt.NDArray[Any]) -> LidState:
        """Some rows of what lies column by column, copied."""
        some = LidState.__new__(LidState)
        some._show(self._words.T.take(at, axis=1).T, self._numbers.T.take(at, axis=1).T)
        return some

    def same(self, other: LidState, later: int) -> npt.NDArray[np.bool_]:
        """bool[n − later]  Rows that are, bit by bit, those of `other` so many rows later."""
        words = self._words.T[:, :-later] == other._words.T[:, later:]
        numbers = self._numbers.T.view(np.int32)[:, :-later] == other._numbers.T.view(np.int32)[:, later:]
        same: npt.NDArray[np.bool_] = words.all(axis=0) & numbers.all(axis=0)
        return same

    def take_out(self, sensors: npt.NDArray[np.int32]) -> None:
        """Keep the rows of these sensors at hand until `put_back`; until then no others are asked for."""
        rows = self._table.take(sensors, axis=0)
        out = LidState.__new__(LidState)
        out._show(
            np.asfortranarray(rows[:, :_WORDS_BYTES].view(np.int64)),
            np.asfortranarray(rows[:, _WORDS_BYTES:].view(np.float32)),
        )
        if len(self._out_row) != len(self):
            self._out_row = np.full(len(self), -1, np.int32)
        self._out_row[sensors] = np.arange(len(sensors), dtype=np.int32)
        self._out, self._out_of = out, sensors

    def put_back(self) -> None:
        """Write back what was taken out."""
        if self._out is None:
            return
        whole = np.empty((len(self._out), _ROW_BYTES), np.uint8)
        whole[:, :_WORDS_BYTES].view(np.int64)[:] = self._out._words
        whole[:, _WORDS_BYTES:].view(np.float32)[:] = self._out._numbers
        self._out = None
        self._out_row[self._out_of] = -1
        self._table.view(_ROW).ravel()[self._out_of] = whole.view(_ROW).ravel()

    def find(self, sensor: int) -> tuple[LidState, int]:
        """State and row where the parts of a sensor are to be read and written now."""
        if self._out is None or self._out_row[sensor] < 0:
            return self, sensor
        return self._out, int(self._out_row[sensor])

    def _rows(self, sensors: npt.NDArray[Any]) -> slice | npt.NDArray[np.int32]:
        """Rows of what was taken out; a slice where they are neighbours."""
        rows = self._out_row.take(sensors)
        first, n = int(rows[0]), len(rows)
        if int(rows[-1]) - first == n - 1 and (rows == np.arange(first, first + n, dtype=np.int32)).all():
            return slice(first, first + n)
        return rows

    # --- the whole -------------------------------------------------------------------------------

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All of it by name; views, not copies."""
        return {name: getattr(self, name) for name in _NAMES}

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
        if (state.sink[:, Sink.MEAN_DAY] < 0).any():
            # Until its passages were kept, the sums of a regression stood there.
            raise ValueError("lid state sink is of an older release")
        return state
