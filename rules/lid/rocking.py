"""Whether a lid rocks: peaks of shock and of tilt steps, window by window, against their own reference."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rules.lid.limits import Limits
from rules.lid.state import Shock

Float32 = npt.NDArray[np.float32]

VIBRATION_FLOOR_G = np.float32(0.05)
STEP_FLOOR_DEG = np.float32(0.4)
"""Below these a peak is noise or quantization; they are the zero of the logarithms."""
LEAST_SPREAD = np.float32(0.25)
"""Least standard deviation of a logarithm: no road is more regular than this."""
LEARNS_TIMES = np.float32(2)
SHOCK_MARGIN = np.float32(0.3)
STEP_MARGIN = np.float32(0.7)
"""Logarithm of what does not count: shocks a third above the usual, steps twice the usual."""
GREATEST_Z = np.float32(3.0)
"""One bump counts no more than this, however hard it was."""

_PARTS = (
    (Shock.PEAK, Shock.COUNT, Shock.MEAN, Shock.M2, Shock.SCORE, VIBRATION_FLOOR_G, SHOCK_MARGIN),
    (
        Shock.STEP_PEAK,
        Shock.STEP_COUNT,
        Shock.STEP_MEAN,
        Shock.STEP_M2,
        Shock.STEP_SCORE,
        STEP_FLOOR_DEG,
        STEP_MARGIN,
    ),
)


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
    if vibration_g is not None:
        rows[:, Shock.PEAK] = np.fmax(
            rows[:, Shock.PEAK], np.fmax(vibration_g, VIBRATION_FLOOR_G) + vibration_g * 0
        )
    if step_deg is not None:
        rows[:, Shock.STEP_PEAK] = np.fmax(
            rows[:, Shock.STEP_PEAK], np.fmax(step_deg, STEP_FLOOR_DEG) + step_deg * 0
        )
    over = hours - rows[:, Shock.START] >= limits["window_hours"]
    if over.any():
        i = np.flatnonzero(over)
        closed = rows[i]
        _close(closed, hours[i], limits.take(i))
        rows[i] = closed


def _close(rows: Float32, hours: Float32, limits: Limits) -> None:
    opened = rows[:, Shock.START] > 0
    span = np.clip((hours - rows[:, Shock.START]) / limits["window_hours"], 1, np.float32(1.5))
    for peak, count, mean, m2, score, floor, margin in _PARTS:
        seen = opened & (rows[:, peak] > 0)
        x = np.log(np.maximum(rows[:, peak], floor))
        n = rows[:, count]
        known = n >= limits["reference_windows"]
        spread = np.sqrt(np.maximum(rows[:, m2], 0) / np.maximum(n, 1))
        # For a while the usual goes on being learned, from quiet windows only; then it is frozen.
        quiet = (rows[:, score] < 1) & (np.abs(x - rows[:, mean]) <= 2 * np.maximum(spread, LEAST_SPREAD))
        learn = seen & (~known | (quiet & (n < LEARNS_TIMES * limits["reference_windows"])))
        reach = np.float32(2.5) * np.maximum(spread, np.float32(0.3))
        held = np.where(n >= 3, np.clip(x, rows[:, mean] - reach, rows[:, mean] + reach), x)
        off = held - rows[:, mean]
        total = n + span
        new_mean = rows[:, mean] + off * span / total
        rows[:, m2] = np.where(learn, rows[:, m2] + span * off * (held - new_mean), rows[:, m2])
        rows[:, mean] = np.where(learn, new_mean, rows[:, mean])
        rows[:, count] = np.where(learn, total, n)
        # A spread learned from few windows is often too small.
        sigma = np.maximum(spread * (1 + 3 / np.maximum(n, 1)), LEAST_SPREAD)
        z = np.minimum((x - rows[:, mean] - margin) / sigma, GREATEST_Z)
        raised = np.clip(rows[:, score] + z - limits["loose_allowance"], 0, 2 * limits["loose_limit"])
        rows[:, score] = np.where(seen & known, raised, rows[:, score])
        rows[:, peak] = 0
    rows[:, Shock.START] = hours
