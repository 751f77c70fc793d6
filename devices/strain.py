"""High-rate strain, reduced to block features: what the rules see of a fast gauge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from devices.frame import Flag, Frame, concat

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]
Floating = TypeVar("Floating", bound=np.floating[Any])

FEATURES: Final = ("strain_ue", "strain_min_ue", "strain_max_ue", "strain_std_ue", "strain_n")
"""Median, least, greatest, standard deviation [µε] and number of the samples of a block."""

_BESIDE: Final = frozenset((*FEATURES, "battery_v", "battery_pct", "rssi_dbm", "snr_db"))
"""Quantities that do not make a sensor something else than a gauge or a thermometer."""

SLOW_INTERVAL_US: Final = 2_000_000
"""A gauge that mostly sends less often than this [µs] is a slow logger: its readings stay as they are."""


def block_features(blocks: Sequence[npt.NDArray[np.float32]]) -> dict[str, Float32]:
    """The features of raw blocks, one entry each.

    blocks : float32[m] each  Samples [µε]; lengths may differ; samples that are not finite do not count.
    Returns `FEATURES` → float32[n]; a block without a finite sample gives NaN and strain_n 0.
    """
    lengths = np.fromiter((len(block) for block in blocks), np.int64, len(blocks))
    flat = np.concatenate([np.asarray(block, np.float32) for block in blocks]) if blocks else np.empty(0)
    return _features(np.asarray(flat, np.float32), lengths)


def reduce_rows(frame: Frame, block_s: float = 1.0) -> Frame:
    """The frame with every fast gauge's rows reduced to one row for each block of `block_s` seconds.

    A sensor is fast when it measures strain (or nothing but temperature) and at least half of the
    intervals between its rows are `SLOW_INTERVAL_US` or shorter. Its rows are put in order of event time;
    blocks lie on multiples of `block_s` since 1970 and bear the time of their last sample; strain becomes
    `FEATURES`, other columns block medians, the flag the best one in the block. Samples flagged FAIL or
    MISSING do not count. All other rows, and rows that are features already (with `strain_n`), stay as
    they are. A block stands where its last row stood, so that the order of arrival is kept.
    """
    plain = _reducible(frame)
    fast_sensors = _fast_sensors(frame.sensor[plain], frame.time[plain])
    if len(fast_sensors) == 0:
        return frame
    fast = np.isin(frame.sensor, fast_sensors)
    reduced = frame.get("strain_n")
    if reduced is not None:
        fast &= ~np.isfinite(reduced)
    rows = np.flatnonzero(fast)
    sensor, time = frame.sensor[rows], frame.time[rows]
    if not _sorted(sensor, time):
        order = np.lexsort((time, sensor))
        rows, sensor, time = rows[order], sensor[order], time[order]
    block = time // max(1, round(block_s * 1e6))
    starts = np.flatnonzero(np.concatenate(([True], (sensor[1:] != sensor[:-1]) | (block[1:] != block[:-1]))))
    lengths = np.diff(np.append(starts, len(rows)))
    blocks = _blocks(frame, rows, starts, lengths)
    position = np.concatenate((np.flatnonzero(~fast), np.maximum.reduceat(rows, starts)))
    return concat([frame.take(~fast), blocks]).take(np.argsort(position, kind="stable"))


def _reducible(frame: Frame) -> npt.NDArray[np.bool_]:
    """Rows of plain strain, and of sensors that measure nothing but temperature."""
    plain = np.zeros(len(frame), bool)
    other = np.zeros(len(frame), bool)
    for name, column in frame.columns.items():
        if name in ("strain_ue", "temperature_c"):
            plain |= np.isfinite(column)
        elif name not in _BESIDE:
            other |= np.isfinite(column)
    strain = frame.get("strain_ue")
    gauge = np.zeros(len(frame), bool) if strain is None else np.isfinite(strain)
    reduced = frame.get("strain_n")
    if reduced is not None:
        plain &= ~np.isfinite(reduced)
    if not other.any():
        return plain
    elsewhere = np.setdiff1d(frame.sensor[other], frame.sensor[gauge])
    return plain & ~np.isin(frame.sensor, elsewhere)


def _blocks(frame: Frame, rows: Int64, starts: Int64, lengths: Int64) -> Frame:
    last = rows[starts + lengths - 1]
    flag = frame.flag[rows]
    unusable = (flag == Flag.FAIL) | (flag == Flag.MISSING)
    columns: dict[str, Float32] = {}
    for name, column in frame.columns.items():
        values = np.where(unusable, np.float32(np.nan), column[rows])
        if name == "strain_ue":
            columns.update(_features(values, lengths))
        elif name not in FEATURES:
            columns[name] = medians_of_blocks(values, lengths)
    return Frame(
        frame.sensor[last],
        frame.time[last],
        np.maximum.reduceat(frame.received[rows], starts),
        frame.seq[last],
        np.minimum.reduceat(flag, starts),
        columns,
        frame.gateway[last],
    )


def _features(flat: Float32, lengths: Int64) -> dict[str, Float32]:
    """`FEATURES` of blocks that lie end to end in `flat`, `lengths` long."""
    out = {name: np.full(len(lengths), np.nan, np.float32) for name in FEATURES}
    out["strain_n"][:] = 0.0
    for which, values in _stacks(flat, lengths):
        out["strain_ue"][which] = np.median(values, axis=1)
        out["strain_min_ue"][which] = values.min(axis=1)
        out["strain_max_ue"][which] = values.max(axis=1)
        centred = values - values.mean(axis=1, dtype=np.float64, keepdims=True).astype(np.float32)
        out["strain_std_ue"][which] = np.sqrt(np.einsum("ij,ij->i", centred, centred) / values.shape[1])
        out["strain_n"][which] = values.shape[1]
    return out


def medians_of_blocks(flat: npt.NDArray[Floating], lengths: Int64) -> npt.NDArray[Floating]:
    """Median of the finite values of each block; NaN where a block has none.

    flat : floating[m]  Blocks end to end. lengths : int64[n]  Their lengths; they sum up to m.
    """
    out = np.full(len(lengths), np.nan, flat.dtype)
    for which, values in _stacks(flat, lengths):
        out[which] = values[:, 0] if values.shape[1] == 1 else np.median(values, axis=1)
    return out


def _stacks(flat: npt.NDArray[Floating], lengths: Int64) -> list[tuple[Int64, npt.NDArray[Floating]]]:
    """Blocks of one length as a matrix each: (their numbers, values[k, length]), samples that count only."""
    finite = np.isfinite(flat)
    if not finite.all():
        owner = np.repeat(np.arange(len(lengths)), lengths)[finite]
        flat, lengths = flat[finite], np.bincount(owner, minlength=len(lengths))
    starts = np.cumsum(lengths) - lengths
    stacks = []
    for length in np.unique(lengths):
        if length > 0:
            which = np.flatnonzero(lengths == length)
            stacks.append((which, flat[starts[which, None] + np.arange(length)]))
    return stacks


def _fast_sensors(sensor: npt.NDArray[np.int32], time: Int64) -> npt.NDArray[np.int32]:
    if not _sorted(sensor, time):
        order = np.lexsort((time, sensor))
        sensor, time = sensor[order], time[order]
    same = sensor[1:] == sensor[:-1]
    short = same & (np.diff(time) <= SLOW_INTERVAL_US)
    known, owner = np.unique(sensor[1:][same], return_inverse=True)
    intervals = np.bincount(owner, minlength=len(known))
    quick = np.bincount(owner, weights=short[same], minlength=len(known))
    fast: npt.NDArray[np.int32] = known[(intervals > 0) & (quick * 2 >= intervals)]
    return fast


def _sorted(sensor: npt.NDArray[np.int32], time: Int64) -> bool:
    step = np.diff(sensor)
    return bool(np.all((step > 0) | ((step == 0) & (np.diff(time) >= 0))))
