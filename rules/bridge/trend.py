"""Slope of a gauge's daily residuals: Theil–Sen, with the p of Mann–Kendall."""

from __future__ import annotations

from math import erfc
from typing import Final

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]

LEAST_TREND_DAYS: Final = 5


def theil_sen(day: Float, value: Float, rho: float) -> tuple[float, float, int]:
    """Slope [per 30 days], two-sided p of Mann–Kendall with the variance of an AR(1) of memory `rho`, n.

    Slope and p are NaN below `LEAST_TREND_DAYS`. Correction of the variance: n/n* of Hamed & Rao (1998)
    for an AR(1), (1 + ρ)/(1 - ρ).
    """
    n = len(day)
    if n < LEAST_TREND_DAYS:
        return float("nan"), float("nan"), n
    i, j = np.triu_indices(n, 1)
    apart = day[j] - day[i]
    slope = float(np.median((value[j] - value[i])[apart > 0] / apart[apart > 0]))
    score = float(np.sign(value[j] - value[i]).sum())
    variance = n * (n - 1) * (2 * n + 5) / 18 * (1 + rho) / (1 - rho)
    z = max(abs(score) - 1.0, 0.0) / np.sqrt(variance)
    return slope * 30.0, float(erfc(z / np.sqrt(2))), n
