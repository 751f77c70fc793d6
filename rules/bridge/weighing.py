"""From a live-load peak to a weight, where trucks of known weight have crossed.

All calibrated gauges of a section are summed, Σ peak / Σ (µε per tonne), so that it matters little in which
lane a vehicle drives (the sum over girders of Moses' weigh in motion, 1979, with peaks for areas).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]


class Weighing:
    """Calibration of gauges, and the newest weight that was found at each.

    ue_per_t : float64[c]  Peak of one tonne [µε/t]; NaN = not calibrated.
    error : float64[c]  Share of a weight that it may be wrong by.
    passes : int64[c]  Crossings behind it. weight_t : float64[c]  [t]; NaN = none.
    """

    _STATE: Final = ("ue_per_t", "error", "passes", "weight_t", "weight_error_t")

    def __init__(self, n: int) -> None:
        self.ue_per_t, self.error = np.full(n, np.nan), np.full(n, np.nan)
        self.passes = np.zeros(n, np.int64)
        self.weight_t, self.weight_error_t = np.full(n, np.nan), np.full(n, np.nan)

    def calibrate(self, channel: int, ue_per_t: float, error: float, passes: int) -> None:
        """Take a gauge's calibration; nonsense (nothing per tonne) takes it away."""
        good = np.isfinite(ue_per_t) and ue_per_t > 0 and np.isfinite(error) and error >= 0
        self.ue_per_t[channel] = ue_per_t if good else np.nan
        self.error[channel] = error if good else np.nan
        self.passes[channel] = passes if good else 0

    def weigh(self, c: Int, near: npt.NDArray[np.int32], live: Float, heavy: npt.NDArray[np.bool_]) -> None:
        """Weights from the peaks of one block. near : int32[k]  Section. heavy : bool[k]  Kept for these."""
        if not heavy.any() or np.isnan(self.ue_per_t[c]).all():
            return
        known = np.isfinite(self.ue_per_t[c]) & np.isfinite(live)
        _, section = np.unique(near, return_inverse=True)
        peaks = np.bincount(section[known], live[known], section.max() + 1)
        units = np.bincount(section[known], self.ue_per_t[c[known]], section.max() + 1)
        errors = np.bincount(section[known], self.error[c[known]], section.max() + 1)
        n = np.bincount(section[known], minlength=section.max() + 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            weight, share = (peaks / units)[section], (errors / n)[section]
        self.weight_t[c[heavy]] = weight[heavy]
        self.weight_error_t[c[heavy]] = (weight * share)[heavy]

    def forget(self, c: Int) -> None:
        """The structure or the gauges have been changed: what a tonne makes is no longer known."""
        for array in (self.ue_per_t, self.error, self.weight_t, self.weight_error_t):
            array[c] = np.nan
        self.passes[c] = 0

    def snapshot(self) -> dict[str, npt.NDArray[Any]]:
        """All state as named arrays."""
        return {name: getattr(self, name) for name in self._STATE}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """The state that `snapshot` gave; channels may have been added since."""
        for name in self._STATE:
            getattr(self, name)[: len(state[name])] = state[name]
