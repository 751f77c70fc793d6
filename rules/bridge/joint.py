"""Gauges of one section judged together: a movement of several is found sooner, and told from a dying gauge.

Crosier's multivariate CUSUM (Technometrics 30, 1988) on the whitened daily residuals of up to eight
gauges, in the metric of their own correlation: weather that all of a section share weighs little. The
correlation is learned on quiet days and frozen with the models. Whether more than one gauge moves is asked
of the sums of the latest fortnight: what is left of them, when the one gauge that explains most is set free,
is χ² with one degree less if only that one moves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.special import chdtri  # scipy.stats takes a second to import

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

MEMBERS: Final = 8
"""Most gauges that are judged together; a larger section is cut."""
PRIOR_DAYS: Final = 30.0
PRIOR_COMMON: Final = 0.5
"""Variance that the gauges of a section are thought to share before any is known: weather."""
NONE: Final = -(1 << 60)
STRUCTURE_P: Final = 0.003
"""Chance that a gauge that moves alone is called structure at some look."""
MOVES_SIGMA: Final = 2.0
MEMORY: Final = 1 - 1 / 15
"""Share of the sums that is kept to the next day: a fortnight shows who moves."""
NOBODY: Final = -1


class Joint:
    """State of all sections.

    members : int64[s, MEMBERS]  Channels, padded with NOBODY. of_channel : int64[c]  Section, or NOBODY.
    distance : float64[s]  Length of the CUSUM [σ]. since : int64[s]  Day on which it left zero.
    moving : int8[s, MEMBERS]  Sign of each gauge's movement in the latest fortnight, 0 = it shows none.
    structure : bool[s]  More than one gauge moves.
    """

    _BY_CHANNEL: Final = ("z", "z_day", "allowed", "cusum", "total")
    _BY_SECTION: Final = (
        "products",
        "days_learned",
        "inverse",
        "distance",
        "mass",
        "since",
        "moving",
        "structure",
    )

    def __init__(self, near: npt.NDArray[np.int32], gauge: npt.NDArray[np.bool_]) -> None:
        rows: list[list[int]] = []
        for section in np.unique(near[gauge]).tolist():
            channels = np.flatnonzero(gauge & (near == section)).tolist()
            rows += [channels[i : i + MEMBERS] for i in range(0, len(channels), MEMBERS)]
        self.members = np.full((len(rows), MEMBERS), NOBODY, np.int64)
        self.of_channel = np.full(len(near), NOBODY, np.int64)
        for s, row in enumerate(rows):
            self.members[s, : len(row)] = row
            self.of_channel[row] = s
        self.width = max((len(row) for row in rows), default=1)
        self.members = self.members[:, : self.width]
        self.there = self.members != NOBODY
        n, c, w = len(rows), len(near), self.width
        self.z, self.z_day = np.full(c, np.nan), np.full(c, NONE, np.int64)
        self.allowed, self.cusum, self.total = np.zeros(c), np.zeros(c), np.zeros(c)
        self.products, self.days_learned = np.zeros((n, w, w)), np.zeros(n)
        self.prior = np.eye(w) + PRIOR_COMMON
        self.inverse = np.broadcast_to(np.linalg.inv(self.prior), (n, w, w)).copy()
        self.distance, self.mass = np.zeros(n), np.zeros(n)
        self.since = np.full(n, NONE, np.int64)
        self.moving = np.zeros((n, w), np.int8)
        self.structure = np.zeros(n, bool)

    def put(self, c: Int, day: Int, z: Float, allowed: Float) -> None:
        """Take whitened residuals [σ] of a day, and what a lasting one is forgiven for the model's sake."""
        self.z[c], self.z_day[c], self.allowed[c] = z, day, allowed

    def judge(self, c: Int, k: float, most: float, learns: npt.NDArray[np.bool_]) -> Int:
        """Judge the sections of channels whose day came in; return all their channels.

        k, most : float  Reference value, and the greatest length [σ].
        learns : bool[c]  Not yet frozen, and quiet.
        """
        s: Int = np.unique(self.of_channel[c])
        s = s[s != NOBODY]
        if len(s) == 0:
            return s
        members, there = self.members[s], self.there[s]
        day = np.where(there, self.z_day[members], NONE).max(axis=1)
        known = there & (self.z_day[members] == day[:, None])
        z = np.where(known, self.z[members], 0.0)
        self._learn(s, z, (known | ~there).all(axis=1) & np.where(there, learns[members], True).all(axis=1))
        inverse = self.inverse[s]
        moved = np.where(there, self.cusum[members], 0.0) + z
        length = _length(moved, inverse)
        allowed = np.where(there, self.allowed[members], 0.0)
        needed = k + 0.7 * np.sqrt((allowed**2).sum(axis=1))
        shrunk = np.where(length > needed, np.minimum(1 - needed / np.maximum(length, 1e-9), 1.0), 0.0)
        shrunk = np.minimum(shrunk, most / np.maximum(length, 1e-9))
        moved *= shrunk[:, None]
        begins = shrunk == 0
        self.distance[s] = length * shrunk
        total = MEMORY * np.where(there, self.total[members], 0.0) + z
        self.mass[s] = MEMORY**2 * self.mass[s] + 1.0
        self.since[s] = np.where(begins, NONE, np.where(self.since[s] == NONE, day, self.since[s]))
        self.cusum[members[there]], self.total[members[there]] = moved[there], total[there]
        self._told(s, total, inverse, there)
        found: Int = members[there]
        return found

    def forget(self, c: Int) -> None:
        """Begin anew with the sections of these channels."""
        self.z_day[c] = NONE
        for array in (self.cusum, self.total, self.allowed):
            array[c] = 0
        s = np.unique(self.of_channel[c])
        s = s[s != NOBODY]
        self.products[s], self.days_learned[s] = 0, 0
        self.inverse[s] = np.linalg.inv(self.prior)
        self.distance[s], self.mass[s], self.structure[s] = 0, 0, False
        self.moving[s], self.since[s] = 0, NONE

    def _learn(self, s: Int, z: Float, quiet: npt.NDArray[np.bool_]) -> None:
        s, z = s[quiet], np.clip(z[quiet], -4, 4)
        self.products[s] += z[:, :, None] * z[:, None, :]
        self.days_learned[s] += 1
        own = s[(self.days_learned[s] >= 10) & (self.days_learned[s] % 5 == 0)]
        mass = self.days_learned[own, None, None] + PRIOR_DAYS
        spread = (self.products[own] + PRIOR_DAYS * self.prior) / mass
        least = np.maximum(np.diagonal(spread, axis1=1, axis2=2), 1.0)
        spread[:, np.arange(self.width), np.arange(self.width)] = least
        self.inverse[own] = np.linalg.inv(spread)

    def _told(self, s: Int, total: Float, inverse: Float, there: npt.NDArray[np.bool_]) -> None:
        """Who moves, and whether it is more than one."""
        w = total / np.sqrt(self.mass[s])[:, None]
        pulled = np.einsum("sij,sj->si", inverse, w)
        own = np.diagonal(inverse, axis1=1, axis2=2)
        explained = np.where(there, pulled**2 / own, 0.0)
        left = (pulled * w).sum(axis=1) - explained.max(axis=1)
        free = np.maximum(there.sum(axis=1) - 1, 0)
        limit = np.append(np.inf, chdtri(np.arange(1, MEMBERS), STRUCTURE_P))[free]
        self.structure[s] = left >= limit
        self.moving[s] = np.where(there & (np.abs(w) >= MOVES_SIGMA), np.sign(w), 0).astype(np.int8)

    def moving_of(self, c: Int) -> npt.NDArray[np.int8]:
        """int8[k]  Sign in which gauges move within their section lately; 0 = they do not."""
        section = self.of_channel[c]
        mine = self.members[section] == c[:, None]
        found: npt.NDArray[np.int8] = np.where(
            section == NOBODY, 0, (self.moving[section] * mine).sum(axis=1)
        )
        return found.astype(np.int8)

    def snapshot(self) -> dict[str, npt.NDArray[Any]]:
        """All state by channel; what is a section's once for each member."""
        by_channel = {f"joint_{name}": getattr(self, name) for name in self._BY_CHANNEL}
        section = np.maximum(self.of_channel, 0)
        none = len(self.members) == 0
        spread = {
            f"joint_{name}": (
                np.zeros((len(self.of_channel), *getattr(self, name).shape[1:]), getattr(self, name).dtype)
                if none
                else getattr(self, name)[section]
            )
            for name in self._BY_SECTION
        }
        return by_channel | spread

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """The state that `snapshot` gave; a section whose width has changed begins anew."""
        for name in self._BY_CHANNEL:
            kept = state[f"joint_{name}"]
            getattr(self, name)[: len(kept)] = kept
        if len(self.members) == 0:
            return
        first = self.members[:, 0]
        for name in self._BY_SECTION:
            kept, mine = state[f"joint_{name}"], getattr(self, name)
            if kept.shape[1:] == mine.shape[1:]:
                old = first < len(kept)
                mine[old] = kept[first[old]]


def _length(vectors: Float, inverse: Float) -> Float:
    length: Float = np.sqrt(np.maximum(np.einsum("si,sij,sj->s", vectors, inverse, vectors), 0.0))
    return length
