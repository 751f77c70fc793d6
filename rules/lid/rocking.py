"""Whether a lid rocks: peaks of shock and of tilt steps, window by window, against their own reference."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rules.lid.limits import Limits
from rules.lid.state import Shock

Float32 = npt.NDArray[np.float32]

VIBRATION_FLOOR_G = np.float32(0.05)
STEP_FLOOR_DEG = np.float32(0.25)
"""Below these a peak is noise or quantization; they are the zero of the logarithms."""
LEAST_SPREAD = np.float32(0.25)
"""Least standard deviation of a logarithm: no road is more regular than this."""
LEAST_REACH = np.float32(0.5)
"""So wide a spread is believed of few windows: a wheel on the lid is usual, one wild sample is not."""
LEARNS_TIMES = np.float32(2)
SHOCK_MARGIN = np.float32(0.3)
STEP_MARGIN = np.float32(0.5)
"""Logarithm of what does not count: shocks a third above the usual, steps two thirds."""
GREATEST_Z = np.float32(3.0)
"""One bump counts no more than this, however hard it was."""

_FLOOR = np.array([[VIBRATION_FLOOR_G], [STEP_FLOOR_DEG]], np.float32)
_MARGIN = np.array([[SHOCK_MARGIN], [STEP_MARGIN]], np.float32)
_PARTS = slice(Shock.PEAK, Shock.STEP_SCORE + 1)
"""Peak, count, mean, m2 and score of shocks, then those of tilt steps: two rows of one computation."""


def rock(
    rows: Float32,
    vibration_g: Float32 | None,
    step_deg: Float32 | None,
    hours: Float32,
    limits: Limits,
) -> None:
    """Take peaks into the window; close windows that are over.

    rows : float32[k, Shock]  State, changed in place.
    vibration_g, step_deg : float32[k] or None  NaN = not measured.
    """
    # fmax passes over a peak that is NaN, maximum does not: what was not measured stays as it was.
    if vibration_g is not None:
        seen = np.maximum(vibration_g, VIBRATION_FLOOR_G)
        rows[:, Shock.PEAK] = np.fmax(rows[:, Shock.PEAK], seen)
    if step_deg is not None:
        seen = np.maximum(step_deg, STEP_FLOOR_DEG)
        rows[:, Shock.STEP_PEAK] = np.fmax(rows[:, Shock.STEP_PEAK], seen)
    over = hours - rows[:, Shock.START] >= limits["window_hours"]
    closing = np.count_nonzero(over)
    if closing == len(over):
        _close(rows, hours, limits)
    elif closing:
        i = np.flatnonzero(over)
        closed = rows[i]
        _close(closed, hours[i], limits.take(i))
        rows[i] = closed


def _close(rows: Float32, hours: Float32, limits: Limits) -> None:
    start = rows[:, Shock.START].copy()
    rows[:, Shock.START] = hours
    parts = rows[:, _PARTS].reshape(len(rows), 2, 5).transpose(2, 1, 0)
    peak = parts[0].copy()
    parts[0] = 0
    seen = (start > 0) & (peak > 0)
    if not np.count_nonzero(seen):
        return
    count, mean, m2, score = parts[1:].copy()
    span = np.minimum(np.maximum((hours - start) / limits["window_hours"], 1), np.float32(1.5))
    x = np.log(np.maximum(peak, _FLOOR))
    known = count >= limits["reference_windows"]
    at_least_1 = np.maximum(count, 1)
    spread = np.sqrt(np.maximum(m2, 0) / at_least_1)
    # For a while the usual goes on being learned, from quiet windows only; then it is frozen.
    learn = seen & (count < LEARNS_TIMES * limits["reference_windows"])
    if np.count_nonzero(learn):
        off = x - mean
        quiet = (score < 1) & (np.abs(off) <= 2 * np.maximum(spread, LEAST_SPREAD))
        learn &= ~known | quiet
        reach = np.float32(2.5) * np.maximum(spread, LEAST_REACH)
        held = np.where(count >= 3, np.minimum(np.maximum(x, mean - reach), mean + reach), x)
        off = held - mean
        total = count + span
        learned = mean + off * span / total
        parts[3] = np.where(learn, m2 + span * off * (held - learned), m2)
        mean = np.where(learn, learned, mean)
        parts[2] = mean
        parts[1] = np.where(learn, total, count)
    known &= seen
    if np.count_nonzero(known):
        # A spread learned from few windows is often too small.
        sigma = np.maximum(spread * (1 + 3 / at_least_1), LEAST_SPREAD)
        z = np.minimum((x - mean - _MARGIN) / sigma, GREATEST_Z)
        raised = np.maximum(score + z - limits["loose_allowance"], 0)
        parts[4] = np.where(known, np.minimum(raised, 2 * limits["loose_limit"]), score)
