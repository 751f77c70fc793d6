"""Whether a lid rocks: peaks of shock and mean tilt steps, window by window, against their own reference."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rules.lid.limits import Limits
from rules.lid.state import Shock

Float32 = npt.NDArray[np.float32]

VIBRATION_FLOOR_G = np.float32(0.05)
STEP_FLOOR_DEG = np.float32(0.1)
"""Below these it is noise or quantization."""
GREATEST_STEP_DEG = np.float32(2.5)
"""A wheel that is caught on the lid, or a wild sample, counts no more than this."""
ROCKS_DEG = np.float32(0.25)
"""A lid that moves less than this from one reading to the next does not rock, whatever was usual: the edge
of a lid of 700 mm moves by less than 3 mm, which is accepted of a new one."""
SUN_DEG = np.float32(0.8)
SELDOM_H = np.float32(8)
"""Who reads less often than this, and feels no shocks, sees noon and midnight by turns: what the sun makes of
them goes to and fro like rocking, and is no more than SUN_DEG. A lid's defect begins at 1.2° of play."""
LEAST_SPREAD = np.float32(0.25)
"""Least standard deviation, as a share of what is usual: no road is more regular than this."""
LEAST_REACH = np.float32(0.5)
"""So wide a spread is believed of few windows: a wheel on the lid is usual, one wild sample is not."""
LEARNS_TIMES = np.float32(2)
SHOCK_MARGIN = np.float32(0.2)
STEP_MARGIN = np.float32(0.55)
FEW_MARGIN = np.float32(0.55)
"""What does not count: shocks a fifth above the usual, of which the mean of sixteen windows that scatter by a
third knows a tenth; mean steps half of it, and as much again by the square
root of their number: of a single one twice the usual says nothing."""
GREATEST_Z = np.float32(3.0)
"""One bump counts no more than this, however hard it was."""
GREATEST_SPAN = np.float32(4 / 3)
"""The window of one reading of a sensor that feels no shocks counts so much more: three of them are most of a
day, while works that last for hours shake a sensor which they wake in as many windows."""

_FLOOR = np.array([[VIBRATION_FLOOR_G], [STEP_FLOOR_DEG]], np.float32)
_PARTS = slice(Shock.PEAK, Shock.STEP_SCORE + 1)
"""Peak or sum, count, mean, m2 and score of shocks, then those of tilt steps: two rows of one computation."""


def rock(
    rows: Float32,
    vibration_g: Float32 | None,
    step_deg: Float32 | None,
    hours: Float32,
    limits: Limits,
) -> None:
    """Take shocks and steps into the window; close windows that are over.

    rows : float32[k, Shock]  State, changed in place.
    vibration_g : float32[k] or None  Peak of shock; NaN = not measured [g].
    step_deg : float32[k] or None  Movement since the last reading, less what goes on in the direction of
        the movement before: sun and creep do, rocking does not; NaN = not measured [°].
    """
    # fmax passes over a peak that is NaN, maximum does not: what was not measured stays as it was.
    if vibration_g is not None:
        seen = np.maximum(vibration_g, VIBRATION_FLOOR_G)
        rows[:, Shock.PEAK] = np.fmax(rows[:, Shock.PEAK], seen)
    if step_deg is not None:
        measured = ~np.isnan(step_deg)
        rows[:, Shock.STEP_SUM] += np.where(measured, np.minimum(step_deg, GREATEST_STEP_DEG), np.float32(0))
        rows[:, Shock.STEP_N] += measured
    over = hours - rows[:, Shock.START] >= limits["window_hours"]
    closing = np.count_nonzero(over)
    if closing == len(over):
        close_windows(rows, hours, limits)
    elif closing:
        i = np.flatnonzero(over)
        closed = rows[i]
        close_windows(closed, hours[i], limits.take(i))
        rows[i] = closed


def close_windows(rows: Float32, hours: Float32, limits: Limits) -> None:
    start = rows[:, Shock.START].copy()
    rows[:, Shock.START] = hours
    parts = rows[:, _PARTS].reshape(len(rows), 2, 5).transpose(2, 1, 0)
    peak = parts[0].copy()
    parts[0] = 0
    steps = rows[:, Shock.STEP_N].copy()
    peak[1] = np.where(steps > 0, np.maximum(peak[1] / np.maximum(steps, 1), STEP_FLOOR_DEG), 0)
    rows[:, Shock.STEP_N] = 0
    seen = (start > 0) & (peak > 0)
    if not np.count_nonzero(seen):
        return
    count, mean, m2, score = parts[1:].copy()
    span = np.minimum(np.maximum((hours - start) / limits["window_hours"], 1), GREATEST_SPAN)
    # Shocks differ by factors: their logarithms are compared. Mean steps are compared as shares of the usual:
    # a few steps are often small by chance, and a logarithm would make much of that.
    x = np.maximum(peak, _FLOOR)
    x[0] = np.log(x[0])
    unit = np.ones_like(x)
    unit[1] = np.maximum(mean[1], STEP_FLOOR_DEG)
    known = count >= limits["reference_windows"]
    at_least_1 = np.maximum(count, 1)
    spread = np.sqrt(np.maximum(m2, 0) / at_least_1) / unit
    # For a while the usual goes on being learned, from quiet windows only; then it is frozen.
    learn = seen & (count < LEARNS_TIMES * limits["reference_windows"])
    if np.count_nonzero(learn):
        off = (x - mean) / unit
        quiet = (score < 1) & (np.abs(off) <= 2 * np.maximum(spread, LEAST_SPREAD))
        learn &= ~known | quiet
        reach = np.float32(2.5) * np.maximum(spread, LEAST_REACH)
        held = np.where(count >= 3, mean + unit * np.clip(off, -reach, reach), x)
        off = held - mean
        total = count + 1
        learned = mean + off / total
        parts[3] = np.where(learn, m2 + off * (held - learned), m2)
        mean = np.where(learn, learned, mean)
        parts[2] = mean
        parts[1] = np.where(learn, total, count)
        unit[1] = np.maximum(mean[1], STEP_FLOOR_DEG)
    known &= seen
    if np.count_nonzero(known):
        # A spread learned from few windows is often too small.
        sigma = np.maximum(spread * (1 + 3 / at_least_1), LEAST_SPREAD)
        margin = np.full_like(x, SHOCK_MARGIN)
        few = FEW_MARGIN / np.sqrt(np.maximum(steps, 1))
        margin[1] = STEP_MARGIN + few
        seldom = (steps <= 1) & (count[0] == 0)
        greatest = np.full_like(x, GREATEST_Z)
        greatest[1] = np.where(seldom, GREATEST_Z * span, GREATEST_Z)
        z = np.minimum(((x - mean) / unit - margin) / sigma, greatest)
        sunny = seldom & (hours - start >= SELDOM_H)
        least = np.where(sunny, SUN_DEG, ROCKS_DEG * (1 + few * few))
        z[1] = np.where(peak[1] < least, np.minimum(z[1], 0), z[1])
        raised = np.maximum(score + z - limits["loose_allowance"], 0)
        parts[4] = np.where(known, np.minimum(raised, 2 * limits["loose_limit"]), score)
