"""What native payloads say of the device itself: `firmware`, and beside it `hardware`, `serial_number`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from devices.frame import Int64
from devices.versions import NAMES, Versions, version_text

MARK: Final = b'"firmware"'
"""No payload says anything of its device without these bytes: one search spares a second parse."""

_ANY: Final = msgspec.json.Decoder()


def may_say(text: bytes) -> bool:
    """Whether a version can be in it. One letter is found forty times faster than a word, and of all our
    quantities only `water_mm` has this one."""
    return b"w" in text and MARK in text


def versions_in(payload: bytes) -> Versions | None:
    """The last that a payload, an object or an array of them, says; None where it says nothing.

    Never raises: a payload that cannot be read is refused elsewhere, and a version that is no text is passed
    over.
    """
    if not may_say(payload):
        return None
    try:
        parsed: Any = _ANY.decode(payload)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    items = parsed if isinstance(parsed, list) else [parsed]
    said: dict[str, str] = {}
    for item in items:
        if isinstance(item, dict):
            said |= {name: text for name in NAMES if (text := version_text(item.get(name)))}
    return Versions(**said) if said.get("firmware") else None


def versions_of(
    payloads: Sequence[bytes], sensor: npt.NDArray[np.int32], received: Int64
) -> dict[int, tuple[Versions, int]]:
    """Registry index → what the payloads of a batch say of it, and when it came [µs since 1970 UTC].

    sensor : int32[m]  Registry index of each payload's sensor. received : int64[m]  [µs].
    """
    return {
        int(sensor[row]): (said, int(received[row]))
        for row, payload in enumerate(payloads)
        if (said := versions_in(payload)) is not None
    }
