"""Ten minutes of acceleration of all of a bridge's accelerometers on one clock, or why there are none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

from jingqiao.archive.samples import samples_of

Float = npt.NDArray[np.float64]

WINDOW_US: Final = 600_000_000
LEAST_CHANNELS: Final = 2
"""With one channel there is no mode shape: a mode could not be known again."""
LEAST_RATE_HZ: Final = 10.0
"""Slower sensors see no mode of a road bridge (half of it is the highest frequency there is)."""
MOST_MISSING: Final = 0.01
"""Share of a window's samples that may be missing; they are bridged by straight lines."""
LONGEST_GAP_US: Final = 1_000_000
SAME_RATE: Final = 0.001
"""Rates that differ by less than this share are one: crystals do."""
LEAST_VALUES: Final = 8
"""A channel with fewer different values in ten minutes stands still, or its scale is too coarse."""

_ABOUT_US: Final = 500_000


@dataclass(frozen=True, slots=True)
class Window:
    """Synchronous samples of one window.

    start : int  Event time of the first row [µs]. samples : float64[m, c]  [g], mean removed.
    sensor_ids : c of them. left_out : sensor id → why it is not among them: `gaps`, `rate`, `still`.
    """

    start: int
    rate_hz: float
    samples: Float
    sensor_ids: tuple[str, ...]
    left_out: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NoWindow:
    """Why a span cannot be analysed: `channels` (fewer than two), `gaps`, `rate`, `still`.

    left_out : sensor id → its own reason.
    """

    start: int
    problem: str
    left_out: dict[str, str]


def window_of(
    blocks: pa.Table, sensor_ids: Sequence[str], start: int, length_us: int = WINDOW_US
) -> Window | NoWindow:
    """The window `start` ≤ t < `start + length_us` [µs] out of raw blocks.

    blocks : `Archive.blocks`, also of before the window, from where a block may reach into it. sensor_ids :
    the bridge's accelerometers. Samples go onto one grid by straight lines between their own times, so that
    blocks which begin between two ticks of another sensor's are moved by that part of a sample.
    """
    left_out: dict[str, str] = {}
    found: dict[str, tuple[npt.NDArray[np.int64], Float, float]] = {}
    own = blocks.filter(pa.compute.is_valid(blocks["acceleration_g"]))
    names = own["sensor_id"].to_pylist()
    for sensor_id in sensor_ids:
        rows = [i for i, name in enumerate(names) if name == sensor_id]
        if not rows:
            left_out[sensor_id] = "gaps"
            continue
        time, values, rate = _joined(own.take(rows), start, length_us)
        fault = _fault(time, values, rate, start, length_us)
        if fault:
            left_out[sensor_id] = fault
        else:
            found[sensor_id] = time, values, rate
    if not found:
        return NoWindow(start, _commonest(left_out), left_out)
    rate = _commonest_rate([rate for _, _, rate in found.values()])
    for sensor_id in [s for s, (_, _, own_rate) in found.items() if abs(own_rate / rate - 1) > SAME_RATE]:
        left_out[sensor_id] = "rate"
        del found[sensor_id]
    if len(found) < LEAST_CHANNELS:
        return NoWindow(start, _commonest(left_out), left_out)
    grid = start + np.arange(int(length_us * rate / 1e6)) * 1e6 / rate
    columns = [np.interp(grid, time, values) for time, values, _ in found.values()]
    samples = np.column_stack(columns)
    return Window(start, rate, samples - samples.mean(axis=0), tuple(found), left_out)


def _joined(blocks: pa.Table, start: int, length_us: int) -> tuple[npt.NDArray[np.int64], Float, float]:
    """(times, samples, rate) of one sensor within a span and half a second about it, in order, each once."""
    owner, time, values = samples_of(blocks, "acceleration_g")
    inside = (time >= start - _ABOUT_US) & (time < start + length_us + _ABOUT_US)
    own = np.unique(owner[inside])
    rate = _commonest_rate(blocks["rate_hz"].to_numpy()[own].tolist()) if len(own) else 0.0
    time, first = np.unique(time[inside], return_index=True)
    return time, values[inside][first].astype(np.float64), rate


def _fault(time: npt.NDArray[np.int64], values: Float, rate: float, start: int, length_us: int) -> str:
    """Why a channel cannot be used; "" where it can."""
    within = (time >= start) & (time < start + length_us)
    time, values = time[within], values[within]
    wanted = length_us * rate / 1e6
    if len(time) < 2 or len(time) < (1 - MOST_MISSING) * wanted:
        return "gaps"
    edges = np.concatenate(([start], time, [start + length_us]))
    if np.diff(edges).max() > LONGEST_GAP_US or len(time) > (1 + MOST_MISSING) * wanted:
        return "gaps"
    if rate < LEAST_RATE_HZ:
        return "rate"
    return "still" if len(np.unique(values)) < LEAST_VALUES else ""


def _commonest_rate(rates: Sequence[float]) -> float:
    """The rate that most share; the faster one of two equally common."""
    counts = [(sum(abs(other / rate - 1) <= SAME_RATE for other in rates), rate) for rate in rates]
    return max(counts)[1]


def _commonest(left_out: dict[str, str]) -> str:
    reasons = list(left_out.values())
    return max(sorted(set(reasons)), key=reasons.count) if len(reasons) >= LEAST_CHANNELS else "channels"
