"""What is on its way for one sensor in one lane of the alarm machine, and how it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from rules.detector import FAR

Place = tuple[int, int]
"""(lane, sensor)."""


@dataclass(slots=True)
class Cell:
    """What is on its way for one sensor in one lane.

    settled : int  Level as announced.
    target : int  Level that holds now and is not yet announced; -1 = none.
    since : int  Event time since which it holds [µs].
    known : int  Server's time when the target was first heard of: ticks count the hold from here, so that
        a recovery which took just as long to arrive is still heard [µs].
    latest : int  Level of the latest verdict; below the target while a level falls by steps.
    value, limit, reason : of the verdict that gave the target.
    muted : int  Latest level said under a maintenance window; -1 = none.
    until : int  End of that window [µs].
    muted_known : int  Server's time when it was heard: of a late word the window may be over by then [µs].
    muted_value, muted_limit, muted_reason : of that verdict.
    word, repeat, beat : event time of the latest word under the window, time between it and the one before,
        0 = none, and usual time between the sensor's messages, 0 = not known [µs].
    sampled : int  1 = that word came when the sensor's schedule says.
    owed, owed_at : level that is doubted after a window, and when it holds if nothing is heard before; FAR =
        nothing is owed [µs].  Its value, limit and reason are the muted ones.
    unmuted : The cell as it would be without the window, from the first word under it to its end.
    """

    settled: int
    target: int = -1
    since: int = 0
    known: int = 0
    latest: int = 0
    value: float = float("nan")
    limit: float = float("nan")
    reason: int = 0
    muted: int = -1
    until: int = FAR
    muted_known: int = 0
    muted_value: float = float("nan")
    muted_limit: float = float("nan")
    muted_reason: int = 0
    word: int = 0
    repeat: int = 0
    beat: int = 0
    sampled: int = 0
    owed: int = 0
    owed_at: int = FAR
    unmuted: Cell | None = None


_WHOLE: Final = (
    *("settled", "target", "since", "known", "latest", "reason"),
    *("muted", "until", "muted_known", "muted_reason"),
    *("word", "repeat", "beat", "sampled", "owed", "owed_at"),
)
_BROKEN: Final = ("value", "limit", "muted_value", "muted_limit")


def unmuted(cell: Cell) -> Cell:
    """The cell as it goes on without a window."""
    return replace(cell, muted=-1, until=FAR, owed_at=FAR, unmuted=None)


def columns(key: str, prefix: str, cells: Mapping[Place, Cell]) -> dict[str, npt.NDArray[Any]]:
    """Cells as named arrays: their places under `key`, their fields under `prefix`."""
    rows = list(cells.values())
    return {
        key: np.array(list(cells), np.int64).reshape(-1, 2),
        **{prefix + name: np.array([getattr(c, name) for c in rows], np.int64) for name in _WHOLE},
        **{prefix + name: np.array([getattr(c, name) for c in rows], np.float64) for name in _BROKEN},
    }


def cells(key: str, prefix: str, state: Mapping[str, npt.NDArray[Any]]) -> dict[Place, Cell]:
    """The cells that `columns` gave. Raises KeyError or TypeError when they are none."""
    names = [name for name in state if name.startswith(prefix)]
    fields = [name.removeprefix(prefix) for name in names]
    rows = zip(*(state[name].tolist() for name in names), strict=True)
    return {
        (lane, sensor): Cell(**dict(zip(fields, row, strict=True)))
        for (lane, sensor), row in zip(state[key].tolist(), rows, strict=True)
    }


def window_ends(cell: Cell) -> int:
    """When the server may know that the cell's window is over [µs]; FAR = it has none."""
    return max(cell.until, cell.muted_known) if cell.muted >= 0 else FAR
