"""Many readings of some sensors judged at once, as far as each says nothing new."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rules.detector import BUSY, FAR, NO_OPINION, ON_ITS_WAY, Verdicts
from rules.lid.ahead.guess import guess
from rules.lid.features import Features
from rules.lid.fuse_box import SECOND, Fuse, fuses_of
from rules.lid.judge import Judged, judge
from rules.lid.limits import Limits
from rules.lid.past import Known, known_of
from rules.lid.reading import read
from rules.lid.state import EPOCH_US, HOUR_US, LidState

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]


class Block(NamedTuple):
    """The next readings of k sensors, as `rules.detector.RunsAhead.run` takes them.

    heartbeat : float32[k]  By the registry [s].
    """

    sensor: npt.NDArray[np.int32]
    time: Int64
    now: Int64
    columns: Mapping[str, Float32]
    valid: Bool
    heartbeat: Float32
    held: npt.NDArray[np.int8]


class Taken(NamedTuple):
    """What became of them.

    done : int64[k]  How many were taken in, at least one of each.  last : LidState  After the last of those.
    verdicts : of those last ones that say something new.  fuses : that are lit now.
    past : sensor, the engine's time, and what is known, after each reading that was taken in.
    """

    done: Int64
    last: LidState
    verdicts: Sequence[Verdicts]
    fuses: Sequence[Fuse]
    past: tuple[npt.NDArray[np.int32], Int64, Known]


def take_in(block: Block, start: LidState, limits: Limits, fused: Bool) -> Taken:
    """Judge readings from guessed states, as far as the guesses are true and nothing new is said.

    start : LidState  k rows: before the first readings.  limits : of the k sensors.
    fused : bool[k]  Sensors whose first reading puts out a fuse.
    """
    n, k = block.time.shape
    hours = ((block.time - EPOCH_US) / HOUR_US).astype(np.float32)
    guessed = guess(start, block.time, hours, block.columns, block.heartbeat, limits)
    own = guessed.copy()
    sensor, time, now = np.tile(block.sensor, n), block.time.ravel(), block.now.ravel()
    columns = {name: column.ravel() for name, column in block.columns.items()}
    of_rows = limits.take(np.tile(np.arange(k), n))
    seen = read(own, time, columns, np.tile(block.heartbeat, n), of_rows)
    look = seen.look & block.valid.ravel()
    look[:k] |= fused
    at = np.flatnonzero(look)
    due = np.full(n * k, FAR, np.int64)
    news, again = np.zeros(n * k, bool), np.zeros(n * k, bool)
    features: Features | None = None
    judged: Judged | None = None
    if len(at):
        features = seen.features(own, sensor, time, columns, at)
        judged = judge(own, at, features, of_rows.take(at))
        news[at], again[at] = _news(judged, block.held[:, at % k])
        lit = np.isfinite(judged.fuses.wait_s)
        due[at[lit]] = time[at[lit]] + (judged.fuses.wait_s[lit] * SECOND).astype(np.int64)
    done = _several(block, guessed, own, look, news, due)
    if again.any():
        # What is on its way is to have the value of its last word.
        said_again = again.reshape(n, k) & (np.arange(n)[:, None] < done)
        done = np.where(said_again.any(axis=0), n - said_again[::-1].argmax(axis=0), done)
    last = (done - 1) * k + np.arange(k)
    taken = np.flatnonzero((np.arange(n)[:, None] < done).ravel())
    past = sensor[taken], now[taken], known_of(own, taken, due[taken] < FAR)
    if features is None or judged is None:
        return Taken(done, own.rows(last), (), (), past)
    is_last = np.zeros(n * k, bool)
    is_last[last] = True
    ends = is_last[at]
    verdicts = judged.verdicts(features, ends & (news | again)[at])
    fuses = fuses_of(features, judged.fuses, ends)
    return Taken(done, own.rows(last), verdicts, fuses, past)


def _news(judged: Judged, held: npt.NDArray[np.int8]) -> tuple[Bool, Bool]:
    """bool[k]  Rows that say something which is not held already; that say what is on its way again."""
    level = judged.levels()
    way = (held >= ON_ITS_WAY) & (held != BUSY)
    again = judged.told & way & (level == held - ON_ITS_WAY)
    differs = (level != held) & ((level != NO_OPINION) | (held == BUSY))
    return np.asarray((differs & judged.told & ~again).any(axis=0)), np.asarray(again.any(axis=0))


def _several(block: Block, guessed: LidState, own: LidState, look: Bool, news: Bool, due: Int64) -> Int64:
    """int64[k]  How many readings can be taken in: the first, and what follows on one that leaves behind what
    was guessed, says nothing new, and lights no fuse that the next would not put out in time."""
    n, k = block.time.shape
    if n == 1:
        return np.ones(k, np.int64)
    goes_on = block.valid[1:] & own.same(guessed, k).reshape(n - 1, k) & ~news.reshape(n, k)[:-1]
    if (due < FAR).any():
        due, later = due.reshape(n, k)[:-1], np.maximum(block.time, block.now)[1:]
        goes_on &= (due == FAR) | (look.reshape(n, k)[1:] & (due > later))
    return np.asarray(np.where(goes_on.all(axis=0), n, goes_on.argmin(axis=0) + 1))
