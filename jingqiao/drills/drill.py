"""A drill: begun, ended, or over by itself. Its incident goes the whole way of a real one, marked 演练.

It carries no asset's number of its own, so that no list, map or report takes it for that asset's danger; whom
it is told to is decided by the number that `evidence` keeps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import sqlalchemy as sa

from jingqiao.database import Beside, nothing_beside, writing
from jingqiao.drills.tables import drill
from jingqiao.drills.target import Target
from jingqiao.incidents.event import Announcer, Event, IncidentEvent
from jingqiao.incidents.incident import LIVE, SYSTEM, Incident, State
from jingqiao.incidents.store import find, insert_incidents, insert_transitions, update_incidents
from jingqiao.incidents.tables import incident as incident_table
from rules.alarm import Hazard, Severity

LONGEST_US: Final = 24 * 3600 * 1_000_000
"""How long a drill may last at most [µs]: one that is forgotten must not ring for days."""


class DrillError(ValueError):
    """It cannot be begun or ended. key : sentence under `drill.refused`; values : what it needs."""

    def __init__(self, key: str, **values: object) -> None:
        self.key = key
        self.values = values
        super().__init__(f"{key} {values}")


@dataclass(frozen=True, slots=True)
class Drill:
    """One drill. Times [µs since 1970 UTC]; `ended_at` None = it runs."""

    id: int
    incident_id: int
    who: str
    why: str
    started_at: int
    until_at: int
    ended_at: int | None
    ended_by: str | None


def start_drill(
    database: sa.Engine,
    target: Target,
    *,
    who: str,
    why: str,
    now: int,
    lasts_us: int,
    announcer: Announcer,
    hazard: Hazard = Hazard.MISSING,
    severity: Severity = Severity.RED,
    beside_real: bool = False,
    on_commit: Callable[[], None] | None = None,
    beside: Beside = nothing_beside,
) -> Drill:
    """Begin a drill. It ends by itself after `lasts_us` [µs].

    beside_real : bool  Also while a real incident is open at the target.
    Raises DrillError: another drill runs, a real incident is open there, or it would last too long.
    """
    if not 0 < lasts_us <= LONGEST_US:
        raise DrillError("too_long")
    with writing(database) as connection:
        running = running_drill(connection)
        if running is not None:
            raise DrillError("runs", id=running.id)
        if target.asset_id and not beside_real and (real := _open_at(connection, target.asset_id)):
            raise DrillError("real", id=real)
        new = _incident(target, hazard, severity, now)
        incident = replace(new, id=insert_incidents(connection, [new])[new.id])
        query = sa.insert(drill).values(
            incident_id=incident.id, who=who, why=why, started_at=now, until_at=now + lasts_us
        )
        id_ = int(connection.execute(query.returning(drill.c.id)).scalar_one())
        events = [IncidentEvent(Event.OPENED, incident, severity, who, why)]
        insert_transitions(connection, events, now, [None])
        announcer.announce(connection, events, now)
        announcer.escalate(connection, now)
        beside(connection, id_)
    if on_commit is not None:
        on_commit()
    return Drill(id_, incident.id, who, why, now, now + lasts_us, None, None)


def end_drill(
    database: sa.Engine,
    drill_id: int,
    *,
    who: str,
    now: int,
    announcer: Announcer,
    on_commit: Callable[[], None] | None = None,
    beside: Beside = nothing_beside,
) -> Drill:
    """End a drill: nothing of it goes out any more, and whoever heard of it hears that it is over.

    Raises DrillError where it is none or over.
    """
    with writing(database) as connection:
        found = find_drill(connection, drill_id)
        if found is None or found.ended_at is not None:
            raise DrillError("not_running", id=drill_id)
        announcer.announce(connection, [_close(connection, found, who, now)], now)
        beside(connection, drill_id)
    if on_commit is not None:
        on_commit()
    return replace(found, ended_at=now, ended_by=who)


def end_overdue(connection: sa.Connection, now: int) -> list[IncidentEvent]:
    """End drills whose time is over; gives what happened, to be announced."""
    query = sa.select(drill).where(drill.c.ended_at.is_(None), drill.c.until_at <= now)
    return [
        _close(connection, Drill(**row), SYSTEM, now) for row in connection.execute(query).mappings().all()
    ]


def next_end(connection: sa.Connection) -> int | None:
    """When the drill that runs is over by itself [µs]; None where none runs."""
    return connection.execute(
        sa.select(sa.func.min(drill.c.until_at)).where(drill.c.ended_at.is_(None))
    ).scalar()


def running_drill(connection: sa.Connection) -> Drill | None:
    """The drill that runs."""
    row = connection.execute(sa.select(drill).where(drill.c.ended_at.is_(None))).mappings().first()
    return None if row is None else Drill(**row)


def find_drill(connection: sa.Connection, drill_id: int) -> Drill | None:
    """A drill by its number."""
    row = connection.execute(sa.select(drill).where(drill.c.id == drill_id)).mappings().first()
    return None if row is None else Drill(**row)


def drills(connection: sa.Connection) -> list[Drill]:
    """All drills, newest first."""
    rows = connection.execute(sa.select(drill).order_by(drill.c.id.desc())).mappings()
    return [Drill(**row) for row in rows]


def _close(connection: sa.Connection, found: Drill, who: str, now: int) -> IncidentEvent:
    incident = find(connection, found.incident_id, lock=True)
    assert incident is not None
    over = replace(
        incident,
        state=State.CLOSED,
        finished_at=incident.finished_at or now,
        changed_at=now,
        alarm_firing=False,
        unanswered_since=None,
        next_step_at=None,
        next_urge_at=None,
    )
    event = IncidentEvent(Event.DRILL_ENDED, over, over.severity, who)
    update_incidents(connection, [over])
    insert_transitions(connection, [event], now, [incident.state])
    connection.execute(
        sa.update(drill)
        .where(drill.c.id == found.id, drill.c.ended_at.is_(None))
        .values(ended_at=now, ended_by=who)
    )
    return event


def _incident(target: Target, hazard: Hazard, severity: Severity, now: int) -> Incident:
    return Incident(
        id=-1,
        subject=f"drill:{now}",
        asset_id="",
        hazard=hazard,
        severity=severity,
        state=State.OPEN,
        opened_at=now,
        event_at=now,
        changed_at=now,
        value=None,
        limit=None,
        unit="",
        reason_key="drill.reason",
        reason_values={},
        sensor_ids=(),
        provisional=False,
        evidence={"asset_id": target.asset_id},
        alarm_firing=True,
        cleared_at=None,
        kind=target.kind,
        name=target.name,
        district=target.district,
        road=target.road,
        lon=target.lon,
        lat=target.lat,
        unanswered_since=now,
        next_step_at=now,
        exercise=True,
    )


def _open_at(connection: sa.Connection, asset_id: str) -> int | None:
    query = sa.select(incident_table.c.id).where(
        incident_table.c.asset_id == asset_id,
        incident_table.c.state.in_([state.value for state in LIVE]),
    )
    return connection.execute(query.limit(1)).scalar()
