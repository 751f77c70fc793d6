"""How sensors wander by themselves: creep, half-day mean, and what readings swing about them.

Each depends on the others of the reading before, so it goes reading by reading; what is of one form is
computed side by side.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from rules.lid.ahead.beats import Beats
from rules.lid.ahead.means import followed
from rules.lid.angle import FOLLOW_DAYS, GREATEST_PULL_DEG, LEAP_DEG, near_creep
from rules.lid.limits import Limits
from rules.lid.schedule import CALMS, UNSETTLES
from rules.lid.settlement import SLOW_S, SWING_S
from rules.lid.state import LidState, Sink, Tilt

Float32 = npt.NDArray[np.float32]

GREATEST_PULL_MM: Final = np.float32(5)
PULL: Final = np.array([[GREATEST_PULL_DEG], [GREATEST_PULL_MM]], np.float32)
PUSH: Final = -PULL
TIMES: Final = np.array([[1.5], [1.5], [0]], np.float32)
MORE: Final = np.array([[0.5], [0.5], [np.inf]], np.float32)
"""How far a swing may pull: of angle, displacement and schedule, that of the last without bound."""
EIGHTH: Final = np.float32(1 / 8)
ONE_AND_HALF: Final = np.float32(1.5)


class Seen(NamedTuple):
    """[r, k]  What each reading shows; NaN = not measured.

    gap_s : Since the message before [s].  beats : What it says of the schedule.  angle_deg : Turn [°].
    moved : share that MOVES learns, 0 = none.  inverse : what MOVES moves toward.
    change_mm, level_mm, step_mm : As for `rules.lid.settlement` [mm].
    """

    gap_s: Float32
    beats: Beats
    angle_deg: Float32
    moved: Float32
    inverse: Float32
    change_mm: Float32
    level_mm: Float32
    step_mm: Float32


class Wandered(NamedTuple):
    """[r + 1, k]  Before each reading and after the last."""

    pace: Float32
    events: Float32
    moves: Float32
    jitter: Float32
    off: Float32
    slow: Float32
    rough: Float32
    swing: Float32
    wobble: Float32
    creep: Float32


def wander(start: LidState, seen: Seen, limits: Limits) -> Wandered:
    """Means of sensors that keep their schedule."""
    n, k = seen.gap_s.shape
    tilt, sink = start.tilt, start.sink
    shares = np.empty((n, 4, k), np.float32)
    shares[:, 0] = np.where(seen.beats.teaches, EIGHTH, np.float32(0))
    shares[:, 3] = EIGHTH
    # What reports a hazard says nothing of how often events come by themselves.
    shares[:, 1] = np.where(start.watched(), np.float32(0), np.float32(1 / 16))
    shares[:, 2] = seen.moved
    toward = np.zeros((n, 4, k), np.float32)
    toward[:, 0], toward[:, 1] = seen.beats.taught_s, ~seen.beats.on_time
    toward[:, 2], toward[:, 3] = seen.inverse, seen.step_mm
    first = np.stack([start.pace, start.events, tilt[:, Tilt.MOVES], sink[:, Sink.JITTER]])
    plain = followed(first, toward, shares, seen.beats.new, seen.beats.taught_s)
    means, swings, creeps = _swinging(start, seen, plain[:-1, 0], limits)
    pace, events, moves, jitter = (plain[:, column] for column in range(4))
    off, slow = (means[:, column] for column in range(2))
    rough, swing, wobble = (swings[:, column] for column in range(3))
    return Wandered(pace, events, moves, jitter, off, slow, rough, swing, wobble, creeps)


def _swinging(start: LidState, seen: Seen, pace: Float32, limits: Limits) -> tuple[Float32, Float32, Float32]:
    n, k = seen.gap_s.shape
    tilt, sink, gap = start.tilt, start.sink, seen.gap_s
    day_share = gap / (gap + np.float32(86400))
    reach, follows = _creeping(tilt, gap, limits)
    means, swings = np.empty((n + 1, 2, k), np.float32), np.empty((n + 1, 3, k), np.float32)
    creeps = np.empty((n + 1, k), np.float32)
    means[0, 0], means[0, 1], creeps[0] = tilt[:, Tilt.OFF], sink[:, Sink.SLOW], tilt[:, Tilt.CREEP]
    swings[0, 0], swings[0, 1], swings[0, 2] = tilt[:, Tilt.ROUGH], sink[:, Sink.SWING], start.wobble
    shares, little = np.empty((n, 2, k), np.float32), np.empty((n, 3, k), np.float32)
    shares[:, 0], shares[:, 1] = day_share, gap / (gap + SLOW_S)
    little[:, 0], little[:, 1] = day_share, gap / (gap + SWING_S)
    little[:, 2] = np.where(seen.beats.teaches, CALMS, np.float32(0))
    rising = little.copy()
    rising[:, 2] = np.where(seen.beats.teaches, UNSETTLES, np.float32(0))
    toward, away = np.empty((n, 2, k), np.float32), np.empty((n, 3, k), np.float32)
    toward[:, 1], away[:, 1], away[:, 2] = seen.level_mm, seen.change_mm, seen.beats.taught_s - pace
    step, most, more = (np.empty((rows, k), np.float32) for rows in (2, 3, 3))
    part = np.empty(k, np.float32)
    given = zip(seen.angle_deg, toward, away, shares, little, rising, strict=True)
    shown = zip(np.asarray(seen.beats.new.any(axis=1)), seen.beats.new, seen.beats.unsure_s, strict=True)
    bounds = zip(reach, -reach, follows, strict=True)
    kept = zip(means, means[1:], swings, swings[1:], creeps, creeps[1:], strict=False)
    readings = zip(given, shown, bounds, kept, strict=False)
    for (angle, to, far, much, few, many), (another, new, unsure), (up, down, follow), states in readings:
        mean, mean_now, swing, swing_now, creep, creep_now = states
        rest, off_now, displaced = to[0], mean_now[0], far[1]
        np.subtract(angle, creep, out=rest)
        np.subtract(to, mean, out=step)
        leaps = np.abs(step[0]) > LEAP_DEG + ONE_AND_HALF * swing[0] + up
        np.maximum(step, PUSH, out=step)
        np.minimum(step, PULL, out=step)
        np.multiply(step, much, out=step)
        np.add(mean, step, out=mean_now)
        np.subtract(rest, off_now, out=far[0])
        np.subtract(displaced, mean[1], out=displaced)
        np.abs(far, out=far)
        np.multiply(swing, TIMES, out=most)
        np.add(most, MORE, out=most)
        np.minimum(far, most, out=most)
        np.subtract(most, swing, out=most)
        # The greater of both is the share of what grows unsure sooner than sure.
        np.multiply(most, many, out=more)
        np.multiply(most, few, out=most)
        np.maximum(most, more, out=most)
        np.add(swing, most, out=swing_now)
        if another:
            np.copyto(swing_now[2], unsure, where=new)
        np.multiply(off_now, follow, out=part)
        np.maximum(part, down, out=part)
        np.minimum(part, up, out=part)
        part[leaps] = 0
        np.add(creep, part, out=creep_now)
    return means, swings, creeps


def _creeping(tilt: Float32, gap: Float32, limits: Limits) -> tuple[Float32, Float32]:
    """How far creep may go with each reading [°], and what share of its distance it follows."""
    days = gap * np.float32(1 / 86400)
    # What has moved at once is not followed, and does not come near from one reading to the next.
    near = near_creep(tilt)
    follows = np.where(near, np.minimum(days / FOLLOW_DAYS, 1), np.float32(0))
    return np.asarray(limits["creep_deg_per_day"] * days, np.float32), follows
