"""Few sensors, many readings each: detectors that can take in many quiet ones at once run ahead of rounds.

Sensors do not concern one another within a detector of this kind, so each goes as far as it is quiet; the
reading at which it stops is judged in the ordinary way, together with those of the others that stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from rules.detector import Round, SkipsQuiet
from rules.rounds import Rounds

LEAST_ROUNDS: Final = 8
"""In a frame of fewer readings a sensor it is no gain."""
LEAST_AHEAD: Final = 4
FEW: Final = 3
"""A sensor that went no further than this waits before it is asked again, longer each time."""
LONGEST_WAIT: Final = 64
SLOW_SHARE: Final = 0.5
"""Of all rounds that are left: those that somebody needs who cannot run ahead."""


def run_ahead(
    it: SkipsQuiet,
    order: Rounds,
    frame: Round,
    calm: Callable[[], npt.NDArray[np.bool_]],
    failed: Callable[[Exception], None],
) -> Iterator[npt.NDArray[np.int64]]:
    """Places of a frame in round order that are to be observed, at most one a sensor at a time, in turn.

    All others have been taken in as quiet between them. An exception of `skip_quiet` costs the frame only
    speed: it has taken in nothing, and what remains is observed.

    failed : is told of such an exception.
    calm : the sensors of the first round → of which nothing is told and nothing on its way, as of now.
    """
    k = int(order.sizes[0])
    count = len(order.sizes) - np.searchsorted(order.sizes[::-1], np.arange(k), side="right")
    begins = np.cumsum(order.sizes) - order.sizes
    reached = np.zeros(k, np.int64)
    wait, penalty = np.zeros(k, np.int64), np.ones(k, np.int64)
    most = max(LEAST_AHEAD, it.ahead_readings // k)
    ahead, can = most, True
    wanted = it.ahead_columns
    read = {name: column for name, column in frame.columns.items() if wanted is None or name in wanted}
    while (left := np.asarray(reached < count)).any():
        rest = count - reached
        ask = left & (wait <= 0) & calm() if can else np.zeros(k, bool)
        slow = left & ~ask
        if slow.any() and rest[slow].max() >= SLOW_SHARE * rest.max():
            # Rounds there will be all the same, of whoever is slow: the others cost little more in them.
            ask &= penalty > 1
        ready = np.flatnonzero(ask)
        wait -= 1
        stopped = left
        if len(ready):
            r = min(ahead, max(LEAST_AHEAD, it.ahead_readings // len(ready)), int(count.max()))
            ranks = reached[ready] + np.arange(r)[:, None]
            valid = ranks < count[ready]
            at = begins[np.minimum(ranks, count[ready] - 1)] + ready
            columns = {name: column[at] for name, column in read.items()}
            try:
                done = it.skip_quiet(frame.sensor[ready], frame.time[at], columns, valid)
            except Exception as error:
                failed(error)
                can, done = False, np.zeros(len(ready), np.int64)
            reached[ready] += done
            whole = done >= valid.sum(axis=0)
            # Twice as far as was got this time: what lies beyond is judged again.
            ahead = max(LEAST_AHEAD, int(2 * done.mean()))
            few = ready[(done <= FEW) & ~whole]
            penalty[ready[done > FEW]] = 1
            penalty[few] = np.minimum(2 * penalty[few], LONGEST_WAIT)
            wait[few] = penalty[few]
            stopped = left.copy()
            stopped[ready[whole]] = False
            stopped &= reached < count
        places = np.flatnonzero(stopped)
        if len(places):
            yield begins[reached[places]] + places
            reached[places] += 1
