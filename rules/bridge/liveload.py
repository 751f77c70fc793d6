"""What passing vehicles do to a bridge's gauges at one instant: the patterns that standing ones may have.

A vehicle that passes within a block is there for seconds; the second medians of all gauges at one instant,
less those before and after it, are its influence on them from where it then was. Only the direction in the
space of the gauges counts, not the weight. Directions that are new are kept, the oldest are overwritten.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

KEPT: Final = 48
"""Patterns that are remembered of a bridge."""
LEAST_UE: Final = 3.0
"""Least height of a vehicle that shows a pattern, over all gauges together [µε] …"""
SIGMA: Final = 6.0
"""… and so many times the noise of a second."""
SHARE: Final = 0.3
"""Instants of a passing that show less than this share of its greatest are not kept."""
RETURNS: Final = 0.2
"""Share of a passing that may be left at the end of its block."""
ALIKE: Final = 0.985
"""Cosine from which two patterns are the same."""
CHANGES: Final = 0.9
"""Cosine below which two patterns of one passing show that gauges see where a vehicle is."""
EDGE: Final = 3
"""Seconds at either end of a block that a passing vehicle leaves free."""
MOST_GAUGES: Final = 64


class LiveLoads:
    """State over all channels; those of one bridge share the columns of `pattern`.

    pattern : float32[c, KEPT]  Part of each gauge in unit vectors over the bridge's gauges; NaN = none.
    passings : int64[c]  Vehicles whose pattern changed on their way.
    row : int64[c]  Column that is written next.
    """

    _STATE: Final = ("pattern", "passings", "row")

    def __init__(self, n: int, asset: npt.NDArray[np.int32]) -> None:
        self._asset = asset
        self.pattern = np.full((n, KEPT), np.nan, np.float32)
        self.passings, self.row = np.zeros(n, np.int64), np.zeros(n, np.int64)

    def step(self, c: Int, seconds: npt.NDArray[np.float32]) -> None:
        """Take a block: `seconds` float32[k, m] of strain [µε], NaN where not measured."""
        fast = c[np.isfinite(seconds).mean(axis=1) > 0.9]
        if len(fast) < 2:
            return
        seconds = seconds[np.isin(c, fast)]
        assets = self._asset[fast]
        for asset in np.unique(assets).tolist():
            own = np.flatnonzero(assets == asset)[:MOST_GAUGES]
            if len(own) > 1:
                self._passing(fast[own], seconds[own])

    def patterns(self, c: Int) -> Float:
        """float64[m, k]  Unit vectors over these gauges of one bridge, of passings that all of them saw."""
        found = self.pattern[c].T.astype(np.float64)
        found = found[np.isfinite(found).all(axis=1)]
        length = np.linalg.norm(found, axis=1)
        vectors: Float = found[length > 0.2] / length[length > 0.2, None]
        return vectors

    def forget(self, c: Int) -> None:
        """Begin anew with these channels."""
        self.pattern[c] = np.nan
        self.passings[c] = 0

    def snapshot(self) -> dict[str, npt.NDArray[Any]]:
        """All state as named arrays."""
        return {f"live_{name}": getattr(self, name) for name in self._STATE}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """The state that `snapshot` gave; channels may have been added since."""
        for name in self._STATE:
            kept = state[f"live_{name}"]
            getattr(self, name)[: len(kept)] = kept

    def _passing(self, c: Int, y: npt.NDArray[np.float32]) -> None:
        """Keep the patterns of a vehicle that passed within the block."""
        whole = np.isfinite(y).all(axis=0)
        y = y[:, whole]
        ends = [np.median(part, axis=1) for part in (y[:, :EDGE], y[:, -EDGE:])]
        line = np.linspace(ends[0], ends[1], y.shape[1], axis=1)
        away = y - line
        noise = np.median(np.abs(np.diff(y, axis=1)), axis=1) / 0.6745 / np.sqrt(2)
        size = np.linalg.norm(away, axis=0)
        top = float(size.max())
        if top < max(LEAST_UE, SIGMA * float(np.linalg.norm(noise))):
            return
        if np.linalg.norm(ends[1] - ends[0]) > RETURNS * top:
            return
        clear = size >= max(SHARE * top, LEAST_UE, SIGMA * float(np.linalg.norm(noise)))
        vectors = (away[:, clear] / size[clear]).T
        self.passings[c] += bool((vectors @ vectors.T).min() < CHANGES)
        for vector in vectors:
            known = self.pattern[c].T
            known = known[np.isfinite(known).all(axis=1)]
            if len(known) and float((known @ vector).max()) > ALIKE:
                continue
            self.pattern[c, self.row[c] % KEPT] = vector
            self.row[c] = self.row[c].max() + 1
