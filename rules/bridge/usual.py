"""A gauge's own usual error of an estimate over minutes, and the limit that follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from rules.bridge.background import MINUTE, bank, reference_error

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

TEST_AGE, TEST_RISE = 12 * MINUTE + 1, 30
"""The ramp whose height in quiet times is the gauge's usual error."""
SCALE_BLOCKS: Final = 60 * MINUTE
SCALE_START_UE: Final = 3.0
SCALE_START_BLOCKS: Final = 10 * MINUTE


@dataclass(frozen=True, slots=True)
class FastLimits:
    """By channel, float64[c]: see `config.bridge_rules.FastDriftLimits`; times in blocks."""

    limit_ue: Float
    cap_ue: Float
    sigma: Float
    hold: Float
    smooth_hold: Float


class Usual:
    """State over all channels.

    scale : float64[c]  Usual error of a ramp's height [µε]. judged : int64[c]  Blocks that taught it.
    limit : float64[c]  Limit now [µε].
    """

    _STATE: Final = ("scale", "judged", "limit")

    def __init__(self, n: int) -> None:
        self.scale, self.judged = np.full(n, SCALE_START_UE), np.zeros(n, np.int64)
        self.limit = np.full(n, np.nan)

    def judge(
        self, c: Int, limits: FastLimits, height: Float, window: int, calm: npt.NDArray[np.bool_]
    ) -> Float:
        """float64[k]  Limit of channels now [µε]; where nothing moves the block teaches what is usual.

        height : float64[k, m]  Of all ramps of the window's bank [µε]. calm : bool[k].
        """
        wider = reference_error(window)
        limit: Float = np.clip(
            limits.sigma[c] * self.scale[c] * wider,
            limits.limit_ue[c],
            np.maximum(limits.cap_ue[c] * wider, limits.limit_ue[c]),
        )
        self.limit[c] = limit
        quiet = c[calm]
        rate = 1.0 / np.minimum(self.judged[quiet] + SCALE_START_BLOCKS, SCALE_BLOCKS)
        tested = np.abs(height[calm, _test_ramp(window)])
        usual = np.minimum(1.25 * tested / wider, 3 * self.scale[quiet] + 1.0)
        self.scale[quiet] += rate * (usual - self.scale[quiet])
        self.judged[quiet] += 1
        return limit

    def snapshot(self) -> dict[str, npt.NDArray[Any]]:
        """All state as named arrays."""
        return {name: getattr(self, name) for name in self._STATE}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """The state that `snapshot` gave; channels may have been added since."""
        for name in self._STATE:
            getattr(self, name)[: len(state[name])] = state[name]


@cache
def _test_ramp(window: int) -> int:
    """Row of the ramp whose height in quiet times tells the usual error."""
    ramps = bank(window)
    wanted = np.abs(ramps.age - TEST_AGE) + np.abs(ramps.rise - TEST_RISE)
    return int(np.argmin(wanted))
