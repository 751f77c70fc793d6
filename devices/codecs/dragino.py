"""Dragino LDDS04, LDDS20, LDDS45, LDDS75 (ultrasonic) and LLDS12 (lidar): fixed frames on port 2.

Layouts, big-endian; the battery [mV] is the low 14 bits of the first two bytes:
- LDDS20/45/75: battery 2, distance 2 [mm], interrupt 1, and on newer firmware temperature 2 [0.1 °C], probe
  present 1. Only four bytes come when the probe is not connected: the battery counts, the rest does not.
- LDDS04: battery 2, four distances of 2 [mm], message type 1. One registry row is one place, so the first
  probe counts. The highest bit of the battery says that the interrupt pin woke it.
- LLDS12: battery 2, temperature 2 [0.1 °C], distance 2 [mm], signal strength 2, interrupt 1, the lidar's own
  temperature 1 (dropped), message type 1. The distance counts only with a strength from 100 to 65534.
- Device status on port 5 (LB models, after joining or when asked): model 1, firmware 2 (its last three
  half-bytes are the version), frequency band 1, sub-band 1, battery 2 [mV].
A DS18B20 that is not connected reads 3276.7 or -409.5 °C. Message type 2 answers a command.

Sources: user manuals of LDDS20/45/75/04 and LLDS12, catalogue of TheThingsNetwork/lorawan-devices.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from devices.codecs.contract import Decoded
from devices.codecs.one_by_one import (
    Introduction,
    Meaning,
    Reading,
    decode_each,
    require_byte,
    require_length,
    require_port,
)
from devices.versions import Versions

PORT: Final = 2
STATUS_PORT: Final = 5
STATUS_LENGTH: Final = 7
NO_PROBE: Final = 0
TOO_NEAR: Final[Mapping[str, int]] = {"ldds20": 19, "ldds45": 20, "ldds75": 20}
"""Greatest raw value [mm] that stands for "nearer than the probe can tell", by model."""

INVALID: Final = 0xFFFF
WEAK_SIGNAL: Final = 100
NO_THERMOMETER: Final = frozenset({32767, -4095, -32767})
ANSWER: Final = 2


def _word(payload: bytes, offset: int) -> int:
    return int.from_bytes(payload[offset : offset + 2], "big")


def _battery(payload: bytes) -> dict[str, float]:
    return {"battery_v": (_word(payload, 0) & 0x3FFF) / 1000}


def _temperature(payload: bytes, offset: int) -> dict[str, float]:
    raw = int.from_bytes(payload[offset : offset + 2], "big", signed=True)
    return {} if raw in NO_THERMOMETER else {"temperature_c": raw / 10}


def _single(name: str, payload: bytes) -> Meaning:
    """LDDS20, LDDS45, LDDS75."""
    require_length(payload, (4, 5, 8), "a frame")
    values = _battery(payload)
    if len(payload) == 4:
        return [Reading(values)]
    require_byte(payload, 4, (0, 1), "interrupt")
    has_probe = len(payload) == 5 or require_byte(payload, 7, (0, 1), "probe present") == 1
    raw = _word(payload, 2)
    valid = has_probe and raw != INVALID and raw > TOO_NEAR[name]
    values["distance_mm"] = float(raw) if valid else math.nan
    if len(payload) == 8:
        values |= _temperature(payload, 5)
    return [Reading(values)]


def _four(name: str, payload: bytes) -> Meaning:  # noqa: ARG001 - one signature for all models
    """LDDS04."""
    require_length(payload, (11,), "a frame")
    if require_byte(payload, 10, (1, ANSWER), "message type") == ANSWER:
        return f"answer to a command: {payload.hex()}"
    raw = _word(payload, 2)
    return [
        Reading(
            {
                **_battery(payload),
                "distance_mm": math.nan if raw in (NO_PROBE, INVALID) else float(raw),
            }
        )
    ]


def _lidar(name: str, payload: bytes) -> Meaning:  # noqa: ARG001 - one signature for all models
    """LLDS12."""
    require_length(payload, (11,), "a frame")
    if require_byte(payload, 10, (1, ANSWER), "message type") == ANSWER:
        return f"answer to a command: {payload.hex()}"
    require_byte(payload, 8, (0, 1), "interrupt")
    raw, strength = _word(payload, 4), _word(payload, 6)
    reliable = WEAK_SIGNAL <= strength != INVALID and raw != INVALID
    return [
        Reading(
            {
                **_battery(payload),
                **_temperature(payload, 2),
                "distance_mm": float(raw) if reliable else math.nan,
            }
        )
    ]


def _status(payload: bytes) -> Meaning:
    """A device status: what it runs, and its battery."""
    require_length(payload, (STATUS_LENGTH,), "a device status")
    release = _word(payload, 1)
    firmware = f"v{release >> 8 & 0xF}.{release >> 4 & 0xF}.{release & 0xF}"
    battery = Reading({"battery_v": _word(payload, 5) / 1000})
    return Introduction(Versions(firmware), f"device status: firmware {firmware}", [battery])


LAYOUTS: Final[Mapping[str, Callable[[str, bytes], Meaning]]] = {
    "ldds04": _four,
    "ldds20": _single,
    "ldds45": _single,
    "ldds75": _single,
    "llds12": _lidar,
}


class Dragino:
    """Codec of the Dragino models."""

    models: tuple[str, ...] = tuple(LAYOUTS)

    def decode(self, model: str, payloads: Sequence[bytes], ports: Sequence[int | None]) -> Decoded:
        """Decode payloads of one model."""
        layout = LAYOUTS[model]

        def decode_one(payload: bytes, port: int | None) -> Meaning:
            if port == STATUS_PORT:
                return _status(payload)
            require_port(port, (PORT, STATUS_PORT))
            return layout(model, payload)

        return decode_each(decode_one, payloads, ports)
