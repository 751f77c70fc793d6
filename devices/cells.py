"""Text cells to typed columns, a whole column at once; each bad cell becomes a fault with its remedy."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from devices.registry import UNKNOWN
from devices.table_file import Mask, TextTable

CHINA_UTC_OFFSET_S: Final = 8 * 3600
"""An instant without zone is China's time: one zone, no summer time since 1991."""

_NUMBER: Final = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$"
_DAY: Final = r"^(?P<year>[0-9]{4})[-/.](?P<month>[0-9]{1,2})[-/.](?P<day>[0-9]{1,2})"
_CLOCK: Final = (
    r"(?:[T ](?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})"
    r"(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,6})[0-9]*)?)?"
    r" ?(?:(?P<utc>[Zz])|(?P<sign>[+-])(?P<zone_hour>[0-9]{2}):?(?P<zone_minute>[0-9]{2}))?)?$"
)
_YEARS: Final = (1900, 2100)
_SECONDS: Final = {
    **dict.fromkeys(("s", "秒"), 1),
    **dict.fromkeys(("m", "min", "分", "分钟"), 60),
    **dict.fromkeys(("h", "hr", "时", "小时"), 3600),
    **dict.fromkeys(("d", "day", "days", "天", "日"), 86_400),
}
"""What units of time mean that people write behind a number of a column of seconds."""


def filled(column: pa.Array) -> Mask:
    """bool[n]  Cells that are not empty."""
    mask: Mask = pc.not_equal(column, "").to_numpy(zero_copy_only=False)
    return mask


def required(table: TextTable, name: str) -> None:
    """An empty cell in this column is a fault."""
    for row in np.flatnonzero(~filled(table.column(name))):
        table.faults.add("empty_cell", int(row), name)


def unique(table: TextTable, name: str) -> None:
    """A value that occurs again is a fault that names the first line."""
    column = table.column(name)
    if len(pc.unique(column)) == len(column):
        return
    first: dict[str, int] = {}
    for row, value in enumerate(column.to_pylist()):
        if value and first.setdefault(value, row) != row:
            lines = table.faults.lines
            line = int(lines()[first[value]]) if lines else 0
            table.faults.add("twice", row, name, value=value, first=line)


def number(table: TextTable, name: str, low: float, high: float, *, above: bool = False) -> npt.NDArray[Any]:
    """float64[n]  Numbers from `low` (beyond it, with `above`) to `high`; NaN where empty or a fault."""
    column = table.column(name)
    some = filled(column)
    good = _matches(column, _NUMBER)
    values = np.full(len(column), np.nan)
    rows = np.flatnonzero(some & good)
    if len(rows):
        values[rows] = pc.cast(column.take(pa.array(rows)), pa.float64()).to_numpy()
    for row in np.flatnonzero(some & ~good):
        _no_number(table, name, int(row), column[int(row)].as_py())
    with np.errstate(invalid="ignore"):
        outside = (values <= low if above else values < low) | (values > high)
    for row in np.flatnonzero(outside):
        key = "not_above" if above and values[row] <= low else "out_of_range"
        cell = column[int(row)].as_py()
        table.faults.add(key, int(row), name, value=cell, low=f"{low:g}", high=f"{high:g}")
    values[outside] = np.nan
    return values


def yes_no(table: TextTable, name: str) -> npt.NDArray[np.int8]:
    """int8[n]  1, 0, or UNKNOWN where empty or a fault."""
    column = table.column(name)
    some = filled(column)
    ones = pc.equal(column, "1").to_numpy(zero_copy_only=False)
    zeros = pc.equal(column, "0").to_numpy(zero_copy_only=False)
    for row in np.flatnonzero(some & ~ones & ~zeros):
        table.faults.add("no_yes_no", int(row), name, value=column[int(row)].as_py())
    return np.where(ones, 1, np.where(zeros, 0, UNKNOWN)).astype(np.int8)


def member(table: TextTable, name: str, values: Mapping[str, int], default: int) -> npt.NDArray[np.int8]:
    """int8[n]  The number of one of a few words, whatever its case; `default` where empty or a fault."""
    column = pc.utf8_lower(table.column(name))
    codes = pc.index_in(column, pa.array(list(values), pa.string()))
    known = codes.is_valid().to_numpy(zero_copy_only=False)
    for row in np.flatnonzero(filled(column) & ~known):
        not_one_of(table, name, int(row), list(values))
    numbers = np.array([*values.values(), default], np.int8)
    result: npt.NDArray[np.int8] = numbers[pc.fill_null(codes, len(values)).to_numpy(zero_copy_only=False)]
    return result


def word(table: TextTable, name: str, values: Sequence[str], default: str) -> pa.Array:
    """string[n]  One of many words in lower case; `default` where empty or a fault."""
    column = pc.utf8_lower(table.column(name))
    some = filled(column)
    known = pc.is_in(column, pa.array(list(values), pa.string())).to_numpy(zero_copy_only=False)
    for row in np.flatnonzero(some & ~known):
        not_one_of(table, name, int(row), values)
    return pc.if_else(pa.array(some & known), column, default)


def not_one_of(table: TextTable, name: str, row: int, values: Sequence[str]) -> None:
    """The fault of a cell that is none of the values, with the nearest one where it is near."""
    value = table.column(name)[row].as_py()
    close = difflib.get_close_matches(value.lower(), values, 1)
    if close:
        table.faults.add("misspelt", row, name, value=value, close=close[0])
    else:
        table.faults.add("not_one_of", row, name, value=value, known=", ".join(values))


def day(table: TextTable, name: str) -> npt.NDArray[np.int32]:
    """int32[n]  Days since 1970; -1 where empty or a fault (31 December 1969 becomes the day before)."""
    column = table.column(name)
    parts, good = _parts(column, _DAY + "$")
    days, possible = _days(parts)
    _dated_faults(table, name, good, possible, "no_day")
    days = np.where(days == -1, -2, days)
    return np.where(good & possible, days, -1).astype(np.int32)


def instant(table: TextTable, name: str) -> npt.NDArray[np.int64]:
    """int64[n]  Microseconds since 1970 UTC; 0 where empty or a fault. Without a zone it is China's time."""
    column = table.column(name)
    parts, good = _parts(column, _DAY + _CLOCK)
    days, possible = _days(parts)
    hour, minute, second = (_integer(parts, key) for key in ("hour", "minute", "second"))
    possible &= (hour < 24) & (minute < 60) & (second < 60)
    fraction = np.array([int(f.ljust(6, "0")) if f else 0 for f in _texts(parts, "fraction")], np.int64)
    sign = np.where(np.array(_texts(parts, "sign"), object) == "-", -1, 1)
    zone = sign * (_integer(parts, "zone_hour") * 3600 + _integer(parts, "zone_minute") * 60)
    named = np.array([bool(u or s) for u, s in zip(_texts(parts, "utc"), _texts(parts, "sign"), strict=True)])
    offset = np.where(named, zone, CHINA_UTC_OFFSET_S)
    seconds = days * 86400 + hour * 3600 + minute * 60 + second - offset
    _dated_faults(table, name, good, possible, "no_instant")
    return np.where(good & possible, seconds * 1_000_000 + fraction, 0).astype(np.int64)


def _dated_faults(table: TextTable, name: str, good: Mask, possible: Mask, form: str) -> None:
    column = table.column(name)
    some = filled(column)
    for row in np.flatnonzero(some & ~good):
        table.faults.add(form, int(row), name, value=column[int(row)].as_py())
    for row in np.flatnonzero(some & good & ~possible):
        table.faults.add("impossible_date", int(row), name, value=column[int(row)].as_py())


def _matches(column: pa.Array, pattern: str) -> Mask:
    mask: Mask = pc.match_substring_regex(column, pattern).to_numpy(zero_copy_only=False)
    return mask


def _parts(column: pa.Array, pattern: str) -> tuple[pa.StructArray, Mask]:
    found = pc.extract_regex(column, pattern)
    good: Mask = found.is_valid().to_numpy(zero_copy_only=False)
    return found, good


def _texts(parts: pa.StructArray, name: str) -> list[str]:
    return [value or "" for value in pc.struct_field(parts, name).to_pylist()]


def _integer(parts: pa.StructArray, name: str) -> npt.NDArray[np.int64]:
    """int64[n]  The named part; 0 where there is none."""
    cells = pc.fill_null(pc.struct_field(parts, name), "")
    cells = pc.if_else(pc.equal(cells, ""), "0", cells)
    numbers: npt.NDArray[np.int64] = pc.cast(cells, pa.int64()).to_numpy(zero_copy_only=False)
    return numbers


def _days(parts: pa.StructArray) -> tuple[npt.NDArray[np.int64], Mask]:
    year, month, day_of_month = (_integer(parts, key) for key in ("year", "month", "day"))
    possible = (year >= _YEARS[0]) & (year <= _YEARS[1]) & (month >= 1) & (month <= 12)
    months = np.where(possible, (year - 1970) * 12 + month - 1, 0)
    first = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    after = (months + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    possible &= (day_of_month >= 1) & (day_of_month <= after - first)
    return first + day_of_month - 1, possible


def _no_number(table: TextTable, name: str, row: int, cell: str) -> None:
    plain = unicodedata.normalize("NFKC", cell).strip()
    if re.match(_NUMBER, plain):
        table.faults.add("wide_digits", row, name, value=cell, plain=plain)
    elif (leading := re.match(_NUMBER[:-1] + r"(?=\s*[^\d\s.,])", plain)) is not None:
        plain = _in_seconds(leading[0], plain[leading.end() :]) if name.endswith("_s") else leading[0]
        table.faults.add("number_with_unit", row, name, value=cell, plain=plain)
    elif re.match(_NUMBER, plain.replace(",", ".")):
        table.faults.add("decimal_comma", row, name, value=cell, plain=plain.replace(",", "."))
    else:
        table.faults.add("no_number", row, name, value=cell)


def _in_seconds(number: str, unit: str) -> str:
    """A time with its unit as a plain number of seconds; of a unit that nobody knows, the number as it is."""
    seconds = _SECONDS.get(unit.strip().lower())
    return number if seconds is None else f"{float(number) * seconds:.10g}"
