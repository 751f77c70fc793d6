"""Records of the log as bytes: frames as Arrow IPC, the rest as JSON with raw samples behind it."""

from __future__ import annotations

import struct
from typing import Final

import msgspec
import numpy as np

from devices.frame import Frame
from ingest.log import AccelerationBlock, Control, Record, StrainBlock, Tick

FRAME: Final = 1
TICK: Final = 2
CONTROL: Final = 3
STRAIN_BLOCK: Final = 4
ACCELERATION_BLOCK: Final = 5

_TICK = struct.Struct("<q")
_BLOCK = struct.Struct("<iqd")


def encode_record(record: Record) -> tuple[int, int, bytes]:
    """Kind, time [µs; of receipt for frames] and body of a record.

    Raises TypeError for a control payload that is not JSON.
    """
    match record:
        case Frame():
            time = int(record.received.max()) if len(record) else 0
            return FRAME, time, record.to_ipc()
        case Tick():
            return TICK, record.now, _TICK.pack(record.now)
        case Control():
            return CONTROL, record.at, msgspec.json.encode([record.name, record.at, record.payload])
        case StrainBlock():
            head = _BLOCK.pack(record.sensor, record.start, record.rate_hz)
            return STRAIN_BLOCK, record.start, head + np.ascontiguousarray(record.strain_ue, "<f4").tobytes()
        case AccelerationBlock():
            head = _BLOCK.pack(record.sensor, record.start, record.rate_hz)
            samples = np.ascontiguousarray(record.acceleration_g, "<f4").tobytes()
            return ACCELERATION_BLOCK, record.start, head + samples


def decode_record(kind: int, body: bytes) -> Record:
    """The record that `encode_record` wrote. Raises ValueError when the bytes are damaged."""
    match kind:
        case 1:
            return Frame.from_ipc(body)
        case 2:
            return Tick(*_TICK.unpack(body))
        case 3:
            name, at, payload = msgspec.json.decode(body)
            return Control(name, payload, at)
        case 4 | 5:
            sensor, start, rate_hz = _BLOCK.unpack_from(body)
            samples = np.frombuffer(body, "<f4", offset=_BLOCK.size).astype(np.float32, copy=False)
            make = StrainBlock if kind == STRAIN_BLOCK else AccelerationBlock
            return make(sensor, start, rate_hz, samples)
        case _:
            raise ValueError(f"the log holds a record of kind {kind}, which this version does not know")
