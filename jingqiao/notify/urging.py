"""Urging (督办): a stage that was not reached in time is told to the role that its limit names, once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from config.messages import text
from config.roster import Roster
from jingqiao.database import writing
from jingqiao.incidents.deadlines import Deadline, deadlines_by
from jingqiao.incidents.event import Event, IncidentEvent
from jingqiao.incidents.incident import LIVE, SYSTEM, Incident, State
from jingqiao.incidents.tables import incident as incident_table
from jingqiao.notify.outbox import NewMessage
from jingqiao.notify.standing import name_of
from jingqiao.notify.text import compose
from jingqiao.roster.duty import Duty, people_for

Urged = tuple[Incident, list[NewMessage], list[IncidentEvent]]
"""The incident after a look at its deadlines, the messages, and what is to be written down."""


def urge(roster: Roster, incident: Incident, duty: Duty, now: int) -> Urged:
    """Tell of every stage that is overdue and was not told of, and find when to look again."""
    open_ = [deadline for deadline in deadlines_by(roster)(incident) if deadline.met_at is None]
    late = [d for d in open_ if d.overdue(now) and d.stage not in incident.urged]
    ahead = [d.due_at for d in open_ if not d.overdue(now)]
    after = replace(
        incident,
        urged=(*incident.urged, *(deadline.stage for deadline in late)),
        next_urge_at=min(ahead) + 1 if ahead else None,
    )
    events = [
        IncidentEvent(Event.URGED, after, after.severity, SYSTEM, f"{d.stage}: {', '.join(d.urge)}")
        for d in late
    ]
    messages = [
        _message(roster, after, deadline, person)
        for deadline in late
        for person in people_for(duty, deadline.urge)
        if person in roster.people
    ]
    return after, messages, events


def _message(roster: Roster, incident: Incident, deadline: Deadline, person: str) -> NewMessage:
    language = roster.people[person].language or roster.language
    due = datetime.fromtimestamp(deadline.due_at / 1_000_000, roster.zone)
    who = incident.assignee or incident.acknowledged_by
    written = compose(
        incident,
        "urged",
        language,
        roster.zone,
        stage=text(f"incidents.stage.{deadline.stage}", language),
        due=f"{due:%m-%d %H:%M}",
        who=name_of(roster, who) if who else text("notify.nobody_yet", language),
        guessed=text("notify.guessed", language) if deadline.guessed else "",
    )
    return NewMessage(
        dedup_key=f"{incident.id}:{incident.limits_from}:urge:{deadline.stage}:{person}",
        incident_id=incident.id,
        kind="urged",
        severity=int(incident.severity),
        person=person,
        role="urged",
        title=written.title,
        body=written.body,
        fields=written.fields,
        exercise=incident.exercise,
    )


def look_again(database: sa.Engine, now: int) -> None:
    """Let the deadlines of everything that is not closed be looked at: the limits may be others now."""
    with writing(database) as connection:
        connection.execute(
            sa.update(incident_table)
            .where(incident_table.c.state.in_([state.value for state in (*LIVE, State.RESOLVED)]))
            .values(next_urge_at=now)
        )
