"""What any test of drift in minutes could reach with one gauge: `python -m benchmarks.bridge_bound`.

A ramp of 30 µε against an evenly spaced staircase of vehicles, 5 minutes after its end, in noise of
known covariance (the worlds of `tests/support/bridge_worlds.py`, without passing vehicles). The likelihood
ratio finds Φ(d - z) of them, where d² is the difference in the metric of the noise and z the quantile of the
share of loads that may be called a drift (Neyman & Pearson). No test finds more, as each knows less.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from scipy.stats import norm

Float = np.ndarray[Any, np.dtype[np.float64]]

QUARTER_S: Final = 5.0
HEIGHT_UE: Final = 30.0
LEVELS: Final = {"quiet": 0.1, "moderate": 0.4, "restless": 1.0}
RISES_S: Final = (60, 90, 120, 180, 300, 400, 600)
LOADS_Z: Final = norm.ppf(1 - 1 / 40)
"""One load in 40 is called a drift …"""
NOTHING_Z: Final = norm.ppf(1 - 1 / 40 / 200)
"""… and one record of 4 h in which nothing happens: some 200 looks that do not depend on each other."""


def covariance(noise: Mapping[str, float], n: int) -> Float:
    """float64[n, n]  Of medians of 5 s [µε²]."""
    t = np.arange(n) * QUARTER_S
    apart, hours = np.abs(t[:, None] - t[None, :]), (t - t.mean()) / 3600
    a, b = 1 / 900, 1 / 600
    out = noise["cloud"] ** 2 * (b * np.exp(-a * apart) - a * np.exp(-b * apart)) / (b - a)
    out += noise["wander"] ** 2 * np.exp(-apart / 600)
    swing = noise["swing"] ** 2 / 2 * np.sinc(noise["hz"] * QUARTER_S) ** 2
    out += swing * np.cos(2 * np.pi * noise["hz"] * apart)
    out += np.eye(n) * noise["second"] ** 2 * 0.29  # the median of five
    return np.asarray(out + 1e6 + 200.0**2 * np.outer(hours, hours) + 20.0**2 * np.outer(hours**2, hours**2))


def found(noise: Mapping[str, float], rise_s: float, vehicles: int) -> float:
    """Share of ramps that is found at most; 0 vehicles: against nothing, 1: one that creeps for a minute."""
    before, rise, after = (round(s / QUARTER_S) for s in (1500, rise_s, 300))
    place = np.arange(before + rise + after)
    root = np.linalg.cholesky(covariance(noise, len(place)))
    ramp = np.linalg.solve(root, HEIGHT_UE * np.clip((place - before + 0.5) / rise, 0, 1))
    if not vehicles:
        return float(norm.cdf(np.linalg.norm(ramp) - NOTHING_Z))
    takes = 12 if vehicles == 1 else 2
    middle = before + rise * (np.arange(vehicles) + 0.5) / vehicles
    steps = np.clip((place[:, None] - middle + takes / 2 + 0.5) / takes, 0, 1)
    steps = np.linalg.solve(root, steps)
    left = ramp - steps @ np.linalg.lstsq(steps, ramp)[0]
    return float(norm.cdf(np.linalg.norm(left) - LOADS_Z))


def main() -> None:
    print("| bridge, ramp takes | against nothing | one that creeps | queue of 2 | of 3 | of 4 |")
    print("|---|---|---|---|---|---|")
    rng = np.random.default_rng(7)
    for name, restless in LEVELS.items():
        bridges = [
            {
                "cloud": restless * rng.uniform(0, 6),
                "wander": restless * rng.uniform(0.3, 2),
                "swing": restless * rng.uniform(0, 6),
                "hz": rng.uniform(0.05, 0.2),
                "second": restless * rng.uniform(2, 10),
            }
            for _ in range(60)
        ]
        for rise_s in RISES_S:
            shares = [np.mean([found(noise, rise_s, k) for noise in bridges]) for k in range(5)]
            print(f"| {name}, {rise_s / 60:.1f} min | {' | '.join(f'{share:.1%}' for share in shares)} |")


if __name__ == "__main__":
    main()
