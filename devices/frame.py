"""Frame: a batch of readings as columns, the only thing that travels between the stages."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from devices.quantities import QUANTITIES

Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]
Float32 = npt.NDArray[np.float32]
UInt8 = npt.NDArray[np.uint8]

NO_SEQ: Final = -1
"""`seq` of a reading whose sender does not count its messages."""

NO_GATEWAY: Final = 0
"""`gateway` of a reading that came by no radio gateway that we know of."""


def gateway_key(gateway_id: str) -> int:
    """A stable positive 31-bit key of a gateway's id, the same on every machine and after every restart.

    Gateways announce themselves by forwarding, so their keys cannot be rows of a registry.
    """
    return (zlib.crc32(gateway_id.encode()) & 0x7FFFFFFF) or 1


class Flag(IntEnum):
    """Quality of a reading, in the primary levels of QARTOD (IOOS, 2020) in our order of gravity."""

    GOOD = 1
    UNKNOWN = 2
    SUSPECT = 3
    FAIL = 4
    MISSING = 9


@dataclass(frozen=True, slots=True)
class Frame:
    """A batch of readings, one row each, in the order in which they came.

    sensor : int32[n]  Registry index of the sensor.
    time : int64[n]  Event time [µs since 1970 UTC]: when it was measured.
    received : int64[n]  When the server received it [µs since 1970 UTC].
    seq : int64[n]  The sender's message counter; NO_SEQ where there is none.
    flag : uint8[n]  `Flag` of the row.
    columns : name → float32[n]  Quantities of `devices.quantities`; NaN = not measured. A quantity that
        no row has is not in the mapping.
    gateway : int32[n]  `gateway_key` of the radio gateway that heard it best; NO_GATEWAY where none is known.
    """

    sensor: Int32
    time: Int64
    received: Int64
    seq: Int64
    flag: UInt8
    columns: Mapping[str, Float32] = field(default_factory=dict)
    gateway: Int32 = field(default_factory=lambda: np.empty(0, np.int32))

    def __post_init__(self) -> None:
        n = len(self.sensor)
        if len(self.gateway) == 0 and n:
            object.__setattr__(self, "gateway", np.full(n, NO_GATEWAY, np.int32))
        if len(self.gateway) != n:
            raise ValueError(f"column gateway has {len(self.gateway)} rows, sensor has {n}")
        for name in ("time", "received", "seq", "flag"):
            if len(getattr(self, name)) != n:
                raise ValueError(f"column {name} has {len(getattr(self, name))} rows, sensor has {n}")
        for name, column in self.columns.items():
            if name not in QUANTITIES:
                raise ValueError(f"unknown quantity {name}")
            if len(column) != n:
                raise ValueError(f"column {name} has {len(column)} rows, sensor has {n}")

    def __len__(self) -> int:
        return len(self.sensor)

    def get(self, name: str) -> Float32 | None:
        """The column of a quantity, or None when no row has it."""
        return self.columns.get(name)

    def take(self, rows: npt.NDArray[Any]) -> Frame:
        """The rows at an index array or a boolean mask, in that order."""
        return Frame(
            self.sensor[rows],
            self.time[rows],
            self.received[rows],
            self.seq[rows],
            self.flag[rows],
            {name: column[rows] for name, column in self.columns.items()},
            self.gateway[rows],
        )

    def to_ipc(self) -> bytes:
        """The frame as one Arrow IPC stream."""
        arrays: dict[str, Any] = {
            "sensor": self.sensor,
            "time": self.time,
            "received": self.received,
            "seq": self.seq,
            "flag": self.flag,
            "gateway": self.gateway,
            **self.columns,
        }
        batch = pa.record_batch([pa.array(a) for a in arrays.values()], names=list(arrays))
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        return bytes(sink.getvalue())

    @classmethod
    def from_ipc(cls, data: bytes | memoryview) -> Frame:
        """The frame that `to_ipc` wrote. Raises ValueError (pyarrow.ArrowInvalid) when it is damaged."""
        with pa.ipc.open_stream(data) as reader:
            batch = reader.read_next_batch()
        arrays = {
            name: column.to_numpy(zero_copy_only=True)
            for name, column in zip(batch.schema.names, batch.columns, strict=True)
        }
        return cls(
            arrays.pop("sensor"),
            arrays.pop("time"),
            arrays.pop("received"),
            arrays.pop("seq"),
            arrays.pop("flag"),
            gateway=arrays.pop("gateway"),
            columns=arrays,
        )


def concat(frames: Iterable[Frame]) -> Frame:
    """One frame with the rows of all of them, in order; a quantity some of them lack is NaN there."""
    parts = list(frames)
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return empty()
    names = list(dict.fromkeys(name for part in parts for name in part.columns))
    columns = {
        name: np.concatenate(
            [
                part.columns[name] if name in part.columns else np.full(len(part), np.nan, np.float32)
                for part in parts
            ]
        )
        for name in names
    }
    return Frame(
        np.concatenate([part.sensor for part in parts]),
        np.concatenate([part.time for part in parts]),
        np.concatenate([part.received for part in parts]),
        np.concatenate([part.seq for part in parts]),
        np.concatenate([part.flag for part in parts]),
        columns,
        np.concatenate([part.gateway for part in parts]),
    )


def empty() -> Frame:
    """A frame without rows."""
    i8 = np.empty(0, np.int64)
    return Frame(np.empty(0, np.int32), i8, i8, i8, np.empty(0, np.uint8), {})
