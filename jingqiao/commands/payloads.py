"""What is sent down to set a device: JSON for native devices, ChirpStack downlinks for Milesight's.

Milesight's bytes are those of the maker's user guides (EM300, EM400, EM500 series; LoRaWAN port 85):
`ff 03` reporting interval, u16 little-endian [s]; `ff 06` alarm rule: condition (bits 0-2: 0 off, 1 below,
2 above) and what it is about (bits 3-5), two i16 thresholds, two u16 of which the tilt models take a
re-reporting interval [min] and count. Devices echo each setting as channel `fe`.
"""

from __future__ import annotations

import base64
import json
import re
import struct
from collections.abc import Mapping
from typing import Any, Final

MILESIGHT_PORT: Final = 85
_INTERVALS: Final = {
    "em310-tilt": (1, 64800),
    "em320-tilt": (1, 64800),
    "em310-udl": (60, 64800),
    "em400-mud": (60, 64800),
    "em400-udl": (60, 64800),
    "em400-tld": (60, 64800),
    "em500-swl": (60, 64800),
    "em500-udl": (60, 64800),
}
"""Model → least and greatest reporting interval [s]."""
_AXES: Final = {"tilt_x_deg": 1, "tilt_y_deg": 2, "tilt_z_deg": 3}
_SETTING: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_EUI: Final = re.compile(r"[0-9a-fA-F]{16}")


class CommandError(ValueError):
    """A command that cannot be: what is wrong, and what would be right."""


def native_command(sensor_id: str, command_id: str, settings: Mapping[str, Any]) -> tuple[str, bytes]:
    """Topic and payload of `{"id", "set": {…}}` for a native device. Raises CommandError."""
    for name, value in settings.items():
        if not _SETTING.fullmatch(name):
            raise CommandError(f"{name!r} is no setting's name: lower-case letters, digits and _")
        if isinstance(value, float) and value != value:  # noqa: PLR0124 - NaN is no JSON
            raise CommandError(f"{name}: NaN is no value")
    interval = settings.get("report_interval_s")
    if interval is not None and not (_is_number(interval) and 1 <= interval <= 604_800):
        raise CommandError(f"report_interval_s is {interval!r}; it lies between 1 and 604800 s (a week)")
    body = json.dumps({"id": command_id, "set": dict(settings)}, ensure_ascii=False, allow_nan=False)
    return f"jingqiao/v1/{sensor_id}/command", body.encode()


def milesight_bytes(model: str, settings: Mapping[str, Any]) -> bytes:
    """The downlink's bytes. Settings: `report_interval_s`; on tilt models `threshold_tilt_x_deg`, `…_y_deg`,
    `…_z_deg` (alarm above this many degrees either way; 0 = off). Raises CommandError."""
    if model not in _INTERVALS:
        raise CommandError(f"{model} takes no commands from here; these do: {', '.join(_INTERVALS)}")
    data = b""
    for name, value in settings.items():
        if not _is_number(value):
            raise CommandError(f"{name} is {value!r}; a number is expected")
        axis = _AXES.get(name.removeprefix("threshold_"))
        if name == "report_interval_s":
            low, high = _INTERVALS[model]
            if not (low <= value <= high and float(value).is_integer()):
                raise CommandError(f"report_interval_s is {value!r}; {model} takes {low} to {high} whole s")
            data += b"\xff\x03" + struct.pack("<H", int(value))
        elif axis is not None and name.startswith("threshold_") and model in ("em310-tilt", "em320-tilt"):
            if not 0 <= value <= 90:
                raise CommandError(f"{name} is {value!r}; it lies between 0 (off) and 90 degrees")
            # Condition 4, outside of [-limit, limit]: a lid may lean either way.
            condition, limit = (4, round(value * 100)) if value else (0, 0)
            data += b"\xff\x06" + struct.pack("<BhhHH", axis << 3 | condition, -limit, limit, 1, 1)
        else:
            known = ["report_interval_s"]
            known += [f"threshold_{a}" for a in _AXES] if model in ("em310-tilt", "em320-tilt") else []
            raise CommandError(f"{model} has no setting {name}; it has {', '.join(known)}")
    if not data:
        raise CommandError("nothing to set")
    return data


def chirpstack_command(
    application: str, dev_eui: str, command_id: str, model: str, settings: Mapping[str, Any]
) -> tuple[str, bytes]:
    """Topic and JSON of a confirmed ChirpStack v4 downlink, queued under our id. Raises CommandError."""
    if not _EUI.fullmatch(dev_eui):
        raise CommandError(f"{dev_eui!r} is no DevEUI: 16 hex digits")
    if not application or any(c in "/+#" for c in application):
        raise CommandError(f"{application!r} is no ChirpStack application id")
    eui = dev_eui.lower()
    body = {
        "id": command_id,
        "devEui": eui,
        "confirmed": True,
        "fPort": MILESIGHT_PORT,
        "data": base64.b64encode(milesight_bytes(model, settings)).decode(),
    }
    return f"application/{application}/device/{eui}/command/down", json.dumps(body).encode()


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
