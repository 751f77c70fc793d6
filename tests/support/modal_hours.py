"""Hours of a made-up bridge as the identification would give them: frequencies go with temperature."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from jingqiao.modal.observation import HOUR_US, Mode, Observation

START_US = 1_704_067_200_000_000
"""2024-01-01."""
DAY_US = 24 * HOUR_US
SENSORS = tuple(f"A{i}" for i in range(6))


def shape_of(mode: int, sensors: int = len(SENSORS)) -> tuple[float, ...]:
    """Of a simply supported beam with sensors along it."""
    x = np.arange(1, sensors + 1) / (sensors + 1)
    shape = np.sin(mode * np.pi * x)
    return tuple((shape / shape[np.argmax(np.abs(shape))]).tolist())


def weather(days: int, seed: int, first_day: int = 0) -> list[float]:
    """Means of days [°C] of Ezhou: 4 in January, 29 in July, with spells of some days."""
    random = np.random.default_rng(seed)
    spell, found = 0.0, []
    for day in range(first_day, first_day + days):
        spell = 0.75 * spell + random.normal() * 2.3
        found.append(16.5 - 12.5 * np.cos(2 * np.pi * (day - 15) / 365) + spell)
    return found


def hours_of(
    warm: Sequence[float],
    frequencies_hz: Sequence[float] = (2.3, 6.1, 11.8),
    *,
    seed: int,
    percent_per_degree: float = -0.2,
    change: Callable[[int, int], float] = lambda _day, _mode: 0.0,
    per_day: int = 4,
    scatter: float = 0.002,
    thermometer: bool = True,
) -> list[Observation]:
    """Observations of `per_day` hours a day. change : (day, mode) → per cent that damage takes."""
    random = np.random.default_rng(seed)
    found = []
    for day, degrees in enumerate(warm):
        for hour in range(per_day):
            now = degrees + 4 * np.sin(2 * np.pi * (hour / per_day - 0.3))
            modes = [
                Mode(
                    hz
                    * (1 + (percent_per_degree * (now - 20) + change(day, number)) / 100)
                    * (1 + scatter * random.normal()),
                    0.002 * hz,
                    0.01,
                    0.9,
                    shape_of(number),
                )
                for number, hz in enumerate(frequencies_hz, 1)
                if random.random() > 0.05
            ]
            found.append(
                Observation(
                    START_US + day * DAY_US + hour * (24 // per_day) * HOUR_US,
                    SENSORS,
                    tuple(modes),
                    "" if modes else "modes",
                    round(float(now), 2) if thermometer else None,
                    100.0,
                )
            )
    return found
