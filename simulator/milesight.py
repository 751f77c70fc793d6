"""What Milesight tilt sensors put on the air: channel, type, value.

EM320-TILT: `03 D4`, three int16 LE; the angle [0.01°] in the upper 15 bits, the threshold flag in the
lowest; each angle is an axis against the horizontal, so z is 90° on a level lid. EM310-TILT: `03 CF`,
three int16 LE [0.01°] and a status byte with one threshold bit an axis.
"""

from __future__ import annotations

import math
import struct


def axes(tilt_deg: float, tilt_x_deg: float, tilt_y_deg: float) -> tuple[float, float, float]:
    """Angles of the three axes against the horizontal [°], z from the inclination."""
    return tilt_x_deg, tilt_y_deg, 90.0 - tilt_deg


def em320_tilt(
    battery_pct: float, angles: tuple[float, float, float], passed: tuple[bool, bool, bool]
) -> bytes:
    """Payload (port 85) of an EM320-TILT. `angles` [°] within ±90; `passed` are the threshold flags."""
    words = (
        (round(max(-90.0, min(90.0, angle)) * 100) << 1) | flag
        for angle, flag in zip(angles, passed, strict=True)
    )
    return bytes((0x01, 0x75, _percent(battery_pct), 0x03, 0xD4)) + struct.pack("<3h", *words)


def em310_tilt(
    battery_pct: float, angles: tuple[float, float, float], passed: tuple[bool, bool, bool]
) -> bytes:
    """Payload (port 85) of an EM310-TILT."""
    status = sum(flag << bit for bit, flag in enumerate(passed))
    words = (round(angle * 100) for angle in angles)
    return bytes((0x01, 0x75, _percent(battery_pct), 0x03, 0xCF)) + struct.pack("<3hB", *words, status)


def introduction(sensor: int) -> bytes:
    """What a device sends before its first reading: hardware, firmware (every fifth has an older one), serial
    number."""
    firmware = b"\x01\x09" if sensor % 5 == 0 else b"\x01\x12"
    serial_number = (0x6742_D190_0000_0000 + sensor).to_bytes(8, "big")
    return b"\xff\x09\x03\x10\xff\x0a" + firmware + b"\xff\x16" + serial_number


def _percent(value: float) -> int:
    return 100 if math.isnan(value) else max(0, min(100, round(value)))
