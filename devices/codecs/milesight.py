"""Milesight EM300/EM400/EM500: channel-type-value frames, little-endian.

A frame is a row of items: channel number, type, data whose length the type fixes. The maker's
decoders ignore the LoRaWAN port, which is set on the device (85 as delivered), so this one does too.
Readings may share a frame with attributes (serial number, versions: channel `ff`) and with answers to
commands (`fe`, `ff`). `20 ce` is a stored record with its own time [s since 1970].

Datum of the tilt sensors: by the maker's examples, lying flat is x 0, y 0, z 90, each the angle of an axis
against the horizontal, so that the inclination of the plane's normal is 90° - z. But the angles are relative
to an initial surface that can be set on the device (`ff 62`), and its user guide names (0, 0, -90) as that
surface's default, so that a device may as well read 180 or 90 lying flat. Nothing in a frame tells which:
only the change from a commissioned baseline counts, and an absolute limit on tilt_deg would be wrong.

Sources: the maker's payload tables (github.com/Milesight-IoT/SensorDecoders, em-series) and user guides
(milesight.com/products/docs).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from devices.codecs.contract import Decoded
from devices.codecs.milesight_nbiot import NBIOT_START, introduced, unwrap
from devices.codecs.milesight_tilt import decode_tilts
from devices.codecs.milesight_versions import firmware, hardware
from devices.codecs.one_by_one import Introduction, Meaning, Reading, RefusedPayloadError, decode_each
from devices.versions import Versions

FAILED: Final = 0xFFFF
"""Distance or level that could not be collected (EM500 user guide)."""

OUT_OF_RANGE: Final = 0xFFFD
"""Distance or level outside of the probe's range (EM400 and EM500 user guides)."""


@dataclass(frozen=True, slots=True)
class Item:
    """One kind of item: bytes of data after channel and type, and how they read."""

    length: int
    read: Callable[[bytes, int], Mapping[str, float]]


def _unsigned(data: bytes) -> int:
    return int.from_bytes(data[:2], "little")


def _signed(data: bytes) -> int:
    return int.from_bytes(data[:2], "little", signed=True)


def _flag(value: int, offset: int, what: str) -> float:
    if value > 1:
        raise RefusedPayloadError(f"byte {offset}: {what} must be 0 or 1, found {value}")
    return float(value)


def _battery(data: bytes, offset: int) -> Mapping[str, float]:  # noqa: ARG001 - an item's reader
    return {"battery_pct": float(data[0])}


def _measured(raw: int, mm_per_count: float) -> float:
    return math.nan if raw in (FAILED, OUT_OF_RANGE) else raw * mm_per_count


def _distance(data: bytes, offset: int) -> Mapping[str, float]:  # noqa: ARG001 - an item's reader
    return {"distance_mm": _measured(_unsigned(data), 1.0)}


def _distance_alarm(data: bytes, offset: int) -> Mapping[str, float]:
    return {**_distance(data, offset), "water_alarm": _flag(data[2], offset + 2, "distance alarm")}


def _distance_jump(data: bytes, offset: int) -> Mapping[str, float]:
    """EM500-UDL: distance [0.1 mm], its jump [0.1 mm], and 0 normal, 1 threshold, 2 jump."""
    if data[4] > 2:
        raise RefusedPayloadError(f"byte {offset + 4}: distance alarm must be 0, 1 or 2, found {data[4]}")
    return {"distance_mm": _measured(_unsigned(data), 0.1), "water_alarm": float(data[4] == 1)}


def _level(data: bytes, offset: int) -> Mapping[str, float]:  # noqa: ARG001 - an item's reader
    """EM500-SWL: water above the probe [cm]."""
    return {"water_mm": _measured(_unsigned(data), 10.0)}


def _position(data: bytes, offset: int) -> Mapping[str, float]:
    return {"tilt_alarm": _flag(data[0], offset, "position (0 normal, 1 tilt)")}


def _temperature(data: bytes, offset: int) -> Mapping[str, float]:  # noqa: ARG001 - an item's reader
    return {"temperature_c": _signed(data) / 10}


def _temperature_alarm(data: bytes, offset: int) -> Mapping[str, float]:
    _flag(data[2], offset + 2, "temperature alarm")
    return _temperature(data, offset)


def _dismantled(data: bytes, offset: int) -> Mapping[str, float]:
    _flag(data[0], offset, "disassembly alarm")
    return {}


def _location(data: bytes, offset: int) -> Mapping[str, float]:  # noqa: ARG001 - an item's reader
    return {}


def tilt(x: float, y: float, z: float, alarm: bool) -> Mapping[str, float]:
    """Readings from the maker's three angles [°]."""
    return {"tilt_deg": 90 - z, "tilt_x_deg": x, "tilt_y_deg": y, "tilt_alarm": float(alarm)}


def _tilt_em310(data: bytes, offset: int) -> Mapping[str, float]:
    if data[6] > 7:
        raise RefusedPayloadError(
            f"byte {offset + 6}: three threshold bits (0 to 7) expected, found {data[6]}"
        )
    x, y, z = (_signed(data[i : i + 2]) / 100 for i in (0, 2, 4))
    return tilt(x, y, z, data[6] != 0)


def _tilt_em320(data: bytes, offset: int) -> Mapping[str, float]:  # noqa: ARG001 - an item's reader
    raw = [_signed(data[i : i + 2]) for i in (0, 2, 4)]
    # The lowest bit of each is its threshold flag; the shift keeps the sign.
    x, y, z = ((value >> 1) / 100 for value in raw)
    return tilt(x, y, z, any(value & 1 for value in raw))


BATTERY: Final = {(0x01, 0x75): Item(1, _battery)}
EM400: Final = {
    **BATTERY,
    (0x03, 0x67): Item(2, _temperature),
    (0x04, 0x82): Item(2, _distance),
    (0x05, 0x00): Item(1, _position),
    (0x06, 0x88): Item(9, _location),
    (0x83, 0x67): Item(3, _temperature_alarm),
    (0x84, 0x82): Item(3, _distance_alarm),
}
ITEMS: Final[Mapping[str, Mapping[tuple[int, int], Item]]] = {
    "em310-tilt": {**BATTERY, (0x03, 0xCF): Item(7, _tilt_em310)},
    "em320-tilt": {**BATTERY, (0x03, 0xD4): Item(6, _tilt_em320)},
    "em310-udl": {**BATTERY, (0x03, 0x82): Item(2, _distance), (0x04, 0x00): Item(1, _position)},
    "em400-mud": EM400,
    "em400-udl": EM400,
    "em400-tld": {**EM400, (0x88, 0x00): Item(1, _dismantled)},
    "em500-swl": {**BATTERY, (0x03, 0x77): Item(2, _level)},
    "em500-udl": {**BATTERY, (0x03, 0x82): Item(2, _distance), (0x83, 0xE9): Item(5, _distance_jump)},
}
"""Model → (channel, type) → item."""

HISTORY: Final[Mapping[str, Callable[[bytes, int], Mapping[str, float]]]] = {
    "em500-swl": _level,
    "em500-udl": _distance,
}
"""Models that store records (`20 ce`: time, then the two bytes of their measured item)."""

ATTRIBUTES: Final[Mapping[int, tuple[int, str]]] = {
    0x01: (1, "protocol version"),
    0x09: (2, "hardware version"),
    0x0A: (2, "firmware version"),
    0x0B: (1, "switched on"),
    0x0F: (1, "LoRaWAN class"),
    0x16: (8, "serial number"),
    0x1B: (5, "probe range"),
    0xFE: (1, "was reset"),
    0xFF: (2, "TSL version"),
}
"""Type of channel `ff` → length and what it says."""

ANSWERS: Final[Mapping[int, int]] = {
    0x02: 2,
    0x03: 2,
    0x06: 9,
    0x10: 1,
    0x11: 4,
    0x13: 1,
    0x17: 2,
    0x1C: 2,
    0x27: 1,
    0x28: 1,
    0x35: 8,
    0x3B: 1,
    0x3E: 1,
    0x4A: 1,
    0x56: 1,
    0x62: 1,
    0x63: 8,
    0x68: 1,
    0x69: 1,
    0x6A: 3,
    0x70: 2,
    0x71: 1,
    0x77: 2,
    0x84: 1,
    0x96: 8,
    0xA1: 1,
    0xA2: 2,
    0xA3: 1,
    0xA4: 1,
    0xF1: 4,
    0xF2: 2,
    0xF5: 1,
}
"""Type of an answer to a command (channels `fe`, `ff`) → length."""


def _take(payload: bytes, start: int, length: int, name: str) -> bytes:
    data = payload[start : start + length]
    if len(data) < length:
        raise RefusedPayloadError(f"byte {start}: {name} needs {length} bytes of data, found {len(data)}")
    return data


VERSIONS: Final[Mapping[int, tuple[str, Callable[[bytes], str]]]] = {
    0x09: ("hardware", hardware),
    0x0A: ("firmware", firmware),
    0x16: ("serial_number", bytes.hex),
}
"""Type of channel `ff` → what it tells of the device, and how it reads."""


def _house_item(payload: bytes, start: int, channel: int, kind: int) -> tuple[int, str, dict[str, str]]:
    """Length and meaning of an attribute or an answer that begins at `start`, and the version it tells."""
    if channel == 0xFF and kind in ATTRIBUTES:
        length, name = ATTRIBUTES[kind]
        data = _take(payload, start + 2, length, name)
        if kind in VERSIONS:
            key, read = VERSIONS[kind]
            return length, f"{name} {read(data)}", {key: read(data)}
        return length, f"{name} {data.hex()}", {}
    if kind in ANSWERS:
        length = ANSWERS[kind]
        data = _take(payload, start + 2, length, f"answer {kind:02x}")
        return length, f"answer to command {kind:02x}: {data.hex()}", {}
    raise RefusedPayloadError(f"byte {start}: unknown item {channel:02x} {kind:02x}")


def decode_items(model: str, payload: bytes) -> Meaning:
    """Readings of one frame of channel-type-value items."""
    items, history = ITEMS[model], HISTORY.get(model)
    present: dict[str, float] = {}
    seen: set[tuple[int, int]] = set()
    records: list[Reading] = []
    said: list[str] = []
    versions: dict[str, str] = {}
    at = 0
    if not payload:
        raise RefusedPayloadError("empty payload")
    while at < len(payload):
        head = _take(payload, at, 2, "channel and type")
        key = (head[0], head[1])
        if key in seen:
            raise RefusedPayloadError(
                f"byte {at}: item {head.hex(' ')} for the second time, and no time to tell"
            )
        if key in items:
            seen.add(key)
            item = items[key]
            data = _take(payload, at + 2, item.length, f"item {head.hex(' ')}")
            present |= item.read(data, at + 2)
            at += 2 + item.length
        elif key == (0x20, 0xCE) and history is not None:
            data = _take(payload, at + 2, 6, "stored record 20 ce")
            records.append(
                Reading(history(data[4:6], at + 6), int.from_bytes(data[:4], "little") * 1_000_000)
            )
            at += 8
        elif key[0] in (0xFE, 0xFF):
            length, words, told = _house_item(payload, at, *key)
            said.append(words)
            versions |= told
            at += 2 + length
        else:
            known = ", ".join(f"{channel:02x} {kind:02x}" for channel, kind in items)
            raise RefusedPayloadError(
                f"byte {at}: unknown item {head.hex(' ')} for {model}; it sends {known}"
            )
    readings = [*records, Reading(present)] if present else records
    if versions:
        return Introduction(Versions(**versions), "; ".join(said), readings)
    return "; ".join(said) if not seen and not records else readings


def _decode_one(model: str, payload: bytes) -> Meaning:
    if model.startswith("em400") and payload[:1] == NBIOT_START:
        return introduced(payload, decode_items(model, unwrap(payload)))
    return decode_items(model, payload)


class Milesight:
    """Codec of the Milesight models."""

    models: tuple[str, ...] = tuple(ITEMS)

    def decode(self, model: str, payloads: Sequence[bytes], ports: Sequence[int | None]) -> Decoded:
        """Decode payloads of one model; the tilt sensors' usual frames all at once."""

        def plain(payload: bytes, port: int | None) -> Meaning:  # noqa: ARG001 - Milesight ignores the port
            return _decode_one(model, payload)

        if model in ("em310-tilt", "em320-tilt"):
            return decode_tilts(model, payloads, ports, plain)
        return decode_each(plain, payloads, ports)
