"""The same mode in window after window: by its frequency's distance and its shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from jingqiao.modal.observation import Mode, Observation

Float = npt.NDArray[np.float64]
Shape = dict[str, float]
"""Sensor id → part of a mode shape."""

REFERENCE_HOURS: Final = 72
"""The first so many hours with modes say which modes the bridge has."""
LEAST_SEEN: Final = 0.4
"""Share of the reference hours in which a mode must be."""
NEAR: Final = 0.04
"""Frequencies of one mode lie within this share in the reference hours: three days differ by no more."""
FAR: Final = 0.15
"""… and within this share of the reference for ever after: seasons make 5 %, severe damage 10 %."""
LEAST_MAC: Final = 0.7
"""Modal assurance criterion of the same mode (Allemang 1982); 1 = the same shape."""


@dataclass(frozen=True, slots=True)
class Track:
    """One mode over time.

    hz, shape : Of the reference hours. start : int64[n]  [µs]. frequency_hz, deviation_hz, damping,
    temperature_c : float64[n], NaN = no temperature. seen : float  Share of all hours in which it was found.
    """

    hz: float
    shape: Shape
    start: npt.NDArray[np.int64]
    frequency_hz: Float
    deviation_hz: Float
    damping: Float
    temperature_c: Float
    seen: float


def tracks_of(observations: Sequence[Observation]) -> list[Track]:
    """The bridge's modes by frequency, each with all windows in which it was known again."""
    some = [one for one in observations if one.modes]
    references = _references(some[:REFERENCE_HOURS])
    rows: list[list[tuple[Observation, Mode]]] = [[] for _ in references]
    for one in some:
        for place, mode in _matched(one, references):
            rows[place].append((one, mode))
    return [
        Track(
            hz,
            shape,
            np.array([one.start for one, _ in own], np.int64),
            np.array([mode.frequency_hz for _, mode in own]),
            np.array([mode.deviation_hz for _, mode in own]),
            np.array([mode.damping for _, mode in own]),
            np.array([np.nan if one.temperature_c is None else one.temperature_c for one, _ in own]),
            len(own) / len(some),
        )
        for (hz, shape), own in zip(references, rows, strict=True)
        if own
    ]


def mac(a: Shape, b: Shape) -> float:
    """Modal assurance criterion of two real shapes over the sensors that both have; 0 with fewer than two."""
    both = [sensor for sensor in a if sensor in b]
    if len(both) < 2:
        return 0.0
    x, y = np.array([a[s] for s in both]), np.array([b[s] for s in both])
    power = float((x @ x) * (y @ y))
    return float((x @ y) ** 2 / power) if power else 0.0


def _shape(one: Observation, mode: Mode) -> Shape:
    return dict(zip(one.sensor_ids, mode.shape, strict=True))


def _references(hours: Sequence[Observation]) -> list[tuple[float, Shape]]:
    """Modes that are in enough of the first hours: their usual frequency and shape, by frequency."""
    groups: list[list[tuple[int, float, Shape]]] = []
    for hour, one in enumerate(hours):
        for mode in one.modes:
            shape = _shape(one, mode)
            near = [
                group
                for group in groups
                if abs(mode.frequency_hz / _middle(group) - 1) < NEAR and mac(shape, group[0][2]) >= LEAST_MAC
            ]
            if near:
                nearest = min(near, key=lambda group: abs(_middle(group) - mode.frequency_hz))
                nearest.append((hour, mode.frequency_hz, shape))
            else:
                groups.append([(hour, mode.frequency_hz, shape)])
    found = []
    for group in groups:
        if len({hour for hour, _, _ in group}) >= LEAST_SEEN * len(hours):
            middle = _middle(group)
            found.append((middle, min(group, key=lambda member: abs(member[1] - middle))[2]))
    return sorted(found, key=lambda reference: reference[0])


def _middle(group: Sequence[tuple[int, float, Shape]]) -> float:
    return float(np.median([hz for _, hz, _ in group]))


def _matched(one: Observation, references: Sequence[tuple[float, Shape]]) -> list[tuple[int, Mode]]:
    """(which reference, mode): each at most once, so that the sum of distances is least."""
    if not references or not one.modes:
        return []
    far = 10.0
    cost = np.full((len(references), len(one.modes)), far)
    for i, (hz, shape) in enumerate(references):
        for j, mode in enumerate(one.modes):
            off, alike = abs(mode.frequency_hz / hz - 1), mac(shape, _shape(one, mode))
            if off <= FAR and alike >= LEAST_MAC:
                cost[i, j] = off / FAR + (1 - alike)
    rows, columns = linear_sum_assignment(cost)
    return [
        (int(i), one.modes[j])
        for i, j in zip(rows.tolist(), columns.tolist(), strict=True)
        if cost[i, j] < far
    ]
