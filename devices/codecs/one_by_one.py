"""From a decoder of one payload to a decoder of a batch: the plain path that every codec has."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from devices.codecs.contract import NO_TIME, Decoded
from devices.versions import Versions


class RefusedPayloadError(ValueError):
    """A payload that its codec does not accept; the message is one line for a technician."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one payload, or one record of its history, says.

    values : name → number  Quantities of `devices.quantities`; a missing one was not measured.
    time : int  Event time the payload states [µs since 1970 UTC]; NO_TIME where it states none.
    """

    values: Mapping[str, float] = field(default_factory=dict)
    time: int = NO_TIME


@dataclass(frozen=True, slots=True)
class Introduction:
    """A payload in which a device says what it runs, with readings beside it or without.

    words : str  What a payload without readings says.
    """

    versions: Versions
    words: str
    readings: Sequence[Reading] = ()


Meaning = Sequence[Reading] | Introduction | str
"""Readings, oldest record first as the maker orders them; or what a payload without readings says."""

DecodeOne = Callable[[bytes, int | None], Meaning]
"""Decodes one payload. Raises RefusedPayloadError, and nothing else, on what it does not accept."""


def decode_each(decode_one: DecodeOne, payloads: Sequence[bytes], ports: Sequence[int | None]) -> Decoded:
    """Decode payloads one after the other.

    A payload whose readings have no value that we keep is a notice, since it says nothing here.
    """
    readings: list[Reading] = []
    rows: list[int] = []
    errors: dict[int, str] = {}
    notices: dict[int, str] = {}
    versions: dict[int, Versions] = {}
    for row, (payload, port) in enumerate(zip(payloads, ports, strict=True)):
        try:
            meaning = decode_one(payload, port)
        except RefusedPayloadError as refusal:
            errors[row] = str(refusal)
            continue
        if isinstance(meaning, Introduction):
            versions[row] = meaning.versions
            meaning = meaning.readings or meaning.words
        if isinstance(meaning, str):
            notices[row] = meaning
            continue
        said = [reading for reading in meaning if not all(map(math.isnan, reading.values.values()))]
        if not said:
            notices[row] = "well-formed, but with none of the quantities that are kept"
        readings += said
        rows += [row] * len(said)
    return from_readings(rows, readings, errors, notices, versions)


def from_readings(
    rows: Sequence[int],
    readings: Sequence[Reading],
    errors: Mapping[int, str],
    notices: Mapping[int, str],
    versions: Mapping[int, Versions],
) -> Decoded:
    """Columns from readings and the payload rows they came from."""
    names = list(dict.fromkeys(name for reading in readings for name in reading.values))
    return Decoded(
        np.array(rows, np.int32),
        np.array([reading.time for reading in readings], np.int64),
        {
            name: np.array([reading.values.get(name, np.nan) for reading in readings], np.float32)
            for name in names
        },
        errors,
        notices,
        versions,
    )


def require_length(payload: bytes, lengths: Sequence[int], what: str) -> None:
    """Refuse a payload that has none of the lengths that the maker states [bytes]."""
    if len(payload) not in lengths:
        wanted = " or ".join(str(length) for length in lengths)
        raise RefusedPayloadError(f"{what} has {wanted} bytes, found {len(payload)}")


def require_byte(payload: bytes, offset: int, allowed: Sequence[int], what: str) -> int:
    """The byte at an offset; refused unless it is one of those allowed."""
    found = payload[offset]
    if found not in allowed:
        wanted = " or ".join(f"0x{value:02x}" for value in allowed)
        raise RefusedPayloadError(f"byte {offset}: {what} must be {wanted}, found 0x{found:02x}")
    return found


def require_port(port: int | None, allowed: Sequence[int]) -> None:
    """Refuse a LoRaWAN port that the maker does not send readings on; no port (not LoRaWAN) is accepted."""
    if port is not None and port not in allowed:
        wanted = " or ".join(str(value) for value in allowed)
        raise RefusedPayloadError(f"port must be {wanted}, found {port}")
