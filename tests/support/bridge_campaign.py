"""A campaign on a continuous girder as a stranger would simulate it: beam theory, axles, jacks, sun.

A girder of constant stiffness on three or more supports. Moments from unit loads and from a lowered support
come of the stiffness method (Hermitian beam elements); strain = M z / EI. Vehicles are axles that move along
the influence lines with a free vibration after them; a test lorry creeps on, stands and leaves; jacks lower
one support in steps and raise it again; the air warms, the deck ahead of the soffit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from devices.frame import Frame
from devices.registry import Registry
from tests.support.bridge_series import frame

Float = npt.NDArray[np.float64]

E_I: Final = 2.4e10
"""Stiffness of the girder [N m²]: 34 GPa × 0.7 m⁴."""
Z_M: Final = 0.75
"""Gauge below (positive) or above the neutral axis [m]."""


@dataclass(frozen=True, slots=True)
class Girder:
    """Influence of loads and of supports on the strain of gauges.

    supports : their places from 0 to the length [m]. gauges : places [m]; `top` : gauges above the axis.
    """

    supports: Sequence[float] = (0.0, 30.0, 60.0)
    gauges: Sequence[float] = (12.0, 15.0, 28.0, 45.0)
    top: Sequence[int] = (2,)

    def influence(self) -> tuple[Float, Float]:
        """float64[g, nodes] µε per kN at each node (1 m apart), float64[g, supports] µε per mm lowered."""
        n = round(self.supports[-1]) + 1
        stiffness = np.zeros((2 * n, 2 * n))
        element = E_I * np.array([[12.0, 6, -12, 6], [6, 4, -6, 2], [-12, -6, 12, -6], [6, 2, -6, 4]])
        for i in range(n - 1):
            stiffness[2 * i : 2 * i + 4, 2 * i : 2 * i + 4] += element
        held = 2 * np.round(self.supports).astype(int)
        free = np.setdiff1d(np.arange(2 * n), held)
        solve = np.linalg.inv(stiffness[np.ix_(free, free)])
        loads = np.zeros((2 * n, n))
        loads[2 * np.arange(n), np.arange(n)] = -1000.0
        moved = np.zeros((2 * n, n + len(held)))
        moved[np.ix_(free, range(n))] = solve @ loads[free]
        lowered = -0.001 * np.eye(len(held))
        moved[np.ix_(held, range(n, n + len(held)))] = lowered
        moved[np.ix_(free, range(n, n + len(held)))] = -solve @ stiffness[np.ix_(free, held)] @ lowered
        out = np.empty((len(self.gauges), n + len(held)))
        for g, place in enumerate(self.gauges):
            i = min(int(place), n - 2)
            x = place - i
            bend = np.array([-6 + 12 * x, -4 + 6 * x, 6 - 12 * x, -2 + 6 * x])
            z = -Z_M if g in self.top else Z_M
            out[g] = 1e6 * z * (bend @ moved[2 * i : 2 * i + 4])
        return out[:, :n], out[:, n:]


@dataclass(frozen=True, slots=True)
class Lorry:
    """A test vehicle: creeps to `place_m`, stands `stand_s` from then on, leaves over the other end.

    then : further places on its way, each (place [m], stands [s]).
    """

    at_s: float
    place_m: float
    stand_s: float
    speed_m_s: float = 1.5
    axles_kn: Sequence[float] = (70.0, 90.0, 90.0)
    spacing_m: Sequence[float] = (0.0, 4.5, 5.9)
    then: Sequence[tuple[float, float]] = ()

    def stops(self) -> list[tuple[float, float, float]]:
        """When it comes to stand [s], where [m], and for how long [s], one after the other."""
        out, stood = [], 0.0
        for place, stands in ((self.place_m, self.stand_s), *self.then):
            out.append((self.at_s + place / self.speed_m_s + stood, place, stands))
            stood += stands
        return out

    def end_s(self, length_m: float) -> float:
        """When it has left [s]."""
        stood = self.stand_s + sum(stands for _, stands in self.then)
        return self.at_s + (length_m + self.spacing_m[-1]) / self.speed_m_s + stood


@dataclass(frozen=True, slots=True)
class Jacks:
    """A support that is lowered in steps: each (start [s], takes [s], mm, positive down)."""

    support: int
    steps: Sequence[tuple[float, float, float]]


@dataclass(frozen=True, slots=True)
class Campaign:
    """Hours of a girder's gauges and of a thermometer at soffit and deck.

    rate_hz : of the gauges. vehicles_an_hour : ordinary traffic, vehicle_kn its mean weight.
    noise_ue : of a sample. creep_ue : of the amplifier, AR(1) of half an hour. lost : share of seconds
    missing. swing_c : of the air in half a day. soffit_ue_c, gradient_ue_c : strain for a degree of the
    soffit, and for a degree between deck and soffit [µε/°C].
    sign : of each gauge as it was wired.
    """

    hours: float = 3.0
    rate_hz: int = 20
    girder: Girder = field(default_factory=Girder)
    vehicles_an_hour: float = 0.0
    vehicle_kn: float = 120.0
    lorries: Sequence[Lorry] = ()
    jacks: Sequence[Jacks] = ()
    noise_ue: float = 1.0
    creep_ue: float = 0.5
    lost: float = 0.002
    swing_c: float = 8.0
    soffit_ue_c: float = 6.0
    gradient_ue_c: float = 3.0
    sign: Sequence[int] = (1, 1, 1, 1)

    def strain(self, seed: int) -> tuple[Float, Float, Float, Float]:
        """t float64[n] [s], strain float64[g, n] [µε], soffit and deck float64[n] [°C]."""
        rng = np.random.default_rng(seed)
        n = int(self.hours * 3600 * self.rate_hz)
        t = np.arange(n) / self.rate_hz
        loads, supports = self.girder.influence()
        length = self.girder.supports[-1]
        y = np.zeros((len(self.girder.gauges), n))
        for _ in range(rng.poisson(self.vehicles_an_hour * self.hours)):
            kn = self.vehicle_kn * rng.lognormal(-0.3, 0.7) / 3
            axles, at = np.array([0.7, 1.2, 1.1]) * kn, rng.uniform(0, self.hours * 3600)
            self._passing(y, t, loads, at, rng.uniform(8, 20), (), axles, (0.0, 4.5, 5.9), rng)
        for lorry in self.lorries:
            self._passing(
                y, t, loads, lorry.at_s, lorry.speed_m_s, lorry.stops(),
                np.array(lorry.axles_kn), lorry.spacing_m, rng,
            )  # fmt: skip
        for jacks in self.jacks:
            lowered = sum(mm * np.clip((t - at) / takes, 0, 1) for at, takes, mm in jacks.steps)
            y += supports[:, jacks.support, None] * lowered
        air = self.swing_c * np.sin(2 * np.pi * t / 43_200 + rng.uniform(-0.5, 0.5))
        sun = np.clip(_lagged(_ar1(rng, n, 1200.0 * self.rate_hz), 600.0 * self.rate_hz), -1, 1)
        deck = _lagged(air + 2.0 * sun, 900.0 * self.rate_hz)
        soffit = _lagged(air, 2400.0 * self.rate_hz)
        for g, sign in enumerate(self.sign[: len(y)]):
            gradient = self.gradient_ue_c * rng.uniform(0.5, 1.5) * (-1 if g in self.girder.top else 1)
            y[g] += self.soffit_ue_c * rng.uniform(0.5, 1.5) * soffit + gradient * (deck - soffit)
            y[g] += self.creep_ue * _ar1(rng, n, 1800.0 * self.rate_hz) + rng.normal(0, self.noise_ue, n)
            y[g] = sign * y[g] + rng.normal(0, 150)
        del length
        return t, y, 12 + soffit, 12 + deck

    def _passing(
        self, y: Float, t: Float, loads: Float, at: float, speed: float,
        stops: Sequence[tuple[float, float, float]],
        axles: Float, spacing: Sequence[float], rng: np.random.Generator,
    ) -> None:  # fmt: skip
        """Add a vehicle whose first axle enters at `at` [s]. stops : of each when, where, how long."""
        length = self.girder.supports[-1]
        ends = at + (length + spacing[-1]) / speed + sum(stand for _, _, stand in stops)
        first, last = np.searchsorted(t, [at, ends + 6.0])
        now = t[first:last]
        moving = np.clip(now - at, 0, None)
        rolling = np.ones(len(now), bool)
        for arrives, _, stand in stops:
            moving -= np.clip(now - arrives, 0, stand)
            rolling &= (now < arrives) | (now > arrives + stand)
        nodes = np.arange(loads.shape[1])
        part = np.zeros((len(y), len(now)))
        for kn, back in zip(axles, spacing, strict=True):
            x = moving * speed - back
            for g in range(len(y)):
                part[g] += kn * np.interp(x, nodes, loads[g], left=0.0, right=0.0)
        # The girder swings on as the vehicle rolls, more the faster it is.
        share = min(0.02 * speed, 0.25)
        top = np.abs(part).max(axis=1, keepdims=True, initial=0.0)
        swing = np.sin(2 * np.pi * 3.4 * now + rng.uniform(0, 6.3)) * _lagged(
            rolling * 1.0, self.rate_hz * 1.5
        )
        y[:, first:last] += part + share * top * swing

    def frame(self, seed: int) -> Frame:
        """The samples as they come: gauges G0 …, thermometers TS, TD once in 30 s; seconds are missing."""
        t, y, soffit, deck = self.strain(seed)
        rng = np.random.default_rng(seed + 1)
        there = np.repeat(rng.random(len(t) // self.rate_hz) >= self.lost, self.rate_hz)
        gauges, kept = len(y), t[: len(there)][there]
        every = slice(0, None, 30 * self.rate_hz)
        warm = np.concatenate(
            [np.round(s[every] + rng.normal(0, 0.05, len(s[every])), 1) for s in (soffit, deck)]
        )
        sensor = np.repeat(np.arange(gauges + 2), [len(kept)] * gauges + [len(warm) // 2] * 2)
        return frame(
            sensor,
            np.concatenate([np.tile(kept, gauges), np.tile(t[every], 2)]),
            strain_ue=np.concatenate([*(row[: len(there)][there] for row in y), np.full(len(warm), np.nan)]),
            temperature_c=np.concatenate([np.full(gauges * len(kept), np.nan), warm]),
        )

    def registry(self) -> Registry:
        """Bridge B with the gauges, in one section each, and the thermometers."""
        gauges = [
            {"sensor_id": f"G{g}", "asset_id": "B", "role": "gauge", "section": f"{place:.0f} m"}
            for g, place in enumerate(self.girder.gauges)
        ]
        warm = [{"sensor_id": name, "asset_id": "B", "role": "temperature"} for name in ("TS", "TD")]
        return Registry.of([{"asset_id": "B", "kind": "bridge"}], [*gauges, *warm])


def _lagged(series: Float, tau: float) -> Float:
    """First-order lag of `tau` samples."""
    a = np.exp(-1.0 / tau)
    out, _ = lfilter([1 - a], [1.0, -a], series, zi=[a * series[0]] if len(series) else [0.0])
    return np.asarray(out, np.float64)


def _ar1(rng: np.random.Generator, n: int, tau: float) -> Float:
    """Standard AR(1) with a memory of `tau` samples."""
    a = np.exp(-1.0 / tau)
    out, _ = lfilter([1.0], [1.0, -a], rng.normal(0, np.sqrt(1 - a * a), n), zi=[a * rng.normal()])
    return np.asarray(out, np.float64)
