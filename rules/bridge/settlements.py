"""What of a gauge's movements is there now, what is told of it, and when it is over.

A movement is first pending, then settled; what settled is one sum, which the next adds to or takes from. A
support moves all gauges of a bridge: when the gauge that had moved most is back where it was, so
are those whose small steps could not all be seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from rules.bridge.background import MINUTE

Float = npt.NDArray[np.float64]

GONE: Final = 0.6
"""Share of the limit below which nothing is left of a movement."""
REST: Final = 0.2
"""… or share of what a movement was."""
TOGETHER: Final = 5 * MINUTE
"""Gauges whose movements began within this moved together [blocks]."""


class Settlements:
    """State over all channels.

    settled, pending : float64[c]  Sum of what is over, and what is found and still followed [µε].
    firing : bool[c]  A shift was found and has not gone away.
    moves : int16[c]  Times that it moved further since it fired.
    rise_s : float64[c]  How long the movement took, as far as it was seen [s].
    passed : float64[c]  Limit that was passed by what is told [µε].
    onset : int64[c]  Block in which the pending movement began; -1 = none.
    home : int64[c]  Block in which its bridge last began to go back to where it was; -1 = never.
    """

    _STATE: Final = ("settled", "pending", "firing", "moves", "rise_s", "passed", "onset", "home")

    def __init__(self, n: int, asset: npt.NDArray[np.int32]) -> None:
        """asset : int32[n]  Of each gauge."""
        self._asset = asset
        self.settled, self.pending = np.zeros(n), np.zeros(n)
        self.firing, self.moves = np.zeros(n, bool), np.zeros(n, np.int16)
        self.rise_s, self.passed = np.zeros(n), np.full(n, np.nan)
        self.onset, self.home = np.full(n, -1, np.int64), np.full(n, -1, np.int64)

    def further(self, channel: int, shift: float) -> None:
        """Count a movement that goes further than what fires."""
        self.moves[channel] += bool(self.firing[channel]) and self.settled[channel] * shift > 0

    def begin(
        self, channel: int, shift: float, onset: int, rise_s: float, limit: float, least: float
    ) -> None:
        """A movement was found, to the side of what settled, or back from it.

        shift : float  [µε]. onset : block in which it began.
        limit, least : float  Of a single movement of this gauge now, and of a quiet one [µε].
        """
        self.pending[channel], self.passed[channel] = shift, limit
        self.onset[channel], self.rise_s[channel] = onset, rise_s
        was = float(self.settled[channel])
        self.firing[channel] = not _gone(was + shift, was, limit, least)
        if was and not self.firing[channel]:
            self._goes_home(channel)

    def settle(self, channel: int, shift: float, limit: float, least: float) -> None:
        """A movement is over; what is left of all of them is told while it is more than nothing.

        limit, least : as of `begin`.
        """
        self.pending[channel], self.onset[channel] = 0.0, -1
        before = float(self.settled[channel])
        went_back = before * shift < 0 and not self.firing[channel]
        self.settled[channel] += shift
        if went_back or _gone(float(self.settled[channel]), before, limit, least):
            self.settled[channel], self.moves[channel] = 0.0, 0
            self.firing[channel] = False
        else:
            self.firing[channel] = True

    def all_home(self) -> None:
        """What moves while its bridge goes back goes back, too, whatever of its way there was seen."""
        apart = np.abs(self.onset - self.home)
        for channel in np.flatnonzero((self.pending != 0) & (self.home >= 0) & (apart <= TOGETHER)).tolist():
            self.settled[channel] = -self.pending[channel]
            self.firing[channel] = False
            self.moves[channel] = 0

    def went_home(self, channel: int, block: int) -> bool:
        """Whether the bridge of a gauge went back about this block."""
        return bool(self.home[channel] >= 0 and abs(block - int(self.home[channel])) <= TOGETHER)

    def forget(self, c: npt.NDArray[np.int64]) -> None:
        """Begin anew with these channels."""
        self.firing[c] = False
        for array in (self.settled, self.pending, self.rise_s, self.moves):
            array[c] = 0
        self.onset[c] = self.home[c] = -1

    def snapshot(self) -> dict[str, npt.NDArray[Any]]:
        """All state as named arrays."""
        return {name: getattr(self, name) for name in self._STATE}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """The state that `snapshot` gave; channels may have been added since."""
        for name in self._STATE:
            # A snapshot of an earlier version knows no way home.
            if name in state:
                getattr(self, name)[: len(state[name])] = state[name]

    def _goes_home(self, channel: int) -> None:
        """A gauge goes back to where it was: with the one that had moved most, the whole bridge does."""
        own = np.flatnonzero(self._asset == self._asset[channel])
        if abs(self.settled[channel]) >= np.abs(self.settled[own]).max():
            self.home[own] = self.onset[channel]


def _gone(left: float, was: float, limit: float, least: float) -> bool:
    """Whether a movement of `was` µε of which so much is left is over."""
    # Steps too small to be seen were not counted, and go back with the others: beyond where it was
    # is only what would be told by itself.
    beyond = left * was < 0
    return bool(abs(left) < (np.fmax(least, limit) if beyond else max(GONE * least, REST * abs(was))))
