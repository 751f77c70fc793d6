"""Readings of a table as one frame in the order in which they came, with every bad row named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from config.faults import Fault, FaultsError
from config.messages import Language, text
from devices.frame import NO_GATEWAY, NO_SEQ, Flag, Frame, gateway_key
from devices.quantities import QUANTITIES
from devices.registry import UNKNOWN, Registry
from jingqiao.backtest.cells import numbers, times, zoneless
from jingqiao.backtest.files import Sheet
from jingqiao.backtest.twice import contradictions

FAULTS_KEPT: Final = 100
META: Final = frozenset({"sensor_id", "t", "seq", "received", "gateway_id", "asset_id"})


@dataclass(frozen=True, slots=True)
class Readings:
    """What a file holds, by distinct sensor id.

    ids : tuple[str, ...]  Distinct sensor ids, in order of their first row.
    frame : Frame  `sensor` points into `ids` until `bound` gives it registry indices; in order of
        reception, which is the event time where the file has no column `received`.
    faults : list[Fault]  Bad rows, at most FAULTS_KEPT.
    ignored : tuple[str, ...]  Columns that nobody knows.
    zoneless : tuple[str, ...]  Columns of timestamps that name no zone and were taken for UTC.
    """

    ids: tuple[str, ...]
    frame: Frame
    faults: list[Fault] = field(default_factory=list)
    ignored: tuple[str, ...] = ()
    zoneless: tuple[str, ...] = ()


def read_readings(
    sheet: Sheet, file: str, language: Language = "zh", zone: ZoneInfo | None = None
) -> Readings:
    """The sheet's good rows. Raises FaultsError when it lacks a column that it must have.

    zone : Of times that name none; without it such texts are bad, such timestamps are of UTC.
    """
    table = sheet.table
    names = table.column_names
    quantities = [name for name in names if name in QUANTITIES]
    missing = [name for name in ("sensor_id", "t") if name not in names]
    if missing or not quantities:
        problem = text("backtest.bad.columns", language, missing=", ".join(missing) or "tilt_deg …")
        raise FaultsError([Fault(file, 1, "", problem, text("backtest.remedy.columns", language))])
    bad = _Bad(file, language, sheet.lines)
    n = table.num_rows
    good = np.ones(n, bool)
    encoded = _one(table["sensor_id"])
    if not pa.types.is_dictionary(encoded.type):
        encoded = pc.dictionary_encode(encoded.cast(pa.string()))
    code = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
    ids = tuple(str(i).strip() for i in encoded.dictionary.to_pylist())
    empty = np.array([not i for i in ids] + [True], bool)[code]
    bad.rows("no_sensor", "sensor_id", empty, good)
    raw_time = _one(table["t"])
    time, wrong = times(raw_time, zone)
    bad.rows("time", "t", wrong, good, raw_time)
    received = time
    if "received" in names:
        raw_received = _one(table["received"])
        received, wrong = times(raw_received, zone)
        untold = ~_told(raw_received)
        received = np.where(untold, time, received)
        bad.rows("time", "received", wrong & ~untold, good, raw_received)
    columns = {}
    for name in quantities:
        raw, quantity = _one(table[name]), QUANTITIES[name]
        value, wrong = numbers(raw, boolean=quantity.boolean, decimal_comma=sheet.decimal_comma)
        bad.rows("boolean" if quantity.boolean else "number", name, wrong, good, raw)
        with np.errstate(invalid="ignore"):
            outside = (value < quantity.low) | (value > quantity.high)
        bad.rows("range", name, outside & ~wrong, good, raw, low=quantity.low, high=quantity.high)
        columns[name] = value.astype(np.float32)
    bad.rows(
        "nothing",
        "",
        _none(columns, n),
        good,
        known=", ".join(name for name, q in QUANTITIES.items() if q.native),
    )
    frame = Frame(
        code.astype(np.int32),
        time,
        received,
        np.full(n, NO_SEQ, np.int64),
        np.full(n, Flag.GOOD, np.uint8),
        columns,
        _gateways(table),
    )
    if not good.all():
        frame = frame.take(good)
    rows = np.flatnonzero(good)
    for found in contradictions(frame):
        row = int(rows[found.row])
        at = raw_time[row].as_py()
        bad.row("twice", "t", row, sensor_id=ids[found.sensor], count=found.count, value=at)
    ignored = tuple(name for name in names if name not in META and name not in QUANTITIES)
    faults = bad.listed(list(sheet.faults))
    local = () if zone else tuple(n for n in names if n in ("t", "received") and zoneless(_one(table[n])))
    return Readings(ids, _in_order(frame), faults, ignored, local)


def bound(readings: Readings, registry: Registry, file: str, language: Language = "zh") -> Readings:
    """With registry indices for sensors; rows of sensors that the registry lacks are named and left out."""
    index = registry.sensor_indices(readings.ids)
    sensor = index[readings.frame.sensor]
    frame = readings.frame
    faults = list(readings.faults)
    if (index == UNKNOWN).any():
        counts = np.bincount(frame.sensor, minlength=len(readings.ids))
        for i in np.flatnonzero((index == UNKNOWN) & (counts > 0)).tolist():
            problem = text(
                "backtest.bad.unknown_sensor", language, sensor_id=readings.ids[i], count=int(counts[i])
            )
            faults.append(
                Fault(file, None, "sensor_id", problem, text("backtest.remedy.unknown_sensor", language))
            )
        known = sensor != UNKNOWN
        frame, sensor = frame.take(known), sensor[known]
    frame = Frame(
        sensor.astype(np.int32),
        frame.time,
        frame.received,
        frame.seq,
        frame.flag,
        frame.columns,
        frame.gateway,
    )
    return replace(readings, frame=frame, faults=faults)


def _in_order(frame: Frame) -> Frame:
    """By reception, then event time; what one sensor measured at one instant in several rows is one row."""
    late = (np.diff(frame.received) < 0) | ((np.diff(frame.received) == 0) & (np.diff(frame.time) < 0))
    if late.any():
        frame = frame.take(np.lexsort((frame.time, frame.received)))
    same = np.flatnonzero((np.diff(frame.time) == 0) & (np.diff(frame.received) == 0))
    sparse = len(frame.columns) > 1 and any(np.isnan(column).any() for column in frame.columns.values())
    if len(same) == 0 or not sparse:
        return frame
    order = np.lexsort((frame.sensor, frame.time, frame.received))
    first = np.ones(len(frame), bool)
    first[1:] = False
    for key in (frame.sensor[order], frame.time[order], frame.received[order]):
        first[1:] |= key[1:] != key[:-1]
    if first.all():
        return frame
    starts = np.flatnonzero(first)
    merged = {}
    for name, column in frame.columns.items():
        values = column[order]
        # The first row that measured it counts; a repeated reading stays what it was.
        measured = np.where(np.isnan(values), len(values), np.arange(len(values)))
        earliest = np.minimum.reduceat(measured, starts)
        merged[name] = np.append(values, np.float32(np.nan))[earliest]
    kept = np.minimum.reduceat(order, starts)
    back = np.argsort(kept, kind="stable")
    rows = kept[back]
    return Frame(
        frame.sensor[rows],
        frame.time[rows],
        frame.received[rows],
        frame.seq[rows],
        frame.flag[rows],
        {name: column[back] for name, column in merged.items()},
        frame.gateway[rows],
    )


def _one(column: pa.ChunkedArray) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        column = column.unify_dictionaries()
    whole = column.combine_chunks()
    return whole if isinstance(whole, pa.Array) else pa.concat_arrays(whole.chunks)


def _told(column: pa.Array) -> npt.NDArray[np.bool_]:
    """bool[n]  Whether a cell holds anything."""
    told = pc.is_valid(column)
    if pa.types.is_string(column.type):
        told = pc.and_(told, pc.not_equal(pc.utf8_trim_whitespace(pc.fill_null(column, "")), ""))
    return np.asarray(told.to_numpy(zero_copy_only=False), bool)


def _none(columns: dict[str, npt.NDArray[np.float32]], n: int) -> npt.NDArray[np.bool_]:
    none = np.ones(n, bool)
    for column in columns.values():
        none &= np.isnan(column)
    return none


def _gateways(table: pa.Table) -> npt.NDArray[np.int32]:
    if "gateway_id" not in table.column_names:
        return np.full(table.num_rows, NO_GATEWAY, np.int32)
    encoded = pc.dictionary_encode(_one(table["gateway_id"]).cast(pa.string()))
    keys = [gateway_key(i) if i else NO_GATEWAY for i in encoded.dictionary.to_pylist()]
    code = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
    gateways: npt.NDArray[np.int32] = np.array([*keys, NO_GATEWAY], np.int32)[code]
    return gateways


class _Bad:
    """Faults of rows as they are found, a few named and the rest counted."""

    def __init__(self, file: str, language: Language, lines: Callable[[], npt.NDArray[np.int64]]) -> None:
        self._file, self._language, self._lines = file, language, lines
        self._faults: list[Fault] = []
        self._more = 0

    def rows(
        self,
        what: str,
        column: str,
        wrong: npt.NDArray[np.bool_],
        good: npt.NDArray[np.bool_],
        raw: pa.Array | None = None,
        **values: Any,
    ) -> None:
        """Take the wrong rows out of `good` and name those that were still in it."""
        if not wrong.any():
            return
        rows = np.flatnonzero(wrong & good)
        good[rows] = False
        room = max(0, FAULTS_KEPT - len(self._faults))
        self._more += max(0, len(rows) - room)
        lines = self._lines() if len(rows) and room else np.empty(0, np.int64)
        for row in rows[:room].tolist():
            if raw is not None:
                values["value"] = raw[row].as_py()
            problem = text(f"backtest.bad.{what}", self._language, **values)
            remedy = text(f"backtest.remedy.{what}", self._language, **values)
            line = int(lines[row]) if row < len(lines) else None
            self._faults.append(Fault(self._file, line, column, problem, remedy))

    def row(self, what: str, column: str, row: int, **values: Any) -> None:
        """Name one row, which is used all the same."""
        lines = self._lines()
        problem = text(f"backtest.bad.{what}", self._language, **values)
        remedy = text(f"backtest.remedy.{what}", self._language, **values)
        line = int(lines[row]) if row < len(lines) else None
        self._faults.append(Fault(self._file, line, column, problem, remedy))

    def listed(self, first: Sequence[Fault]) -> list[Fault]:
        """All by line, closed by the number of those that are not named."""
        faults = sorted([*first, *self._faults], key=lambda fault: (fault.line or 0, fault.field))
        more = self._more + max(0, len(faults) - FAULTS_KEPT)
        faults = faults[:FAULTS_KEPT]
        if more:
            problem = text("backtest.bad.more", self._language, count=more)
            faults.append(Fault(self._file, None, "", problem, text("backtest.remedy.more", self._language)))
        return faults
