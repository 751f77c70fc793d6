"""Elsys (all ERS, ELT, EXT, … share it): type byte, then data of that type's length; port 5.

Big-endian. Kept: temperature (inner, else outer), distance, supply voltage, water leak (above 0 = wet).
Dropped: humidity, light, motion, CO2, sound, pulses, analogue and digital inputs, and acceleration: the
maker fixes no attitude of mounting, so gravity's direction in the housing tells no lid's tilt. The upper two
bits of a type announce a time offset; such frames are refused, for its base is not in them.

Source: the maker's payload document (elsys.se), catalogue of TheThingsNetwork/lorawan-devices.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from devices.codecs.contract import Decoded
from devices.codecs.one_by_one import Meaning, Reading, RefusedPayloadError, decode_each, require_port

PORT: Final = 5

LENGTHS: Final[Mapping[int, int]] = {
    0x01: 2,
    0x02: 1,
    0x03: 3,
    0x04: 2,
    0x05: 1,
    0x06: 2,
    0x07: 2,
    0x08: 2,
    0x09: 6,
    0x0A: 2,
    0x0B: 4,
    0x0C: 2,
    0x0D: 1,
    0x0E: 2,
    0x0F: 1,
    0x10: 4,
    0x11: 1,
    0x12: 1,
    0x13: 65,
    0x14: 4,
    0x15: 2,
    0x16: 2,
    0x17: 4,
    0x18: 2,
    0x19: 2,
    0x1A: 1,
    0x1B: 4,
    0x1C: 2,
    0x3D: 4,
}
"""Type → bytes of data."""

REPEATABLE: Final = frozenset({0x19})
"""Several outer thermometers share this type."""


def _tenths(data: bytes) -> float:
    return int.from_bytes(data, "big", signed=True) / 10


READ: Final[Mapping[int, tuple[str, Callable[[bytes], float]]]] = {
    0x0C: ("temperature_c", _tenths),
    0x01: ("temperature_c", _tenths),
    0x07: ("battery_v", lambda data: int.from_bytes(data, "big") / 1000),
    0x0E: ("distance_mm", lambda data: float(int.from_bytes(data, "big"))),
    0x12: ("water_alarm", lambda data: float(data[0] > 0)),
}
"""Kept types, the ones that give way first."""


def _decode_one(payload: bytes, port: int | None) -> Meaning:
    require_port(port, (PORT,))
    if not payload:
        raise RefusedPayloadError("empty payload")
    found: dict[int, bytes] = {}
    at = 0
    while at < len(payload):
        kind = payload[at]
        length = LENGTHS.get(kind)
        if length is None:
            raise RefusedPayloadError(f"byte {at}: unknown type 0x{kind:02x}")
        if kind in found and kind not in REPEATABLE:
            raise RefusedPayloadError(f"byte {at}: type 0x{kind:02x} for the second time")
        data = payload[at + 1 : at + 1 + length]
        if len(data) < length:
            raise RefusedPayloadError(
                f"byte {at}: type 0x{kind:02x} needs {length} bytes of data, found {len(data)}"
            )
        found[kind] = data
        at += 1 + length
    return [Reading({name: read(found[kind]) for kind, (name, read) in READ.items() if kind in found})]


class Elsys:
    """Codec of the Elsys models."""

    models: tuple[str, ...] = ("elsys",)

    def decode(self, model: str, payloads: Sequence[bytes], ports: Sequence[int | None]) -> Decoded:  # noqa: ARG002
        """Decode payloads; all models share one format."""
        return decode_each(_decode_one, payloads, ports)
