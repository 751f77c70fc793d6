"""Netvox R718E, R718EA, R718EB, R718X: eleven bytes on port 6, answers to commands on port 7.

Layout: 0 version `01`, 1 device type, 2 report type (00 versions, 01 …), 3 battery [0.1 V], its highest
bit = weak; then by model. Port 7: 0 command (highest bit = answer), 1 device type.

Quirks: the vibration values of R718E are bfloat16, little-endian, though all else is big-endian. They are
peaks of acceleration [m/s²] without gravity; our peak is the length of that vector. Velocities are dropped.
R718EA states whole degrees as signed bytes, R718EB tenths in two bytes. Their z is not the same on every
firmware (the catalogue's own examples are no possible attitude), so tilt_deg comes from x and y alone, each
the inclination of an axis against the horizontal: it grows from 0 lying flat to 90 on edge and does not tell
a lid that lies on its face from one that lies on its back.

Sources: maker's application command document, user manuals, catalogue of TheThingsNetwork/lorawan-devices.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from devices.codecs.contract import Decoded
from devices.codecs.one_by_one import (
    Introduction,
    Meaning,
    Reading,
    RefusedPayloadError,
    decode_each,
    require_byte,
    require_length,
    require_port,
)
from devices.versions import Versions

LENGTH: Final = 11
REPORTS: Final = 6
ANSWERS: Final = 7
FIRST_ANSWER: Final = 0x81
LAST_ANSWER: Final = 0x8F
"""Commands of this family are 1 to 12; some room is left for firmware to come."""

GRAVITY: Final = 9.80665
"""[m/s²], standard value."""

NOT_MEASURED: Final = 0xFFFF


@dataclass(frozen=True, slots=True)
class Model:
    """Device type byte, and for each report type how its bytes read."""

    device_type: int
    reports: Mapping[int, Callable[[bytes], Mapping[str, float]]]


def _battery(payload: bytes) -> Mapping[str, float]:
    return {"battery_v": (payload[3] & 0x7F) / 10, "battery_alarm": float(payload[3] >> 7)}


def _tenths(data: bytes) -> float:
    return int.from_bytes(data, "big", signed=True) / 10


def bfloat16(data: bytes) -> float:
    """A little-endian bfloat16: the upper half of an IEEE 754 single."""
    return float(struct.unpack("<f", b"\0\0" + data)[0])


def inclination_deg(x_deg: float, y_deg: float) -> float:
    """Inclination of a plane's normal from the vertical [°] by the inclination of two axes in the plane [°].

    The vertical's parts along the axes are sin x and sin y, so the normal's part is √(1 - sin²x - sin²y).
    NaN where both together are no possible attitude.
    """
    squared = 1 - math.sin(math.radians(x_deg)) ** 2 - math.sin(math.radians(y_deg)) ** 2
    return (
        math.degrees(math.acos(math.sqrt(min(squared, 1.0))))
        if squared > -1e-9 and squared >= 0
        else math.nan
    )


def _acceleration(payload: bytes) -> Mapping[str, float]:
    axes = [bfloat16(payload[i : i + 2]) for i in (4, 6, 8)]
    if not all(math.isfinite(axis) for axis in axes):
        raise RefusedPayloadError(f"byte 4: accelerations must be finite, found {payload[4:10].hex()}")
    return {**_battery(payload), "vibration_g": math.hypot(*axes) / GRAVITY}


def _velocity(payload: bytes) -> Mapping[str, float]:
    if not all(math.isfinite(bfloat16(payload[i : i + 2])) for i in (3, 5, 7)):
        raise RefusedPayloadError(f"byte 3: velocities must be finite, found {payload[3:9].hex()}")
    return {"temperature_c": _tenths(payload[9:11])}


def _angles(x: float, y: float) -> Mapping[str, float]:
    return {"tilt_deg": inclination_deg(x, y), "tilt_x_deg": x, "tilt_y_deg": y}


def _angles_ea(payload: bytes) -> Mapping[str, float]:
    x, y, _z = struct.unpack(">bbb", payload[4:7])
    return {**_battery(payload), **_angles(x, y), "temperature_c": _tenths(payload[7:9])}


def _angles_eb(payload: bytes) -> Mapping[str, float]:
    return {**_battery(payload), **_angles(_tenths(payload[4:6]), _tenths(payload[6:8]))}


def _distance(payload: bytes) -> Mapping[str, float]:
    require_byte(payload, 4, (0, 1), "status (0 off, 1 on)")
    raw = int.from_bytes(payload[5:7], "big")
    return {
        **_battery(payload),
        "distance_mm": math.nan if raw == NOT_MEASURED else float(raw),
        "temperature_c": _tenths(payload[7:9]),
        "tilt_deg": float(payload[10]),
    }


MODELS: Final[Mapping[str, Model]] = {
    "r718e": Model(0x1C, {1: _acceleration, 2: _velocity}),
    "r718ea": Model(0x9A, {1: _angles_ea}),
    "r718eb": Model(0xC8, {1: _angles_eb}),
    "r718x": Model(0x34, {1: _distance}),
}


def _decode_one(model: Model, payload: bytes, port: int | None) -> Meaning:
    require_port(port, (REPORTS, ANSWERS))
    require_length(payload, (LENGTH,), "a frame")
    # Without a port the highest bit of the first byte still tells an answer from a report.
    is_answer = port == ANSWERS or (port is None and payload[0] >= 0x80)
    if is_answer:
        if not FIRST_ANSWER <= payload[0] <= LAST_ANSWER:
            raise RefusedPayloadError(
                f"byte 0: answer must be {FIRST_ANSWER:#x} to {LAST_ANSWER:#x}, found {payload[0]:#x}"
            )
        require_byte(payload, 1, (model.device_type,), "device type")
        return f"answer to command 0x{payload[0] & 0x7F:02x}: {payload[2:].hex()}"
    require_byte(payload, 0, (0x01,), "version")
    require_byte(payload, 1, (model.device_type,), "device type")
    if payload[2] == 0:
        versions = Versions(firmware=str(payload[3] / 10), hardware=str(payload[4]))
        words = f"software {versions.firmware}, hardware {versions.hardware}, made {payload[5:9].hex()}"
        return Introduction(versions, words)
    report = require_byte(payload, 2, tuple(model.reports), "report type")
    return [Reading(model.reports[report](payload))]


class Netvox:
    """Codec of the Netvox models."""

    models: tuple[str, ...] = tuple(MODELS)

    def decode(self, model: str, payloads: Sequence[bytes], ports: Sequence[int | None]) -> Decoded:
        """Decode payloads of one model."""
        facts = MODELS[model]
        return decode_each(lambda payload, port: _decode_one(facts, payload, port), payloads, ports)
