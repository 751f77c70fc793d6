"""What the best test could find in the years of `bridge_scoring`: `python -m benchmarks.bridge_bounds`.

The world's own days (AR(1) with known σ, ρ and common share, a known model: nothing is learned) as whitened
innovations. A movement of known form and unknown day is looked for by the greatest log likelihood ratio over
onsets up to 80 days back; of unknown gauges and signs by the generalised one (the surer of D², χ² of the
gauges, and of what one gauge explains). Limits are set on quiet years to the same false alarms, an alarm of a
section counted once, for one gauge. No detector that must learn σ, ρ, temperature and season can do better
than the first; it says what may be asked at all.
"""

from __future__ import annotations

import argparse

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2

from tests.support.bridge_years import COMMON, GAUGES, RHO

Float = npt.NDArray[np.float64]

WINDOWS = 80
WARM = 100
"""Days before those that count."""
RATES = (0.1, 0.3)
"""False alarms per channel-year."""
ROWS = (
    (1.0, 0.0, 4), (1.5, 0.0, 4), (2.0, 0.0, 4), (2.0, 0.0, 2), (2.0, 0.0, 1), (3.0, 0.0, 1),
    (0.0, 0.02, 4), (0.0, 0.02, 1), (0.0, 0.05, 4),
)  # fmt: skip


def form(step: float, ramp: float) -> Float:
    """float64[WINDOWS]  What a movement leaves of itself after whitening, by days since its onset [σ]."""
    shown = step + ramp * np.arange(1, WINDOWS + 1)
    before = np.concatenate([[0.0], shown[:-1]])
    return np.asarray((shown - RHO * before) / np.sqrt(1 - RHO**2), np.float64)


def innovations(rng: np.random.Generator, sections: int, days: int) -> Float:
    """float64[sections, days, GAUGES]  Of unit variance, COMMON of it the section's."""
    shared = rng.normal(size=(sections, days, 1))
    own = rng.normal(size=(sections, days, GAUGES))
    return np.asarray(np.sqrt(COMMON) * shared + np.sqrt(1 - COMMON) * own, np.float64)


def known_form(x: Float, weights: Float, shape: Float, length: Float) -> Float:
    """float64[sections, days]  Greatest log likelihood ratio of a movement of this form and these gauges.

    weights : float64[sections, GAUGES]  Σ⁻¹ direction. length : float64[sections]  direction' Σ⁻¹ direction.
    """
    y = np.einsum("sdg,sg->sd", x, weights)
    best = np.full(y.shape, -np.inf)
    for window in range(1, WINDOWS + 1):
        part = shape[:window]
        found = np.stack([np.convolve(row, part[::-1])[: y.shape[1]] for row in y])
        best = np.maximum(best, found - 0.5 * float(part @ part) * length[:, None])
    return best


def any_form(x: Float, inverse: Float) -> Float:
    """float64[sections, days]  Greatest -log p of the sums over windows: any gauges, any signs, a step."""
    sums = np.cumsum(x, axis=1)
    best = np.zeros(x.shape[:2])
    for window in (1, 2, 3, 5, 7, 10, 14, 20, 28, 40, 56, 80):
        part = (sums[:, window:] - sums[:, :-window]) / np.sqrt(window)
        length = np.einsum("sdg,gh,sdh->sd", part, inverse, part)
        pulled = part @ inverse
        one = (pulled**2 / np.diagonal(inverse)).max(axis=2)
        said = np.maximum(-chi2.logsf(length, GAUGES), -chi2.logsf(one, 1) - np.log(GAUGES))
        best[:, window:] = np.maximum(best[:, window:], said)
    return best


def limit(quiet: Float, rate: float) -> float:
    """Limit that a section passes first so often a year; quiet : float64[sections, days] of one year."""
    return float(np.quantile(quiet[:, WARM:].max(axis=1), np.exp(-rate * GAUGES)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sections", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=100)
    chosen = parser.parse_args()
    rng = np.random.default_rng(chosen.seed)
    spread = (1 - COMMON) * np.eye(GAUGES) + COMMON
    inverse = np.asarray(np.linalg.inv(spread), np.float64)
    quiet = innovations(rng, chosen.sections, WARM + 365)
    blind_quiet = any_form(quiet, inverse)
    heads = [f"{what}, {rate} per channel-year" for what in ("form known", "nothing known") for rate in RATES]
    print("| ≤ 14 d, ≤ 60 d, median | " + " | ".join(heads) + " |\n" + "|---" * (len(heads) + 1) + "|")
    for step, ramp, gauges in ROWS:
        shape = form(step, ramp)
        direction = rng.choice([-1.0, 1.0], (chosen.sections, GAUGES)) * (np.arange(GAUGES) < gauges)
        weights = direction @ inverse
        length = (weights * direction).sum(axis=1)
        moved = innovations(rng, chosen.sections, WARM + WINDOWS)
        moved[:, WARM:] += direction[:, None, :] * shape[:, None]
        informed = known_form(moved, weights, shape, length)
        informed_quiet = known_form(quiet, weights, shape, length)
        blind = any_form(moved, inverse)
        cells = []
        for said, calm in ((informed, informed_quiet), (blind, blind_quiet)):
            for rate in RATES:
                beyond = said[:, WARM:] > limit(calm, rate)
                delay = np.where(beyond.any(axis=1), beyond.argmax(axis=1), np.inf)
                cells.append(
                    f"{np.mean(delay <= 14):.0%}, {np.mean(delay <= 60):.0%}, {np.median(delay):.0f} d"
                )
        what = f"step {step:g}σ" if step else f"ramp {ramp:g}σ/day"
        print(f"| {what}, {gauges} gauge{'s' * (gauges > 1)} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
