"""What strange sensors, roads and seasons do to readings: from the protocol and the field's facts alone.

Like `benchmarks.worlds` it shares no code with the simulator; written before the rules were tried on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
DAY: Final = 86_400.0


@dataclass(frozen=True)
class Quirks:
    """All off by default.

    rain_deg : how far a wet sensor leans after rain, coming back within some days [°].
    heave_mm : frost lifts a lid and thaw lets it down, or the other way, in weeks [mm].
    echo_share, echo_mm : readings of an ultrasonic gauge that took another path, and by how much [mm].
    chatter : share of readings whose contact bounces open while the lid lies on its seat.
    full_scale_g : no shock is told harder than this [g].
    convoys : share of nights with heavy vehicles one behind the other from 1 to 4 o'clock.
    absent : share of readings that a channel is missing from.
    """

    rain_deg: float = 0.0
    heave_mm: float = 0.0
    echo_share: float = 0.0
    echo_mm: float = 5.0
    chatter: float = 0.0
    full_scale_g: float = np.inf
    convoys: float = 0.0
    absent: float = 0.0


def convoy(quirks: Quirks, t: Float, rng: np.random.Generator) -> Bool:
    """Readings while a convoy rolls over the lid; t [s]."""
    if quirks.convoys == 0:
        return np.zeros(len(t), bool)
    local = t / DAY + 8 / 24
    nights = rng.random(int(local.max(initial=0)) + 1) < quirks.convoys
    hour = local % 1 * 24
    rolling: Bool = nights[local.astype(int)] & (hour >= 1) & (hour < 4)
    return rolling


def moved(quirks: Quirks, t: Float, rng: np.random.Generator) -> tuple[Float, Float, Float]:
    """What rain and frost add to the two inclinations [°] and to the displacement [mm]."""
    x, y, mm = np.zeros(len(t)), np.zeros(len(t)), np.zeros(len(t))
    if quirks.rain_deg:
        at = rng.exponential(4 * DAY)
        while at < t.max(initial=0):
            since = (t - at) / DAY
            dries = rng.uniform(0.7, 3)
            wet = np.where(since > 0, np.clip(since / 0.15, 0, 1) * np.exp(-np.maximum(since, 0) / dries), 0)
            size, axis = rng.uniform(0.3, 1) * quirks.rain_deg, rng.uniform(0, 2 * np.pi)
            x, y = x + size * wet * np.cos(axis), y + size * wet * np.sin(axis)
            at += rng.exponential(5 * DAY)
    if quirks.heave_mm:
        size = rng.uniform(0.5, 1) * quirks.heave_mm * rng.choice([-1, 1])
        begins, freezes, thaws = rng.uniform(0, 20) * DAY, rng.uniform(14, 28) * DAY, rng.uniform(5, 14) * DAY
        mm = size * (np.clip((t - begins) / freezes, 0, 1) - np.clip((t - begins - freezes) / thaws, 0, 1))
    return x, y, mm


def spoil(quirks: Quirks, columns: dict[str, Float], rng: np.random.Generator) -> None:
    """Echoes, chatter, full scale and fields that are not sent; `columns` are changed in place."""
    n = len(columns["t"])
    if quirks.echo_share and "displacement_mm" in columns:
        off = np.where(rng.random(n) < quirks.echo_share, rng.choice([-2, -1, 1, 1, 2], n), 0)
        columns["displacement_mm"] = columns["displacement_mm"] + off * quirks.echo_mm
    if quirks.chatter and "open" in columns:
        columns["open"] = np.where(rng.random(n) < quirks.chatter, 1.0, columns["open"])
    if "vibration_g" in columns:
        columns["vibration_g"] = np.minimum(columns["vibration_g"], quirks.full_scale_g)
    if quirks.absent:
        names = [name for name in columns if name != "t"]
        gone = rng.random((len(names), n)) < quirks.absent
        gone[rng.integers(0, len(names), n), np.arange(n)] = False  # something is always told
        for name, where in zip(names, gone, strict=True):
            columns[name] = np.where(where, np.nan, columns[name])
