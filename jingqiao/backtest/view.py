"""Changes of alarms as protocol.md wants them printed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from config.messages import Language, text
from jingqiao.incidents.reason import sentence
from jingqiao.incidents.view import rfc3339
from rules.alarm import AlarmChange, AlarmState, Reason


def reason_text(reason: Reason, language: Language) -> str:
    """Why, in a sentence."""
    return sentence(reason.key, reason.values, language)


def _why(change: AlarmChange, language: Language) -> str:
    """The reason of an alarm; of its end what is measured now, for the sentence of the alarm is over."""
    if change.state is not AlarmState.CLEAR:
        return reason_text(change.reason, language)
    known = math.isfinite(change.value) and math.isfinite(change.limit)
    key = "backtest.over.value" if known else "backtest.over.plain"
    words = text(key, language, value=change.value, limit=change.limit, unit=change.unit)
    return " ".join(words.split()).replace(" )", ")")


def as_json(change: AlarmChange, language: Language) -> dict[str, Any]:
    """One change, JSON-ready: NaN is null."""
    return {
        "asset_id": change.asset_id,
        "sensor_ids": list(change.sensor_ids),
        "hazard": change.hazard.value,
        "severity": change.severity.colour,
        "state": change.state.value,
        "event_at": rfc3339(change.event_at),
        "value": finite(change.value),
        "limit": finite(change.limit),
        "unit": change.unit,
        "reason": _why(change, language),
        "reason_key": change.reason.key,
        "provisional": change.provisional,
        "historical": change.historical,
        "evidence": plain(change.evidence),
    }


def as_lines(change: AlarmChange, language: Language, zone: ZoneInfo) -> str:
    """One change for people, in two lines that fit a narrow window: when, where and what; then why."""
    at = datetime.fromtimestamp(change.event_at // 1_000_000, zone)
    state = "over" if change.state is AlarmState.CLEAR else "found_late" if change.historical else "begins"
    head = text(
        f"backtest.show.{state}",
        language,
        at=at.isoformat(sep=" "),
        where=change.asset_id or " ".join(change.sensor_ids),
        hazard=text(f"notify.hazard.{change.hazard.value}", language),
        severity=text(f"notify.severity.{change.severity.colour}", language),
    )
    return f"{head}\n    {_why(change, language)}"


def by_event_time(changes: Iterable[AlarmChange]) -> list[AlarmChange]:
    """By event time; changes of one moment stay in the order in which they were told."""
    return sorted(changes, key=lambda change: change.event_at)


def finite(value: float) -> float | None:
    """A number for JSON, float32 noise rounded away; None for what is no number."""
    return float(f"{value:.7g}") if math.isfinite(value) else None


def plain(value: Any) -> Any:
    """The same in types that JSON has."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(v) for v in value]
    if hasattr(value, "item") and not isinstance(value, str):
        value = value.tolist()
        return plain(value)
    if isinstance(value, float):
        return finite(value)
    return value if isinstance(value, str | int | bool) or value is None else str(value)
