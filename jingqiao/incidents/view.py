"""Incidents as the public interface shows them: JSON by protocol.md, times RFC 3339 UTC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from config.messages import Language
from jingqiao.incidents.deadlines import Deadline
from jingqiao.incidents.incident import Incident
from jingqiao.incidents.reason import sentence


def rfc3339(at: int | None) -> str | None:
    """µs since 1970 UTC as RFC 3339 in UTC, to the millisecond; None stays None."""
    if at is None:
        return None
    moment = datetime.fromtimestamp(at / 1_000_000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def reason_text(incident: Incident, language: Language) -> str:
    """Why, in a sentence."""
    return sentence(incident.reason_key, incident.reason_values, language)


def as_json(
    incident: Incident, language: Language, deadlines: Sequence[Deadline] = (), now: int = 0
) -> dict[str, Any]:
    """One incident, JSON-ready.

    deadlines : those of the incident (`incidents.deadlines`). now : int  What is overdue now is so [µs].
    """
    return {
        "id": incident.id,
        "asset_id": incident.asset_id,
        "hazard": incident.hazard.value,
        "severity": incident.severity.colour,
        "state": incident.state.value,
        "opened_at": rfc3339(incident.opened_at),
        "event_at": rfc3339(incident.event_at),
        "value": incident.value,
        "limit": incident.limit,
        "unit": incident.unit,
        "reason": reason_text(incident, language),
        "acknowledged_by": incident.acknowledged_by,
        "acknowledged_at": rfc3339(incident.acknowledged_at),
        "assignee": incident.assignee,
        "alarm": "firing" if incident.alarm_firing else "clear",
        "cleared_at": rfc3339(incident.cleared_at),
        "changed_at": rfc3339(incident.changed_at),
        "finished_at": rfc3339(incident.finished_at),
        "provisional": incident.provisional,
        "unreachable": incident.unreachable,
        "subject": incident.subject,
        "sensor_ids": list(incident.sensor_ids),
        "kind": incident.kind,
        "name": incident.name,
        "district": incident.district,
        "road": incident.road,
        "lon": incident.lon,
        "lat": incident.lat,
        "previous_id": incident.previous_id,
        "evidence": dict(incident.evidence),
        "dispatched_at": rfc3339(incident.dispatched_at),
        "on_site_at": rfc3339(incident.on_site_at),
        "resolved_at": rfc3339(incident.resolved_at),
        "answered_by": list(incident.answered_by),
        "severity_set_by_person": incident.judged_severity is not None,
        "area_incident_id": incident.parent_id,
        "exercise": incident.exercise,
        "overdue": any(deadline.overdue(now) for deadline in deadlines if deadline.met_at is None),
        "deadlines": limits_json(deadlines, now),
    }


def limits_json(deadlines: Sequence[Deadline], now: int) -> list[dict[str, Any]]:
    """Deadlines of an incident, JSON-ready."""
    return [_deadline_json(deadline, now) for deadline in deadlines]


def _deadline_json(deadline: Deadline, now: int) -> dict[str, Any]:
    return {
        "stage": deadline.stage,
        "due_at": rfc3339(deadline.due_at),
        "met_at": rfc3339(deadline.met_at),
        "overdue": deadline.overdue(now),
        "within": deadline.within,
        "clock": deadline.clock,
        "holidays_known": not deadline.guessed,
    }


def history_json(transitions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The history of an incident, JSON-ready."""
    return [
        {
            "at": rfc3339(row["at"]),
            "event": row["event"],
            "from": row["from_state"],
            "to": row["to_state"],
            "who": row["who"],
            "why": row["why"],
            "photo": row["reference"],
        }
        for row in transitions
    ]
