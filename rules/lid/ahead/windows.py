"""Windows and days that end among the readings: their sums, and what is left after each end."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from rules.lid.ahead.means import after
from rules.lid.limits import Limits
from rules.lid.rocking import GREATEST_STEP_DEG, VIBRATION_FLOOR_G, close_windows
from rules.lid.settlement import turn_day
from rules.lid.state import LidState, Shock, Sink

Float32 = npt.NDArray[np.float32]


def days(own: LidState, base: Float32, level: Float32, hours: Float32, of: Any) -> None:
    """The day that is being added up, and the passages of those before."""
    day = np.floor(hours / np.float32(24))
    turns = day != after(base[:, Sink.DAY], day)
    rows, at = base.copy(), np.arange(len(level))[:, None]
    begin = np.full(len(base), -1)
    tables = own.sink.T.reshape(len(Sink), len(level), -1)
    columns = [*range(Sink.DAY, Sink.PASSED_5 + 1)]
    whole = np.repeat(rows.T[columns][:, None], len(level), axis=1)
    while True:
        # From the reading that turned the day on to the next that does.
        later = turns & (at > begin)
        turned = later.any(axis=0)
        end = np.where(turned, later.argmax(axis=0), len(level))
        inside = (at >= begin) & (at < end)
        sums = np.add.accumulate(
            np.concatenate([rows[None, :, Sink.SUM], np.where(inside, level, 0)]), axis=0
        )
        numbers = np.add.accumulate(
            np.concatenate([rows[None, :, Sink.N], inside], dtype=np.float32, casting="unsafe"), axis=0
        )
        before = (at > begin) & (at <= end)
        np.copyto(whole, rows.T[columns][:, None], where=before)
        np.copyto(whole[columns.index(Sink.SUM)], sums[:-1], where=before)
        np.copyto(whole[columns.index(Sink.N)], numbers[:-1], where=before)
        if not turned.any():
            break
        i = np.flatnonzero(turned)
        rows[i, Sink.SUM], rows[i, Sink.N] = sums[end[i], i], numbers[end[i], i]
        some = rows[i]
        turn_day(some, day[end[i], i])
        rows[i] = some
        begin = end
    for column, values in zip(columns, whole, strict=True):
        tables[column][:, of] = values


def shocks(
    own: LidState,
    start: LidState,
    vibration_g: Float32 | None,
    rocking_deg: Float32 | None,
    hours: Float32,
    limits: Limits,
) -> None:
    """Windows of shocks and steps."""
    if vibration_g is None and rocking_deg is None:
        return
    rows, at, n = start.shock.copy(), np.arange(len(hours))[:, None], len(hours)
    seen = steps = counted = None
    if vibration_g is not None:
        seen = np.maximum(vibration_g, VIBRATION_FLOOR_G)
    if rocking_deg is not None:
        counted = ~np.isnan(rocking_deg)
        steps = np.where(counted, np.minimum(rocking_deg, GREATEST_STEP_DEG), np.float32(0))
    tables = own.shock.T.reshape(len(Shock), n, -1)
    begin = np.zeros(len(rows), np.int64)
    while True:
        # From the first reading of a window to the one that closes it.
        over = (hours - rows[:, Shock.START] >= limits["window_hours"]) & (at >= begin)
        closed = over.any(axis=0)
        end = np.where(closed, over.argmax(axis=0), n)
        inside = (at >= begin) & (at <= end)
        np.copyto(tables, rows.T[:, None], where=inside)
        i = np.flatnonzero(closed)
        for column, what, gather in (
            (Shock.PEAK, seen, np.fmax),
            (Shock.STEP_SUM, steps, np.add),
            (Shock.STEP_N, counted, np.add),
        ):
            if what is None:
                continue
            follow = np.where(inside, what, np.float32(0)).astype(np.float32)
            sums = gather.accumulate(np.concatenate([rows[None, :, column], follow]), axis=0)
            np.copyto(tables[column], sums[:-1], where=inside)
            rows[i, column] = sums[end[i] + 1, i]
        if not len(i):
            return
        some = rows[i]
        close_windows(some, hours[end[i], i], limits.take(i))
        rows[i] = some
        begin = end + 1
