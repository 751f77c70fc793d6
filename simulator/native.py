"""Messages of the native protocol (v1): readings, strain blocks, status."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from simulator.truth import rfc3339


def topic(sensor_id: str, leaf: str) -> str:
    """`jingqiao/v1/{sensor_id}/{leaf}`."""
    return f"jingqiao/v1/{sensor_id}/{leaf}"


def reading(time_us: int, seq: int, values: Mapping[str, float], text_time: bool = False) -> dict[str, Any]:
    """One reading as JSON-ready object; `open` becomes yes/no, `t` epoch milliseconds or RFC 3339 text."""
    body: dict[str, Any] = {"t": rfc3339(time_us) if text_time else time_us // 1000, "seq": seq}
    for name, value in values.items():
        body[name] = bool(value) if name == "open" else round(value, 4)
    return body


def encode(body: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> bytes:
    """The object, or an array of back-filled ones, as a payload."""
    return json.dumps(body, separators=(",", ":")).encode()


def strain(time_us: int, seq: int, rate_hz: float, strain_ue: Sequence[float]) -> bytes:
    """A block of samples."""
    body = {
        "t": time_us // 1000,
        "rate_hz": rate_hz,
        "strain_ue": [round(v, 2) for v in strain_ue],
        "seq": seq,
    }
    return encode(body)


def status(time_us: int, online: bool) -> bytes:
    """Presence, to be retained."""
    return encode({"state": "online" if online else "offline", "t": time_us // 1000})
