"""How many of a fast sensor's samples arrive."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from rules.bridge.cells import LEAST_SAMPLES

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

COVERAGE_BLOCKS: Final = 30
NEVER: Final = -(1 << 60)


class Coverage:
    """State over all channels.

    share : float64[c]  Of the samples that are usual, in the latest 30 blocks.
    usual_n : float64[c]  Samples that are usual in a block. last_block : int64[c]
    """

    def __init__(self, n: int) -> None:
        self.share, self.usual_n = np.ones(n), np.zeros(n)
        self.last_block = np.full(n, NEVER, np.int64)

    def step(self, c: Int, block: int, n: Float, least: Float) -> Bool:
        """Take a block's samples; bool[k] where fewer than the share `least` of them arrive."""
        fast = n >= LEAST_SAMPLES
        if not fast.any() and not self.usual_n[c].any():  # slow loggers have nothing to miss in a block
            self.share[c], self.last_block[c] = 1.0, block
            return np.zeros(len(c), bool)
        ahead = np.clip(block - self.last_block[c], 1, None)
        self.usual_n[c] = np.where(fast, np.maximum(n, 0.999 * self.usual_n[c]), self.usual_n[c])
        followed = (ahead <= COVERAGE_BLOCKS) & (self.usual_n[c] > 0)
        share = np.where(followed, np.minimum(1.0, n / np.maximum(self.usual_n[c], 1.0)), 1.0)
        decay = (1 - 1 / COVERAGE_BLOCKS) ** np.where(followed, ahead, 0)
        covered = self.share[c] * decay + share / COVERAGE_BLOCKS * followed
        self.share[c] = np.where(followed, np.minimum(covered, 1.0), 1.0)
        self.last_block[c] = block
        return np.asarray(followed & (self.share[c] < least) & (self.usual_n[c] >= 2 * LEAST_SAMPLES))

    def snapshot(self) -> dict[str, npt.NDArray[Any]]:
        """All state as named arrays."""
        return {"coverage": self.share, "usual_n": self.usual_n, "last_block": self.last_block}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """The state that `snapshot` gave; channels may have been added since."""
        for name, mine in self.snapshot().items():
            mine[: len(state[name])] = state[name]
