"""Years of many sections at once, in hours, straight into the slow test: its cheap proving ground.

Physics of its own: girder and deck behind the air by hours, sun that only the deck's thermometer feels, a
gauge's own lag, bend and share of the sun, rain that cools slowly, AR(1) days of which the gauges of a
section share a part, thermometers that read to 0.1 °C with noise. Each section has weather of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from config.bridge_rules import BridgeRules
from rules.bridge.channels import channels
from rules.bridge.compensation import Compensation, terms
from rules.bridge.joint import Joint
from rules.bridge.limits import Limits
from rules.bridge.slow import SlowDrift
from tests.support.bridge_series import bridge_registry

Float = npt.NDArray[np.float64]

GAUGES: Final = 4
SIGMA_UE: Final = 1.7
"""Spread of the days' AR(1) [µε]: the σ of all tables."""
RHO: Final = 0.5
COMMON: Final = 0.4
"""Share of its variance that the gauges of a section have in common."""
EVERY_H: Final = 3
FIRST_HOUR: Final = 473_352
"""2024-01-01T00:00Z."""


@dataclass(frozen=True, slots=True)
class Move:
    """From `day` on gauges of a section are moved: gauge → (step [µε], ramp [µε/day])."""

    section: int
    day: int
    by_gauge: Mapping[int, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Years:
    """What the tests said at the end of each day, [days, sections * GAUGES].

    whitened : bool  A gauge's own CUSUM. alone : bool  It stands out against its section.
    together : bool  Its section moves.
    residual : float64  [σ], NaN = none yet.
    raw : float64  Daily mean strain [µε].
    """

    whitened: npt.NDArray[np.bool_]
    alone: npt.NDArray[np.bool_]
    together: npt.NDArray[np.bool_]
    residual: Float
    raw: Float


def years(
    days: int, sections: int, seed: int, moves: tuple[Move, ...] = (), rules: BridgeRules | None = None
) -> Years:
    """Run the slow test over sections of four gauges."""
    n, count = days * 24, sections * GAUGES
    girder, deck, strain = (
        np.concatenate(parts, axis=1)
        for parts in zip(*(_section(seed + s, days) for s in range(sections)), strict=True)
    )
    t = np.arange(n) / 24
    for move in moves:
        for gauge, (step, ramp) in move.by_gauge.items():
            since = t - move.day
            strain[:, move.section * GAUGES + gauge] += np.where(since >= 0, step + ramp * since, 0.0)
    lagged, day_lagged = _lag(girder, 4.0), _lag(girder, 24.0)
    registry = bridge_registry(sections, GAUGES, thermometers=False)
    table = channels(registry)
    limits = Limits(table, (rules or BridgeRules(),), np.zeros(len(registry.sensors), np.uint16)).slow
    joint = Joint(table.near, ~table.thermometer)
    slow = SlowDrift(count, limits, Compensation(count, table.beta_prior), joint)
    c, all_known = np.arange(count), np.ones(count, bool)
    whitened, alone, together = (np.zeros((days, count), bool) for _ in range(3))
    residual = np.full((days, count), np.nan)
    for h in range(0, n, EVERY_H):
        hour = np.full(count, FIRST_HOUR + h)
        row = terms(hour, girder[h], lagged[h], day_lagged[h], deck[h] - girder[h])
        slow.add(c, hour, row, strain[h], all_known)
        if h % 24 == 0 and h:
            day = h // 24 - 1
            alone[day], together[day] = slow.moved, slow.joint_sign != 0
            whitened[day] = np.maximum(slow.up, slow.down) > limits.cusum_h
            residual[day] = np.where(slow.frozen, slow.last_residual / slow.sigma, np.nan)
    return Years(whitened, alone, together, residual, strain.reshape(days, 24, count).mean(axis=1))


def _section(seed: int, days: int) -> tuple[Float, Float, Float]:
    """Girder's and deck's temperature and strain, [hours, GAUGES] each."""
    rng = np.random.default_rng(seed)
    n = days * 24
    t, corner = np.arange(n) / 24, np.arange(days + 2)
    season = 2 * np.pi * (t - 20) / 365.25

    def daily(values: Float) -> Float:
        return np.asarray(np.interp(t, corner, values), np.float64)

    swing = daily(rng.uniform(1, 8, days + 2)) * (1 - 0.35 * np.cos(season))
    air = 12 - 12 * np.cos(season) + daily(4 * _ar1(rng, days + 2, 1, 0.8)[:, 0])
    air += swing * np.sin(2 * np.pi * (t - 0.375))
    sun = np.maximum(0, np.sin(2 * np.pi * (t - 0.25))) * daily(rng.uniform(0, 1, days + 2))
    sun *= 1 - 0.5 * np.cos(season)
    girder, deck = _lag(air + 2 * sun, 2.0), _lag(air + 8 * sun, 5.0)
    rain = np.zeros(n)
    for day in rng.integers(0, days, days // 9):
        at = day * 24 + int(rng.integers(24))
        rain[at : at + 30] -= rng.uniform(0, 4) * np.exp(-np.arange(len(rain[at : at + 30])) / 10)
    shared = _ar1(rng, days, 1, RHO)
    own = _ar1(rng, days, GAUGES, RHO)
    wander = SIGMA_UE * (np.sqrt(1 - COMMON) * own + np.sqrt(COMMON) * shared)
    strain = np.repeat(wander, 24, axis=0) + rng.normal(0, 0.5, (n, GAUGES))
    for g in range(GAUGES):
        strain[:, g] += rng.normal(0, 150) + rng.uniform(3, 9) * _lag(girder, rng.uniform(0.5, 6))
        strain[:, g] += rng.normal(0, 1.8) * (deck - girder) + rng.normal(0, 0.02) * (girder - 12) ** 2
        strain[:, g] += rng.normal(0, 1.5) * sun + rng.normal(0, 0.6) * rain
        strain[:, g] += rng.uniform(-2, 2) * np.sin(season + rng.uniform(0, 6))
    shown = np.round(girder + rng.normal(0, 0.1, n), 1)
    return np.tile(shown[:, None], GAUGES), np.tile(np.round(deck, 1)[:, None], GAUGES), strain


def _ar1(rng: np.random.Generator, n: int, columns: int, rho: float) -> Float:
    start = rho * rng.normal(size=(1, columns))
    noise = rng.normal(0, np.sqrt(1 - rho**2), (n, columns))
    return np.asarray(lfilter([1.0], [1.0, -rho], noise, axis=0, zi=start)[0], np.float64)


def _lag(series: Float, hours: float) -> Float:
    a = 1 - np.exp(-1 / hours)
    start = (1 - a) * series[:1]
    return np.asarray(lfilter([a], [1.0, -(1 - a)], series, axis=0, zi=start)[0], np.float64)
