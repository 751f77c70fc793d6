"""Weather on a ten-minute grid: air, sun, rain, and what they make of iron lids and of steel girders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from simulator import scenario as scenarios
from simulator.streams import stream

STEP_S: Final = 600.0
_WARM_UP: Final = 288  # two days: first-order bodies have forgotten their start by then

Float = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class WeatherSeries:
    """What the sky did, each float64[n], one value each `STEP_S` from the scenario's start.

    air_c : air in the shade [°C].  sun : share of a clear noon's sun, 0–1.  rain_mm_h : [mm/h].
    lid_c : iron lid in the road [°C].  steel_c : girders in the shade [°C].  deck_c : bridge deck [°C].
    """

    air_c: Float
    sun: Float
    rain_mm_h: Float
    lid_c: Float
    steel_c: Float
    deck_c: Float

    def at(self, name: str, t_s: Float) -> Float:
        """A series at any instants [s since start], linearly between the grid's points."""
        values: Float = getattr(self, name)
        x = np.clip(t_s / STEP_S, 0.0, len(values) - 1.0)
        low = np.minimum(x.astype(np.int64), len(values) - 2)
        part = x - low
        result: Float = values[low] * (1.0 - part) + values[low + 1] * part
        return result


def generate(scene: scenarios.Scenario, seed: int) -> WeatherSeries:
    """The weather of a scenario.

    Air = season + day + fronts (AR(1), two days' memory); cloud damps sun and the daily swing. Iron in
    asphalt follows within half an hour and gains up to 16 K in the sun; girders lag three hours.
    """
    rng = stream(seed, "weather")
    set_up = scene.weather
    n = int(scene.days * 86400 / STEP_S) + 3 + _WARM_UP
    t = (np.arange(n) - _WARM_UP) * STEP_S
    local = t + scene.start_us / 1e6 + scene.zone_s
    hour = (local / 3600) % 24
    day_of_year = (local / 86400) % 365.25
    days = (np.arange(n) * STEP_S // 86400).astype(np.int64)

    wet = rng.uniform(size=days[-1] + 1) < set_up.wet_days
    cloud = np.clip(np.where(wet, rng.beta(5, 1.5, len(wet)), rng.beta(1.2, 2.5, len(wet))), 0, 1)
    cloud_t = np.clip(_smooth(cloud[days], 12) + 0.1 * _ar1(rng, n, 12), 0, 1)
    height = np.sin(np.pi * (hour - 6) / 12) * (1 + 0.1 * np.sin(2 * np.pi * (day_of_year - 80) / 365.25))
    sun = np.clip(height, 0, None) * (1 - 0.8 * cloud_t)

    season = set_up.mean_c - set_up.season_c * np.cos(2 * np.pi * (day_of_year - 20) / 365.25)
    swing = set_up.daily_c * (1 - 0.6 * cloud_t) * np.sin(2 * np.pi * (hour - 9) / 24)
    air = season + swing + set_up.front_c * _ar1(rng, n, 288)

    rain = np.where(wet[days], _showers(rng, n), 0.0)
    for burst in set_up.cloudburst:
        during = (t >= burst.at) & (t < burst.at + burst.minutes * 60)
        rain = np.maximum(rain, np.where(during, burst.mm_per_h, 0.0))
    air -= 0.05 * np.minimum(rain, 60)
    cut = slice(_WARM_UP, None)
    return WeatherSeries(
        air[cut],
        sun[cut],
        rain[cut],
        _lag(air + 16.0 * sun, 1800)[cut],
        _lag(air + 2.5 * sun, 3 * 3600)[cut],
        _lag(air + 11.0 * sun, 1.2 * 3600)[cut],
    )


def _ar1(rng: np.random.Generator, n: int, memory: float) -> Float:
    """A unit-variance AR(1) series that forgets within `memory` steps."""
    rho = np.exp(-1.0 / memory)
    noise = rng.normal(size=n) * np.sqrt(1 - rho * rho)
    noise[0] = rng.normal()
    return np.asarray(lfilter([1.0], [1.0, -rho], noise), np.float64)


def _lag(values: Float, time_constant_s: float) -> Float:
    a = np.exp(-STEP_S / time_constant_s)
    start = np.array([values[0] * a])
    filtered, _ = lfilter([1 - a], [1.0, -a], values, zi=start)
    return np.asarray(filtered, np.float64)


def _smooth(values: Float, steps: int) -> Float:
    padded = np.pad(values, (steps, steps), mode="edge")
    total = np.cumsum(padded)
    result: Float = (total[2 * steps :] - total[: -2 * steps]) / (2 * steps)
    return result


def _showers(rng: np.random.Generator, n: int) -> Float:
    """Rain in spells: on and off by a Markov chain, strength log-normal [mm/h]."""
    starts = rng.uniform(size=n) < 1 / 30
    length = rng.geometric(1 / 9, size=n)
    strength = rng.lognormal(np.log(2.5), 0.9, size=n)
    rain = np.zeros(n)
    for i in np.flatnonzero(starts):
        rain[i : i + length[i]] = np.minimum(strength[i], 45.0)
    return rain
