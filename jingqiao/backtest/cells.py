"""Columns of a reading file, whatever wrote them, as times and numbers with a mask of what is bad."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Mask = npt.NDArray[np.bool_]

EARLIEST_US: Final = 946_684_800_000_000
"""2000-01-01: an earlier event time is seconds taken for milliseconds, or a clock that was never set."""
LATEST_US: Final = 4_102_444_800_000_000
"""2100-01-01."""

_INTEGER: Final = r"^\s*\d{1,16}(\.0+)?\s*$"
_RFC3339: Final = (
    r"^\s*\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?\s?([Zz]|[+-]\d{2}:?\d{2})\s*$"
)
_LOCAL: Final = r"^\s*\d{4}[-/]\d{1,2}[-/]\d{1,2}[Tt ]\d{1,2}:\d{2}(:\d{2}([.,]\d{1,9})?)?\s*$"
_EMPTY: Final = ("", "nan", "null", "none", "na", "n/a")
_YES: Final = ("true", "yes", "1", "1.0")
_NO: Final = ("false", "no", "0", "0.0")


def times(column: pa.Array, zone: ZoneInfo | None = None) -> tuple[npt.NDArray[np.int64], Mask]:
    """(int64[n] µs since 1970 UTC, bad[n]) of epoch milliseconds, timestamps, or RFC 3339 texts.

    zone : Of texts and timestamps that name none. Without it such texts are bad, and timestamps are of
        UTC, as most writers mean them (`zoneless` says so). Where clocks were set back, an hour that
        came twice is the first of the two.
    """
    kind = column.type
    if zone is not None and zoneless(column):
        column = pc.assume_timezone(column, str(zone), ambiguous="earliest", nonexistent="earliest")
        kind = column.type
    if pa.types.is_timestamp(kind):
        micros = pc.cast(column, pa.timestamp("us", kind.tz), safe=False).cast(pa.int64())
        value, bad = _filled(micros, np.int64)
    elif pa.types.is_integer(kind):
        value, bad = _filled(column, np.int64)
        bad |= np.abs(value) > LATEST_US // 1000
        value = np.where(bad, 0, value) * 1000
    elif pa.types.is_floating(kind):
        number, bad = _filled(column, np.float64)
        bad |= ~np.isfinite(number) | (number != np.floor(np.where(np.isfinite(number), number, 0)))
        value = np.where(bad, 0, number).astype(np.int64) * 1000
    else:
        value, bad = _times_of_texts(_texts(column), zone)
    bad |= (value < EARLIEST_US) | (value > LATEST_US)
    return value, bad


def zoneless(column: pa.Array) -> bool:
    """Whether these are timestamps that name no zone, as a Parquet file may hold."""
    return bool(pa.types.is_timestamp(column.type)) and column.type.tz is None


def numbers(
    column: pa.Array, *, boolean: bool, decimal_comma: bool = False
) -> tuple[npt.NDArray[np.float64], Mask]:
    """(float64[n] with NaN = not measured, bad[n]) of numbers, yes/no, or texts of them.

    decimal_comma : 1,5 is one and a half; else it is no number, as it may be thousands.
    """
    kind = column.type
    if pa.types.is_boolean(kind):
        column = column.cast(pa.uint8())
    elif pa.types.is_null(kind):
        return np.full(len(column), np.nan), np.zeros(len(column), bool)
    elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        texts = _texts(column)
        return _numbers_of_texts(pc.replace_substring(texts, ",", ".") if decimal_comma else texts, boolean)
    value = pc.fill_null(column.cast(pa.float64()), np.nan).to_numpy(zero_copy_only=False)
    return value, np.isinf(value)


def _filled(column: pa.Array, dtype: type) -> tuple[npt.NDArray[Any], Mask]:
    bad = (
        column.is_null().to_numpy(zero_copy_only=False) if column.null_count else np.zeros(len(column), bool)
    )
    if column.null_count:
        column = pc.fill_null(column, 0)
    return np.array(column.to_numpy(zero_copy_only=False), dtype), bad


def _texts(column: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return pc.fill_null(column.cast(pa.string()), "")


def _times_of_texts(texts: pa.Array, zone: ZoneInfo | None) -> tuple[npt.NDArray[np.int64], Mask]:
    value = np.zeros(len(texts), np.int64)
    integer = _match(texts, _INTEGER)
    if integer.any():
        digits = pc.cast(pc.utf8_trim_whitespace(texts.filter(pa.array(integer))), pa.float64())
        value[integer] = digits.to_numpy(zero_copy_only=False).astype(np.int64) * 1000
    instant = _match(texts, _RFC3339)
    if instant.any():
        rows = np.flatnonzero(instant)
        chosen = pc.utf8_trim_whitespace(texts.take(pa.array(rows)))
        try:
            micros = pc.cast(pc.cast(chosen, pa.timestamp("us", "UTC")), pa.int64())
            value[rows] = micros.to_numpy(zero_copy_only=False)
        except pa.ArrowInvalid:
            for row, text in zip(rows.tolist(), chosen.to_pylist(), strict=True):
                value[row] = _one_time(text)
    if zone is not None:
        local = _match(texts, _LOCAL)
        rows = np.flatnonzero(local)
        for row, text in zip(rows.tolist(), texts.take(pa.array(rows)).to_pylist(), strict=True):
            value[row] = _one_local(text.strip(), zone)
        instant |= local
    return value, ~(integer | (instant & (value != 0)))


def _one_time(text: str) -> int:
    """µs of one RFC 3339 text; 0 where there is no such instant."""
    try:
        moment = datetime.fromisoformat(text.replace(",", ".").upper())
    except ValueError:
        return 0
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _one_local(text: str, zone: ZoneInfo) -> int:
    """µs of one local time; 0 where there is no such instant."""
    day, _, clock = text.replace("T", " ").replace("t", " ").replace("/", "-").partition(" ")
    year, month, date = (int(part) for part in day.split("-"))
    parts = clock.strip().replace(",", ".").split(":")
    seconds = float(parts[2]) if len(parts) > 2 else 0.0
    try:
        moment = datetime(year, month, date, int(parts[0]), int(parts[1]), int(seconds), tzinfo=zone)
    except ValueError:
        return 0
    return int(moment.timestamp()) * 1_000_000 + round(seconds % 1 * 1e6)


def _numbers_of_texts(texts: pa.Array, boolean: bool) -> tuple[npt.NDArray[np.float64], Mask]:
    plain = pc.utf8_lower(pc.utf8_trim_whitespace(texts))
    empty = pc.is_in(plain, pa.array(_EMPTY)).to_numpy(zero_copy_only=False)
    value = np.full(len(texts), np.nan)
    if boolean:
        yes = pc.is_in(plain, pa.array(_YES)).to_numpy(zero_copy_only=False)
        no = pc.is_in(plain, pa.array(_NO)).to_numpy(zero_copy_only=False)
        value[yes], value[no] = 1.0, 0.0
        return value, ~(empty | yes | no)
    number = _match(plain, r"^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?$")
    if number.any():
        chosen = pc.utf8_ltrim(plain.filter(pa.array(number)), "+")
        value[number] = chosen.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return value, ~(empty | number) | np.isinf(value)


def _match(texts: pa.Array, pattern: str) -> Mask:
    return np.asarray(pc.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False), bool)
