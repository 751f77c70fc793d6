"""Rows of a file as an archive would give them: acceleration in blocks, temperatures as readings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

from devices.frame import Frame
from jingqiao.archive.contract import BLOCKS
from jingqiao.modal.window import LONGEST_GAP_US

Int = npt.NDArray[np.int64]

BLOCK_US: Final = 60_000_000
"""Longest block that is made."""
BROKEN: Final = 1.5
"""A step longer than so many usual ones ends a block."""


def blocks_of(frame: Frame, ids: Sequence[str]) -> pa.Table:
    """`Archive.blocks` of the rows that have `acceleration_g`; ids : of the frame's sensors."""
    column = frame.get("acceleration_g")
    if column is None:
        return BLOCKS.empty_table()
    rows: dict[str, list[Any]] = {"sensor_id": [], "start": [], "rate_hz": [], "acceleration_g": []}
    measured = np.isfinite(column)
    for sensor in np.unique(frame.sensor[measured]).tolist():
        own = np.flatnonzero(measured & (frame.sensor == sensor))
        time, first = np.unique(frame.time[own], return_index=True)
        if len(time) < 2:
            continue
        for piece, rate in _pieces(time):
            rows["sensor_id"].append(ids[sensor])
            rows["start"].append(int(time[piece[0]]))
            rows["rate_hz"].append(rate)
            rows["acceleration_g"].append(column[own][first][piece])
    rows["strain_ue"] = [None] * len(rows["start"])
    table = pa.table({f.name: pa.array(rows[f.name], f.type) for f in BLOCKS}, schema=BLOCKS)
    return table.sort_by("start")


def readings_of(frame: Frame, ids: Sequence[str]) -> pa.Table:
    """`Archive.readings` of the rows that have `temperature_c`."""
    warm = frame.get("temperature_c")
    measured = np.zeros(len(frame), bool) if warm is None else np.isfinite(warm)
    rows = np.flatnonzero(measured)
    return pa.table(
        {
            "sensor_id": pa.array([ids[i] for i in frame.sensor[rows].tolist()], pa.string()),
            "t": pa.array(frame.time[rows], pa.timestamp("us", "UTC")),
            "temperature_c": pa.array([] if warm is None else warm[rows], pa.float32()),
        }
    )


def part(table: pa.Table, time: str, since: int, until: int, ids: Sequence[str]) -> pa.Table:
    """Rows of some sensors with `since` ≤ time < `until` [µs]."""
    at = table[time].cast(pa.int64()).to_numpy()
    inside = pa.array((at >= since) & (at < until))
    chosen = table.filter(inside)
    return chosen.filter(pa.compute.is_in(chosen["sensor_id"], pa.array(ids, pa.string())))


def _pieces(time: Int) -> list[tuple[Int, float]]:
    """(places, rate) of unbroken runs, cut to a minute.

    Times are rounded to milliseconds: only all runs together tell the rate.
    """
    step = float(np.median(np.diff(time)))
    broken = np.flatnonzero(np.diff(time) > min(BROKEN * step, LONGEST_GAP_US)) + 1
    runs = np.split(np.arange(len(time)), broken)
    steps = sum(len(run) - 1 for run in runs)
    lasted = sum(float(time[run[-1]] - time[run[0]]) for run in runs)
    rate = steps * 1e6 / lasted if lasted else 1e6 / step
    longest = max(2, int(BLOCK_US * rate / 1e6))
    return [(run[begin : begin + longest], rate) for run in runs for begin in range(0, len(run), longest)]
