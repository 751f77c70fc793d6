"""The desk: what people do with incidents, each act one transaction with its row and its messages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import sqlalchemy as sa

from jingqiao.database import Beside, nothing_beside, writing
from jingqiao.incidents import areas
from jingqiao.incidents.event import Announcer, Event, IncidentEvent
from jingqiao.incidents.incident import LIVE, Action, Incident, State, after, limits_anew, possible
from jingqiao.incidents.store import find, insert_transitions, members_of, update_incidents

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


_ANSWERS: Final = frozenset({Action.ACK, Action.ASSIGN})
"""Acts that answer and leave the work to be done."""
_ALONE: Final = frozenset({Action.COMMENT, Action.REOPEN})
"""Acts on an area that are not also acts on each of its members."""


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
    beside: Beside = nothing_beside,
) -> Incident:
    """Do one act and give the incident as it is then. What is done with an area is done with its members.

    who : str  Person who does it.
    now : int  [µs since 1970 UTC]
    assignee : str | None  Whom `Action.ASSIGN` gives it to; the actor where not said.

    Raises UnknownIncidentError and NotPossibleError.
    """
    with writing(database) as connection:
        incident = find(connection, incident_id, lock=True)
        if incident is None:
            raise UnknownIncidentError(incident_id)
        done = [_done(incident, action, who, why, now, assignee, announcer)]
        if incident.is_area and action not in _ALONE:
            done += [
                (before, replace(event, quiet=True))
                for member in members_of(connection, incident.id, lock=True)
                if after(action, member.state) is not None
                for before, event in [_done(member, action, who, why, now, assignee, announcer)]
            ]
        update_incidents(connection, [event.incident for _, event in done])
        insert_transitions(
            connection, [event for _, event in done], now, [before.state for before, _ in done]
        )
        events = [event for _, event in done]
        events += areas.follow(connection, events, now)
        if announcer is not None:
            announcer.announce(connection, events, now)
            announcer.escalate(connection, now)
        beside(connection, incident_id)
    if on_commit is not None:
        on_commit()
    return events[0].incident


def add_photo(
    database: sa.Engine,
    incident_id: int,
    reference: str,
    *,
    who: str,
    now: int,
    why: str = "",
    beside: Beside = nothing_beside,
) -> Incident:
    """Note where a photo of an incident lies (a path, a number, an address), in any state of it.

    Raises UnknownIncidentError, and ValueError for an empty reference.
    """
    if not reference.strip():
        raise ValueError("a photo needs a reference")
    with writing(database) as connection:
        incident = find(connection, incident_id, lock=True)
        if incident is None:
            raise UnknownIncidentError(incident_id)
        current = replace(incident, changed_at=now)
        update_incidents(connection, [current])
        event = IncidentEvent(Event.PHOTO, current, current.severity, who, why, reference.strip())
        insert_transitions(connection, [event], now, [incident.state])
        beside(connection, incident_id)
    return current


def _done(
    incident: Incident,
    action: Action,
    who: str,
    why: str,
    now: int,
    assignee: str | None,
    announcer: Announcer | None,
) -> tuple[Incident, IncidentEvent]:
    """The incident before an act, and the act."""
    target = after(action, incident.state)
    if target is None:
        raise NotPossibleError(incident, action)
    changes = _changes(incident, action, target, who, now, assignee)
    answered_by = tuple(dict.fromkeys((*incident.answered_by, who)))
    if (
        action in _ANSWERS
        and incident.unanswered_since is not None
        and announcer is not None
        and not announcer.enough(incident, answered_by)
    ):  # one has it, and others still have to say that they know
        for name in ("unanswered_since", "next_step_at", "answered_severity"):
            del changes[name]
        changes["answered_by"] = answered_by
    return incident, IncidentEvent(_EVENT[action], replace(incident, **changes), incident.severity, who, why)


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
            "unanswered_since": None if incident.is_area else now,
            "answered_severity": None,
            "episode": incident.episode + 1,
            "step": 0,
            "next_step_at": None if incident.is_area else now,
            **limits_anew(now),
        }
    # Whoever acts has answered.
    changes |= {"unanswered_since": None, "next_step_at": None, "unreachable": False}
    changes["answered_severity"] = incident.severity
    if incident.acknowledged_by is None:
        changes |= {"acknowledged_by": who, "acknowledged_at": now}
    if action is Action.ASSIGN:
        changes["assignee"] = assignee or who
        changes["dispatched_at"] = incident.dispatched_at or now
    if action is Action.ON_SITE:
        changes["on_site_at"] = incident.on_site_at or now
    if target not in LIVE:
        changes["finished_at"] = now
        changes["resolved_at"] = incident.resolved_at or now
        changes["next_urge_at"] = now
    return changes
