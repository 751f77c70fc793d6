"""Decentlab: protocol version 2, a flag word that says which sensors are in the frame, 16-bit words.

Layout, big-endian: version `02`, device id 2, flags 2, then for each set flag (lowest first) that sensor's
words. A cleared flag is normal: a sensor that is broken or unplugged leaves the battery's voltage behind.
The port is 1 on all models.

Sources: the maker's data sheets and decoders (github.com/decentlab/decentlab-decoders), catalogue of
TheThingsNetwork/lorawan-devices.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from devices.codecs.contract import Decoded
from devices.codecs.one_by_one import Meaning, Reading, RefusedPayloadError, decode_each, require_port

Words = Sequence[int]

KL66_F0_HZ: Final = 15383.72
KL66_K: Final = 46.4859
"""Calibration of the KL66 that the maker documents (order code 1538372-464859). Every gauge has its own pair
on its label; until a registry carries them the documented pair scales the value, which changes the slope of
the strain and its zero, but not its sign."""

KL66_BASE_M: Final = 0.066
"""Gauge length over which the elongation is spread [m]."""


@dataclass(frozen=True, slots=True)
class Sensor:
    """A sensor of a frame: how many words, and how they read."""

    words: int
    read: Callable[[Words], Mapping[str, float]]


def kl66_strain_ue(count: int, interval: int, f0_hz: float, k: float) -> float:
    """Strain [µε] of a vibrating-wire KL66, tension positive as the maker has it.

    count : int  Oscillations counted.
    interval : int  Counting time [1/32768 s].
    f0_hz, k : float  The gauge's own calibration: frequency at no load [Hz], factor [g/kHz²].
    Source: the maker's decoder: weight = (f² - f0²)·k/10⁶ [g]; elongation = weight·(-1.5)/1000·9.8067 [µm].
    """
    frequency_hz = count / interval * 32768
    weight_g = (frequency_hz**2 - f0_hz**2) * k / 1_000_000
    return weight_g * -1.5 / 1000 * 9.8067 / KL66_BASE_M


def _kl66(words: Words) -> Mapping[str, float]:
    # The maker's own decoder leaves the third word unused.
    if words[1] == 0:
        raise RefusedPayloadError("byte 7: measurement interval is 0; the gauge counted nothing")
    if words[0] == 0:
        # A wire that does not swing would read as some thousand µε; it is broken, not strained.
        return {"strain_ue": math.nan}
    return {"strain_ue": kl66_strain_ue(words[0], words[1], KL66_F0_HZ, KL66_K)}


def _dlr2_012(words: Words) -> Mapping[str, float]:
    """24-bit bridge amplifier at gain 64, gauge factor 2.02, quarter bridge: ratio·4/2.02."""
    if words[1] > 0xFF:
        raise RefusedPayloadError(f"byte 7: upper word of 24 bits must be 0 to 0xff, found 0x{words[1]:04x}")
    return {"strain_ue": ((words[0] + words[1] * 65536) / 8388608 - 1) / 64 * 4 / 2.02 * 1_000_000}


def _ctd10(words: Words) -> Mapping[str, float]:
    return {"water_mm": float(words[0] - 32768), "temperature_c": (words[1] - 32768) / 10}


def _lid(words: Words) -> Mapping[str, float]:
    # Of the eleven statistics the median is the one that a passing cable or splash moves least.
    # None of its samples valid: the statistics are of nothing.
    return {"distance_mm": float(words[3]) if words[9] else math.nan}


def _battery(words: Words) -> Mapping[str, float]:
    return {"battery_v": words[0] / 1000}


SENSORS: Final[Mapping[str, tuple[Sensor, ...]]] = {
    "dl-kl66": (Sensor(3, _kl66), Sensor(1, _battery)),
    "dl-dlr2-012": (Sensor(2, _dlr2_012), Sensor(1, _battery)),
    "dl-ctd10": (Sensor(4, _ctd10), Sensor(1, _battery)),
    "dl-lid": (Sensor(11, _lid), Sensor(1, _battery)),
}
"""Model → its sensors, in the order of their flags."""


def _decode_one(sensors: Sequence[Sensor], payload: bytes, port: int | None) -> Meaning:
    require_port(port, (1,))
    if len(payload) < 5:
        raise RefusedPayloadError(f"version, device id and flags need 5 bytes, found {len(payload)}")
    if payload[0] != 2:
        raise RefusedPayloadError(f"byte 0: protocol version must be 2, found {payload[0]}")
    flags = int.from_bytes(payload[3:5], "big")
    if flags >> len(sensors):
        raise RefusedPayloadError(f"byte 3: flags may set {len(sensors)} sensors, found 0x{flags:04x}")
    present = [sensor for bit, sensor in enumerate(sensors) if flags >> bit & 1]
    expected = 5 + 2 * sum(sensor.words for sensor in present)
    if len(payload) != expected:
        raise RefusedPayloadError(
            f"byte 3: flags 0x{flags:04x} announce {expected} bytes, found {len(payload)}"
        )
    if not present:
        return "no sensor in the frame, not even the battery"
    values: dict[str, float] = {}
    at = 5
    for sensor in present:
        words = [int.from_bytes(payload[at + 2 * i : at + 2 * i + 2], "big") for i in range(sensor.words)]
        values |= sensor.read(words)
        at += 2 * sensor.words
    return [Reading(values)]


class Decentlab:
    """Codec of the Decentlab models."""

    models: tuple[str, ...] = tuple(SENSORS)

    def decode(self, model: str, payloads: Sequence[bytes], ports: Sequence[int | None]) -> Decoded:
        """Decode payloads of one model."""
        sensors = SENSORS[model]
        return decode_each(lambda payload, port: _decode_one(sensors, payload, port), payloads, ports)
