"""Silence within a frame: who hears every row keeps its own time there, as if the frame were cut for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from rules.detector import FAR, Detector, Foresees, Hears, Verdicts

Sensors = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]

SHORT_US: Final = 60_000_000
"""Within a frame that spans less nobody looks: a look at a million sensors takes most of a second, and what
it finds has its own time anyhow."""
AGAIN_US: Final = 60_000_000
"""While something is due that a look could not settle, the next is so much later."""
LEAST_ROWS: Final = 4096
ROWS_EACH: Final = 8
"""So many rows are looked through at a time, or so many of each sensor: what lies further on is looked
through again at every look, but a look at all sensors is not to be made for a few rows of each."""


class Listener(Detector, Hears, Foresees, Protocol):
    """What hears, and looks for silence."""


Heard = Callable[[Sequence[Verdicts], slice], None]
"""What hearing some rows says."""
Looked = Callable[[int], None]
"""Lets everything be said that is due by a moment [µs]."""


def listen(
    it: Listener,
    sensor: Sensors,
    now: Int64,
    gateway: Sensors,
    sensors: int,
    due_before: Callable[[], int],
    heard: Heard,
    look: Looked,
) -> None:
    """Let rows be heard in order, with a look whenever something is due before the next of them.

    now : int64[n]  The server's time at each row [µs], never falling.  sensors : Of the registry.
    due_before : () → when a hold of what it said ends [µs]; FAR = none.
    """
    n, row = len(now), 0
    if now[-1] - now[0] < SHORT_US:
        heard(it.hear(sensor, now, gateway), slice(0, n))
        return
    reached, looked, most = int(now[0]), -1, max(LEAST_ROWS, ROWS_EACH * sensors)
    while row < n:
        due = min(it.due(), due_before())
        if due <= reached:
            # Something to look at now. What is due unchanged after that waits for another word.
            due, looked = FAR if due == looked else reached, due
        if due <= now[row]:
            look(due)
            reached = due
            continue
        stop = min(row + most, n)
        limit = it.foresee(sensor[row:stop], now[row:stop], gateway[row:stop])
        due = min(it.due(), due_before())
        limit = min(limit, due if due > now[row] else int(now[row]) + AGAIN_US)
        stop = row + max(1, int(np.searchsorted(now[row:stop], limit)))
        rows = slice(row, stop)
        heard(it.hear(sensor[rows], now[rows], gateway[rows]), rows)
        row, reached, looked = stop, int(now[stop - 1]), -1
