"""A person says how grave an incident is, and why; the engine overrules it only with something graver."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import sqlalchemy as sa

from jingqiao.database import Beside, nothing_beside, writing
from jingqiao.incidents import areas
from jingqiao.incidents.alarms import after_rise
from jingqiao.incidents.desk import UnknownIncidentError
from jingqiao.incidents.event import Announcer, Event, IncidentEvent
from jingqiao.incidents.incident import LIVE, Incident
from jingqiao.incidents.store import find, insert_transitions, update_incidents
from rules.alarm import Severity


class NotGradableError(ValueError):
    """Its severity cannot be set: it has ended, is an area (whose members say it), or is so already."""

    def __init__(self, incident: Incident) -> None:
        self.incident = incident
        super().__init__(f"incident {incident.id} is {incident.state} and {incident.severity.colour}")


def grade(
    database: sa.Engine,
    incident_id: int,
    severity: Severity,
    *,
    who: str,
    why: str,
    now: int,
    announcer: Announcer | None = None,
    on_commit: Callable[[], None] | None = None,
    beside: Beside = nothing_beside,
) -> Incident:
    """Raise or lower the severity of a live incident, and give it as it is then.

    A rise asks people anew by the graver policy, and its limits begin to count again. now : int  [µs].

    Raises UnknownIncidentError, NotGradableError, and ValueError without a why.
    """
    if not why.strip():
        raise ValueError("a severity is set with a reason")
    with writing(database) as connection:
        incident = find(connection, incident_id, lock=True)
        if incident is None:
            raise UnknownIncidentError(incident_id)
        if incident.state not in LIVE or incident.is_area or incident.severity == severity:
            raise NotGradableError(incident)
        said = incident.severity if incident.judged_over is None else incident.judged_over
        current = replace(
            incident, severity=severity, judged_severity=severity, judged_over=said, changed_at=now
        )
        if severity > incident.severity:
            event = Event.RAISED
            current = replace(current, **after_rise(current, now))
        else:
            event = Event.LOWERED
            waits = current.unanswered_since is not None
            current = replace(current, next_urge_at=now, next_step_at=now if waits else current.next_step_at)
        events = [IncidentEvent(event, current, incident.severity, who, why)]
        update_incidents(connection, [current])
        insert_transitions(connection, events, now, [incident.state])
        events += areas.follow(connection, events, now)
        if announcer is not None:
            announcer.announce(connection, events, now)
            announcer.escalate(connection, now)
        beside(connection, incident_id)
    if on_commit is not None:
        on_commit()
    return current
