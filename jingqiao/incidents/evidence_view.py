"""The facts behind an alarm in the reader's words: one table of names for command line and console."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from config.messages import Language, catalogue

BARS: Final = "▁▂▃▄▅▆▇█"
SHOWN: Final = 12
HIDDEN: Final = frozenset({"decided_at_us", "label", "with_temperature", "unit"})
"""Facts for programs; people read them elsewhere."""


def told_evidence(
    evidence: Mapping[str, Any], language: Language, zone: ZoneInfo | None = None
) -> list[tuple[str, str]]:
    """(name, value) of each fact that is known; a name that the catalogue lacks is shown as it is.

    zone : For times; None = RFC 3339 in UTC.
    """
    words = catalogue(language)
    return [
        (words.get(f"console_city.evidence.{path}", path), told)
        for path, value in _flat(evidence)
        if path not in HIDDEN and (told := _told(path, value, zone))
    ]


def sparkline(values: Sequence[float]) -> str:
    """A curve in one line of text: `▁▁▂▂▅█  -1.2 … 40.3`."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    if not known:
        return ""
    low, high = min(known), max(known)
    steps = (high - low) or 1.0
    bars = "".join(BARS[round((value - low) / steps * (len(BARS) - 1))] for value in known)
    return f"{bars}  {low:+.1f} … {high:+.1f}"


def _flat(value: Mapping[str, Any], path: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, inner in value.items():
        name = f"{path}.{key}" if path else str(key)
        found += _flat(inner, name) if isinstance(inner, Mapping) else [(name, inner)]
    return found


def _told(path: str, value: Any, zone: ZoneInfo | None) -> str:
    if value is None or value in ("", []):
        return ""
    if path.endswith("_us") and isinstance(value, int):
        moment = datetime.fromtimestamp(value / 1_000_000, zone or UTC)
        return f"{moment:%Y-%m-%d %H:%M:%S}" if zone else f"{moment:%Y-%m-%dT%H:%M:%SZ}"
    if isinstance(value, list | tuple):
        if path.endswith("_curve_ue"):
            return sparkline(value)
        return ", ".join(_one(item) for item in value[:SHOWN]) + (" …" if len(value) > SHOWN else "")
    return _one(value)


def _one(value: Any) -> str:
    if isinstance(value, bool):
        return "✓" if value else "–"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
