"""How far a lid has turned since it was commissioned, from an inclination, a normal, or both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rules.lid.limits import Limits
from rules.lid.state import Tilt

Float32 = npt.NDArray[np.float32]
_RADIANS = np.float32(np.pi / 180)
ACCEPT_DEG = np.float32(5.0)
"""Readings further off than this do not enter the baseline: a wheel, a wild sample, a hazard. Wide
enough for a sensor that swings with the sun: the mean of its day is the baseline, not the hour of fitting."""
TORN_DEG = np.float32(15.0)
"""Inclination and axes that are further apart than this are not of one rotation."""
CREPT_DEG = np.float32(4.0)
"""A day's mean within so much of what has crept so far may be creep."""
CREPT_FAR_DEG = np.float32(5.0)
"""What has come so far so slowly is the sensor's: the edge of a lid of 700 mm would have moved by 60 mm."""
LEAPT_DEG = np.float32(2.0)
"""A day's mean so far from what has crept leapt there: what creeps by half a degree a day is nearer."""
SWINGS_DEG = np.float32(1.25)
"""A sensor whose readings lie so far from their day's mean on average is swung by the sun; a step of a few
degrees swings none for long."""
LEAP_DEG = np.float32(1.0)
"""A reading that lies further from its day's mean than this, and than it swings and may have crept since the
one before, has come in one step; there is none between."""
FOLLOW_DAYS = np.float32(3.0)
GREATEST_PULL_DEG = np.float32(4.0)
CALM_DEG = np.float32(1.0)
"""Mean swing that any sensor may have."""
PART = np.float32(0.4)
"""Of a limit: a single inclination that has changed by so much may show a turn by all of it."""
ASKEW_DEG = np.float32(45)
"""A sensor's inclination is counted from the nearest upright; none is fitted more askew than this."""


def normal(x_deg: Float32, y_deg: Float32) -> tuple[Float32, Float32, Float32]:
    """Unit normal of a plane from its two inclinations.

    Whether a maker means the angle of each axis against the horizontal or a roll and a pitch, the sines are
    the horizontal parts (for the latter nearly so); only an angle beyond 90° turns the plane upside down.
    """
    sx, sy = np.sin(x_deg * _RADIANS), np.sin(y_deg * _RADIANS)
    flat = sx * sx + sy * sy
    up = np.sqrt(np.maximum(np.float32(1) - flat, 0))
    down = (np.abs(x_deg) > 90) | (np.abs(y_deg) > 90)
    length = np.sqrt(np.maximum(flat, np.float32(1)))
    return sx / length, sy / length, np.where(down, -up, up)


def between(a: tuple[Float32, Float32, Float32], b: tuple[Float32, Float32, Float32]) -> Float32:
    """Angle between unit vectors [°], by their chord: exact for small angles, where a cosine is blind."""
    chord2 = (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 + (a[2] - b[2]) ** 2
    half = np.minimum(np.sqrt(chord2) * np.float32(0.5), np.float32(1))
    return np.asarray(np.arcsin(half) * np.float32(2) / _RADIANS, np.float32)


class Axes(NamedTuple):
    """The two inclinations of a plane.

    x_deg, y_deg : float32[k] or None  [°]; NaN = neither was measured.
    never : bool[2, k] or None  Rows whose x, or y, was never measured and is taken for level.
    """

    x_deg: Float32 | None
    y_deg: Float32 | None
    never: npt.NDArray[np.bool_] | None = None


def axes_of(rows: Float32, columns: Mapping[str, Float32]) -> Axes:
    """Both axes of each row; of one that sends but one axis, and no inclination, the other lies where it lay.

    What was never measured is marked by a NaN in LAST_X, LAST_Y, which `note_never` puts back once the row is
    judged. When it is measured after all, the lid lies in its seat as it reads then. `rows` are changed.
    """
    x, y = columns.get("tilt_x_deg"), columns.get("tilt_y_deg")
    if x is None and y is None:
        return Axes(None, None)
    if x is not None and y is not None:
        known = x + y + rows[:, Tilt.LAST_X] + rows[:, Tilt.LAST_Y]
        if not np.count_nonzero(np.isnan(known)):
            return Axes(x, y)
    latest = rows[:, [Tilt.LAST_X, Tilt.LAST_Y]].T
    absent = np.full(len(rows), np.nan, np.float32)
    measured = np.stack([absent if x is None else x, absent if y is None else y])
    gone, unknown = np.isnan(measured), np.isnan(latest)
    lone = gone[0] != gone[1]
    if np.count_nonzero(lone) and "tilt_deg" in columns:
        lone &= np.isnan(columns["tilt_deg"])
    if not (np.count_nonzero(lone) or np.count_nonzero(unknown)):
        return Axes(None, None) if x is None or y is None else Axes(x, y)
    fill = lone & gone
    never = fill & (unknown | (rows[:, Tilt.COUNT] == 0) | np.isnan(rows[:, Tilt.Z]))
    appears = unknown & ~gone & (rows[:, Tilt.COUNT] > 0)
    measured = np.where(fill, np.where(never, np.float32(0), latest), measured)
    i = np.flatnonzero(appears.any(axis=0))
    if len(i):
        seat = np.arcsin(np.clip(rows[i][:, [Tilt.X, Tilt.Y]].T, -1, 1)) / _RADIANS
        seat = np.where(appears[:, i], measured[:, i], seat).astype(np.float32)
        rows[i, Tilt.X], rows[i, Tilt.Y], rows[i, Tilt.Z] = normal(*seat)
    settled = np.where(never, np.float32(0), np.where(appears, measured, latest))
    rows[:, Tilt.LAST_X], rows[:, Tilt.LAST_Y] = settled
    return Axes(measured[0], measured[1], never | (unknown & gone))


def note_never(rows: Float32, axes: Axes) -> None:
    """Remember which axes were never measured."""
    if axes.never is not None:
        for column, never in zip((Tilt.LAST_X, Tilt.LAST_Y), axes.never, strict=True):
            rows[never, column] = np.nan


def turn(
    rows: Float32,
    tilt_deg: Float32 | None,
    x_deg: Float32 | None,
    y_deg: Float32 | None,
    hours: Float32,
    limits: Limits,
) -> Float32:
    """Change of inclination since the baseline; the baseline of `rows` is learned on the way.

    rows : float32[k, Tilt]  State, changed in place.
    tilt_deg, x_deg, y_deg : float32[k] or None  [°]; NaN = not measured. Of x and y both or none count.
    hours : float32[k]  Event time [h].
    Returns float32[k]  [°]. The inclination alone and the normal alone each see no more than has
    happened, so the greater of both is taken. NaN where nothing was measured.
    """
    young = rows[:, Tilt.COUNT] < limits["commission_readings"]
    young |= hours - rows[:, Tilt.SINCE] < limits["commission_hours"]
    any_young = np.count_nonzero(young) > 0
    new = rows[:, Tilt.COUNT] == 0 if any_young else np.zeros(len(rows), bool)
    scalar = vector = now = None
    if tilt_deg is not None:
        scalar = np.abs(tilt_deg - rows[:, Tilt.BASE])
        if any_young or np.count_nonzero(np.isnan(scalar)):
            base = rows[:, Tilt.BASE]
            unseen = new | (np.isnan(base) & ~np.isnan(tilt_deg))
            if unseen.any():
                rows[:, Tilt.BASE] = np.where(unseen, tilt_deg, base)
                scalar = np.abs(tilt_deg - rows[:, Tilt.BASE])
    elif any_young and new.any():
        rows[new, Tilt.BASE] = np.nan
    if x_deg is not None and y_deg is not None:
        now = normal(x_deg, y_deg)
        unseen = new | (np.isnan(rows[:, Tilt.Z]) & ~np.isnan(now[2]))
        if unseen.any():
            for column, part in zip((Tilt.X, Tilt.Y, Tilt.Z), now, strict=True):
                rows[unseen, column] = part[unseen]
        vector = between(now, (rows[:, Tilt.X], rows[:, Tilt.Y], rows[:, Tilt.Z]))
    elif any_young and new.any():
        rows[new, Tilt.X : Tilt.Z + 1] = np.nan
    change = _greater(scalar, vector, len(rows))
    if any_young:
        # What came late has no time of commissioning: that begins with the first timely reading.
        since = rows[:, Tilt.SINCE]
        rows[:, Tilt.SINCE] = np.where(np.isnan(change), since, np.minimum(since, hours))
        # A first reading in the fitter's hand, or a wild one: what comes to lie flat after it is the lid.
        rising = np.zeros(len(rows), bool)
        away = limits["tilt_attention_deg"]
        if tilt_deg is not None:
            rising |= tilt_deg < rows[:, Tilt.BASE] - away
        if now is not None and vector is not None:
            flatter = (now[2] > rows[:, Tilt.Z] + np.float32(0.015)) & (vector > away)
            # Others of the round may send an inclination: of those that don't, the axes say it.
            rising |= flatter if tilt_deg is None else flatter & np.isnan(tilt_deg)
        again = young & ~new & rising & (change > away)
        start = (new | again) & ~np.isnan(change)
        learn = young & ~start & (change <= ACCEPT_DEG)
        _learn(rows, start, learn, tilt_deg, now, hours)
        change[start] = 0
    return change


def torn(
    base_deg: Float32, turned_deg: Float32, tilt_deg: Float32, x_deg: Float32, y_deg: Float32
) -> npt.NDArray[np.bool_]:
    """Rows whose inclination and axes cannot be of one rotation: one of them is wild.

    An inclination never changes by more than the normal turns, and by as much where the sensor lies flat.
    What the axes mean differs by maker (sines of the normal, pitch and roll, parts of the inclination), and
    upside down the sines are those of a lid on its feet: whatever fits one of these is no contradiction.

    base_deg, tilt_deg, x_deg, y_deg : float32[k]  Baseline and measured [°].
    turned_deg : float32[k]  By the axes alone, as `between` says [°].
    """
    scalar = np.abs(tilt_deg - base_deg)
    cosine = np.cos(x_deg * _RADIANS) * np.cos(y_deg * _RADIANS)
    pitched = np.arccos(np.clip(cosine, -1, 1)) / _RADIANS
    flat = np.minimum(base_deg, 180 - base_deg) < 20
    fits = np.zeros(len(scalar), bool)
    for axes in (turned_deg, pitched, np.hypot(x_deg, y_deg)):
        for turned in (scalar, 180 - scalar):
            fits |= (turned - axes <= TORN_DEG) & ((axes - turned <= TORN_DEG) | ~flat)
    measured = ~(np.isnan(scalar) | np.isnan(turned_deg))
    return np.asarray(measured & ~fits, bool)


def creep(rows: Float32, angle_deg: Float32, gap_s: Float32, limits: Limits) -> None:
    """Follow what comes slowly, and how far readings swing about it; `rows` are changed in place.

    What is followed is the mean of about a day, and only where it lies near and readings lie between: a lid
    that has moved at once is never taken for a sensor that creeps, and a sensor that swings with the sun may
    creep all the same.
    """
    rest = angle_deg - rows[:, Tilt.CREEP]
    missing = np.isnan(rest)
    if np.count_nonzero(missing):
        # What was not measured lies where it was, and no time has passed for it.
        rest, gap_s = np.where(missing, np.float32(0), rest), np.where(missing, np.float32(0), gap_s)
    share = gap_s / (gap_s + np.float32(86400))
    off, rough = rows[:, Tilt.OFF], rows[:, Tilt.ROUGH]
    days = gap_s * np.float32(1 / 86400)
    reach = limits["creep_deg_per_day"] * days
    leaps = np.abs(rest - off) > LEAP_DEG + np.float32(1.5) * rough + reach
    # Bounded, so that wheels which are caught standing on the lid do not move its mean.
    off += share * np.minimum(np.maximum(rest - off, -GREATEST_PULL_DEG), GREATEST_PULL_DEG)
    # The mean needs a day to follow a lid that has moved: that is no swing, and must not grow into one.
    away = np.minimum(np.abs(rest - off), np.float32(1.5) * rough + np.float32(0.5))
    rough += share * (away - rough)
    # Slower than the mean itself, or the two would chase one another.
    follow = np.minimum(np.maximum(off * np.minimum(days / FOLLOW_DAYS, 1), -reach), reach)
    rows[:, Tilt.CREEP] += np.where(near_creep(rows) & ~leaps, follow, np.float32(0))


def near_creep(rows: Float32) -> npt.NDArray[np.bool_]:
    """bool[k]  Whether the day's mean is where a creeping sensor's may be.

    Of one that the sun swings it may be further off: the mean of a day follows the sun a part of the way.
    """
    reach = np.where(rows[:, Tilt.ROUGH] >= SWINGS_DEG, CREPT_DEG, LEAPT_DEG)
    return np.asarray(np.abs(rows[:, Tilt.OFF]) < reach, bool)


def allowance(rows: Float32) -> Float32:
    """float32[k]  What an angle must pass a limit by because the sensor swings by itself [°]."""
    return np.asarray(np.float32(1.5) * np.maximum(rows[:, Tilt.ROUGH] - CALM_DEG, 0), np.float32)


def possible_turn(rows: Float32) -> Float32:
    """float32[k]  What the lid may well have turned by, of which a single inclination shows a part [°].

    A sensor fitted `base` askew that shows `now` has turned by √(now² − base²) if it turned about the axis
    that the inclination sees least, which is as likely as any; where it shows less than before, by
    base + now at most. NaN where the axes are known, or the sensor is fitted steeper than that means a lid.
    """
    datum = np.round(rows[:, Tilt.BASE] / 90) * 90
    base, now = np.abs(rows[:, Tilt.BASE] - datum), np.abs(rows[:, Tilt.LAST] - datum)
    likely = np.sqrt(np.maximum(now * now - base * base, 0))
    unknown = np.isnan(rows[:, Tilt.Z]) & (base <= ASKEW_DEG)
    return np.asarray(np.where(unknown, np.where(now >= base, likely, base + now), np.nan), np.float32)


def _greater(scalar: Float32 | None, vector: Float32 | None, n: int) -> Float32:
    if scalar is None:
        return np.full(n, np.nan, np.float32) if vector is None else vector
    return scalar if vector is None else np.asarray(np.fmax(scalar, vector), np.float32)


def _learn(
    rows: Float32,
    start: npt.NDArray[np.bool_],
    learn: npt.NDArray[np.bool_],
    tilt_deg: Float32 | None,
    now: tuple[Float32, Float32, Float32] | None,
    hours: Float32,
) -> None:
    i: Any = slice(None) if start.all() else np.flatnonzero(start)
    j = np.flatnonzero(learn)
    share = np.float32(1) / (rows[j, Tilt.COUNT] + np.float32(1))
    measured = [] if tilt_deg is None else [(Tilt.BASE, tilt_deg)]
    if now is not None:
        measured += list(zip((Tilt.X, Tilt.Y, Tilt.Z), now, strict=True))
    for column, value in measured:
        rows[i, column] = value[i]
        step = (value[j] - rows[j, column]) * share
        rows[j, column] += np.where(np.isnan(step), np.float32(0), step)
    rows[j, Tilt.COUNT] += 1
    rows[i, Tilt.COUNT] = 1
    rows[i, Tilt.SINCE] = hours[i]
    for column in (Tilt.CREEP, Tilt.OFF, Tilt.ROUGH):
        rows[i, column] = 0
