"""From the JSON reader's complaint to a dead letter's reason and detail."""

from __future__ import annotations

from typing import Final

import msgspec

JSON_FAULTS: Final = (msgspec.DecodeError, UnicodeDecodeError)
"""What reading a platform's JSON may raise: msgspec reports text that is no UTF-8 as Python does."""


def explain(fault: Exception) -> tuple[str, str]:
    """(reason, detail): `json` is no JSON, `base64` a payload that is not base64, `envelope` wrong fields."""
    detail = str(fault)
    if not isinstance(fault, msgspec.ValidationError):
        return "json", detail
    return ("base64" if "base64" in detail else "envelope"), detail
