"""People merge incidents into an area incident, and take them out again; both leave their rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import sqlalchemy as sa

from jingqiao.database import Beside, nothing_beside, writing
from jingqiao.incidents import areas
from jingqiao.incidents.desk import UnknownIncidentError
from jingqiao.incidents.event import Announcer, Event, IncidentEvent
from jingqiao.incidents.incident import LIVE, Incident
from jingqiao.incidents.store import find, insert_transitions, update_incidents


class CannotMergeError(ValueError):
    """These cannot be merged. key : sentence under `incidents.merge`; values : what it needs."""

    def __init__(self, key: str, **values: object) -> None:
        self.key = key
        self.values = values
        super().__init__(f"{key} {values}")


def merge(
    database: sa.Engine,
    ids: Sequence[int],
    *,
    who: str,
    why: str,
    now: int,
    into: int | None = None,
    announcer: Announcer | None = None,
    on_commit: Callable[[], None] | None = None,
    beside: Beside = nothing_beside,
) -> Incident:
    """Put live incidents into a new area incident, or into a live one (`into`); gives the area.

    Raises UnknownIncidentError and CannotMergeError: nothing is merged then.
    """
    with writing(database) as connection:
        members = [_mergeable(connection, id_, into) for id_ in dict.fromkeys(ids)]
        area = None if into is None else _live_area(connection, into)
        if not members or (area is None and len(members) < 2):
            raise CannotMergeError("few")
        if len({m.exercise for m in members}) > 1 or (area is not None and members[0].exercise):
            raise CannotMergeError("drill")
        evidence = {"cells": [], "gathers": False} if area is None else dict(area.evidence)
        events = areas.join(connection, area, members, now, who=who, why=why, evidence=evidence)
        if announcer is not None:
            announcer.announce(connection, events, now)
        area_id = next(e.incident.parent_id for e in events if e.event is Event.MERGED)
        assert area_id is not None
        merged = find(connection, area_id)
        assert merged is not None
        beside(connection, area_id)
    if on_commit is not None:
        on_commit()
    return merged


def split(
    database: sa.Engine,
    incident_id: int,
    *,
    who: str,
    why: str,
    now: int,
    announcer: Announcer | None = None,
    on_commit: Callable[[], None] | None = None,
    beside: Beside = nothing_beside,
) -> Incident:
    """Take an incident out of its area; no area takes it by itself again. Gives the incident.

    Raises UnknownIncidentError, and CannotMergeError where it is in none.
    """
    with writing(database) as connection:
        incident = find(connection, incident_id, lock=True)
        if incident is None:
            raise UnknownIncidentError(incident_id)
        if incident.parent_id is None:
            raise CannotMergeError("not_merged", id=incident_id)
        alone = replace(incident, parent_id=None, kept_apart=True, changed_at=now)
        words = f"#{incident.parent_id} {why}".strip()
        update_incidents(connection, [alone])
        events = [IncidentEvent(Event.SPLIT, alone, alone.severity, who, words, quiet=True)]
        states = [incident.state]
        area = find(connection, incident.parent_id, lock=True)
        if area is not None:
            left = f"#{incident.id} {why}".strip()
            area = replace(area, reason_values={"count": int(area.reason_values["count"]) - 1})
            update_incidents(connection, [area])
            events.append(IncidentEvent(Event.SPLIT, area, area.severity, who, left, quiet=True))
            states.append(area.state)
        insert_transitions(connection, events, now, states)
        followed = areas.follow(
            connection, [replace(events[0], incident=replace(alone, parent_id=incident.parent_id))], now
        )
        if announcer is not None:
            announcer.announce(connection, [*events, *followed], now)
        beside(connection, incident_id)
    if on_commit is not None:
        on_commit()
    return alone


def _mergeable(connection: sa.Connection, incident_id: int, into: int | None) -> Incident:
    incident = find(connection, incident_id, lock=True)
    if incident is None:
        raise UnknownIncidentError(incident_id)
    if incident.is_area:
        raise CannotMergeError("area", id=incident_id)
    if incident.state not in LIVE:
        raise CannotMergeError("ended", id=incident_id)
    if incident.parent_id is not None and incident.parent_id != into:
        raise CannotMergeError("taken", id=incident_id, area=incident.parent_id)
    return incident


def _live_area(connection: sa.Connection, area_id: int) -> Incident:
    area = find(connection, area_id, lock=True)
    if area is None:
        raise UnknownIncidentError(area_id)
    if not area.is_area or area.state not in LIVE:
        raise CannotMergeError("no_area", id=area_id)
    return area
