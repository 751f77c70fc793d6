"""Gauges of one section judged together: a movement of several is found sooner, and told from a dying gauge.

A generalised likelihood ratio over windows (Lai, JRSS B 57, 1995): the sums of the whitened daily residuals
of up to eight gauges over the latest 3 to 80 days, in the metric of the gauges' own correlation, so that
weather that all of a section share weighs little. A step shows in the short windows, a ramp in the long ones.
What the models may be wrong by is part of a sum's spread: it grows with the window, as a wrong level does. So
is weather that a section remembers for weeks (`long_memory.py`), in the direction that its gauges share.

Of each window: D², the squared length of the sums, is χ² of all gauges when nothing moves. What the one gauge
that explains most explains is χ² of 1; it is told as that gauge's own movement. What is left then is the
length of the *other* gauges' sums, whatever the one does: more than one moves when that, too, is beyond its
limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.special import chdtri  # scipy.stats takes a second to import

from rules.bridge.long_memory import HIDDEN, LEAST_PAIRS, PRIOR_PAIRS, freedom, pairs_of

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

MEMBERS: Final = 8
"""Most gauges that are judged together; a larger section is cut."""
WINDOWS: Final = np.array([3, 5, 7, 10, 14, 20, 28, 40, 56, 80], np.int64)
"""Days over which is summed."""
KEPT: Final = int(WINDOWS[-1]) + 1
OFFSET: Final = np.log(14 / WINDOWS)
"""Added to the limits of χ²: a short window is asked anew more often, and so must be surer each time."""
MODEL_SHARE: Final = 0.85
"""Of what a lasting residual is forgiven, as spread of the level: that many of its standard errors."""
YOUNG_DAYS: Final = 20.0
TRAINED_DAYS: Final = 10.0
"""A spread that is known from few days is wrong by much: sums are thought more variable, 1 + 20 / days."""
PRIOR_DAYS: Final = 30.0
PRIOR_COMMON: Final = 0.5
"""Variance that the gauges of a section are thought to share before any is known: weather."""
MOVES_SIGMA: Final = 2.0
HOLDS: Final = 0.4
"""Share of the limit above which what was found goes on …"""
HOLDING: Final = WINDOWS <= 28
"""… in windows that forget within a month what is over."""
CLIP: Final = 4.0
"""What one day may say at most [σ]: a bad day is no movement."""
LONE_SURE: Final = 1.2
"""Times its limit that a gauge must stand out against its neighbours to be known to move by itself …"""
ALONE_HOLDS: Final = 0.7
"""… until it stands out by less than this share of the limit."""
REMEMBERS: Final = 1.4
"""Mean square of a section's sums of four weeks, of an AR(1)'s, from which on its weather is remembered."""
GROWTH: Final = np.minimum(WINDOWS / 28, 2.0)
"""Share of what is remembered over four weeks that is in the sums of a window."""
RETURNED: Final = 1.25
"""A structure does not come back by itself: what did was weather, and as much of it will be forgiven, by so
many times the spread for each time …"""
RESTLESS_MOST: Final = 2.5
"""… and no more than this."""
OTHERS_SHARE: Final = 0.45
"""Of D² that must be left without the gauge that explains most: beside a large movement of one gauge, what
the others show by chance is nothing."""
NONE: Final = -(1 << 60)
NOBODY: Final = -1


@dataclass(frozen=True, slots=True)
class JointLimits:
    """Chances that a look is beyond its limit by weather alone, at a window of a fortnight.

    p : of the section's D². others_p : of what is left when the gauge that explains most is set free.
    others_alone_p : the same once one gauge is known to move by itself. alone_sigma : limit of one gauge [σ].
    """

    p: float
    others_p: float
    others_alone_p: float
    alone_sigma: float

    def of(self, p: float) -> Float:
        """float64[MEMBERS + 1]  Limit of χ² by degrees of freedom; of none it is never reached."""
        return np.append(np.inf, chdtri(np.arange(1, MEMBERS + 1), p))


class Joint:
    """State of all sections.

    members : int64[s, w]  Channels, padded with NOBODY. of_channel : int64[c]  Section, or NOBODY.
    column_of : int64[c]  Column of `members` that a channel stands in. gauges : int64[s]  Its members.
    excess : float64[s, w, w]  Covariance of four weeks' sums beyond the days'; 0 where an AR(1) is all.
    restless : float64[s]  Times that a sum's spread is thought larger, for movements that came back.
    distance : float64[s]  Greatest length of the windows' sums [σ].
    found : bool[s]  More than one gauge moves. holds : bool[s]  The sums are still far from what they were.
    moving : int8[s, w]  Sign of each gauge's sum in the window that shows most; 0 = it shows none.
    alone : int8[s, w]  Sign of the gauge that moves by itself. alone_sigma : float64[s]  How far [σ].
    lone, was_lone : bool[s]  One gauge has been seen to move by itself, by today and by yesterday.
    """

    _BY_CHANNEL: Final = ("z", "z_day", "allowed", "sums")
    _BY_SECTION: Final = (
        "products",
        "days_learned",
        "inverse",
        "excess",
        "restless",
        "day",
        "count",
        "distance",
        "found",
        "holds",
        "moving",
        "alone",
        "alone_sigma",
        "lone",
        "was_lone",
    )

    def __init__(self, near: npt.NDArray[np.int32], gauge: Bool) -> None:
        rows: list[list[int]] = []
        for section in np.unique(near[gauge]).tolist():
            channels = np.flatnonzero(gauge & (near == section)).tolist()
            rows += [channels[i : i + MEMBERS] for i in range(0, len(channels), MEMBERS)]
        self.members = np.full((len(rows), MEMBERS), NOBODY, np.int64)
        self.of_channel = np.full(len(near), NOBODY, np.int64)
        self.with_others = np.zeros(len(near), bool)
        self.column_of = np.zeros(len(near), np.int64)
        for s, row in enumerate(rows):
            self.members[s, : len(row)] = row
            self.of_channel[row] = s
            self.with_others[row] = len(row) > 1
            self.column_of[row] = np.arange(len(row))
        self.width = max((len(row) for row in rows), default=1)
        self.members = self.members[:, : self.width]
        self.there = self.members != NOBODY
        self.gauges: Int = self.there.sum(axis=1)
        n, c, w = len(rows), len(near), self.width
        self.z, self.z_day, self.allowed = np.full(c, np.nan), np.full(c, NONE, np.int64), np.zeros(c)
        self.sums = np.zeros((c, KEPT), np.float32, order="F")
        self.products, self.days_learned = np.zeros((n, w, w)), np.zeros(n)
        both = self.there[:, :, None] & self.there[:, None, :]
        self.prior = np.eye(w) + PRIOR_COMMON * both
        self.inverse = np.linalg.inv(self.prior)
        self.excess, self.long = np.zeros((n, w, w)), np.zeros(n, bool)
        self.restless = np.ones(n)
        self.by_window = np.zeros((n, len(WINDOWS), w, w))
        self.day, self.count = np.full(n, NONE, np.int64), np.zeros(n, np.int64)
        self.distance, self.alone_sigma = np.zeros(n), np.zeros(n)
        self.found, self.holds, self.lone, self.was_lone = (np.zeros(n, bool) for _ in range(4))
        self.moving, self.alone = np.zeros((n, w), np.int8), np.zeros((n, w), np.int8)

    def several(self, c: Int) -> Bool:
        """bool[k]  Channels that are not the only gauge of their section: they are judged here."""
        found: Bool = self.with_others[c]
        return found

    def put(self, c: Int, day: Int, z: Float, allowed: Float) -> None:
        """Take whitened residuals [σ] of a day, and what a lasting one is forgiven for the model's sake."""
        self.z[c], self.z_day[c], self.allowed[c] = np.clip(z, -CLIP, CLIP), day, allowed

    def judge(self, c: Int, limits: JointLimits, learns: Bool, aside: Bool) -> Int:
        """Judge the sections of channels whose day came in; return all their channels.

        A day may come in by pieces: what came earlier is judged again with it. A gauge without that day adds
        nothing to the sums. learns : bool[c]  Not yet frozen, and quiet.
        aside : bool[c]  Known to move by themselves for long: whatever they show, it is no witness.
        """
        s = self._sections(c)
        s = s[self.gauges[s] > 1]
        if len(s) == 0:
            return s
        members, there = self.members[s], self.there[s]
        day = np.where(there, self.z_day[members], NONE).max(axis=1)
        known = there & (self.z_day[members] == day[:, None])
        z = np.where(known, self.z[members], 0.0)
        quiet = ((known & learns[members]) | ~there).all(axis=1)
        self._learn(s, z, quiet)
        new = day != self.day[s]
        self.count[s] += new
        self.was_lone[s[new]] = self.lone[s[new]]
        self.day[s] = day
        at = self.count[s] % KEPT
        now = self._summed(members, there, at, z)
        past = self._past(members, at)
        allowed = MODEL_SHARE * np.where(there, self.allowed[members], 0.0)
        known_days = (self.count[s] + TRAINED_DAYS)[:, None, None]
        spread = WINDOWS * (1 + YOUNG_DAYS / known_days) + (allowed**2)[:, :, None] * WINDOWS**2
        length = np.sqrt(spread) * self.restless[s][:, None, None]
        whole = self.count[s][:, None] >= WINDOWS
        u = (now[:, :, None] - past) / length
        if not (whole.all() and there.all()):
            u = np.where(there[:, :, None] & whole[:, None, :], u, 0.0)
        self._told(s, u, whole, there, there & aside[members], limits)
        found: Int = members[there]
        return found

    def _summed(self, members: Int, there: Bool, at: Int, z: Float) -> Float:
        """float64[k, w]  Sums with today's, which are kept."""
        if (at == at[0]).all():  # as nearly always: a day's sums lie side by side
            column = self.sums[:, at[0] % KEPT]
            now = np.where(there, self.sums[:, (at[0] - 1) % KEPT][members] + z, 0.0)
            column[members[there]] = now[there]
            return now
        now = np.where(there, self.sums[members, (at[:, None] - 1) % KEPT] + z, 0.0)
        self.sums[members[there], np.broadcast_to(at[:, None], there.shape)[there]] = now[there]
        return now

    def _past(self, members: Int, at: Int) -> npt.NDArray[np.float32]:
        """float32[k, w, windows]  Sums as they were before each window."""
        past: npt.NDArray[np.float32]
        if (at == at[0]).all():
            past = self.sums[:, (at[0] - WINDOWS) % KEPT][members]
        else:
            past = self.sums[members[:, :, None], (at[:, None, None] - WINDOWS) % KEPT]
        return past

    def forget(self, c: Int) -> None:
        """Begin anew with the sections of these channels."""
        self.z_day[c] = NONE
        s = self._sections(c)
        self.sums[self.members[s][self.there[s]]] = 0
        self.products[s], self.days_learned[s] = 0, 0
        self.inverse[s] = np.linalg.inv(self.prior[s])
        self.excess[s], self.restless[s] = 0, 1
        self._lengthen(s)
        self.day[s] = NONE
        for name in ("count", "distance", "found", "holds", "lone", "was_lone", "alone_sigma"):
            getattr(self, name)[s] = 0
        self.moving[s], self.alone[s] = 0, 0

    def _sections(self, c: Int) -> Int:
        """Sections of some channels, each once, in their order."""
        of = self.of_channel[c]
        seen = np.zeros(len(self.members), bool)
        seen[of[of != NOBODY]] = True
        found: Int = np.flatnonzero(seen)
        return found

    def _learn(self, s: Int, z: Float, quiet: Bool) -> None:
        s, z = s[quiet], z[quiet]
        self.products[s] += z[:, :, None] * z[:, None, :]
        self.days_learned[s] += 1
        own = s[(self.days_learned[s] >= 10) & (self.days_learned[s] % 5 == 0)]
        mass = self.days_learned[own, None, None] + PRIOR_DAYS
        spread = (self.products[own] + PRIOR_DAYS * self.prior[own]) / mass
        least = np.maximum(np.diagonal(spread, axis1=1, axis2=2), 1.0)
        spread[:, np.arange(self.width), np.arange(self.width)] = least
        self.inverse[own] = np.linalg.inv(spread)
        self._lengthen(own)

    def returned(self, s: Int) -> None:
        """A movement of these sections is over, and nobody has worked there."""
        self.restless[s] = np.minimum(self.restless[s] * RETURNED, RESTLESS_MOST)

    def remember(self, c: Int, sums: npt.NDArray[np.float32]) -> None:
        """Take what channels remember for weeks: `LongMemory.sums` of all channels, those of `c` are new."""
        s = self._sections(c)
        s = s[self.gauges[s] > 1]
        if len(s) == 0:
            return
        pairs = pairs_of(sums[self.members[s]].astype(np.float64))
        told = self.there[s] & (np.isfinite(pairs).sum(axis=2) >= LEAST_PAIRS)
        pairs = np.where(told[:, :, None], pairs, 0.0)
        whole = np.asarray(np.isfinite(pairs).all(axis=1))
        pairs = np.where(whole[:, None, :], pairs, 0.0)
        count = whole.sum(axis=1)
        free = freedom(count)
        squares = pairs @ pairs.swapaxes(1, 2)
        mean = np.trace(squares, axis1=1, axis2=2) / np.maximum(told.sum(axis=1), 1) / np.maximum(free, 1.0)
        long = (count >= LEAST_PAIRS) & (mean > REMEMBERS)
        self.excess[s[~long]] = 0
        days = np.linalg.inv(self.inverse[s[long]])
        seen = (squares[long] + PRIOR_PAIRS * days) / (free[long] + PRIOR_PAIRS)[:, None, None] - days
        size, way = np.linalg.eigh((seen + seen.swapaxes(1, 2)) / 2)
        excess = HIDDEN * (way * np.maximum(size, 0.0)[:, None, :]) @ way.swapaxes(1, 2)
        # A gauge of which less is known is thought to be as the others, each in its own way.
        told, there = told[long], self.there[s[long]]
        excess *= told[:, :, None] & told[:, None, :]
        usual = np.trace(excess, axis1=1, axis2=2) / told.sum(axis=1)
        row, gauge = np.nonzero(there & ~told)
        excess[row, gauge, gauge] = usual[row]
        self.excess[s[long]] = excess
        self._lengthen(s)

    def _lengthen(self, s: Int) -> None:
        """The metric of each window, of sections that remember."""
        self.long[s] = self.excess[s].any(axis=(1, 2))
        s = s[self.long[s]]
        spread = np.linalg.inv(self.inverse[s])[:, None] + GROWTH[:, None, None] * self.excess[s][:, None]
        self.by_window[s] = np.linalg.inv(spread)

    def _pulled(self, s: Int, u: Float, aside: Bool) -> tuple[Float, Float]:
        """(float64[k, w, windows] sums in the metric, float64[k, w, windows or 1] its diagonal)."""
        inverse = _without(self.inverse[s], aside)
        pulled = inverse @ u
        own = np.diagonal(inverse, axis1=1, axis2=2)[:, :, None]
        long = np.flatnonzero(self.long[s])
        if len(long):
            own = np.repeat(own, len(WINDOWS), axis=2)
            longer = _without(self.by_window[s[long]], aside[long])
            pulled[long] = np.einsum("kvij,kjv->kiv", longer, u[long])
            own[long] = np.diagonal(longer, axis1=2, axis2=3).swapaxes(1, 2)
        return pulled, own

    def _told(self, s: Int, u: Float, whole: Bool, there: Bool, aside: Bool, limits: JointLimits) -> None:
        """Who moves, and whether it is more than one.

        u : float64[k, w, windows]  Sums of unit spread. whole : bool[k, windows]  So many days are there.
        """
        pulled, own = self._pulled(s, u, aside)
        witness = there & ~aside
        own = np.where(witness[:, :, None], own, 1.0)
        explained = pulled * pulled / own
        if not witness.all():
            explained[~witness] = 0.0
        length = np.maximum(reduce(np.add, (pulled * u).swapaxes(0, 1)), 0.0)
        most = reduce(np.maximum, explained.swapaxes(0, 1))
        far, left = np.where(whole, length - OFFSET, -np.inf), length - most - OFFSET
        gauges = witness.sum(axis=1)
        beyond = far > limits.of(limits.p)[gauges][:, None]
        surely = beyond & (left > limits.of(limits.others_alone_p)[np.maximum(gauges - 1, 0)][:, None])
        likely = beyond & (left > limits.of(limits.others_p)[np.maximum(gauges - 1, 0)][:, None])
        sure, easy = surely.any(axis=1), (surely | likely & (left > OTHERS_SHARE * length)).any(axis=1)
        rows = np.arange(len(s))
        shows = far.argmax(axis=1)
        sum_there = u[rows, :, shows]
        self.moving[s] = np.where(witness & (np.abs(sum_there) >= MOVES_SIGMA), np.sign(sum_there), 0)
        self.distance[s] = np.sqrt(length[rows, shows])
        self.holds[s] = far[:, HOLDING].max(axis=1) > HOLDS * limits.of(limits.p)[gauges]
        window = most.argmax(axis=1)
        gauge = explained[rows, :, window].argmax(axis=1)
        self.alone_sigma[s] = np.sqrt(most[rows, window])
        alone = self.alone_sigma[s] > limits.alone_sigma
        self.found[s] = found = np.where(self.was_lone[s], sure, easy)
        side = np.sign(pulled[rows, gauge, window])
        self.alone[s] = 0
        self.alone[s, gauge] = np.where(alone, side, 0)
        goes_on = self.alone_sigma[s] > ALONE_HOLDS * limits.alone_sigma
        surely = self.alone_sigma[s] > LONE_SURE * limits.alone_sigma
        self.lone[s] = (self.was_lone[s] | surely) & ~found & goes_on

    def limit(self, section: int, p: float) -> float:
        """Limit of D² of a section at a window of a fortnight."""
        return float(chdtri(int(self.gauges[section]), p))

    def sigmas(self, channel: int) -> tuple[float, float]:
        """Length of what the gauges of a channel's section show [σ], and how far it stands out alone.

        NaN where it is the only gauge; the second also where it does not stand out.
        """
        own = np.array([channel])
        section = int(self.of_channel[channel])
        if not self.several(own)[0]:
            return float("nan"), float("nan")
        alone = float(self.alone_sigma[section]) if self.of_member("alone", own)[0] else float("nan")
        return float(self.distance[section]), alone

    def of_member(self, name: str, c: Int) -> npt.NDArray[np.int8]:
        """int8[k]  `moving` or `alone` of channels; 0 where they are in no section."""
        section = self.of_channel[c]
        found: npt.NDArray[np.int8] = np.where(
            section == NOBODY, np.int8(0), getattr(self, name)[section, self.column_of[c]]
        )
        return found

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
        self._lengthen(np.arange(len(self.members)))


def _without(inverse: Float, aside: Bool) -> Float:
    """Metric float64[k, …, w, w] in which the gauges that are `aside`, bool[k, w], may be anything."""
    for gauge in np.flatnonzero(aside.any(axis=0)).tolist():
        some = aside[:, gauge]
        column = inverse[some][..., gauge]
        inverse[some] -= column[..., :, None] * column[..., None, :] / column[..., gauge, None, None]
    return inverse
