"""From the JSON reader's complaint to a dead letter's reason and detail."""

from __future__ import annotations

import msgspec


def explain(fault: msgspec.DecodeError) -> tuple[str, str]:
    """(reason, detail): `json` is no JSON, `base64` a payload that is not base64, `envelope` wrong fields."""
    detail = str(fault)
    if not isinstance(fault, msgspec.ValidationError):
        return "json", detail
    return ("base64" if "base64" in detail else "envelope"), detail
