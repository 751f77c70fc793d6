"""What an alarm change does to an incident that is there already. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from jingqiao.incidents.event import Event, IncidentEvent
from jingqiao.incidents.incident import (
    LIVE,
    REOPEN_WINDOW_US,
    SELF_HEALING,
    SYSTEM,
    Incident,
    State,
    limits_anew,
)
from rules.alarm import AlarmChange, Severity


def begins_anew(incident: Incident, now: int) -> bool:
    """Whether firing now makes a new incident rather than going on with this one."""
    if incident.state in LIVE:
        return False
    if incident.state is State.RESOLVED:
        return False  # repaired, not yet checked: evidently not repaired
    if incident.state is State.FALSE_ALARM:
        return True  # somebody judged the last one; this one deserves a judgement of its own
    return incident.finished_at is None or now - incident.finished_at > REOPEN_WINDOW_US


def fire(incident: Incident, change: AlarmChange, now: int) -> list[IncidentEvent]:
    """A firing alarm goes on with an incident, or takes it up again."""
    before = incident.severity
    current = replace(
        incident,
        **_graded(incident, change.severity),
        value=number(change.value),
        limit=number(change.limit),
        unit=change.unit,
        reason_key=change.reason.key,
        reason_values=plain(change.reason.values),
        sensor_ids=tuple(change.sensor_ids),
        provisional=change.provisional,
        evidence=plain(change.evidence),
        alarm_firing=True,
        cleared_at=None,
        changed_at=now,
    )
    if incident.state not in LIVE:
        current = replace(
            current,
            state=State.OPEN,
            finished_at=None,
            acknowledged_by=None,
            acknowledged_at=None,
            assignee=None,
            judged_severity=None,
            judged_over=None,
            parent_id=None,
            severity=change.severity,
            **_ask_again(incident, now) | limits_anew(now),
        )
        return [IncidentEvent(Event.REOPENED, current, before, SYSTEM)]
    events = []
    if not incident.alarm_firing:
        if current.unanswered_since is not None:
            current = replace(current, next_step_at=now)
        events.append(IncidentEvent(Event.REFIRED, current, before, SYSTEM))
    if current.severity > before:
        current = replace(current, **after_rise(current, now))
        events.append(IncidentEvent(Event.RAISED, current, before, SYSTEM))
    elif current.severity < before:
        current = replace(current, next_urge_at=now)
        events.append(IncidentEvent(Event.LOWERED, current, before, SYSTEM))
    return events or [IncidentEvent(Event.COMMENT, current, before, SYSTEM)]


def _graded(incident: Incident, said: Severity) -> dict[str, Any]:
    """What the engine's severity does to a person's judgement: only a graver one than it was ends it."""
    if incident.judged_severity is None:
        return {"severity": said}
    if incident.judged_over is not None and said > incident.judged_over and said > incident.judged_severity:
        return {"severity": said, "judged_severity": None, "judged_over": None}
    return {"severity": incident.judged_severity}


def _ask_again(incident: Incident, now: int) -> dict[str, Any]:
    return {
        "unanswered_since": now,
        "answered_severity": None,
        "episode": incident.episode + 1,
        "step": 0,
        "next_step_at": now,
        "answered_by": (),
    }


def after_rise(incident: Incident, now: int) -> dict[str, Any]:
    """What a risen severity does to the escalation.

    Unanswered: it goes on from where it stands, by the graver policy. Answered: an answer to a lesser
    danger is no answer to a greater one, but falling and rising again asks nobody twice.
    """
    graver = {"limits_from": now, "next_urge_at": now, "urged": ()}
    if incident.unanswered_since is not None:
        return graver | {"next_step_at": now}
    if incident.answered_severity is not None and incident.severity <= incident.answered_severity:
        return {}
    return graver | _ask_again(incident, now) | {"answered_severity": incident.answered_severity}


def clear(incident: Incident | None, change: AlarmChange, now: int) -> list[IncidentEvent]:
    """An alarm cleared: what heals itself is resolved, a lid stays open until a person looked."""
    if incident is None or not incident.alarm_firing:
        return []
    current = replace(incident, alarm_firing=False, cleared_at=change.event_at, changed_at=now)
    if incident.state not in LIVE:
        return [IncidentEvent(Event.CLEARED, current, incident.severity, SYSTEM)]
    events = [IncidentEvent(Event.CLEARED, current, incident.severity, SYSTEM)]
    if incident.hazard in SELF_HEALING:
        current = replace(
            current,
            state=State.RESOLVED,
            finished_at=now,
            resolved_at=incident.resolved_at or now,
            unanswered_since=None,
            next_step_at=None,
            next_urge_at=now,
        )
        events.append(IncidentEvent(Event.RESOLVED, current, incident.severity, SYSTEM))
    return events


def said(change: AlarmChange) -> dict[str, Any]:
    """What a change says, as columns of its row."""
    return {
        "hazard": change.hazard.value,
        "severity": int(change.severity),
        "state": change.state.value,
        "event_at": change.event_at,
        "value": number(change.value),
        "limit": number(change.limit),
        "unit": change.unit,
        "reason_key": change.reason.key,
        "reason_values": plain(change.reason.values),
        "provisional": change.provisional,
        "historical": change.historical,
        "evidence": plain(change.evidence),
    }


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """JSON-ready copy: numbers of numpy become Python's, what is not finite becomes null."""
    return {str(key): _plain(value) for key, value in values.items()}


def _plain(value: Any) -> Any:
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
        value = value.item()
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return plain(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, str | int | bool):
        return value
    return str(value)


def number(value: float) -> float | None:
    """A number of the rules; None where it is not finite."""
    return float(value) if math.isfinite(value) else None
