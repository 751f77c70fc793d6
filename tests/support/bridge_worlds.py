"""Many gauges of many bridges at once, in blocks of 20 s: the fast test's cheap proving ground.

Physics of its own: warming of up to 200 µε with lag, sun and clouds that no thermometer shows, wander,
slow 0.1 Hz swinging, queues of trucks, noise of 2–10 µε a second. Each world has one gauge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from config.bridge_rules import FastDriftLimits
from rules.bridge.cells import QUARTERS
from rules.bridge.fast import FastDrift
from rules.bridge.usual import FastLimits
from tests.support.bridge_series import Event

Float = npt.NDArray[np.float64]

BLOCK_S: Final = 20


@dataclass(frozen=True, slots=True)
class World:
    """One gauge's record: strain [µε] and temperature [°C] of every block, and what was done to it.

    quarters : float64[blocks, QUARTERS]  Strain of the quarters of each block [µε].
    """

    strain: Float
    quarters: Float
    temperature: Float
    events: Sequence[Event]


def world(
    seed: int,
    *,
    hours: float = 4.0,
    events: Sequence[Event] = (),
    thermometer: bool = True,
    restless: float = 1.0,
) -> World:
    """A record of a random bridge; the events act on gauge 0.

    restless : Share of clouds, wander, swinging and noise; warming and traffic are what they are.
    """
    rng = np.random.default_rng(seed)
    n = int(hours * 3600)
    t = np.arange(n, dtype=np.float64)
    warming = rng.uniform(0, 200) * rng.choice([-1, 1])
    period = rng.uniform(10, 24) * 3600
    phase = rng.uniform(0, 2 * np.pi)
    lag = rng.uniform(0, 3600)
    y = rng.normal(0, 200) + warming / 2 * np.sin(2 * np.pi * (t - lag) / period + phase)
    air = rng.uniform(3, 15) * np.sin(2 * np.pi * t / period + phase)
    y += restless * rng.uniform(0, 6) * _smoothed(_ar1(rng, n, 900.0), 600.0)
    y += restless * rng.uniform(0.3, 2) * _ar1(rng, n, 600.0)
    y += restless * rng.uniform(0, 6) * np.sin(2 * np.pi * rng.uniform(0.05, 0.2) * t + rng.uniform(0, 6))
    y += restless * rng.normal(0, rng.uniform(2, 10), n)
    for event in events:
        y += event.at(0, t)
    axles = np.flatnonzero(rng.random(n) < rng.uniform(10, 170) / 3600)
    height = rng.uniform(20, 100) * rng.choice([1.0, 1.0, -0.4])
    for at, share in zip(axles, rng.lognormal(-0.7, 0.5, len(axles)), strict=True):
        y[at : at + int(rng.integers(2, 6))] += height * share
    blocks = n // BLOCK_S
    quarters = np.median(y[: blocks * BLOCK_S].reshape(blocks, QUARTERS, -1), axis=2)
    strain = np.median(y[: blocks * BLOCK_S].reshape(blocks, BLOCK_S), axis=1)
    shown = np.repeat(np.round(15 + air[::300] + rng.normal(0, 0.1, len(air[::300])), 1), 300 // BLOCK_S)
    temperature = shown[:blocks] if thermometer else np.full(blocks, np.nan)
    return World(strain, quarters, temperature, events)


def firings(worlds: Sequence[World], limits: FastDriftLimits | None = None) -> list[list[float]]:
    """Of each world, the times [s] at which the fast test found a movement."""
    limits = limits or FastDriftLimits()
    n, blocks = len(worlds), min(len(w.strain) for w in worlds)
    test = fast_test(n, limits)
    strain = np.stack([w.strain[:blocks] for w in worlds])
    temperature = np.stack([w.temperature[:blocks] for w in worlds])
    quarters = np.stack([w.quarters[:blocks] for w in worlds])
    channel = np.arange(n)
    found: list[list[float]] = [[] for _ in worlds]
    was = np.zeros(n, bool)
    for block in range(blocks):
        test.step(block, channel, strain[:, block], temperature[:, block], quarters[:, block])
        told = (test.pending != 0) | (test.firing & (test.stages.told == block))
        for i in np.flatnonzero(told & ~was):
            found[i].append((block + 1.0) * BLOCK_S)
        was = told
    return found


def fast_test(n: int, limits: FastDriftLimits) -> FastDrift:
    """The fast test over n gauges alike."""

    def each(value: float) -> Float:
        return np.full(n, float(value))

    return FastDrift(
        n,
        FastLimits(
            each(limits.limit_ue),
            each(limits.cap_ue),
            each(limits.sigma),
            each(np.ceil(limits.hold_s / BLOCK_S)),
            each(np.ceil(limits.smooth_hold_s / BLOCK_S)),
        ),
        each(12.0),
    )


def _smoothed(series: Float, tau: float) -> Float:
    """First-order lag of `tau` samples, scaled back to a standard deviation of 1."""
    a = np.exp(-1.0 / tau)
    out, _ = lfilter([1 - a], [1.0, -a], series, zi=[a * series[0]])
    return np.asarray(out / max(float(np.std(out)), 1e-9), np.float64)


def _ar1(rng: np.random.Generator, n: int, tau: float) -> Float:
    """Standard AR(1) with a memory of `tau` samples."""
    a = np.exp(-1.0 / tau)
    out, _ = lfilter([1.0], [1.0, -a], rng.normal(0, np.sqrt(1 - a * a), n), zi=[a * rng.normal()])
    return np.asarray(out, np.float64)
