"""The report of a drill: who got what when, by which channel, who answered, and how far it climbed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from config.roster import Roster
from jingqiao.drills.drill import Drill
from jingqiao.incidents.event import Event
from jingqiao.incidents.store import find, transitions_of
from jingqiao.incidents.view import rfc3339
from jingqiao.notify.outbox import attempts_of, messages_of
from jingqiao.notify.tables import receipt

_ANSWERS = {Event.ACKNOWLEDGED.value, Event.ASSIGNED.value, Event.ON_SITE.value, Event.RESOLVED.value}


def drill_report(connection: sa.Connection, drill: Drill, roster: Roster | None) -> dict[str, Any]:
    """JSON-ready. Times RFC 3339 UTC; `after_s` counts from the start of the drill [s].

    roster : for people's names; None = their ids stand alone.
    """
    incident = find(connection, drill.incident_id)
    assert incident is not None
    history = transitions_of(connection, drill.incident_id)
    messages = [
        _message(connection, drill, row, roster) for row in messages_of(connection, drill.incident_id)
    ]
    answers = [_happened(drill, row, roster) for row in history if row["event"] in _ANSWERS]
    steps = [
        _happened(drill, row, roster)
        for row in history
        if row["event"] in (Event.ESCALATED.value, Event.UNREACHABLE.value)
    ]
    asked = [m for m in messages if m["asks_for_answer"]]
    return {
        "id": drill.id,
        "incident_id": drill.incident_id,
        "by": drill.who,
        "why": drill.why,
        "started_at": rfc3339(drill.started_at),
        "until": rfc3339(drill.until_at),
        "ended_at": rfc3339(drill.ended_at),
        "ended_by": drill.ended_by,
        "asset_id": incident.evidence.get("asset_id") or None,
        "place": f"{incident.road} {incident.name}".strip(),
        "hazard": incident.hazard.value,
        "severity": incident.severity.colour,
        "first_answer_after_s": min((answer["after_s"] for answer in answers), default=None),
        "asked": len({m["person"] for m in asked}),
        "reached": len({m["person"] for m in asked if m["state"] in ("sent", "delivered", "read")}),
        "answers": answers,
        "escalations": steps,
        "messages": messages,
    }


def _message(
    connection: sa.Connection, drill: Drill, row: Mapping[str, Any], roster: Roster | None
) -> dict[str, Any]:
    attempts = attempts_of(connection, row["id"])
    receipts = _receipts(connection, [attempt["id"] for attempt in attempts])
    sent = next((a["finished_at"] for a in attempts if a["outcome"] == "sent"), None)
    arrived = next((r["at"] for r in receipts if r["status"] in ("delivered", "read")), None)
    return {
        "person": row["person"],
        "name": _name(roster, row["person"]),
        "kind": row["kind"],
        "role": row["role"],
        "asks_for_answer": row["kind"] in ("step", "escalated", "repeated", "stalled"),
        "title": row["title"],
        "state": row["state"],
        "planned_at": rfc3339(row["created_at"]),
        "after_s": (row["created_at"] - drill.started_at) / 1e6,
        "sent_at": rfc3339(sent),
        "delivered_at": rfc3339(arrived),
        "attempts": [
            {
                "channel": attempt["channel"],
                "outcome": attempt["outcome"],
                "at": rfc3339(attempt["started_at"]),
                "code": attempt["provider_code"],
                "detail": attempt["detail"],
            }
            for attempt in attempts
        ],
    }


def _receipts(connection: sa.Connection, attempt_ids: Sequence[int]) -> list[Mapping[str, Any]]:
    if not attempt_ids:
        return []
    query = sa.select(receipt).where(receipt.c.attempt_id.in_(attempt_ids)).order_by(receipt.c.id)
    return [dict(row) for row in connection.execute(query).mappings()]


def _happened(drill: Drill, row: Mapping[str, Any], roster: Roster | None) -> dict[str, Any]:
    return {
        "event": row["event"],
        "at": rfc3339(row["at"]),
        "after_s": (row["at"] - drill.started_at) / 1e6,
        "who": row["who"],
        "name": _name(roster, row["who"]),
        "why": row["why"],
    }


def _name(roster: Roster | None, person: str) -> str:
    return roster.people[person].name if roster is not None and person in roster.people else person
