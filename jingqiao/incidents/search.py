"""Finding incidents among many: by severity, hazard, state, place and words, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from jingqiao.incidents.incident import AREA, LIVE, Incident, State, from_row
from jingqiao.incidents.tables import incident
from rules.alarm import Hazard, Severity

PRESSING: Final = sa.case((incident.c.state == State.OPEN.value, 0), else_=1)
"""Sorts unanswered incidents first."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which incidents; None and "" = any.

    states : None = live ones.
    subject : the asset's id, or `sensor:…`, `gateway:…`.
    words : part of name, road or the asset's id.
    since, until : opened in this time [µs since 1970 UTC].
    grouped : area incidents in place of their members; otherwise members, and no areas.
    area_id : members of this area.
    exercises : those of drills, and only those.
    """

    severity: Severity | None = None
    hazard: Hazard | None = None
    states: frozenset[State] | None = LIVE
    district: str = ""
    subject: str = ""
    words: str = ""
    since: int | None = None
    until: int | None = None
    grouped: bool = False
    area_id: int | None = None
    exercises: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """One page of incidents. total : of all pages."""

    incidents: Sequence[Incident]
    total: int


def search(connection: sa.Connection, wanted: Wanted, limit: int, offset: int = 0) -> Found:
    """Live ones: gravest, then unanswered, then oldest first; any others: the latest opened first."""
    conditions = conditions_of(wanted)
    count = sa.select(sa.func.count()).select_from(incident).where(*conditions)
    total = connection.execute(count).scalar_one()
    live = wanted.states is not None and wanted.states <= LIVE
    order: tuple[Any, ...] = (
        (incident.c.severity.desc(), PRESSING, incident.c.opened_at, incident.c.id)
        if live
        else (incident.c.id.desc(),)
    )
    query = sa.select(incident).where(*conditions).order_by(*order).limit(limit).offset(offset)
    return Found([from_row(dict(row)) for row in connection.execute(query).mappings()], total)


def conditions_of(wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    """What rows have to fulfil."""
    found: list[sa.ColumnElement[bool]] = [incident.c.exercise.is_(wanted.exercises)]
    if wanted.grouped:
        found.append(incident.c.parent_id.is_(None))
    elif not wanted.subject:
        found.append(sa.not_(incident.c.subject.startswith(AREA)))
    if wanted.area_id is not None:
        found.append(incident.c.parent_id == wanted.area_id)
    if wanted.severity is not None:
        found.append(incident.c.severity == int(wanted.severity))
    if wanted.hazard is not None:
        found.append(incident.c.hazard == wanted.hazard.value)
    if wanted.states is not None:
        found.append(incident.c.state.in_([state.value for state in wanted.states]))
    if wanted.district:
        found.append(incident.c.district == wanted.district)
    if wanted.subject:
        found.append(incident.c.subject == wanted.subject)
    if wanted.since is not None:
        found.append(incident.c.opened_at >= wanted.since)
    if wanted.until is not None:
        found.append(incident.c.opened_at < wanted.until)
    if wanted.words:
        columns = (incident.c.name, incident.c.road, incident.c.subject)
        found.append(sa.or_(*(column.contains(wanted.words, autoescape=True) for column in columns)))
    return found
