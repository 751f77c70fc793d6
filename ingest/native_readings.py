"""Native readings as columns: payloads of a batch parsed in one go, checked as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from devices.frame import Flag, Float32, Frame, Int64, UInt8
from devices.quantities import QUANTITIES
from devices.versions import Versions
from ingest.native_faults import Refusal, check_reading, event_time, readings_of, unknown_keys
from ingest.native_schema import (
    EARLIEST_US,
    LATEST_US,
    MAX_AHEAD_US,
    MAX_PAYLOAD_BYTES,
    QUANTITY_KEYS,
    UNSET_SEQ,
    UNSET_T,
    Reading,
)
from ingest.native_versions import may_say, versions_of

_LINES: Final = msgspec.json.Decoder(Reading)
_OPEN, _CLOSE, _COLON = b"{}:"


@dataclass(slots=True)
class Readings:
    """What the payloads of some messages say.

    frame : Frame  The readings that hold.
    owner : int64[n]  Row of the message that each came from; not decreasing.
    refusals : message row → why readings of it are refused.
    versions : registry index → what its device said of itself, and when it came [µs].
    """

    frame: Frame
    owner: Int64
    refusals: dict[int, list[Refusal]] = field(default_factory=dict)
    unknown_keys: int = 0
    versions: dict[int, tuple[Versions, int]] = field(default_factory=dict)


def decode_readings(payloads: Sequence[bytes], sensor: npt.NDArray[np.int32], received: Int64) -> Readings:
    """Readings of payloads, each an object or an array of them.

    sensor : int32[m]  Registry index of each payload's sensor.
    received : int64[m]  Receive time of each payload [µs].
    """
    joined = b"\n".join(payloads)
    versions = versions_of(payloads, sensor, received) if may_say(joined) else {}
    rows = _parse_at_once(joined, payloads)
    if rows is not None:
        owner = np.arange(len(rows))
        refusals: dict[int, list[Refusal]] = {}
        keys = _present(joined)
    else:
        rows, owner, refusals = _parse_singly(payloads)
        sensor, received, keys = sensor[owner], received[owner], QUANTITY_KEYS
        joined = b""
    n = len(rows)
    time, flag, good = _times(rows, received)
    seq = _seqs(rows)
    good &= seq >= UNSET_SEQ
    columns: dict[str, Float32] = {}
    measured = np.zeros(n, np.int64)
    for key in keys:
        column = _column(rows, key)
        there = column == column  # noqa: PLR0124 - NaN: not there
        if not there.any():
            continue
        quantity = QUANTITIES[key]
        good &= ~((column < quantity.low) | (column > quantity.high))
        measured += there
        with np.errstate(over="ignore"):  # such a value is out of range and refused
            columns[key] = column.astype(np.float32)
    good &= measured > 0
    known = measured + (flag == Flag.GOOD) + (seq != UNSET_SEQ)
    unknown = _unknown_keys(joined, payloads, rows, known) if joined else unknown_keys(payloads)
    frame = Frame(sensor, time, received, seq, flag, columns)
    if good.all():
        return Readings(frame, owner, refusals, unknown, versions)
    for row in np.flatnonzero(~good):
        refusals.setdefault(int(owner[row]), []).append(_refusal(rows[row], int(received[row])))
    return Readings(_without_empty(frame.take(good)), owner[good], refusals, unknown, versions)


def _parse_at_once(joined: bytes, payloads: Sequence[bytes]) -> list[Any] | None:
    """One reading for each payload, or None when some payload is not exactly one reading.

    Payloads are joined by newlines. Where each one begins with { and ends with }, a parser can never take
    two of them for one value: at the seam }⏎{ it is either between two values or at an error, because a raw
    newline is no part of a JSON text. So when there are as many values as payloads, each payload is one.
    """
    lengths = np.fromiter(map(len, payloads), np.int64, len(payloads))
    if len(lengths) == 0 or lengths.min() < 2 or lengths.max() > MAX_PAYLOAD_BYTES:
        return None
    characters = np.frombuffer(joined, np.uint8)
    after = np.cumsum(lengths + 1) - 1
    if (characters[after - lengths] != _OPEN).any() or (characters[after - 1] != _CLOSE).any():
        return None
    try:
        if not joined.isascii():
            joined.decode()
        rows: list[Any] = _LINES.decode_lines(joined)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return rows if len(rows) == len(payloads) else None


def _parse_singly(payloads: Sequence[bytes]) -> tuple[list[Any], Int64, dict[int, list[Refusal]]]:
    rows: list[Any] = []
    owner: list[int] = []
    refusals: dict[int, list[Refusal]] = {}
    for message, payload in enumerate(payloads):
        readings, refused = readings_of(payload)
        rows += readings
        owner += [message] * len(readings)
        if refused:
            refusals[message] = refused
    return rows, np.array(owner, np.int64), refusals


def _present(joined: bytes) -> Sequence[str]:
    """Keys that can be in the payloads: a plain search is cheaper than a column of nothing."""
    if b"\\" in joined:  # an escape can spell a key in another way
        return QUANTITY_KEYS
    return [key for key in QUANTITY_KEYS if f'"{key}"'.encode() in joined]


def _column(rows: list[Any], key: str) -> npt.NDArray[np.float64]:
    """What each reading says of a quantity; NaN = nothing."""
    try:
        return np.fromiter(map(attrgetter(key), rows), np.float64, len(rows))
    except TypeError:  # a null, which is seldom: the way without a look at each value is much the faster
        values = (getattr(row, key) for row in rows)
        return np.fromiter((np.nan if v is None else v for v in values), np.float64, len(rows))


def _times(rows: list[Any], received: Int64) -> tuple[Int64, UInt8, npt.NDArray[np.bool_]]:
    """Event times, flags (SUSPECT: no time stated), and which rows have a time that can be true."""
    n = len(rows)
    stated = [row.t for row in rows]
    if set(map(type, stated)) == {int}:
        try:
            time = np.fromiter(stated, np.int64, n)
        except OverflowError:
            pass
        else:
            good = (time >= EARLIEST_US // 1000) & (time <= LATEST_US // 1000)
            time = np.where(good, time, 0) * 1000
            return time, np.full(n, Flag.GOOD, np.uint8), good & (time <= received + MAX_AHEAD_US)
    time, good, flag = received.copy(), np.ones(n, bool), np.full(n, Flag.GOOD, np.uint8)
    for row, t in enumerate(stated):
        if t is UNSET_T:
            flag[row] = Flag.SUSPECT
            continue
        try:
            time[row] = event_time(t, int(received[row]))
        except Refusal:
            good[row] = False
    return time, flag, good


def _seqs(rows: list[Any]) -> Int64:
    """Message counters; UNSET_SEQ where there is none, less where it can be none."""
    try:
        seq = np.fromiter([row.seq for row in rows], np.int64, len(rows))
    except OverflowError:
        return np.fromiter([row.seq if abs(row.seq) < 2**63 else -2 for row in rows], np.int64, len(rows))
    return seq


def _unknown_keys(joined: bytes, payloads: Sequence[bytes], rows: list[Any], known: Int64) -> int:
    """How many keys nobody knows, where each payload is one reading with `known` known keys.

    Every key brings a colon. Where a payload has no more colons than known keys (and colons in its time),
    it has no unknown key, and need not be parsed again.
    """
    colons = joined.count(b":")
    if colons == int(known.sum()):
        return 0
    in_times = np.fromiter(
        [row.t.count(":") if type(row.t) is str else 0 for row in rows], np.int64, len(rows)
    )
    if colons == int(known.sum() + in_times.sum()):
        return 0
    more = [
        payload
        for payload, expected in zip(payloads, (known + in_times).tolist(), strict=True)
        if payload.count(b":") != expected
    ]
    return unknown_keys(more)


def _refusal(reading: Any, received: int) -> Refusal:
    try:
        check_reading(reading, received)
    except Refusal as refusal:
        return refusal
    raise AssertionError("the array checks refuse a reading that the single check takes")


def _without_empty(frame: Frame) -> Frame:
    columns = {name: column for name, column in frame.columns.items() if not np.isnan(column).all()}
    return Frame(frame.sensor, frame.time, frame.received, frame.seq, frame.flag, columns, frame.gateway)
