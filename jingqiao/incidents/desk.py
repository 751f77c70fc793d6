"""The desk: what people do with incidents, each act one transaction with its row and its messages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import sqlalchemy as sa

from jingqiao.database import writing
from jingqiao.incidents.event import Announcer, Event, IncidentEvent
from jingqiao.incidents.incident import LIVE, Action, Incident, State, after, possible
from jingqiao.incidents.store import find, insert_transitions, update_incidents

_EVENT: Final = {
    Action.ACK: Event.ACKNOWLEDGED,
    Action.ASSIGN: Event.ASSIGNED,
    Action.ON_SITE: Event.ON_SITE,
    Action.RESOLVE: Event.RESOLVED,
    Action.CLOSE: Event.CLOSED,
    Action.FALSE_ALARM: Event.FALSE_ALARM,
    Action.REOPEN: Event.REOPENED,
    Action.COMMENT: Event.COMMENT,
}


class UnknownIncidentError(LookupError):
    """There is no incident of that id."""

    def __init__(self, incident_id: int) -> None:
        self.incident_id = incident_id
        super().__init__(f"no incident {incident_id}")


class NotPossibleError(ValueError):
    """The incident's state does not allow this; `possible` says what it does."""

    def __init__(self, incident: Incident, action: Action) -> None:
        self.incident = incident
        self.action = action
        self.possible = possible(incident.state)
        super().__init__(f"incident {incident.id} is {incident.state}: {action} is not possible")


def act(
    database: sa.Engine,
    incident_id: int,
    action: Action,
    *,
    who: str,
    now: int,
    why: str = "",
    assignee: str | None = None,
    announcer: Announcer | None = None,
    on_commit: Callable[[], None] | None = None,
) -> Incident:
    """Do one act and give the incident as it is then.

    who : str  Person who does it.
    now : int  [µs since 1970 UTC]
    assignee : str | None  Whom `Action.ASSIGN` gives it to; the actor where not said.

    Raises UnknownIncidentError and NotPossibleError.
    """
    with writing(database) as connection:
        incident = find(connection, incident_id, lock=True)
        if incident is None:
            raise UnknownIncidentError(incident_id)
        target = after(action, incident.state)
        if target is None:
            raise NotPossibleError(incident, action)
        current = replace(incident, **_changes(incident, action, target, who, now, assignee))
        event = IncidentEvent(_EVENT[action], current, incident.severity, who, why)
        update_incidents(connection, [current])
        insert_transitions(connection, [event], now, [incident.state])
        if announcer is not None:
            announcer.announce(connection, [event], now)
            announcer.escalate(connection, now)
    if on_commit is not None:
        on_commit()
    return current


def _changes(
    incident: Incident, action: Action, target: State, who: str, now: int, assignee: str | None
) -> dict[str, Any]:
    changes: dict[str, Any] = {"state": target, "changed_at": now}
    if action is Action.COMMENT:
        return changes
    if action is Action.REOPEN:
        return changes | {
            "finished_at": None,
            "acknowledged_by": None,
            "acknowledged_at": None,
            "assignee": None,
            "unanswered_since": now,
            "answered_severity": None,
            "episode": incident.episode + 1,
            "step": 0,
            "next_step_at": now,
        }
    # Whoever acts has answered.
    changes |= {"unanswered_since": None, "next_step_at": None, "unreachable": False}
    changes["answered_severity"] = incident.severity
    if incident.acknowledged_by is None:
        changes |= {"acknowledged_by": who, "acknowledged_at": now}
    if action is Action.ASSIGN:
        changes["assignee"] = assignee or who
    if target not in LIVE:
        changes["finished_at"] = now
    return changes
