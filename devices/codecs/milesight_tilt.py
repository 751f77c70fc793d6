"""EM310-TILT and EM320-TILT in bulk: frames of the usual layouts are read as one array.

A city's lids send hundreds of thousands of these; everything unusual (attributes, answers, faults) takes
the plain path, which also defines what the fast one must yield.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from devices.codecs.contract import NO_TIME, Decoded
from devices.codecs.one_by_one import DecodeOne, decode_each

_BATTERY: Final = b"\x01\x75"
_ANGLES: Final = {"em310-tilt": b"\x03\xcf", "em320-tilt": b"\x03\xd4"}
_STATUS_BYTES: Final = {"em310-tilt": 1, "em320-tilt": 0}


@dataclass(frozen=True, slots=True)
class _Parsed:
    """Some payloads of one layout: their rows and columns."""

    row: npt.NDArray[np.int32]
    columns: dict[str, npt.NDArray[np.float32]]


def decode_tilts(
    model: str, payloads: Sequence[bytes], ports: Sequence[int | None], plain: DecodeOne
) -> Decoded:
    """Decode a batch of tilt frames; `plain` takes what is of no usual layout."""
    angles = 2 + 6 + _STATUS_BYTES[model]
    lengths = np.fromiter(map(len, payloads), np.int32, len(payloads))
    left = np.ones(len(payloads), np.bool_)
    parts: list[_Parsed] = []
    for has_battery in (True, False):
        rows = np.flatnonzero(lengths == angles + (3 if has_battery else 0))
        if len(rows):
            part = _parse(model, payloads, rows, has_battery)
            left[part.row] = False
            parts.append(part)
    rest = np.flatnonzero(left)
    others = rest.tolist()
    decoded = decode_each(plain, [payloads[i] for i in others], [ports[i] for i in others])
    return _merge(parts, decoded, rest)


def _parse(model: str, payloads: Sequence[bytes], rows: npt.NDArray[np.intp], has_battery: bool) -> _Parsed:
    whole = len(rows) == len(payloads)
    table = np.frombuffer(b"".join(payloads if whole else [payloads[i] for i in rows.tolist()]), np.uint8)
    table = table.reshape(len(rows), -1)
    start = 3 if has_battery else 0
    usual = np.ones(len(rows), np.bool_)
    heads = [(0, _BATTERY), (3, _ANGLES[model])] if has_battery else [(0, _ANGLES[model])]
    for offset, head in heads:
        usual &= (table[:, offset] == head[0]) & (table[:, offset + 1] == head[1])
    if _STATUS_BYTES[model]:
        usual &= table[:, -1] <= 7
    if not usual.all():
        table, rows = table[usual], rows[usual]
    raw = np.ascontiguousarray(table[:, start + 2 : start + 8]).view("<i2")
    if _STATUS_BYTES[model]:
        angles, alarm = raw / 100.0, table[:, -1] != 0
    else:
        angles, alarm = (raw >> 1) / 100.0, (raw & 1).any(axis=1)
    columns = {
        "tilt_deg": (90.0 - angles[:, 2]).astype(np.float32),
        "tilt_x_deg": angles[:, 0].astype(np.float32),
        "tilt_y_deg": angles[:, 1].astype(np.float32),
        "tilt_alarm": alarm.astype(np.float32),
    }
    if has_battery:
        columns["battery_pct"] = table[:, 2].astype(np.float32)
    return _Parsed(rows.astype(np.int32), columns)


def _merge(parts: Sequence[_Parsed], plain: Decoded, rest: npt.NDArray[np.intp]) -> Decoded:
    """All of it in the order of the payloads."""
    plain = replace(
        plain,
        row=rest[plain.row].astype(np.int32),
        errors={int(rest[row]): reason for row, reason in plain.errors.items()},
        notices={int(rest[row]): words for row, words in plain.notices.items()},
        versions={int(rest[row]): said for row, said in plain.versions.items()},
    )
    if len(parts) == 1 and len(plain.row) == 0:
        only = parts[0]
        time = np.full(len(only.row), NO_TIME, np.int64)
        return Decoded(only.row, time, only.columns, plain.errors, plain.notices, plain.versions)
    every = [*parts, _Parsed(plain.row, dict(plain.columns))]
    row = np.concatenate([part.row for part in every])
    time = np.concatenate([*(np.full(len(part.row), NO_TIME, np.int64) for part in parts), plain.time])
    order: npt.NDArray[Any] = np.argsort(row, kind="stable")
    names = list(dict.fromkeys(name for part in every for name in part.columns))
    columns = {
        name: np.concatenate(
            [part.columns.get(name, np.full(len(part.row), np.nan, np.float32)) for part in every]
        )[order]
        for name in names
    }
    return Decoded(row[order], time[order], columns, plain.errors, plain.notices, plain.versions)
