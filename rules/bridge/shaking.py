"""Root mean square of a girder's acceleration over 10 min (JT/T 1037-2022 table 9)."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from rules.bridge.cells import BLOCK_US
from rules.bridge.levels import NEVER
from rules.bridge.movement_channels import MovementRules

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

TEN_MIN_BLOCKS: Final = 600_000_000 // BLOCK_US
LEAST_SAMPLES: Final = 20
"""Samples in a block of 20 s that make a waveform; fewer are peaks, of which no mean square is taken."""
LEAST_BLOCKS: Final = TEN_MIN_BLOCKS // 2
REMEMBERED: Final = 2 * TEN_MIN_BLOCKS + 1
CALM, LONG, STRONG, GROWING = range(4)


class Shaking:
    """Sums of squares of the newest 10 min, and root mean squares of the newest 20.

    squares, counts : float64[c, 30]  By block, a ring; block : int64[c, 30]  which block is in it.
    rms : float64[c, 61]  By block, a ring [cm/s²]; rms_block : int64[c, 61].
    since : int64[c]  Event time since which the mean square lies above level 1 [µs]; NEVER = it does not.
    """

    def __init__(self, n: int) -> None:
        self.state: dict[str, npt.NDArray[Any]] = {
            "squares": np.zeros((n, TEN_MIN_BLOCKS)),
            "counts": np.zeros((n, TEN_MIN_BLOCKS)),
            "block": np.full((n, TEN_MIN_BLOCKS), NEVER, np.int64),
            "rms": np.full((n, REMEMBERED), np.nan),
            "rms_block": np.full((n, REMEMBERED), NEVER, np.int64),
            "since": np.full(n, NEVER, np.int64),
            "seen": np.full(n, NEVER, np.int64),
        }

    def step(
        self, rules: MovementRules, block: int, c: Int, time: Int, squares: Float, counts: Float, whole: Any
    ) -> tuple[Int, Int, Float]:
        """Take sums of one block; return (level, found, rms in cm/s²).

        squares : float64[k]  Sum of squares [(cm/s²)²] of `counts` values. whole : bool[k]  They are mean
        squares of the device's own that leave no gap; else 10 min must be half full.
        """
        state = self.state
        slot = block % TEN_MIN_BLOCKS
        state["squares"][c, slot], state["counts"][c, slot] = squares, counts
        state["block"][c, slot] = block
        fresh = state["block"][c] > block - TEN_MIN_BLOCKS
        total = np.where(fresh, state["squares"][c], 0.0).sum(axis=1)
        n = np.where(fresh, state["counts"][c], 0.0).sum(axis=1)
        enough = whole | (fresh.sum(axis=1) >= LEAST_BLOCKS)
        rms = np.where(enough, np.sqrt(total / np.maximum(n, 1)), np.nan)
        state["rms"][c, block % REMEMBERED] = rms
        state["rms_block"][c, block % REMEMBERED] = block
        with np.errstate(invalid="ignore"):
            over = rms > rules.shaking_1[c]
            strong = rms > rules.shaking_2[c]
        broken = time - state["seen"][c] > 2 * TEN_MIN_BLOCKS * BLOCK_US
        state["seen"][c] = time
        kept = np.where(broken, NEVER, state["since"][c])
        since = np.where(over, np.where(kept == NEVER, time, kept), NEVER)
        state["since"][c] = since
        long = over & (time - since > rules.shaking_1_us[c])
        growing = strong & self._grows(rules, block, c, rms)
        found = np.where(growing, GROWING, np.where(strong, STRONG, np.where(long, LONG, CALM)))
        return found.copy(), found, rms

    def _grows(self, rules: MovementRules, block: int, c: Int, rms: Float) -> npt.NDArray[np.bool_]:
        ten, twenty = (self._at(c, block - back * TEN_MIN_BLOCKS) for back in (1, 2))
        with np.errstate(invalid="ignore"):
            grows: npt.NDArray[np.bool_] = (rms >= rules.growing[c] * ten) & (
                ten >= rules.growing[c] * twenty
            )
        return grows

    def _at(self, c: Int, block: int) -> Float:
        slot = block % REMEMBERED
        return np.where(self.state["rms_block"][c, slot] == block, self.state["rms"][c, slot], np.nan)
