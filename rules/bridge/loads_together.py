"""Whether all gauges of a bridge together show that no vehicles brought a movement (`pattern.py`)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rules.bridge.background import LEAST_BEFORE, prediction
from rules.bridge.liveload import LiveLoads
from rules.bridge.onset import Movement
from rules.bridge.pattern import LEAST_PASSINGS, Together, no_load
from rules.bridge.ring import RING, Ring, bridged, columns


def together_no_load(
    ring: Ring,
    live: LiveLoads,
    asset: npt.NDArray[np.int32],
    block: int,
    channel: int,
    fit: Movement,
    age: int,
    now: int,
) -> bool:
    """asset : int32[c]  Of each gauge. fit : of the gauge's movement; age : blocks since the state before it,
    now : newest blocks that show where it stands."""
    if live.passings[channel] < LEAST_PASSINGS:
        return False
    own = np.flatnonzero((asset == asset[channel]) & (ring.last == block))
    y = ring.strain[np.ix_(own, columns(block))].astype(np.float64)
    span = int(RING - np.argmax(np.isfinite(y).all(axis=0)))
    window = span // 6 * 6
    before = window - age
    if len(own) < 2 or before < LEAST_BEFORE or not np.isfinite(y[:, -span:]).any(axis=1).all():
        return False
    y = bridged(y)[:, -window:]
    weights, _ = prediction(window, age)
    expected = (y[:, :before] - y[:, before - 1 : before]) @ weights.T + y[:, before - 1 : before]
    shift = np.median((y[:, before:] - expected)[:, -now:], axis=1)
    course = np.stack([ring.course(block, int(g), e) for g, e in zip(own, expected, strict=True)])
    moved = Together(shift, course, live.patterns(own), int(live.passings[channel]))
    return no_load(moved, fit.onset, fit.rise)
