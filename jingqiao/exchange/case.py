"""A case record as the city's platform keeps it (GB/T 30428, 数字化城市管理信息系统).

The standard's platforms file, dispatch, handle, check and close a case; our incident is the filed case, and
its history gives the times. docs/api.md names each field in Chinese.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any, Final

import sqlalchemy as sa

from config.messages import Language, text
from devices.component_codes import parse
from jingqiao.dossier.tables import asset
from jingqiao.incidents.deadlines import Deadline
from jingqiao.incidents.event import Event
from jingqiao.incidents.incident import Incident, State
from jingqiao.incidents.view import limits_json, reason_text, rfc3339
from jingqiao.notify.text import place

STAGES: Final[Mapping[State, str]] = {
    State.OPEN: "filed",
    State.ACKNOWLEDGED: "dispatched",
    State.DISPATCHED: "dispatched",
    State.ON_SITE: "handling",
    State.RESOLVED: "checking",
    State.CLOSED: "closed",
    State.FALSE_ALARM: "void",
}
"""Where a case stands when the incident stands there."""
_DISPATCHING: Final = (Event.ACKNOWLEDGED, Event.ASSIGNED)
_BEGINNING: Final = (Event.OPENED, Event.REOPENED)
NO_FACTS: Final[Mapping[str, str]] = {}
_REGISTERED: Final = ("street", "community", "grid_code", "owner", "maintainer")
"""Fields of a case that stand in the registry alone."""


def facts_of(connection: sa.Connection, asset_ids: Collection[str]) -> dict[str, Mapping[str, str]]:
    """Asset → what the registry of the moment has for its case; "" = unknown."""
    columns = (asset.c[name] for name in ("asset_id", *_REGISTERED))
    query = sa.select(*columns).where(asset.c.asset_id.in_(sorted(asset_ids)))
    return {row["asset_id"]: dict(row) for row in connection.execute(query).mappings()}


def case_record(
    incident: Incident,
    transitions: Sequence[Mapping[str, Any]],
    *,
    language: Language,
    zone: tzinfo,
    facts: Mapping[str, str] = NO_FACTS,
    deadlines: Sequence[Deadline] = (),
    now: int = 0,
) -> dict[str, Any]:
    """The case of an incident, JSON-ready; null = not known here.

    transitions : rows of `incident_transition`, oldest first. Only those since it was last opened count for
        the times of its stages.
    facts : of the asset, from the registry (`facts_of`).
    deadlines : of the incident (`incidents.deadlines`); overdue is what is so at `now` [µs].
    """
    code = parse(incident.asset_id)
    since = _since_opened(transitions)
    stage = STAGES[incident.state]
    return {
        "case_number": case_number(incident, zone),
        "incident_id": incident.id,
        "source": text("exchange.source", language),
        "case_class": text("exchange.component", language),
        "major_class_code": code.main_class if code else None,
        "minor_class_code": code.subclass if code else None,
        "class_name": (code.meaning or None) if code else None,
        "component_code": incident.asset_id or None,
        "component_name": incident.name or None,
        "problem": incident.hazard.value,
        "problem_name": text(f"notify.hazard.{incident.hazard}", language),
        "description": reason_text(incident, language),
        "grade": incident.severity.colour,
        "grade_name": text(f"notify.severity.{incident.severity.colour}", language),
        "address": place(incident, language),
        "road": incident.road or None,
        "district_code": incident.asset_id[:6] if code else None,
        "district": incident.district or None,
        **{name: facts.get(name) or None for name in _REGISTERED},
        "lon": incident.lon,
        "lat": incident.lat,
        "crs": "WGS-84",
        "occurred_at": rfc3339(incident.event_at),
        "reported_at": rfc3339(incident.opened_at),
        "filed_at": _at(since, *_BEGINNING) or rfc3339(incident.opened_at),
        "dispatched_at": _at(since, *_DISPATCHING),
        "arrived_at": _at(since, Event.ON_SITE),
        "handled_at": _at(since, Event.RESOLVED),
        "checked_at": _at(since, Event.CLOSED),
        "closed_at": rfc3339(incident.finished_at) if stage in ("closed", "void") else None,
        "handler": incident.assignee or incident.acknowledged_by,
        "stage": stage,
        "stage_name": text(f"exchange.stage.{stage}", language),
        "result": _result(since),
        "changed_at": rfc3339(incident.changed_at),
        "limits": limits_json(deadlines, now),
        "parent_id": incident.parent_id,
        "exercise": incident.exercise,
        "photos": [row["reference"] for row in transitions if row["event"] == Event.PHOTO],
        "history": [
            {
                "at": rfc3339(row["at"]),
                "event": row["event"],
                "from_state": row["from_state"],
                "to_state": row["to_state"],
                "who": row["who"],
                "note": row["why"],
            }
            for row in transitions
        ],
    }


def case_number(incident: Incident, zone: tzinfo) -> str:
    """District, day and number: `420704-20260923-000057`; 000000 where the district is not known."""
    head = incident.asset_id[:6]
    district = head if len(head) == 6 and head.isdecimal() else "000000"
    day = datetime.fromtimestamp(incident.opened_at / 1_000_000, zone)
    return f"{district}-{day:%Y%m%d}-{incident.id:06d}"


def _since_opened(transitions: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    begun = [place for place, row in enumerate(transitions) if row["event"] in _BEGINNING]
    return transitions[begun[-1] :] if begun else transitions


def _at(transitions: Sequence[Mapping[str, Any]], *events: Event) -> str | None:
    """When the first of these happened."""
    return next((rfc3339(row["at"]) for row in transitions if row["event"] in events), None)


def _result(transitions: Sequence[Mapping[str, Any]]) -> str | None:
    """What people said when they were done; the last word counts."""
    ends = (Event.RESOLVED, Event.CLOSED, Event.FALSE_ALARM)
    return next((row["why"] for row in reversed(transitions) if row["event"] in ends and row["why"]), None)
