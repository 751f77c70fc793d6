"""Reads and writes of incident rows, in whole batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from jingqiao.incidents.event import Event, IncidentEvent
from jingqiao.incidents.incident import AREA, LIVE, Incident, State, from_row, to_row
from jingqiao.incidents.tables import incident, incident_transition


def latest_of(connection: sa.Connection, keys: Sequence[tuple[str, str]]) -> list[Incident]:
    """Newest incident of each (subject, hazard), where there is one."""
    newest = (
        sa.select(sa.func.max(incident.c.id))
        .where(incident.c.subject.in_({subject for subject, _ in keys}))
        .group_by(incident.c.subject, incident.c.hazard)
    )
    query = sa.select(incident).where(incident.c.id.in_(newest))
    return [from_row(dict(row)) for row in connection.execute(query).mappings()]


def find(connection: sa.Connection, incident_id: int, *, lock: bool = False) -> Incident | None:
    """One incident by its id."""
    query = sa.select(incident).where(incident.c.id == incident_id)
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    return None if row is None else from_row(dict(row))


def insert_incidents(connection: sa.Connection, new: Sequence[Incident]) -> dict[int, int]:
    """Store new incidents; give their provisional (negative) ids and the real ones."""
    if not new:
        return {}
    rows = connection.execute(
        sa.insert(incident).returning(incident.c.id, sort_by_parameter_order=True),
        [to_row(item) for item in new],
    )
    return {item.id: row.id for item, row in zip(new, rows, strict=True)}


def update_incidents(connection: sa.Connection, changed: Sequence[Incident]) -> None:
    """Store changed incidents."""
    if not changed:
        return
    connection.execute(
        sa.update(incident).where(incident.c.id == sa.bindparam("this_id")),
        [{"this_id": item.id, **to_row(item)} for item in changed],
    )


def insert_transitions(
    connection: sa.Connection,
    events: Sequence[IncidentEvent],
    at: int,
    states_before: Sequence[State | None],
) -> None:
    """Write who did what and why; a mere new value of a firing alarm is no row (`alarm_change` has it)."""
    rows = [
        {
            "incident_id": event.incident.id,
            "at": at,
            "event": event.event.value,
            "from_state": None if before is None else before.value,
            "to_state": event.incident.state.value,
            "who": event.who,
            "why": event.why,
            "reference": event.reference,
        }
        for event, before in zip(events, states_before, strict=True)
        if not (event.event is Event.COMMENT and not event.why)
    ]
    if rows:
        connection.execute(sa.insert(incident_transition), rows)


_LOOK_BACK: Final = 500
"""Transactions of several writers may end in another order than their transitions were numbered in."""
_CHANGED_AT_MOST: Final = 2000


def changed_since(connection: sa.Connection, transition_id: int) -> frozenset[int] | None:
    """Ids of the incidents of which anything that people see was written after a transition, and of some from
    shortly before; None where they are so many that all had better be read."""
    query = (
        sa.select(incident_transition.c.incident_id)
        .where(incident_transition.c.id > transition_id - _LOOK_BACK)
        .distinct()
        .limit(_CHANGED_AT_MOST + 1)
    )
    ids = frozenset(connection.execute(query).scalars())
    return None if len(ids) > _CHANGED_AT_MOST else ids


def members_of(connection: sa.Connection, area_id: int, *, lock: bool = False) -> list[Incident]:
    """Members of an area incident, gravest first, then oldest."""
    query = (
        sa.select(incident)
        .where(incident.c.parent_id == area_id)
        .order_by(incident.c.severity.desc(), incident.c.opened_at, incident.c.id)
    )
    rows = connection.execute(query.with_for_update() if lock else query).mappings()
    return [from_row(dict(row)) for row in rows]


def counted() -> sa.ColumnElement[bool]:
    """What statistics count: no drills, and no area incidents, for their members are counted."""
    return sa.and_(incident.c.exercise.is_(False), sa.not_(incident.c.subject.startswith(AREA)))


def transitions_of(connection: sa.Connection, incident_id: int) -> Sequence[Mapping[str, Any]]:
    """The history of an incident, oldest first."""
    query = (
        sa.select(incident_transition)
        .where(incident_transition.c.incident_id == incident_id)
        .order_by(incident_transition.c.id)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def live_incidents(connection: sa.Connection) -> list[Incident]:
    """Incidents in which people have work, gravest first, then oldest."""
    return listed(connection, states=LIVE)


def listed(
    connection: sa.Connection,
    *,
    states: frozenset[State] | None = None,
    finished_after: int | None = None,
    exercises: bool = False,
) -> list[Incident]:
    """Incidents, gravest first, then oldest. Area incidents are not among them, for their members are.

    states : only these; None = all.
    exercises : bool  Those of drills, and only those; no drill stands among real ones.
    finished_after : int | None  Leave out what ended before this time [µs].
    """
    query = sa.select(incident).order_by(incident.c.severity.desc(), incident.c.opened_at, incident.c.id)
    query = query.where(incident.c.exercise.is_(True) if exercises else counted())
    if states is not None:
        query = query.where(incident.c.state.in_([state.value for state in states]))
    if finished_after is not None:
        query = query.where(sa.or_(incident.c.finished_at.is_(None), incident.c.finished_at > finished_after))
    return [from_row(dict(row)) for row in connection.execute(query).mappings()]
