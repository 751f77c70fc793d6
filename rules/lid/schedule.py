"""Whether a reading came when the schedule says, or off it: an event that woke the sensor."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]

LEAST_S = np.float32(5.0)
"""Radios and sleeping crystals are out by seconds."""
RELATIVE = np.float32(0.0003)
"""Drift of a crystal against ours, with what temperature does to it, tenfold."""


def on_schedule(
    time: npt.NDArray[np.int64],
    gap_s: Float32,
    gap_before_s: Float32,
    heartbeat_s: Float32,
    phase_s: Float32,
) -> tuple[Bool, Float32]:
    """Readings that came on schedule, and the phase of their heartbeat from now on.

    On schedule is: as long after the one before as that came after its own; whole heartbeats after the one
    before; or at the phase of the heartbeat that was known, whatever events came between.

    time : int64[k]  Event time [µs].
    gap_s, gap_before_s : float32[k]  Since the message before, and that one's own gap; 0 = unknown [s].
    heartbeat_s : float32[k]  By the registry; NaN = unknown [s].
    phase_s : float32[k]  Known phase; -1 = unknown [s].
    """
    like = np.abs(gap_s - gap_before_s) < np.minimum(
        np.maximum(LEAST_S, np.float32(0.003) * gap_s), np.float32(0.1) * gap_s
    )
    period = np.where(np.isnan(heartbeat_s), np.float32(86_400), heartbeat_s)
    allowed = np.minimum(np.maximum(LEAST_S, RELATIVE * period), np.float32(0.1) * period)
    beats = gap_s / period
    whole = np.round(beats)
    beat = (whole >= 1) & (whole <= 8) & (np.abs(beats - whole) * period < allowed * np.maximum(whole, 1))
    period_us = (period * np.float32(1e6)).astype(np.int64)
    now = ((time % np.maximum(period_us, 1)) * 1e-6).astype(np.float32)
    off = np.abs(now - phase_s)
    off = np.minimum(off, period - off)
    phased = (phase_s >= 0) & (off < allowed) & (gap_s > allowed)
    scheduled = (gap_s > 0) & (like | ((beat | phased) & ~np.isnan(heartbeat_s)))
    return scheduled, np.where((beat | phased) & (gap_s > 0), now, phase_s)
