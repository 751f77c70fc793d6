"""The attitude that a tilt is measured from: the mean of its first day, or of the day after works."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from rules.bridge.levels import NEVER

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]


class Attitude:
    """State over all channels, of which only tilts are asked for.

    reference : float64[c, 2]  About x and y [°]; NaN while it is learned.
    learned : float64[c, 3]  Sums of x, of y, and n. learns_since : int64[c]  Event time [µs].
    """

    def __init__(self, n: int) -> None:
        self.state: dict[str, npt.NDArray[Any]] = {
            "reference": np.full((n, 2), np.nan),
            "learned": np.zeros((n, 3)),
            "learns_since": np.full(n, NEVER, np.int64),
        }

    def ripen(self, tilts: Int, at: Int, reference_us: Float) -> None:
        """Take what was learned for the reference, where it was learned for `reference_us`."""
        state = self.state
        since = state["learns_since"][tilts]
        state["learns_since"][tilts] = since = np.where(since == NEVER, at, since)
        ripe = (state["learned"][tilts, 2] >= 3) & (at - since >= reference_us)
        fresh = tilts[ripe & np.isnan(state["reference"][tilts, 0])]
        state["reference"][fresh] = state["learned"][fresh, :2] / state["learned"][fresh, 2:]

    def turned(self, channel: Int, x: Float, side: Float, learns: Bool) -> Float:
        """float64[k]  Angle of readings to the reference [°], NaN while it is learned.

        x, side : About both axes [°]. learns : bool[k]  Readings of which a reference may be learned.
        """
        learning = learns & np.isnan(self.state["reference"][channel, 0])
        for column, values in ((0, x), (1, side), (2, np.ones(len(x)))):
            np.add.at(self.state["learned"], (channel[learning], column), values[learning])
        off = self.state["reference"][channel]
        return np.asarray(np.hypot(x - off[:, 0], side - off[:, 1]))

    def forget(self, c: Int) -> None:
        """Learn anew."""
        self.state["reference"][c], self.state["learned"][c] = np.nan, 0.0
        self.state["learns_since"][c] = NEVER
