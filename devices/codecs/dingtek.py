"""DingTek: fixed frames between `80 00` and `81`, with their own length inside; port 3.

Layout [byte offset]: 0 `80`, 1 `00`, 2 device class, 3 kind (01 heartbeat, 02 alarm or heartbeat, 03
parameters), 4 length of the whole frame, … , last `81`. Numbers are big-endian.
Data of a level sensor: 5-6 level [mm], 7 has position, (8-15 longitude and latitude as floats, when it has),
then 8/16 temperature [°C, signed], 9-10/17-18 sign and angle [°], 11-12/19-20 four alarm half-bytes,
13-14/21-22 frame counter.

Quirks: DC410 and DC413 send the same bytes. The level is a distance from the probe above, but for DF530,
whose probe sits below the tank's floor: its level is a height, and its alarm says `empty`, which is no flood.
DO200 also says whether a car is parked on it and whether the earth's magnetic field is disturbed; neither
says that a lid is open, so they are passed over. The angle counts from the position of mounting, either way.

Sources: codecs of these models in TheThingsNetwork/lorawan-devices (vendor/dingtek), maker's protocol notes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

PORT: Final = 3
PLAIN: Final = 17
WITH_POSITION: Final = 25
DO200_DATA: Final = 21
PARAMETERS: Final = 0x03


@dataclass(frozen=True, slots=True)
class Model:
    """What a model's data frames hold.

    device_class : int  Byte 2.
    level : str  Quantity of the level.
    full : bool  The first alarm says that the level came too near.
    angle : bool  Has an angle and its alarm.
    position : bool  May send its position.
    """

    device_class: int
    level: str
    full: bool
    angle: bool
    position: bool


MODELS: Final[Mapping[str, Model]] = {
    "dc410": Model(0x01, "distance_mm", True, True, False),
    "dc413": Model(0x01, "distance_mm", True, True, False),
    "df530": Model(0x01, "water_mm", False, False, True),
    "df555": Model(0x01, "distance_mm", True, False, True),
    "df702": Model(0x01, "distance_mm", True, True, True),
    "do200": Model(0x02, "distance_mm", True, False, False),
}


def _signed_byte(value: int) -> int:
    return value - 256 if value > 127 else value


def _level_frame(model: Model, payload: bytes) -> Mapping[str, float]:
    has_position = require_byte(payload, 7, (0, 1), "position flag")
    if has_position and not model.position:
        raise RefusedPayloadError("byte 7: this model has no positioning, but its flag is set")
    if (len(payload) == WITH_POSITION) != bool(has_position):
        raise RefusedPayloadError(
            f"byte 7: position flag {has_position} does not fit a frame of {len(payload)} bytes"
        )
    skip = 8 if has_position else 0
    alarms = payload[11 + skip : 13 + skip]
    values = {
        model.level: float(int.from_bytes(payload[5:7], "big")),
        "temperature_c": float(_signed_byte(payload[8 + skip])),
        "battery_alarm": float(alarms[1] & 0x0F != 0),
    }
    if model.full:
        values["water_alarm"] = float(alarms[0] >> 4 != 0)
    if model.angle:
        # The sign half-byte only says which way it leans.
        values["tilt_deg"] = float(payload[10 + skip])
        values["tilt_alarm"] = float(alarms[1] >> 4 != 0)
    return values


def _parking_frame(payload: bytes) -> Mapping[str, float]:
    """DO200: 5-6 level, 7-8 alarms (parked, level, magnet, battery), 9-10 V/100, 11-16 field."""
    return {
        "distance_mm": float(int.from_bytes(payload[5:7], "big")),
        "water_alarm": float(payload[7] & 0x0F != 0),
        "battery_alarm": float(payload[8] & 0x0F != 0),
        "battery_v": int.from_bytes(payload[9:11], "big") / 100,
    }


def _data_lengths(name: str, model: Model) -> tuple[int, ...]:
    if name == "do200":
        return (DO200_DATA,)
    return (PLAIN, WITH_POSITION) if model.position else (PLAIN,)


def _decode_one(name: str, model: Model, payload: bytes, port: int | None) -> Meaning:
    require_port(port, (PORT,))
    if len(payload) < 6:
        raise RefusedPayloadError(f"head, length and end need 6 bytes, found {len(payload)}")
    require_byte(payload, 0, (0x80,), "head")
    require_byte(payload, 1, (0x00,), "head")
    require_byte(payload, 2, (model.device_class,), "device class")
    kind = require_byte(payload, 3, (0x01, 0x02, PARAMETERS), "kind of frame")
    if payload[4] != len(payload):
        raise RefusedPayloadError(f"byte 4: length states {payload[4]}, found {len(payload)} bytes")
    if payload[-1] != 0x81:
        raise RefusedPayloadError(f"byte {len(payload) - 1}: end must be 0x81, found 0x{payload[-1]:02x}")
    if kind == PARAMETERS:
        require_length(payload, (PLAIN, WITH_POSITION), "a parameter frame")
        firmware = f"{payload[5]}.{payload[6]}"
        words = f"parameters: firmware {firmware}, settings {payload[7:-1].hex()}"
        return Introduction(Versions(firmware), words)
    require_length(payload, _data_lengths(name, model), "a data frame")
    return [Reading(_parking_frame(payload) if name == "do200" else _level_frame(model, payload))]


class DingTek:
    """Codec of the DingTek models."""

    models: tuple[str, ...] = tuple(MODELS)

    def decode(self, model: str, payloads: Sequence[bytes], ports: Sequence[int | None]) -> Decoded:
        """Decode payloads of one model."""
        facts = MODELS[model]
        return decode_each(lambda payload, port: _decode_one(model, facts, payload, port), payloads, ports)
