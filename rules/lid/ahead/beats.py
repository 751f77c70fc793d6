"""Which of many next readings come when the schedule says, and what each teaches of it."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from rules.lid.ahead.means import after
from rules.lid.schedule import LEAST_S, MOST_BEATS, RELATIVE, WOBBLES, Pace, on_schedule
from rules.lid.state import LidState

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

PASSES: Final = 3
"""Which reading was the latest on schedule depends on those before it: as often it is looked at again."""


class Beats(NamedTuple):
    """[r, k]  Of each of the next readings.

    beat : int64  Event time of the latest one on schedule before it [µs].
    on_time : bool  It comes on schedule.
    taught_s : What the pace moves toward [s].  teaches : bool  It does.
    new : bool  It shows another pace, which is `taught_s`.  unsure_s : The usual error of that [s].
    """

    beat: Int64
    on_time: Bool
    taught_s: Float32
    teaches: Bool
    new: Bool
    unsure_s: Float32


def beats_of(start: LidState, time: Int64, gap: Float32, heartbeat_s: Float32) -> Beats:
    """Readings held against the pace as it was before the first of them, or against a new one that they show.

    start : LidState  k rows.  time, gap : [r, k]  Event time [µs], seconds since the message before.
    heartbeat_s : float32[k]  By the registry [s].
    """
    pace = start.pace
    tenth = np.float32(0.1) * pace
    reach = np.minimum(np.maximum(np.maximum(LEAST_S, RELATIVE * pace), WOBBLES * start.wobble), tenth)
    with np.errstate(all="ignore"):
        whole = np.rint(gap / pace)
        near = np.abs(gap - whole * pace) < np.float32(0.8) * reach * whole
        before = np.rint(after(start.gap, gap) / pace)
    # Twice running as many beats, but for one, look like another pace.
    near &= (whole == 1) | ((whole > 1) & (whole <= MOST_BEATS) & (whole != before))
    none = np.zeros(gap.shape, bool)
    once = np.asarray(whole == 1, bool)
    beats = Beats(after(start.last, time), ~none, gap.copy(), once, none, np.zeros_like(gap))
    steady = near.all(axis=0) & (start.gap > 0) & (start.beat == start.last)
    others = np.flatnonzero(~steady)
    if len(others):
        found = _woken(start.rows(others), time[:, others], gap[:, others], heartbeat_s[others])
        for all_of, some in zip(beats, found, strict=True):
            np.asarray(all_of)[:, others] = some
    return beats


def _woken(start: LidState, time: Int64, gap: Float32, heartbeat_s: Float32) -> Beats:
    """Of sensors that something wakes, or whose pace is not known yet."""
    n, shape = len(time), time.shape
    before = after(start.gap, gap)
    heartbeat, calm = np.tile(heartbeat_s, n), np.tile(~start.watched(), n)
    paces, wobbles = np.repeat(start.pace[None], n, axis=0), np.repeat(start.wobble[None], n, axis=0)
    unsure = np.minimum(np.abs(gap - before), np.float32(0.02) * gap)
    beat, at = after(start.last, time), np.arange(n)[:, None]
    on_time = new = np.zeros(shape, bool)
    for _ in range(PASSES):
        known = Pace(paces.ravel(), wobbles.ravel(), beat.ravel())
        scheduled, learned = on_schedule(time.ravel(), gap.ravel(), before.ravel(), heartbeat, known, calm)
        on_time = scheduled.reshape(shape)
        beat = after(start.beat, np.maximum.accumulate(np.where(on_time, time, start.beat), axis=0))
        # Nothing else changes a pace by so much.
        new = np.abs(learned.pace_s.reshape(shape) - paces) > np.float32(0.05) * paces
        latest = np.maximum.accumulate(np.where(new, at, -1), axis=0)
        began = latest >= 0
        for known_before, first, shown in ((paces, start.pace, gap), (wobbles, start.wobble, unsure)):
            then = np.where(began, np.take_along_axis(shown, np.maximum(latest, 0), axis=0), first)
            known_before[:] = after(first, then)
    since = ((time - beat) * 1e-6).astype(np.float32)
    tenth = np.float32(0.1) * paces
    reach = np.minimum(np.maximum(np.maximum(LEAST_S, RELATIVE * paces), WOBBLES * wobbles), tenth)
    loose = np.minimum(3 * reach, tenth)
    by_gap, by_beat = np.abs(gap - paces) < loose, np.abs(since - paces) < loose
    taught = np.where(by_gap | new, gap, since)
    return Beats(beat, on_time, taught, (by_gap | by_beat) & ~new, new, unsure)
