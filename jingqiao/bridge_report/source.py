"""A report's readings out of an archive, day by day, no finer than they are needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from config.messages import Language
from devices.frame import Frame, concat, empty
from devices.registry import Registry
from devices.strain import medians_of_blocks
from jingqiao.backtest.files import Sheet
from jingqiao.backtest.readings import bound, read_readings
from jingqiao.bridge_report.month import Month

DAY_US: Final = 86_400_000_000
MONTH_BLOCK_S: Final = 20.0
"""Block of the detector: coarser readings would change what it sees, finer ones would not."""
HISTORY_BLOCK_S: Final = 600.0
"""Before the month only the hourly medians matter."""


Read = Callable[[int, int], pa.Table]
"""(since, until) [µs] → readings of the bridge's sensors, as `Archive.readings` has them."""


def archived_frame(
    read: Read,
    registry: Registry,
    month: Month,
    history_days: float,
    language: Language,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Frame:
    """Readings up to the month's end, day by day, in blocks of 20 s (before the month, of 10 min).

    Raises ArchiveUnavailableError, FaultsError.
    """
    since = month.since - int(history_days * DAY_US)
    days = range(since, month.until, DAY_US)
    parts: list[Frame] = []
    for number, start in enumerate(days):
        end = min(start + DAY_US, month.until)
        frame = frame_of(read(start, end), registry, language)
        progress(number + 1, len(days))
        if len(frame) == 0:
            continue
        near = end > month.since
        part = coarse(frame, MONTH_BLOCK_S if near else HISTORY_BLOCK_S)
        parts.append(part if near else _slow(part))
    return concat(parts) if parts else empty()


def frame_of(table: pa.Table, registry: Registry, language: Language) -> Frame:
    """Archived readings as they are. Raises FaultsError."""
    if table.num_rows == 0 or table.num_columns <= 2:
        return empty()
    lines = np.arange(1, table.num_rows + 1, dtype=np.int64)
    parsed = read_readings(Sheet(table, lambda: lines), "archive", language)
    return bound(parsed, registry, "archive", language).frame


def coarse(frame: Frame, block_s: float) -> Frame:
    """Rows of gauges and thermometers as one a block: medians, extremes, spread; others stay as they are."""
    strain = frame.get("strain_ue")
    other = np.zeros(len(frame), bool)
    for name in ("displacement_mm", "tilt_deg", "tilt_x_deg", "vibration_g", "acceleration_rms_g"):
        column = frame.get(name)
        if column is not None:
            other |= np.isfinite(column)
    if strain is not None:
        other &= ~np.isfinite(strain)
    rows = np.flatnonzero(~other)
    if len(rows) == 0:
        return frame
    block = frame.time[rows] // round(block_s * 1e6)
    order = np.lexsort((frame.time[rows], block, frame.sensor[rows]))
    rows, block = rows[order], block[order]
    sensor = frame.sensor[rows]
    starts = np.flatnonzero(np.concatenate(([True], (sensor[1:] != sensor[:-1]) | (block[1:] != block[:-1]))))
    lengths = np.diff(np.append(starts, len(rows)))
    last = rows[starts + lengths - 1]
    columns: dict[str, npt.NDArray[np.float32]] = {}
    for name, column in frame.columns.items():
        if not name.startswith("strain_"):
            columns[name] = medians_of_blocks(column[rows], lengths)
    if strain is not None:
        columns |= _strain(frame, rows, starts, lengths)
    blocks = Frame(
        frame.sensor[last],
        frame.time[last],
        frame.received[last],
        frame.seq[last],
        np.minimum.reduceat(frame.flag[rows], starts),
        columns,
        frame.gateway[last],
    )
    joined = concat([frame.take(other), blocks])
    return joined.take(np.lexsort((joined.sensor, joined.time)))


def _slow(frame: Frame) -> Frame:
    """The same as a slow logger's: one block in 10 min is no fast gauge that loses samples."""
    columns = {n: c for n, c in frame.columns.items() if n not in ("strain_n", "strain_std_ue")}
    return Frame(frame.sensor, frame.time, frame.received, frame.seq, frame.flag, columns, frame.gateway)


def _strain(
    frame: Frame, rows: npt.NDArray[np.int64], starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]
) -> dict[str, npt.NDArray[np.float32]]:
    value = frame.columns["strain_ue"][rows]

    def of(name: str) -> npt.NDArray[np.float32]:
        column = frame.get(name)
        return np.full(len(rows), np.nan, np.float32) if column is None else column[rows]

    low, high = of("strain_min_ue"), of("strain_max_ue")
    n, std = of("strain_n"), of("strain_std_ue")
    low, high = np.where(np.isfinite(low), low, value), np.where(np.isfinite(high), high, value)
    n = np.where(np.isfinite(n), n, np.isfinite(value)).astype(np.float32)
    known = np.isfinite(std)
    spread = np.add.reduceat(np.where(known, std, 0.0) ** 2, starts)
    with np.errstate(invalid="ignore", divide="ignore"):
        std = np.sqrt(spread / np.add.reduceat(known, starts))
    return {
        "strain_ue": medians_of_blocks(value, lengths),
        "strain_min_ue": np.fmin.reduceat(low, starts),
        "strain_max_ue": np.fmax.reduceat(high, starts),
        "strain_std_ue": std.astype(np.float32),
        "strain_n": np.add.reduceat(n, starts).astype(np.float32),
    }
