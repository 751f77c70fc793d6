"""Messages that inform those who were asked before of what happened to an incident. They want no answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from config.roster import Roster
from jingqiao.incidents.event import Event, IncidentEvent
from jingqiao.incidents.incident import SELF_HEALING, SYSTEM, Incident
from jingqiao.notify.outbox import NewMessage
from jingqiao.notify.standing import is_person, name_of, state_name
from jingqiao.notify.text import compose, severity_name

_FLUTTER_US: Final = 30 * 60 * 1_000_000
"""An alarm that comes and goes is told of once in so long [µs]."""


def messages_about(
    roster: Roster, event: IncidentEvent, audience: Sequence[str], now: int
) -> list[NewMessage]:
    """What people hear of an event. audience : ids of those who were asked to answer."""
    incident = event.incident
    match event.event:
        case Event.RAISED if incident.step > 0 and incident.unanswered_since is not None:
            kind, people = "raised", list(audience)
        case Event.REFIRED:
            kind, people = "refired", list(audience)
        case Event.CLEARED:
            kind = "healed" if incident.hazard in SELF_HEALING else "cleared"
            people = list(audience)
        case Event.ACKNOWLEDGED if incident.unanswered_since is not None:
            kind, people = "acknowledged_partly", [p for p in audience if not is_person(roster, p, event.who)]
        case Event.ACKNOWLEDGED:
            kind, people = "acknowledged", [p for p in audience if not is_person(roster, p, event.who)]
        case Event.ASSIGNED:
            kind, people = "assigned", [p for p in roster.people if is_person(roster, p, incident.assignee)]
        case Event.DRILL_ENDED:
            kind, people = "drill_ended", list(audience)
        case Event.RESOLVED | Event.CLOSED | Event.FALSE_ALARM if event.who != SYSTEM:
            kind, people = "finished", [p for p in audience if not is_person(roster, p, event.who)]
        case _:
            return []
    messages = []
    for person in people:
        if person not in roster.people:
            continue
        language = roster.people[person].language or roster.language
        written = compose(
            incident,
            kind,
            language,
            roster.zone,
            before=severity_name(event.before, language),
            after=severity_name(incident.severity, language),
            who=name_of(roster, event.who),
            assignee=name_of(roster, incident.assignee or ""),
            state=state_name(incident, language),
            needed=roster.policy(incident.severity.colour).answers,
            given=len(incident.answered_by),
        )
        messages.append(
            NewMessage(
                dedup_key=_information_key(incident, kind, person, now),
                incident_id=incident.id,
                kind=kind,
                severity=int(incident.severity),
                person=person,
                role="informed",
                title=written.title,
                body=written.body,
                fields=written.fields,
                exercise=incident.exercise,
            )
        )
    return messages


def _information_key(incident: Incident, kind: str, person: str, now: int) -> str:
    """What makes two informing messages the same: an alarm that comes and goes tells its story seldom."""
    span = _FLUTTER_US if kind in ("cleared", "healed", "refired") else 1
    when = "" if kind == "raised" else f":{now // span}"
    return f"{incident.id}:{incident.episode}:{kind}:{int(incident.severity)}{when}:{person}"
