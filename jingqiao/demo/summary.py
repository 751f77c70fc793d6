"""What the demo came to: what was staged, what was found, who was told, what was missed or false."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from config.messages import Language
from jingqiao.database import reading
from jingqiao.demo.stage import Stage
from jingqiao.incidents.incident import Incident, from_row
from jingqiao.incidents.store import counted
from jingqiao.incidents.tables import incident as incident_table
from jingqiao.incidents.view import as_json, rfc3339
from simulator.score import PAGING, Found, alarms_of, score
from simulator.truth import TruthEvent

GRACE_US: Final = 2 * 86_400_000_000
"""A hazard that began so shortly before the end may still be found: it is open, not missed."""


def incidents_of(stage: Stage, language: Language) -> list[dict[str, Any]]:
    """All incidents, oldest first, JSON-ready."""
    assert stage.service is not None
    with reading(stage.service.database) as connection:
        query = incident_table.select().where(counted()).order_by(incident_table.c.id)
        rows = connection.execute(query).mappings()
        found: list[Incident] = [from_row(dict(row)) for row in rows]
    return [as_json(item, language) for item in found]


def summary(stage: Stage, language: Language) -> dict[str, Any]:
    """JSON-ready summary of a performance that has ended, or of one that goes on.

    `false` holds incidents of which nothing is true at orange or red, which would have called somebody out;
    milder ones of that kind are under `notices`. `not_staged` : what there was no time for. `handed_over` :
    messages of quiet days that went to the intake instead of the broker, to save time.
    """
    assert stage.service is not None
    now = stage.progress.now
    incidents = incidents_of(stage, language)
    staged = [event for event in stage.fleet.truth if event.onset <= now]
    result = score(staged, alarms_of(incidents), grace_s=3 * 86_400.0)
    messages = stage.messages()
    reached = {(m.reference.split(":", 1)[0]): m for m in reversed(messages)}
    by_alarm = {(i["asset_id"], i["hazard"], i["event_at"]): i for i in reversed(incidents)}
    events = [_event(found, by_alarm, reached) for found in result.found]
    elapsed = max(stage.progress.elapsed_s, 1e-9)
    wrong = [
        {"hazard": a.hazard, "asset_id": a.asset_id, "severity": a.severity, "event_at": rfc3339(a.at)}
        for a in result.false
    ]
    return {
        "scenario": stage.scenario.name,
        "complete": stage.progress.finished_scenario,
        "wall_s": round(elapsed, 1),
        "simulated_days": round((now - stage.scenario.start_us) / 86_400_000_000, 2) if now else 0.0,
        "sensors": len(stage.registry.sensors),
        "published": stage.progress.published,
        "handed_over": stage.progress.handed_over,
        "readings": stage.service.vitals.readings,
        "readings_per_s": round(stage.service.vitals.readings / elapsed, 1),
        "events": events,
        "incidents": incidents,
        "messages_delivered": len(messages),
        "not_staged": [_told(event) for event in stage.fleet.truth if event.onset > now and event.required],
        "missed": [_short(f) for f in result.found if f.alarm is None and _is_due(f, now)],
        "false": [row for row in wrong if row["severity"] in PAGING],
        "notices": [row for row in wrong if row["severity"] not in PAGING],
    }


def _event(
    found: Found, by_alarm: Mapping[tuple[str, str, str | None], dict[str, Any]], reached: Mapping[str, Any]
) -> dict[str, Any]:
    row = _short(found)
    alarm = found.alarm
    incident = by_alarm.get((alarm.asset_id, alarm.hazard, rfc3339(alarm.at))) if alarm else None
    message = reached.get(str(incident["id"])) if incident else None
    return row | {
        "detected": alarm is not None,
        "detected_as": alarm.hazard if alarm else None,
        "severity": alarm.severity if alarm else None,
        "delay_s": None if found.at is None else round(found.delay_s, 1),
        "incident_id": incident["id"] if incident else None,
        "delivered": message is not None,
        "delivered_to": message.to if message else None,
        "delivered_at": rfc3339(message.at) if message else None,
    }


def _short(found: Found) -> dict[str, Any]:
    return _told(found.event)


def _told(event: TruthEvent) -> dict[str, Any]:
    return {
        "hazard": event.hazard,
        "asset_id": event.asset_id,
        "onset": rfc3339(event.onset),
        "required": event.required,
    }


def _is_due(found: Found, now: int) -> bool:
    event = found.event
    due = max(event.onset, event.reaches_limit_at or 0) + GRACE_US
    return event.required and due <= now
